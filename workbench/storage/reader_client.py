"""Ask a separate process to read a file of unknown origin (see `reader_process`). Imports neither keras nor h5py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.errors import FileError
from workbench.escaping import to_json

MODULE = "workbench.storage.reader_process"
PATIENCE = 60.0  # seconds for an answer, where the system keeps no other limit or the disk does not answer
_HARM = "It is damaged, or made to do harm. Nothing else was touched."

_checked: set[tuple[str, int, int, int]] = set()


def command(module: str = MODULE) -> list[str]:
    """How the process is started."""
    # -P: a stray random.py in the current folder must not stand in for the real module
    return [sys.executable, "-P", "-m", module]


def environment() -> dict[str, str]:
    """Its environment: a thread for each processor would take memory that it may not have."""
    return os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class ReadingProcess:
    """One process for one request. It starts to load what it needs as soon as this is made."""

    def __init__(self) -> None:
        try:
            self._process = subprocess.Popen(
                command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment(),
                start_new_session=True,  # the terminal's Ctrl-C is the asker's to understand
            )
        except OSError as error:
            raise FileError(f"the process that reads files cannot be started: {error.strerror}.") from error

    def ask(self, do: str, file: str | os.PathLike[str], **arguments: Any) -> Any:
        """Have a file read.

        Raises:
            FileError: it cannot be read, it is refused, or reading it takes too long or ended the process.
        """
        path = os.fspath(file)
        request = to_json({"id": 0, "do": do, "file": path, **arguments}) + "\n"
        try:
            answer, _ = self._process.communicate(request.encode(), PATIENCE)
        except subprocess.TimeoutExpired:
            raise too_slow(path) from None
        finally:
            self.close()
        if not answer:
            raise death(self._process.returncode, path)
        found = json.loads(answer)
        if "error" in found:
            raise FileError.from_record(found["error"])
        return found["result"]

    def close(self) -> None:
        """End the process, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def check(path: Path) -> None:
    """Have another process read a model file of unknown origin from end to end, before this one does.

    A file is checked once, until it changes.

    Raises:
        FileError: as `Reading.ask`.
    """
    stamp = _stamp(path)
    if stamp is None or stamp not in _checked:
        ReadingProcess().ask("check", path)
        if stamp is not None:
            _checked.add(stamp)


def too_slow(file: str) -> FileError:
    """Reading a file was given up."""
    return FileError("refused: reading it takes too long.", where=file, hint=_HARM)


def death(code: int, file: str) -> FileError:
    """Reading a file ended the process; its exit code, negative for a signal."""
    if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return too_slow(file)
    how = f"exit code {code}"
    if code < 0:
        with suppress(ValueError):
            how = signal.Signals(-code).name
    return FileError(f"reading it ended the process that reads files ({how}).", where=file, hint=_HARM)


def _stamp(path: Path) -> tuple[str, int, int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return os.fspath(path.absolute()), status.st_ino, status.st_mtime_ns, status.st_size
