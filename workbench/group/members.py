"""One process of a training, as the one that watches over it sees it: here it is a child, elsewhere a connection."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import psutil

from workbench.children import JsonChild, Start, start_alone
from workbench.devices.cores import CoreShare
from workbench.sentence import last_line
from workbench.spawning import CAN_FORK, ForkServer

_MODULE = "workbench.worker.child_main"
_LOOK = 5.0  # seconds without a word, after which it is seen whether a process computes
_PATIENCE = 60.0  # seconds without a word, in which computing is taken for a sign of life
_UNKNOWN = CoreShare()  # who began the training knows it


class Member(Protocol):
    """A process that trains with others.

    Attributes:
        host: the name of its machine; "" for this one.
        core_share: the cores that it computes with.
    """

    host: str
    core_share: CoreShare

    def send(self, record: Mapping[str, Any]) -> None:
        """Send it an object. To one that has ended it goes nowhere."""

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next object of it; None at its end.

        Raises:
            TimeoutError: there is none in so many seconds.
        """

    def kill(self) -> None:
        """End it at once, without waiting for it."""

    def close(self) -> None:
        """End it and wait for its end."""

    def how_it_ended(self) -> str:
        """In words, of one that has ended."""

    def last_line(self) -> str:
        """The last line that it has printed; "" where that is not known."""


class MemberStarter:
    """Starts processes of this machine. Where possible they are forked from one that has loaded TensorFlow: it is done
    once, and those that take the place of lost ones begin at once.

    Args:
        logs: the folder for what they print.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._fork_server: ForkServer | None = None

    def start(
        self,
        arguments: Sequence[str],
        *,
        log: str,
        core_share: CoreShare = _UNKNOWN,
        folder: Path | None = None,
    ) -> LocalMember:
        """A new process.

        Args:
            arguments: of its command line.
            log: the name of the file for what it prints; "" where it prints where this process does.
            core_share: the cores that it computes with.
            folder: its current folder; None for ours.

        Raises:
            OSError: it cannot be started.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        if CAN_FORK:
            if self._fork_server is None or not self._fork_server.alive:
                self._fork_server = ForkServer(self.logs / f"{os.getpid()}-fork_server.log")
            start: Start = partial(self._fork_server.start, folder=folder)
        else:
            start = partial(start_alone, folder=folder)
        file = self.logs / log if log else None
        return LocalMember(arguments, start, log=file, core_share=core_share)

    def close(self) -> None:
        """Start no more; those that live stay alive."""
        if self._fork_server is not None:
            self._fork_server.close()
            self._fork_server.log.unlink(missing_ok=True)


class LocalMember:
    """A process of this machine; see `Member`.

    Args:
        arguments: of its command line.
        start: how it is started.
        log: the file for what it prints; None where it prints where this process does.
        core_share: the cores that it computes with.

    Raises:
        OSError: it cannot be started.
    """

    host = ""

    def __init__(
        self,
        arguments: Sequence[str],
        start: Start,
        *,
        log: Path | None,
        core_share: CoreShare = _UNKNOWN,
    ) -> None:
        self.core_share = core_share
        self._log = log
        self._spoke = time.monotonic()
        with open(log, "wb") if log else os.fdopen(os.dup(2), "wb") as file:
            self._child = JsonChild(_MODULE, ["--signs-of-life", *arguments], log=file, start=start)

    def send(self, record: Mapping[str, Any]) -> None:
        self._child.send(record)

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """See `Member`. On a machine with too much to do, a process says nothing for a long time, and computes."""
        end = time.monotonic() + seconds
        before = None
        while (left := end - time.monotonic()) > 0:
            try:
                record = self._child.receive(min(left, _LOOK))
            except TimeoutError:
                spent = self._spent()
                computes = before is not None and spent > before  # one that is frozen does not
                before = spent
                if computes and time.monotonic() - self._spoke < _PATIENCE:
                    return {"alive": True}
            else:
                self._spoke = time.monotonic()
                return record
        raise TimeoutError

    def _spent(self) -> float:
        """The time of a processor that it has had, in seconds."""
        try:
            times = psutil.Process(self._child.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def kill(self) -> None:
        self._child.kill()

    def close(self) -> None:
        self._child.close()
        if self._log:
            self._log.unlink(missing_ok=True)

    def how_it_ended(self) -> str:
        code = self._child.wait()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def last_line(self) -> str:
        if self._log is None:
            return ""
        try:
            return last_line(self._log.read_text(errors="replace"))
        except OSError:
            return ""
