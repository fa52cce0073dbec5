"""Child processes that exchange lines of JSON with this one: the parent's side, which waits, and the child's.

A child is a program of this package. It is started alone, or forked from a process that has TensorFlow loaded and then
begins at once (`spawning.py`). The child of a training is started in the same ways, but its parent is an app
that waits for nothing (`worker/client.py`).
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, Protocol

_BLOCK = 1 << 16  # bytes read at once
_MOST_BYTES = 1 << 28  # of one line


def command(module: str, *arguments: str) -> list[str]:
    """How a module of this package is run in a process of its own."""
    # -P: a stray random.py in the current folder must not stand in for the real module
    return [sys.executable, "-P", "-m", module, *arguments]


class Process(Protocol):
    """A child that runs."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""

    def wait(self) -> int:
        """Wait for its end: the exit code, negative for a signal."""


class Streams(NamedTuple):
    """The descriptors of a child's standard input, standard output and standard error. Who starts it closes them."""

    given: int
    answers: int
    log: int


class Start(Protocol):
    """A way to start a child, in a session of its own: it has no part in the terminal's Ctrl-C, and can be ended with
    all that it starts.

    Args:
        module: its code, which is run as a program.
        arguments: of its command line.
        streams: its descriptors.

    Raises:
        OSError: it cannot be started.
    """

    def __call__(self, module: str, arguments: Sequence[str], streams: Streams, /) -> Process: ...


def start_alone(
    module: str,
    arguments: Sequence[str],
    streams: Streams,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Process:
    """Start a child that loads all that it needs itself. See `Start`.

    Args:
        environment: its variables; None for those of this process.
        folder: its current folder; None for ours.
    """
    return subprocess.Popen(
        command(module, *arguments),
        stdin=streams.given,
        stdout=streams.answers,
        stderr=streams.log,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )


def kill_group(process: Process) -> None:
    """Kill a process with all that it started, also where it has ended before them; from any thread."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        # Forked a moment ago, it has no group yet. Of one that has ended, the number may be another's by now.
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def with_path(folders: Sequence[os.PathLike[str]]) -> dict[str, str]:
    """The environment of a child that looks for packages in these folders first."""
    kept = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join([*map(os.fspath, folders), *([kept] if kept else [])])}


class JsonChild:
    """A child: one JSON object a line goes in at its standard input, one comes out at its standard output. What it and
    its libraries print goes to its standard error.

    Args:
        module: its code; `requests_and_answers` is its side.
        arguments: of its command line.
        log: a file for what it prints.
        start: how it is started.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        log: IO[bytes] | None = None,
        start: Start = start_alone,
    ) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        given, ours = os.pipe()
        self._given = os.fdopen(ours, "wb", buffering=0)
        ours, answers = os.pipe()
        self._answers = os.fdopen(ours, "rb", buffering=0)
        try:
            streams = Streams(given, answers, nowhere if log is None else log.fileno())
            self._process = start(module, arguments, streams)
        except BaseException:
            self._given.close()
            self._answers.close()
            raise
        finally:
            for descriptor in (given, answers, nowhere):
                os.close(descriptor)
        self._pending = bytearray()
        self._reading = threading.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, record: Mapping[str, Any]) -> None:
        """Send an object. To a child that has ended it goes nowhere, which `receive` shows."""
        line = memoryview(json.dumps(record).encode() + b"\n")
        with suppress(BrokenPipeError):
            while line:
                line = line[self._given.write(line) :]

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next object; None at the end of the child. What is no object is passed over: a plugin may print anywhere.

        Raises:
            TimeoutError: there is none in so many seconds.
        """
        deadline = time.monotonic() + seconds
        with self._reading:
            while (line := self._line(deadline)) is not None:
                with suppress(ValueError):
                    if isinstance(record := json.loads(line), dict):
                        return record
        return None

    def ask(self, record: Mapping[str, Any], seconds: float) -> dict[str, Any] | None:
        """Send an object and wait for one: see `send` and `receive`."""
        self.send(record)
        return self.receive(seconds)

    def kill(self) -> None:
        """End it at once, with all that it started; from any thread."""
        kill_group(self._process)

    def wait(self) -> int:
        """Wait for its end. The exit code, negative for a signal."""
        return self._process.wait()

    def close(self) -> int:
        """End it and free what belongs to it; its exit code, which is its own where it had ended before."""
        if self._process.poll() is None:
            self.kill()
        with self._reading:  # one who reads meanwhile sees the end
            code = self._process.wait()
            self._given.close()
            self._answers.close()
        return code

    def _line(self, deadline: float) -> bytes | None:
        stream = self._answers
        seen = 0
        while (end := self._pending.find(b"\n", seen)) < 0:
            seen = len(self._pending)
            if stream.closed:
                return None
            ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            if not (chunk := os.read(stream.fileno(), _BLOCK)):
                return None
            self._pending += chunk
            if len(self._pending) > _MOST_BYTES:
                self.kill()
                return None
        line = bytes(self._pending[:end])
        del self._pending[: end + 1]
        return line


class Answers:
    """Where a child sends its objects: what was its standard output."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, record: Mapping[str, Any]) -> None:
        """Send an object; to a parent that is gone it goes nowhere."""
        line = memoryview(json.dumps(record).encode() + b"\n")
        with suppress(BrokenPipeError):
            while line:
                line = line[os.write(self._descriptor, line) :]


def standard_input() -> BinaryIO:
    """What the parent sends, away from descriptor 0, where a plugin's `input()` would eat it."""
    given = os.fdopen(os.dup(0), "rb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    return given


def requests_and_answers() -> tuple[BinaryIO, Answers]:
    """The child's side: call it first of all. From then on what is printed goes to standard error."""
    answers = Answers(os.dup(1))
    os.dup2(2, 1)
    return standard_input(), answers


def requests_in(given: BinaryIO) -> Iterator[dict[str, Any]]:
    """The objects that a parent sends, until it is gone."""
    for line in given:
        yield json.loads(line)
