"""A process of another machine, as the one that watches over the training sees it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from workbench.devices.cores import CoreShare
from workbench.group.hosts.meeting import Guest

_END = 10.0  # seconds for a machine to say that its process has ended


class RemoteMember:
    """The child that a guest has started; see `Member`.

    Args:
        core_share: the cores that it computes with.
    """

    def __init__(self, guest: Guest, core_share: CoreShare) -> None:
        self.host = guest.host
        self.core_share = core_share
        self.guest = guest
        self._number = guest.starts
        self._ended: dict[str, Any] | None = None
        self._over = threading.Event()

    def send(self, record: Mapping[str, Any]) -> None:
        self.guest.connection.send({"to_child": record})

    def receive(self, seconds: float) -> dict[str, Any] | None:
        while (record := self.guest.connection.receive(seconds)) is not None:
            if "leaving" in record:
                self.guest.leaving = str(record["leaving"])
                return record
            if record.get("child") != self._number:
                continue  # the last words of the one before
            if "child_ended" in record:
                self._ended = record["child_ended"]
                break
            return dict(record["from_child"])
        self._over.set()
        return None

    def kill(self) -> None:
        self.guest.connection.send({"end": self._number})

    def close(self) -> None:
        """Wait until the other machine says that it is so; `receive` hears it, in another thread."""
        if not self._over.wait(_END):
            self.guest.connection.close()

    def how_it_ended(self) -> str:
        if self._ended is None:
            return self.guest.connection.why_lost or "is lost"
        return str(self._ended["how"])

    def last_line(self) -> str:
        return str((self._ended or {}).get("last_line", ""))
