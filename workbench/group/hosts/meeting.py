"""Where the machines of a training meet: the first one listens, lets in those with the same token, and knows them."""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import TrainingError, WorkbenchError
from workbench.group.hosts.connection import MOST_BYTES, Connection, network_loop, wait_for
from workbench.group.hosts.greeting import why_refused
from workbench.group.hosts.token import context_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HANDSHAKE = 5.0  # seconds
_AGAIN = 0.2  # seconds until the next connection, where one could not be taken


@dataclass(eq=False)
class Guest:
    """A process of another machine that has joined.

    Attributes:
        host: its machine, in words.
        cores: how many it may keep busy.
        allowed: the numbers of the logical cores that it may run on.
        process: its number among the processes of its machine, from 0.
        place: its number among all, where something else has given it one.
        starts: how many children it has started.
    """

    connection: Connection
    host: str
    cores: int
    allowed: frozenset[int]
    process: int
    place: int | None
    starts: int = 0
    leaving: str = ""


@dataclass
class Meeting:
    """Listens at an address. Who comes from outside of the network is sent away before anything is read.

    Args:
        host, port: the address.
        network: where others may be.
        token: the file.

    Attributes:
        refused: why others may not join.
        news: what the user is to know of that.

    Raises:
        TrainingError: the address cannot be used.
        FileError: the token is none.
    """

    host: str
    port: int
    network: Network
    token: Path
    refused: list[WorkbenchError] = field(default_factory=list)
    news: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self._context = context_of(self.token, server=True)
        self._socket = _listening(self.host, self.port)
        self._guests: list[Guest] = []
        self._lock = threading.Lock()
        self._said: set[str] = set()
        self._accepting = asyncio.run_coroutine_threadsafe(self._accept(), network_loop())

    def take(self, most: int) -> list[Guest]:
        """The processes that have come since, at most so many; the others wait."""
        with self._lock:
            here = [guest for guest in self._guests if not guest.connection.ended]
            taken, self._guests = here[:most], here[most:]
        return taken

    @property
    def waiting(self) -> int:
        """How many have come and were not taken yet."""
        with self._lock:
            return sum(not guest.connection.ended for guest in self._guests)

    def close(self, why: str | WorkbenchError) -> None:
        """Listen no more, and send those home that wait."""
        self._accepting.cancel()
        for guest in self.take(len(self._guests)):
            dismiss(guest, why)
        wait_for(self._close())

    async def _close(self) -> None:
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, address = await loop.sock_accept(self._socket)
            except OSError:  # hung up already, or there are too many open files for a moment
                await asyncio.sleep(_AGAIN)
                continue
            if ipaddress.ip_address(address[0]) not in self.network:
                peer.close()
                self._refuse(f"{address[0]} wants to join, and is outside of {self.network}")
                continue
            task = asyncio.ensure_future(self._let_in(peer, address[0]))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _let_in(self, peer: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MOST_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, peer, ssl=self._context, ssl_handshake_timeout=HANDSHAKE
            )
        except OSError:  # of TLS, too; who has another token hangs up when it sees ours
            self._refuse(f"{address} wants to join, and has another token, or does not speak as kwb does")
            return
        connection = Connection(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
        threading.Thread(target=self._greet, args=(connection,), name="greeting", daemon=True).start()

    def _greet(self, connection: Connection) -> None:
        """In a thread of its own: it waits for the first message."""
        try:
            record = connection.receive(HANDSHAKE)
        except TimeoutError:
            record = None
        hello = (record or {}).get("hello")
        if not isinstance(hello, dict):
            connection.close()
            self._refuse(f"{connection.peer} wants to join, and says nothing")
            return
        name = f"{hello.get('host')}, {connection.peer}"
        if (error := why_refused(hello, name)) is not None:
            connection.send({"refused": error.as_record()})
            connection.close()
            self._refuse(str(error), error)
            return
        guest = Guest(
            connection,
            name,
            cores=int(hello.get("cores", 1)),
            allowed=frozenset(map(int, hello.get("allowed", ()))),
            process=int(hello.get("process", 0)),
            place=hello.get("place"),
        )
        with self._lock:
            self._guests.append(guest)

    def _refuse(self, text: str, error: WorkbenchError | None = None) -> None:
        """Say so once: who is refused may try again for a long time."""
        if text not in self._said:
            self._said.add(text)
            self.refused.append(error or TrainingError(f"{text}.", where="--listen"))
            self.news.put(text)


class GuestLostError(Exception):
    """A process is gone before it has begun to train."""

    def __init__(self, guest: Guest, why: str) -> None:
        super().__init__(f"{guest.host} {why}")
        self.guest = guest


def dismiss(guest: Guest, why: str | WorkbenchError) -> None:
    """Send a process home, with what it says to its user."""
    guest.connection.send({"refused": why.as_record()} if isinstance(why, WorkbenchError) else {"leave": why})
    guest.connection.close()


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port)[0][0]
        opened = socket.socket(family)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
    except OSError as error:
        raise TrainingError(
            f"cannot listen at {host}:{port}: {error.strerror or error}.",
            where="--listen",
            hint="Name an address of this machine and a port that is free.",
        ) from None
    opened.listen(128)
    opened.setblocking(False)
    return opened


def each_reply(guests: list[Guest], seconds: float) -> Iterator[tuple[Guest, dict[str, Any]]]:
    """The next message of each process.

    Raises:
        GuestLostError: one does not answer.
    """
    for guest in guests:
        try:
            record = guest.connection.receive(seconds)
        except TimeoutError:
            raise GuestLostError(guest, "does not answer") from None
        if record is None:
            raise GuestLostError(guest, guest.connection.why_lost)
        if "leaving" in record:
            raise GuestLostError(guest, f"leaves: {record['leaving']}")
        yield guest, record
