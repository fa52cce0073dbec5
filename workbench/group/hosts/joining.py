"""A process of this machine in a training that another machine has begun (`kwb worker --join`)."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.devices.gpus import gpus_to_share
from workbench.errors import FileError, TrainingError, WorkbenchError
from workbench.group.hosts.connection import MOST_BYTES, Connection, wait_for
from workbench.group.hosts.greeting import greeting
from workbench.group.hosts.meeting import HANDSHAKE
from workbench.group.hosts.places import PlacesThere
from workbench.group.hosts.reach import OpenPort, unreached
from workbench.group.hosts.token import context_of
from workbench.group.members import LocalMember, MemberStarter
from workbench.group.pools import PluginChoice
from workbench.storage.receipt_changes import changes

_LOOK = 0.2  # seconds between two looks at whether the user wants no more
_AGAIN = 1.0  # seconds between two attempts to connect
_ALWAYS = 1e9  # seconds
_FOUND_AGAIN = 8.0  # seconds at most to look for a machine that was there before
_LEAVE = 15.0  # seconds that the training has to do without this process, once it has to go


@dataclass(frozen=True)
class Invitation:
    """Where to join, and as what.

    Attributes:
        host, port: of the machine that has begun the training.
        token: the file.
        folder: where the files of the recipe are, on this machine.
        plugins: what is used beside that machine's plugin files.
        logs: the folder for what processes print while they run.
        wait: seconds to look for that machine at the beginning; where the connection is lost, 8 at most.
        place: the number of this process among all, where something else has given it one.
    """

    host: str
    port: int
    token: Path
    folder: Path
    plugins: PluginChoice
    logs: Path
    wait: float
    place: int | None = None


class Participant:
    """One process in a training of others.

    Args:
        number: of it among those of this machine, from 0.
        say: called with what the user is to know.

    Attributes:
        why_go: set from another thread or a signal handler, it makes the process leave.
    """

    def __init__(self, invitation: Invitation, number: int, say: Callable[[str], None]) -> None:
        self.why_go = ""
        self._invitation = invitation
        self._number = number
        self._say = say
        self._context = context_of(invitation.token, server=False)
        self._starter = MemberStarter(invitation.logs)
        self._child: LocalMember | None = None
        self._relay: threading.Thread | None = None
        self._port: OpenPort | None = None
        self._places = PlacesThere(Path(), invitation.folder)
        self._said_leaving = 0.0

    def run(self) -> str:
        """Take part until the training ends: why it has, in words.

        Raises:
            WorkbenchError: it may not take part, or the other machine is lost.
        """
        with closing(self._starter):
            return self._run()

    def _run(self) -> str:
        wait = self._invitation.wait
        while True:
            connection = self._connect(wait)
            wait = min(wait, _FOUND_AGAIN)
            self._say(f"joined {connection.peer}:{self._invitation.port}")
            try:
                if (why := self._take_part(connection)) is not None:
                    return why
            finally:
                self._end_child()
                self._close_port()
                connection.close()
            self._say(f"{connection.peer} {connection.why_lost}")
            if self.why_go:
                return self.why_go

    def _connect(self, wait: float) -> Connection:
        """Connect, as soon as that machine listens.

        Args:
            wait: seconds to look for it.

        Raises:
            TrainingError: it cannot be reached, or has another token.
        """
        host, port = self._invitation.host, self._invitation.port
        end = time.monotonic() + wait
        while True:
            try:
                connection = wait_for(self._open(host, port))
            except ssl.SSLError:
                raise _other_token(self._invitation) from None
            except OSError as error:
                reason = error.strerror or str(error) or "it does not answer"
            else:
                connection.send({"hello": greeting(self._number, self._invitation.place)})
                return connection
            if time.monotonic() > end or self.why_go:
                raise TrainingError(
                    f"{host}:{port} cannot be reached: {reason}.",
                    where="--join",
                    hint="Is the training waiting there (`kwb --batch RECIPE --listen`), and no firewall between?",
                )
            time.sleep(_AGAIN)

    async def _open(self, host: str, port: int) -> Connection:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(
                host,
                port,
                ssl=self._context,
                server_hostname="",
                ssl_handshake_timeout=HANDSHAKE,
                limit=MOST_BYTES,
            ),
            2 * HANDSHAKE,
        )
        return Connection(reader, writer)

    def _take_part(self, connection: Connection) -> str | None:
        """Do what the other machine says: why it has ended, or None where the connection is lost.

        Raises:
            WorkbenchError: this process is refused.
        """
        first = True
        while True:
            if self.why_go and self._leave(connection):
                return self.why_go
            try:
                record = connection.receive(_LOOK)
            except TimeoutError:
                continue
            if record is None:
                # In TLS 1.3 the other side looks at the certificate when this one is done already.
                if first and "alert" in connection.why_lost.lower():
                    raise _other_token(self._invitation)
                return None
            first = False
            if "leave" in record:
                return str(record["leave"])
            if "refused" in record:
                raise TrainingError.from_record(record["refused"])
            self._obey(connection, record)

    def _obey(self, connection: Connection, record: Mapping[str, Any]) -> None:
        match record:
            case {"listen": port}:
                connection.send(self._listen(int(port)))
            case {"reach": addresses}:
                connection.send({"unreached": unreached(addresses)})
            case {"start": number}:
                connection.send(self._start(connection, int(number), record))
            case {"to_child": message} if self._child:
                self._child.send(self._places.of_command(message))
            case {"end": _}:
                self._end_child()

    def _listen(self, port: int) -> dict[str, Any]:
        self._close_port()
        try:
            self._port = OpenPort(port, greeting(0)["host"])
        except TrainingError as error:
            return {"error": error.as_record()}
        return {"listening": port}

    def _close_port(self) -> None:
        if self._port:
            self._port.close()
        self._port = None

    def _start(self, connection: Connection, number: int, record: Mapping[str, Any]) -> dict[str, Any]:
        self._close_port()
        self._end_child()
        invitation = self._invitation
        self._places = PlacesThere(Path(record["folder"]), invitation.folder)
        try:
            self._compare(record["recipe"])
            files = [self._places.plugin_file(each) for each in record["plugins"]]
        except WorkbenchError as error:
            return {"error": error.as_record()}
        mine = invitation.plugins
        plugins = PluginChoice([*files, *mine.files], [*record["blocked"], *mine.blocked])
        gpus = gpus_to_share()
        gpu = ["--gpu", gpus[self._number % len(gpus)]] if gpus else []
        log = f"{os.getpid()}-{self._number}.log"
        # In the folder that stands for the one where the training was begun.
        self._child = self._starter.start([*gpu, *plugins.arguments()], log=log, folder=invitation.folder)
        self._relay = threading.Thread(
            target=_relay, args=(connection, self._child, number), name="relay", daemon=True
        )
        self._relay.start()
        return {"started": number}

    def _compare(self, recipe: Mapping[str, Any]) -> None:
        """Whether the file of the recipe on this machine says the same; there need not be one.

        Raises:
            WorkbenchError: it says something else.
        """
        from workbench.recipe.document import read

        file = self._places.path(recipe["file"])
        if not file.is_file():
            return
        mine = read(file, recipe["overrides"]).resolved()
        other = [change.name for change in changes({"recipe": recipe["resolved"]}, {"recipe": mine})]
        if other:
            raise FileError(
                f"the recipe on {greeting(0)['host']} is another one: {', '.join(other[:6])}.",
                where=str(file),
                hint="Copy the recipe to all machines.",
            )

    def _end_child(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        if self._relay:
            self._relay.join()
        self._child.close()
        self._child = None

    def _leave(self, connection: Connection) -> bool:
        """Say once that this process has to go. True where the others have had their time for it."""
        now = time.monotonic()
        if not self._said_leaving:
            self._said_leaving = now
            connection.send({"leaving": self.why_go})
        return self._child is None or now > self._said_leaving + _LEAVE


def _relay(connection: Connection, child: LocalMember, number: int) -> None:
    """Send on what the child sends, until its end."""
    while (record := child.receive(_ALWAYS)) is not None:
        connection.send({"child": number, "from_child": record})
    ended = {"how": child.how_it_ended(), "last_line": child.last_line()}
    connection.send({"child": number, "child_ended": ended})


def _other_token(invitation: Invitation) -> TrainingError:
    return TrainingError(
        f"{invitation.host}:{invitation.port} has another token, or is no training.",
        where=str(invitation.token),
        hint="Copy the token of the machine where the training was begun.",
    )
