"""The child's way out: lines to the parent that never hold the training up."""

from __future__ import annotations

import os
import threading
from collections import deque

MOST_WAITING = 10_000  # lines; a parent that has not read so many is asleep, not slow


class Outlet:
    """Writes lines to a descriptor from a thread of its own.

    A parent that does not read fills the pipe. Training goes on: lines wait here, and when too many wait, those that
    may be lost (`step` events, which say nothing that the next one does not) are dropped, oldest first. The run's
    folder has them all.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._broken = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="outlet", daemon=True)
        self._thread.start()

    def put(self, line: str, *, may_drop: bool = False) -> None:
        """Send a line, soon."""
        with self._changed:
            if self._broken:
                return
            if len(self._waiting) >= MOST_WAITING:
                self._make_room()
            self._waiting.append((line.encode() + b"\n", may_drop))
            self._changed.notify()

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, for at most `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)

    def _make_room(self) -> None:
        kept = deque(item for item in self._waiting if not item[1])
        self.dropped += len(self._waiting) - len(kept)
        self._waiting = kept

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                lines = b"".join(line for line, _ in self._waiting)
                self._waiting.clear()
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
