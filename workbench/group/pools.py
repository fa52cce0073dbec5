"""Where the processes of a training come from: here, from this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workbench.devices.cores import CoreShare
from workbench.devices.gpus import gpus_to_share
from workbench.devices.processor import find_processor
from workbench.errors import TrainingError, WorkbenchError
from workbench.group.members import LocalMember, MemberStarter
from workbench.group.world import World
from workbench.training.control import Control

_START = 120.0  # seconds for a process to be in its network
_FIRST_PORT = 20_000  # in a network of its own every port is free


class Pool(Protocol):
    """Where processes come from."""

    @property
    def grown(self) -> bool:
        """Whether there are more than the last world has."""

    def world(self, control: Control) -> World:
        """Processes that are ready to train.

        Args:
            control: of the training; who waits for processes looks whether it is to stop.

        Raises:
            WorkbenchError: there are none, or they cannot reach each other.
        """

    def look(self) -> None:
        """Say what is new; called again and again while there is a training."""

    def lose(self, rank: int) -> bool:
        """Do without a process of the last world, which has been closed. False where nobody is left to go on with."""


@dataclass(frozen=True)
class PluginChoice:
    """What the catalog of each process is made with."""

    files: Sequence[Path] = ()
    blocked: Sequence[str] = ()

    def arguments(self) -> list[str]:
        """Of the command line of a process."""
        files = [part for path in self.files for part in ("--plugin", str(Path(path).absolute()))]
        return files + [part for name in self.blocked for part in ("--no-plugin", name)]


class LocalPool:
    """Processes of this machine, each a child as the app has one for a training.

    They are in a network of their own, unless `KWB_OPEN_PORTS=1` says that the ports of this machine may be used.

    Args:
        size: how many.
        logs: the folder for what they print while they run; the first one prints where this process does.
    """

    grown = False

    def __init__(self, size: int, plugins: PluginChoice, logs: Path) -> None:
        self.size = size
        self._plugins = plugins
        self._starter = MemberStarter(logs)
        self._open_ports = os.environ.get("KWB_OPEN_PORTS") == "1"

    def world(self, control: Control) -> World:
        """See `Pool`.

        Raises:
            WorkbenchError: they cannot have a network of their own.
        """
        members = start_local(
            self._starter,
            self.size,
            self._plugins,
            own_network=not self._open_ports,
            cores=find_processor().cores,
        )
        first = range(_FIRST_PORT, _FIRST_PORT + self.size)
        ports = _free_ports(self.size) if self._open_ports else first
        return World(members, [f"127.0.0.1:{port}" for port in ports])

    def look(self) -> None:
        pass

    def lose(self, rank: int) -> bool:
        self.size -= 1
        return self.size > 0

    def close(self) -> None:
        """No more processes are wanted."""
        self._starter.close()


def start_local(
    starter: MemberStarter, size: int, plugins: PluginChoice, *, own_network: bool, cores: int
) -> list[LocalMember]:
    """Start processes of this machine.

    Args:
        size: how many; where there are GPUs, each has one.
        cores: how many there are for all of them.

    Raises:
        WorkbenchError: they cannot have a network of their own.
    """
    network = ["--own-network"] if own_network else []
    gpus = gpus_to_share()
    members: list[LocalMember] = []
    try:
        for rank in range(size):
            gpu = ["--gpu", gpus[rank % len(gpus)]] if gpus else []
            log = f"{os.getpid()}-{rank}.log" if rank else ""
            arguments = [*network, *gpu, *plugins.arguments()]
            members.append(starter.start(arguments, log=log, core_share=CoreShare(rank, size, cores)))
            if rank == 0 and own_network:
                network = ["--network-of", str(_network(members[0]))]
    except BaseException:
        for member in members:
            member.close()
        raise
    return members


def _network(first: LocalMember) -> int:
    """The process whose network the others join."""
    try:
        answer = first.receive(_START)
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
