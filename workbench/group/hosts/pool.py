"""Where the processes of a training come from: this machine, and others that join."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from workbench.devices.cores import CoreShare
from workbench.devices.gpus import gpus_to_share
from workbench.devices.processor import find_processor
from workbench.errors import TrainingError, WorkbenchError
from workbench.group.hosts.addresses import written
from workbench.group.hosts.meeting import Guest, GuestLostError, Meeting, dismiss, each_reply
from workbench.group.hosts.reach import PATIENCE, OpenPort, unreached
from workbench.group.hosts.remote import RemoteMember
from workbench.group.members import LocalMember, Member, MemberStarter
from workbench.group.pools import PluginChoice, start_local
from workbench.group.world import World
from workbench.recipe.document import Document
from workbench.training.control import Control

LAST_CALL = 3.0  # seconds in which more may come, once there are enough
_LOOK = 0.1  # seconds between two looks at who has come
_REPLY = 30.0  # seconds for an answer of a machine


class Starter(Protocol):
    """What starts the processes of other machines."""

    def error(self) -> WorkbenchError | None:
        """Why one of them does not come."""


@dataclass
class HostsPool:
    """Processes of this machine and of others; see `Pool`.

    Args:
        least: begin as soon as there are so many, this machine's included.
        most: and take no more than so many.
        document: the recipe.
        plugins: of the catalog.
        logs: the folder for what the processes of this machine print while they run.
        wait: seconds that others may take to come.
        say: called with what the user is to know.
        local: how many processes of this machine; 0 for one of each GPU, or one.
        starter: has the others come, where kwb does that; then one that is refused ends it all.
        addresses: `host:port` of TensorFlow's server in each process, where something else gives them.
    """

    meeting: Meeting
    least: int
    most: int
    document: Document
    plugins: PluginChoice
    logs: Path
    wait: float
    say: Callable[[str], None]
    local: int = 0
    starter: Starter | None = None
    addresses: Sequence[str] = ()
    _guests: list[Guest] = field(default_factory=list)
    _members: Sequence[Member] = ()
    _chief_lost: int = 0

    def __post_init__(self) -> None:
        self._local = min(self.most, self.local or max(1, len(gpus_to_share())))
        self._starter_here = MemberStarter(self.logs)

    @property
    def grown(self) -> bool:
        """See `Pool`."""
        return len(self._members) < self.most and self.meeting.waiting > 0

    def world(self, control: Control) -> World:
        """See `Pool`."""
        while True:
            self._gather(control)
            try:
                return self._world()
            except GuestLostError as lost:
                self.say(str(lost))
                self._guests.remove(lost.guest)
                lost.guest.connection.close()

    def _world(self) -> World:
        """With those that are here.

        Raises:
            GuestLostError: one of them is not here any more.
        """
        self._guests.sort(key=lambda guest: -1 if guest.place is None else guest.place)
        addresses = list(self.addresses) or [
            written(host, self.meeting.port + 1 + rank) for rank, host in enumerate(self._hosts())
        ]
        self.say(f"{len(addresses)} processes: {self._in_words()}")
        self._reach(addresses)
        self._start_guests()
        cores = find_processor().cores
        local = start_local(self._starter_here, self._local, self.plugins, own_network=False, cores=cores)
        self._members = [
            *local,
            *(RemoteMember(guest, core_share(guest, self._guests)) for guest in self._guests),
        ]
        return World(self._members, addresses, compared=True)

    def look(self) -> None:
        """See `Pool`."""
        while not self.meeting.news.empty():
            self.say(self.meeting.news.get())

    def lose(self, rank: int) -> bool:
        """See `Pool`."""
        member = self._members[rank]
        if isinstance(member, LocalMember):
            self._chief_lost += 1
            self._local = max(1, self._local - 1)
            return self._chief_lost == 1
        assert isinstance(member, RemoteMember)
        error = TrainingError(f"its process {member.how_it_ended()}.", where="kwb worker")
        if member.guest in self._guests:
            self._guests.remove(member.guest)
            dismiss(member.guest, "the others go on without it" if member.guest.leaving else error)
        return True

    def close(self, why: str | WorkbenchError) -> None:
        """Send all home, with what they say to their users."""
        self._starter_here.close()
        for guest in self._guests:
            dismiss(guest, why)
        self.meeting.close(why)

    def _hosts(self) -> list[str]:
        """The machine of each process, by rank."""
        return [self.meeting.host] * self._local + [guest.connection.peer for guest in self._guests]

    def _in_words(self) -> str:
        here = f"{self._local} of this machine" if self._local > 1 else "this machine"
        return "; ".join([here, *(f"{guest.host} ({guest.cores} cores)" for guest in self._guests)])

    def _gather(self, control: Control) -> None:
        """Wait until there are enough, and a moment longer for more.

        Raises:
            WorkbenchError: they do not come.
            KeyboardInterrupt: the user wants no more.
        """
        end = time.monotonic() + self.wait
        enough = 0.0
        said = False
        while True:
            self._guests = [guest for guest in self._guests if not guest.connection.ended]
            here = self._local + len(self._guests)
            if new := self.meeting.take(self.most - here):
                self._guests += new
                enough = 0.0
                continue
            now = time.monotonic()
            if here >= self.most or (enough and now > enough + LAST_CALL):
                return
            if here >= self.least and not enough:
                enough = now
            if here < self.least:
                if not said:
                    said = True
                    where = written(self.meeting.host, self.meeting.port)
                    how = "" if self.starter or self.addresses else f". {self._how_to_join()}"
                    self.say(f"waits for {self.least - here} more at {where}{how}")
                self._check(end, here)
            self.look()
            if control.stop_requested:
                raise KeyboardInterrupt
            time.sleep(_LOOK)

    def _check(self, end: float, here: int) -> None:
        """Whether it is worth waiting any longer."""
        if self.starter and not self._members:
            error = self.meeting.refused[0] if self.meeting.refused else self.starter.error()
            if error is not None:
                raise error
        if time.monotonic() > end:
            raise TrainingError(
                f"{here} of {self.least} processes have come within {self.wait:g} s.",
                where="--workers",
                hint=f"{self._how_to_join()}. `--wait` is how long they may take.",
            )

    def _how_to_join(self) -> str:
        where = written(self.meeting.host, self.meeting.port)
        return (
            f"On each of the others: `kwb worker --join {where} --token-file FILE`, "
            f"with a copy of {self.meeting.token}"
        )

    def _reach(self, addresses: Sequence[str]) -> None:
        """Try each port from each machine.

        Raises:
            TrainingError: a port is taken, or cannot be reached.
        """
        ports = [int(address.rpartition(":")[2]) for address in addresses]
        with ExitStack() as opened:
            for port in ports[: self._local]:
                opened.callback(OpenPort(port, "this machine").close)
            for guest, port in zip(self._guests, ports[self._local :], strict=True):
                guest.connection.send({"listen": port})
            for _, reply in each_reply(self._guests, _REPLY):
                _raise_error(reply)
            for guest in self._guests:
                guest.connection.send({"reach": list(addresses)})
            self._check_reached("this machine", unreached(addresses))
            for guest, reply in each_reply(self._guests, _REPLY + PATIENCE * len(addresses)):
                self._check_reached(guest.host, reply["unreached"])

    def _check_reached(self, host: str, found: Sequence[Sequence[str]]) -> None:
        for address, why in found:
            raise TrainingError(
                f"{host} cannot reach {address}: {why}.",
                where="--network",
                hint="TensorFlow needs every port between all machines: is there a firewall, or another network?",
            )

    def _start_guests(self) -> None:
        """Have the others start their processes, where they have the same recipe."""
        document = self.document
        for guest in self._guests:
            guest.starts += 1
            guest.connection.send(
                {
                    "start": guest.starts,
                    "folder": str(Path.cwd()),
                    "plugins": [str(Path(path).absolute()) for path in self.plugins.files],
                    "blocked": list(self.plugins.blocked),
                    "recipe": {
                        "file": str((document.folder / Path(document.name).name).absolute()),
                        "overrides": list(document.overrides),
                        "resolved": document.resolved(),
                    },
                }
            )
        for _, reply in each_reply(self._guests, _REPLY):
            _raise_error(reply)


def core_share(guest: Guest, guests: Sequence[Guest]) -> CoreShare:
    """The cores that a guest computes with. Those of a machine that may run on the same cores share them; a cluster may
    have given each cores of its own."""
    peers = [
        other
        for other in guests
        if other.connection.peer == guest.connection.peer
        and (other is guest or not guest.allowed or guest.allowed & other.allowed)
    ]
    return CoreShare(peers.index(guest), len(peers), guest.cores)


def _raise_error(reply: dict[str, Any]) -> None:
    if "error" in reply:
        raise TrainingError.from_record(reply["error"])
