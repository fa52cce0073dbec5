"""Fork children from the fork server, which has TensorFlow loaded: they begin at once. Never imports keras."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.children import Process, Streams, command, start_alone

CAN_FORK = sys.platform == "linux"
LONGEST = 1 << 16  # bytes of a packet between a fork server and its parent

PATIENCE = 180.0  # seconds for a child to be forked; loading TensorFlow from a cold disk can take half of it
UNKNOWN = 255  # the exit code of a child whose fork server ended before it


class _Forked:
    """A child of the fork server."""

    def __init__(self, pid: int, ended: Future[int]) -> None:
        self.pid = pid
        self._ended = ended

    def poll(self) -> int | None:
        return self._ended.result() if self._ended.done() else None

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

    def fork(
        self, module: str, arguments: Sequence[str], streams: Streams, folder: Path | None = None
    ) -> Future[Process]:
        """Fork a child, as soon as TensorFlow is loaded.

        Args:
            module: its code; `main(arguments)` is run in it.
            arguments: as of a command line.
            streams: its descriptors, which are the caller's to close once it is forked.
            folder: its current folder; None for ours.

        Returns:
            The child, once it is forked; `OSError` where it cannot be started, `ForkServerEndedError` where the fork
            server ends before.

        Raises:
            ForkServerEndedError: it has ended.
        """
        order: Future[Process] = Future()
        with self._lock:
            if self._returncode is not None:
                raise ForkServerEndedError(self._returncode)
            self._number += 1
            number = self._number
            self._orders[number] = order
        packet = {
            "number": number,
            "module": module,
            "arguments": list(arguments),
            "folder": str(folder or Path.cwd()),
        }
        with suppress(BrokenPipeError):  # then `_listen` is about to say so
            socket.send_fds(self._socket, [json.dumps(packet).encode()], list(streams))
        return order

    def start(
        self, module: str, arguments: Sequence[str], streams: Streams, /, *, folder: Path | None = None
    ) -> Process:
        """Start a child, and wait for it: forked, or alone where the fork server has ended. See `children.Start`."""
        try:
            return self.fork(module, arguments, streams, folder).result(PATIENCE)
        except ForkServerEndedError:
            return start_alone(module, arguments, streams, folder=folder)

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
