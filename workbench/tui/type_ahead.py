"""Keys typed while a recipe is being read: they are meant for the screen that will show it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from textual.app import App
from textual.events import Event, Key

LONGEST = 1.0  # seconds; whatever takes longer must not make the app look dead


class TypeAhead:
    """Keeps keys back while something opens, and gives them to the app again afterwards."""

    def __init__(self, app: App[object]) -> None:
        self._app = app
        self._kept: list[Key] = []
        self._until = 0.0
        self._opening = 0

    def keeps(self, event: Event) -> bool:
        """Whether an event that has come is one to be kept back; then it is."""
        if not isinstance(event, Key) or not self._opening or time.monotonic() > self._until:
            return False
        self._kept.append(event)
        return True

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep keys back while inside. What follows the block without waiting still comes before them."""
        self._opening += 1
        self._until = time.monotonic() + LONGEST
        release = self._app.set_timer(LONGEST, self._give)
        try:
            yield
        finally:
            self._opening -= 1
            release.stop()
            if not self._opening:
                self._give()

    def _give(self) -> None:
        keys, self._kept = self._kept, []
        for key in keys:
            self._app.post_message(key)
