"""`kwb` in a process of its own that finds TensorFlow loaded: forked from a server that has loaded it once.

To load TensorFlow, Keras and the rest takes three seconds of a core, in hundreds of tests. Everything else is as in a
process that was started: its number, folder, environment, descriptors, signals and exit code are its own. What is about
the start itself uses `subprocess`: that listing is light, an interpreter's options, limits that are set before it.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import chdir
from multiprocessing import forkserver, reduction
from pathlib import Path
from typing import IO, Any

from workbench.spawning import CAN_FORK

# The commands that load TensorFlow themselves, in the process that is started.
LOADING = {"--batch", "evaluate", "predict", "probe", "replay", "save", "export-checkpoint"}

# Elsewhere than on Linux a process with TensorFlow cannot be forked safely; there each one loads it.
_context = multiprocessing.get_context("forkserver" if CAN_FORK else "spawn")
_context.set_forkserver_preload(["tests.loaded_kwb_server"])


class _Descriptor:
    """A descriptor that goes with a process to the child."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        return _detach, (reduction.DupFd(self.number),)


def _detach(duplicate: Any) -> int:
    number: int = duplicate.detach()
    return number


def _run(arguments: Sequence[str], folder: str, environment: dict[str, str], out: int, err: int) -> None:
    """In the child: become `kwb`, as `python -c "from workbench.cli import command; command()"` is."""
    import random

    import numpy as np

    from tests.loaded_kwb_server import PATH

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nowhere, 0), (out, 1), (err, 2)):
        if ours != theirs:
            os.dup2(ours, theirs)
            os.close(ours)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", errors="backslashreplace", buffering=1, closefd=False)
    sys.path[:] = ["", *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *PATH]
    sys.argv = ["-c", *arguments]
    random.seed()
    np.random.seed()

    from workbench.cli import command

    command()


class Process:
    """A `kwb` that runs; what is here does what it does in `subprocess.Popen`.

    Standard input is empty, standard output is a pipe, or goes nowhere, standard error is a file.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        piped: bool = True,
    ) -> None:
        self.args = ["kwb", *arguments]
        given = {key: str(value) for key, value in (environment or os.environ).items()}
        self.stdout: IO[str] = io.StringIO()
        if piped:
            ours, theirs = os.pipe()
            self.stdout = os.fdopen(ours)
        else:
            theirs = os.open(os.devnull, os.O_WRONLY)
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        details = (list(arguments), str(folder or Path.cwd()), given, _Descriptor(theirs))
        self._process = _context.Process(target=_run, args=(*details, _Descriptor(self._err.fileno())))
        if CAN_FORK:
            with chdir(Path(__file__).parents[1]):  # where the server finds what it loads
                forkserver.ensure_running()
        try:
            self._process.start()
        finally:
            os.close(theirs)
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def __del__(self) -> None:
        self.stdout.close()
        self._err.close()

    @property
    def stderr(self) -> IO[str]:
        """What it has written to standard error so far."""
        number = self._err.fileno()  # read without moving the place where the child writes
        return io.StringIO(os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace"))

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """The rest of what it writes; waits for its end."""
        found: list[str] = []
        reader = threading.Thread(target=lambda: found.append(self.stdout.read()), daemon=True)
        reader.start()
        self.wait(timeout)
        reader.join()
        self.stdout.close()
        return found[0], self.stderr.read()


def run(
    arguments: Sequence[str],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 180.0,
    *,
    loaded: bool = True,
) -> subprocess.CompletedProcess[str]:
    """`kwb ARGUMENTS` to its end, in a process of its own; one that loads TensorFlow finds it loaded."""
    if not loaded or LOADING.isdisjoint(arguments) or "PYTHONIOENCODING" in (env or {}):
        command = [sys.executable, "-c", "from workbench.cli import command; command()", *arguments]
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd, env=env, timeout=timeout
        )  # fmt: skip
    process = Process(arguments, cwd, env)
    try:
        out, err = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.wait(), out, err)
