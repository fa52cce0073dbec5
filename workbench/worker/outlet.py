"""The child's way out: lines to the parent that never hold the training up."""

from __future__ import annotations

import os
import threading
from collections import deque
from enum import IntEnum

MOST_WAITING = 10_000  # lines; a parent that has not read so many is asleep, not slow
MOST_KEPT = 200_000  # lines; beyond that events go as well, so that a day of sleep does not fill the memory


class Importance(IntEnum):
    """Which lines may be lost first."""

    STEP = 0
    EVENT = 1
    REPLY = 2


class Outlet:
    """Writes lines to a descriptor from a thread of its own.

    A parent that does not read fills the pipe. Training goes on: lines wait here, and when too many wait, those that
    may be lost (`step` events, which say nothing that the next one does not) are dropped. In the end all events are,
    and replies alone are kept. The run's folder has them all.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[tuple[bytes, Importance]] = deque()
        self._droppable = 0
        self._changed = threading.Condition()
        self._closed = False
        self._broken = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    def put(self, line: str, importance: Importance = Importance.REPLY) -> None:
        """Send a line, soon."""
        with self._changed:
            if self._broken:
                return
            if len(self._waiting) >= MOST_KEPT:
                self._make_room(Importance.EVENT)
            elif len(self._waiting) >= MOST_WAITING and self._droppable > MOST_WAITING // 10:
                self._make_room(Importance.STEP)
            self._waiting.append((line.encode() + b"\n", importance))
            self._droppable += importance is Importance.STEP
            self._changed.notify()

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, for at most `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _make_room(self, least: Importance) -> None:
        kept = deque(item for item in self._waiting if item[1] > least)
        self.dropped += len(self._waiting) - len(kept)
        self._waiting = kept
        self._droppable = 0

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                lines = b"".join(line for line, _ in self._waiting)
                self._waiting.clear()
                self._droppable = 0
            if not self._write(lines):
                return

    def _write(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except OSError:  # the parent has closed its end
                with self._changed:
                    self._broken = True
                    self._waiting.clear()
                return False
        return True
