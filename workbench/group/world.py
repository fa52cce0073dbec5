"""The processes of one training: listen to them, send to them, end them."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workbench.group.members import Member

_ALWAYS = 1e9  # seconds
_IDLE = (
    0.05  # seconds of a processor between two signs of life, a second apart: one that only lives takes less
)


class Heard(NamedTuple):
    """What a process has sent.

    Attributes:
        rank: its number, from 0.
        record: None at its end.
    """

    rank: int
    record: dict[str, Any] | None


class World:
    """Processes that train one model. Thrown away where one of them is lost: TensorFlow cannot go on without it.

    Args:
        members: by rank; the first is the chief.
        addresses: `host:port` of TensorFlow's server in each.
        compared: whether what goes into the training is sent by each, to be compared (see `hosts/sameness.py`).
    """

    def __init__(
        self, members: Sequence[Member], addresses: Sequence[str], *, compared: bool = False
    ) -> None:
        self.members = tuple(members)
        self.compared = compared
        self._addresses = list(addresses)
        self._heard: queue.Queue[Heard] = queue.Queue()
        self._signs: dict[int, float] = {}
        self._spent: dict[int, float] = {}
        self._computed = time.monotonic()
        for rank, member in enumerate(members):
            name = f"process {rank}"
            threading.Thread(target=self._listen, args=(rank, member), name=name, daemon=True).start()

    @property
    def size(self) -> int:
        return len(self.members)

    def name(self, rank: int) -> str:
        """A process in words: `process 2 of 3`, with the machine where it is another one."""
        host = self.members[rank].host
        return f"process {rank + 1} of {self.size}{f' ({host})' if host else ''}"

    def begin(self, training: Mapping[str, Any]) -> None:
        """Have them train."""
        if self.size == 1:
            self.members[0].send({"id": "train", "command": "train", **training, "here": True})
            return
        for rank, member in enumerate(self.members):
            group = {
                "rank": rank,
                "addresses": self._addresses,
                "core_share": member.core_share.as_record(),
                "compared": self.compared,
            }
            name = "train" if rank == 0 else "follow"
            member.send({"id": name, "command": name, **training, "group": group})

    def hear(self, seconds: float) -> Heard | None:
        """What the next process to send something has sent; None where none has in so many seconds."""
        try:
            return self._heard.get(timeout=seconds)
        except queue.Empty:
            return None

    def send_steps(self, record: Mapping[str, Any]) -> None:
        """Hand the chief's steps to the others."""
        for member in self.members[1:]:
            member.send({"command": "run_steps", **record})

    def send_request(self, command: str, **arguments: Any) -> None:
        """Send a command for the running training to the chief."""
        self.members[0].send({"command": command, **arguments})

    def silent(self, seconds: float) -> int | None:
        """The number of a process that has given no sign of life for so long; None where each has."""
        now = time.monotonic()
        return next((rank for rank, sign in self._signs.items() if now - sign > seconds), None)

    def idle(self) -> float:
        """For how many seconds none of them has computed anything."""
        return time.monotonic() - self._computed

    def close(self) -> None:
        """End all of them at once: whoever waits for a sum would wait for ever."""
        for member in self.members:
            member.kill()
        for member in self.members:
            member.close()

    def _listen(self, rank: int, member: Member) -> None:
        while (record := member.receive(_ALWAYS)) is not None:
            if "ready" in record or "alive" in record:
                self._signs[rank] = time.monotonic()
                self._see_computing(rank, record)
            else:
                self._computed = time.monotonic()
                self._heard.put(Heard(rank, record))
        self._signs.pop(rank, None)
        self._heard.put(Heard(rank, None))

    def _see_computing(self, rank: int, sign: Mapping[str, Any]) -> None:
        """Whether a process has computed since its last sign of life; where that is not said, it has."""
        spent = sign.get("cpu")
        before, self._spent[rank] = self._spent.get(rank, 0.0), spent or 0.0
        if spent is None or spent - before > _IDLE:
            self._computed = time.monotonic()
