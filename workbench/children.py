"""Child processes that exchange lines of JSON with this one: the parent's side, which waits, and the child's.

The child of a training is another kind (`worker/spawning.py`, `worker/client.py`): it is forked from a process that has
TensorFlow loaded, to begin at once, and its parent is an app that waits for nothing.
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
from typing import IO, Any, BinaryIO

_BLOCK = 1 << 16  # bytes read at once
_MOST_BYTES = 1 << 28  # of one line


def command(module: str, *arguments: str) -> list[str]:
    """How a module of this package is run in a process of its own."""
    # -P: a stray random.py in the current folder must not stand in for the real module
    return [sys.executable, "-P", "-m", module, *arguments]


class JsonChild:
    """A child, `python -m MODULE`: one JSON object a line goes in at its standard input, one comes out at its standard
    output. It has no part in the terminal's Ctrl-C. What it and its libraries print goes to its standard error.

    Args:
        module: its code; `requests_and_answers` is its side.
        arguments: of its command line.
        environment: its variables; None for those of this process.
        log: a file for what it prints.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str] = (),
        *,
        environment: Mapping[str, str] | None = None,
        log: IO[bytes] | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command(module, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if log is None else log,
            env=environment,
            bufsize=0,
            start_new_session=True,
        )
        self._pending = bytearray()
        self._reading = threading.Lock()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, record: Mapping[str, Any]) -> None:
        """Send an object. To a child that has ended it goes nowhere, which `receive` shows."""
        assert self._process.stdin is not None
        line = memoryview(json.dumps(record).encode() + b"\n")
        with suppress(BrokenPipeError):
            while line:
                line = line[self._process.stdin.write(line) :]

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
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end. The exit code, negative for a signal."""
        return self._process.wait()

    def close(self) -> int:
        """End it and free what belongs to it; its exit code, which is its own where it had ended before."""
        if self._process.poll() is None:
            self.kill()
        with self._reading:  # one who reads meanwhile sees the end
            code = self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                with suppress(BrokenPipeError):
                    stream.close()
        return code

    def _line(self, deadline: float) -> bytes | None:
        stream = self._process.stdout
        assert stream is not None
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
