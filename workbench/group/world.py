"""The processes of one training: start them, listen to them, send to them, end them."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from workbench.children import JsonChild
from workbench.devices.gpus import gpus_to_share
from workbench.devices.processor import find_processor
from workbench.errors import TrainingError, WorkbenchError
from workbench.sentence import last_line

_MODULE = "workbench.worker.child_main"
_ALWAYS = 1e9  # seconds
_START = 120.0  # seconds for a process to be in its network
_FIRST_PORT = 20_000  # in a network of its own every port is free


class Heard(NamedTuple):
    """What a process has sent.

    Attributes:
        rank: its number, from 0.
        record: None at its end.
    """

    rank: int
    record: dict[str, Any] | None


class World:
    """Processes that train one model, each a child as the app has one for a training.

    Args:
        size: how many.
        arguments: of each one's command line.
        logs: the folder for what they print; the first one prints where this process does.
        open_ports: use the ports of this machine in place of a network of their own.

    Raises:
        WorkbenchError: they cannot have a network of their own.
    """

    def __init__(self, size: int, arguments: Sequence[str], logs: Path, *, open_ports: bool = False) -> None:
        self.size = size
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = [logs / f"{os.getpid()}-{rank}.log" for rank in range(size)]
        self._children: list[JsonChild] = []
        self._heard: queue.Queue[Heard] = queue.Queue()
        self._signs: dict[int, float] = {}
        try:
            self._start(arguments, open_ports=open_ports)
        except BaseException:
            self.close()
            raise

    def _start(self, arguments: Sequence[str], *, open_ports: bool) -> None:
        network: list[str] = [] if open_ports else ["--own-network"]
        gpus = gpus_to_share()
        for rank in range(self.size):
            gpu = ["--gpu", gpus[rank % len(gpus)]] if gpus else []
            with open(self._logs[rank], "wb") if rank else os.fdopen(os.dup(2), "wb") as log:
                child = JsonChild(_MODULE, ["--signs-of-life", *network, *gpu, *arguments], log=log)
            self._children.append(child)
            if rank == 0 and not open_ports:
                network = ["--network-of", str(_network(child))]
        for rank, child in enumerate(self._children):
            threading.Thread(
                target=self._listen, args=(rank, child), name=f"process {rank}", daemon=True
            ).start()
        ports = _free_ports(self.size) if open_ports else range(_FIRST_PORT, _FIRST_PORT + self.size)
        self._addresses = [f"127.0.0.1:{port}" for port in ports]

    def begin(self, training: Mapping[str, Any]) -> None:
        """Have them train."""
        threads = max(1, find_processor().cores // self.size)
        if self.size == 1:
            self._children[0].send({"id": "train", "command": "train", **training})
            return
        for rank, child in enumerate(self._children):
            group = {"rank": rank, "addresses": self._addresses, "threads": threads}
            name = "train" if rank == 0 else "follow"
            child.send({"id": name, "command": name, **training, "group": group})

    def hear(self, seconds: float) -> Heard | None:
        """What the next process to send something has sent; None where none has in so many seconds."""
        try:
            return self._heard.get(timeout=seconds)
        except queue.Empty:
            return None

    def send_steps(self, record: Mapping[str, Any]) -> None:
        """Hand the chief's steps to the others."""
        for child in self._children[1:]:
            child.send({"command": "run_steps", **record})

    def send_request(self, command: str, **arguments: Any) -> None:
        """Send a command for the running training to the chief."""
        self._children[0].send({"command": command, **arguments})

    def silent(self, seconds: float) -> int | None:
        """The number of a process that has given no sign of life for so long; None where each has."""
        now = time.monotonic()
        return next((rank for rank, sign in self._signs.items() if now - sign > seconds), None)

    def how_it_ended(self, rank: int) -> str:
        """Of a process that has."""
        code = self._children[rank].wait()
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"

    def last_line(self, rank: int) -> str:
        """The last line that a process has printed."""
        try:
            return last_line(self._logs[rank].read_text(errors="replace"))
        except OSError:
            return ""

    def close(self) -> None:
        """End all of them at once: whoever waits for a sum would wait for ever."""
        for child in self._children:
            child.kill()
        for child in self._children:
            child.close()
        for log in self._logs:
            log.unlink(missing_ok=True)

    def _listen(self, rank: int, child: JsonChild) -> None:
        while (record := child.receive(_ALWAYS)) is not None:
            if "ready" in record or "alive" in record:
                self._signs[rank] = time.monotonic()
            else:
                self._heard.put(Heard(rank, record))
        self._signs.pop(rank, None)
        self._heard.put(Heard(rank, None))


def _network(child: JsonChild) -> int:
    """The process whose network the others join."""
    try:
        answer = child.receive(_START)
    except TimeoutError:
        answer = None
    if answer is not None and "error" in answer:
        raise WorkbenchError.from_record(answer["error"])
    if answer is None or "network" not in answer:
        raise TrainingError("the first process did not start.", where="train.workers")
    return int(answer["network"])


def _free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody uses at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
