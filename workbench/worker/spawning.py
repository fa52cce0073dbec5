"""Start a child: as a separate program, or forked from the fork server. Never imports keras."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from workbench.children import command

CAN_FORK = sys.platform == "linux"
LONGEST = 1 << 16  # bytes of a packet between a fork server and its parent

UNKNOWN = 255  # the exit code of a child whose fork server ended before it


class Process(Protocol):
    """A child that runs."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> int:
        """Wait for its end: the exit code, negative for a signal."""


def start_alone(arguments: Sequence[str], folder: Path | None, commands: int, events: int) -> Process:
    """Start a child that loads TensorFlow itself.

    Args:
        arguments: of `python -m workbench.worker`, but for `--events`.
        folder: its current folder; None for ours.
        commands, events: descriptors of its standard input and for its events.
    """
    return subprocess.Popen(
        command("workbench.worker", *arguments, "--events", str(events)),
        stdin=commands,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(events,),
        cwd=folder,
        start_new_session=True,  # so that the terminal's Ctrl-C does not reach it
    )


class _Forked:
    """A child of the fork server."""

    def __init__(self, pid: int, ended: Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    def wait(self) -> int:
        return self._ended.result()


class ForkServerEndedError(Exception):
    """No child can be forked: the fork server has ended. `returncode` is negative for a signal."""

    def __init__(self, returncode: int) -> None:
        super().__init__(f"the fork server ended with {returncode}")
        self.returncode = returncode


class ForkServer:
    """A process that loads TensorFlow and then forks children (see `workbench.worker.fork_server`).

    Args:
        log: the file for what it prints.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                command("workbench.worker.fork_server", "--socket", str(theirs.fileno()), "--log", str(log)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._lock = threading.Lock()
        self._returncode: int | None = None
        self._number = 0
        self._orders: dict[int, Future[Process]] = {}
        self._children: dict[int, Future[int]] = {}
        threading.Thread(target=self._listen, name="fork_server", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._returncode is None

    async def fork(
        self, arguments: Sequence[str], folder: Path | None, commands: int, events: int
    ) -> Process:
        """Fork a child, as soon as TensorFlow is loaded; the arguments are those of `start_alone`.

        Raises:
            ForkServerEndedError: it has ended, or ends meanwhile.
            OSError: the child cannot be started.
        """
        order: Future[Process] = Future()
        with self._lock:
            if self._returncode is not None:
                raise ForkServerEndedError(self._returncode)
            self._number += 1
            self._orders[self._number] = order
        packet = {"number": self._number, "arguments": list(arguments), "folder": str(folder or Path.cwd())}
        with suppress(BrokenPipeError):  # then `_listen` is about to say so
            socket.send_fds(self._socket, [json.dumps(packet).encode()], [commands, events])
        return await asyncio.wrap_future(order)

    def close(self) -> None:
        """End it; its children live on."""
        self._process.kill()

    def _listen(self) -> None:
        while True:
            try:
                packet = self._socket.recv(LONGEST)
            except OSError:
                packet = b""
            if not packet:
                break
            self._take(json.loads(packet))
        self._socket.close()
        returncode = self._process.wait()
        with self._lock:
            self._returncode = returncode
            orders, children = [*self._orders.values()], [*self._children.values()]
        for order in orders:
            _settle(order, ForkServerEndedError(returncode))
        for child in children:
            _settle(child, UNKNOWN)

    def _take(self, answer: dict[str, Any]) -> None:
        with self._lock:
            if "ended" in answer:
                _settle(self._children.pop(answer["pid"]), answer["ended"])
                return
            order = self._orders.pop(answer["number"])
            if "error" in answer:
                _settle(order, OSError(answer["error"]))
            else:
                ended = self._children[answer["pid"]] = Future()
                _settle(order, _Forked(answer["pid"], ended))


def _settle(future: Future[Any], outcome: Any) -> None:
    with suppress(InvalidStateError):  # the caller was cancelled
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
