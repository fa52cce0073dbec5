"""Follow a run's folder: read its events as they are written, and notice when no process trains it any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from workbench.storage.event_stream import EventReader, TimedEvent
from workbench.storage.ownership import owner
from workbench.storage.run_folder import RunFolder

PART = 64 << 10  # bytes taken at once: few enough that the screen stays quick while a long history is read
WAIT, WAIT_HIDDEN, WAIT_ENDED = 0.2, 1.0, 2.0  # seconds between looks
_OWNER_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class News:
    """What was found: events in order, and the process that trains the run (None: there is none). `behind`: there is
    more to read."""

    events: list[TimedEvent]
    owner: str | None
    behind: bool


class RunFollower:
    """Reads a run as it grows, off the event loop.

    Attributes:
        hidden: set it while nobody looks: the run is read less often.
        ended: set it when the run has reported its end.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.hidden = False
        self.ended = False
        self._reader = EventReader(run.events)
        self._owner: str | None = None
        self._owner_seen = -_OWNER_EVERY

    async def news(self) -> AsyncIterator[News]:
        """The events so far, and then new ones as they come. It never ends: a run that ended may be resumed.

        Raises:
            FileError: the run cannot be read.
        """
        while True:
            found = await asyncio.to_thread(self._look)
            yield found
            if not found.behind:
                await asyncio.sleep(WAIT_ENDED if self.ended else WAIT_HIDDEN if self.hidden else WAIT)

    def _look(self) -> News:
        now = time.monotonic()
        if now - self._owner_seen >= _OWNER_EVERY:
            # The owner first: what an owner wrote before it went is then read below.
            self._owner, self._owner_seen = owner(self.run), now
        before = self._reader.offset
        events = self._reader.read_new(PART)
        return News(events, self._owner, self._reader.offset - before >= PART // 2)
