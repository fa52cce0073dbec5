"""Send lines to the parent without ever blocking the training."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from enum import IntEnum

MOST_WAITING = 10_000  # lines; a parent that has not read so many is asleep, not slow
MOST_KEPT = 200_000  # lines; beyond that events go as well, so that a day of sleep does not fill the memory


class Importance(IntEnum):
    """Which lines may be dropped first."""

    STEP = 0
    EVENT = 1
    REPLY = 2


class EventWriter:
    """Writes lines to a pipe, at once where there is room, and never waits for it.

    A parent that does not read fills the pipe. Training goes on: lines wait here for a thread to write them, and when
    too many wait, those that may be lost (`step` events, which say nothing that the next one does not) are dropped.
    In the end all events are, and replies alone are kept. The run's folder has them all.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)
        self._waiting: deque[tuple[memoryview, Importance]] = deque()
        self._droppable = 0
        self._writing = memoryview(b"")  # what the thread is about to write, or is left of a torn line
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="event writer", daemon=True)
        self._thread.start()

    def put(self, line: str, importance: Importance = Importance.REPLY) -> None:
        """Send a line, soon."""
        data = memoryview(line.encode() + b"\n")
        with self._changed:
            if not self._waiting and not self._writing:
                # Waking the thread for each line would cost a short epoch some percent.
                self._writing = data[self._write(data) :]
                if self._writing:
                    self._changed.notify()
                return
            if len(self._waiting) >= MOST_KEPT:
                self._make_room(Importance.EVENT)
            elif len(self._waiting) >= MOST_WAITING and self._droppable > MOST_WAITING // 10:
                self._make_room(Importance.STEP)
            self._waiting.append((data, importance))
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
                while not self._waiting and not self._writing and not self._closed:
                    self._changed.wait()
                if not self._waiting and not self._writing:
                    return
                if not self._writing:
                    self._writing = memoryview(b"".join(line for line, _ in self._waiting))
                    self._waiting.clear()
                    self._droppable = 0
            select.select([], [self._descriptor], [])
            with self._changed:
                self._writing = self._writing[self._write(self._writing) :]

    def _write(self, data: memoryview) -> int:
        """Write as much as there is room for; all is lost where the parent has closed its end."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._waiting.clear()
            return len(data)
