"""What a screen lists from folders on disk: looked for in a thread, again and again while the screen is seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Generic, TypeVar

from textual.timer import Timer

from workbench.tui.context import kwb
from workbench.tui.screens.base import WorkbenchScreen

Found = TypeVar("Found")


class FolderListing(Generic[Found]):
    """Looks into folders, one look at a time.

    Args:
        screen: whose list it is; nothing is looked for while another is shown.
        every: seconds between two looks.
        waits_for: what keys that are typed during the first look wait for, in words: they are for the list.
        find: looks; called in a thread.
        show: called with what each look has found.
        share: of the time that goes into looking, at most: a slow disk is not worn out.
    """

    def __init__(
        self,
        screen: WorkbenchScreen,
        every: float,
        waits_for: str,
        find: Callable[[], Found],
        show: Callable[[Found], None],
        *,
        share: float = 0.01,
    ) -> None:
        self._screen = screen
        self._every = every
        self._waits_for = waits_for
        self._find = find
        self._show = show
        self._share = share
        self._timer: Timer | None = None
        self._wait = every
        self._looking = False
        self._looked = False

    def resume(self) -> None:
        """The screen is seen: look now, and from now on."""
        if self._timer is None:
            self._timer = self._screen.set_interval(self._every, self.look)
        self._timer.resume()
        self.look()

    def pause(self) -> None:
        """The screen is not seen any more."""
        if self._timer is not None:
            self._timer.pause()

    def look(self) -> None:
        """Look, soon, if no look is under way."""
        if not self._looking and self._screen.is_current:
            self._looking = True
            self._screen.run_worker(self._look(), group="listing")

    async def _look(self) -> None:
        began = time.monotonic()
        keys = kwb(self._screen).type_ahead
        first_time = nullcontext() if self._looked else keys.kept(self._waits_for, cancel=False)
        try:
            with first_time:
                found = await asyncio.to_thread(self._find)
        finally:
            self._looking = False
        if self._looked:  # the first look reads what the others know
            self._keep_pace(time.monotonic() - began)
        self._looked = True
        self._show(found)

    def _keep_pace(self, took: float) -> None:
        """Look less often where looks take long, and more often again where they no longer do."""
        wait = max(self._every, took / self._share)
        if self._timer is not None and not 0.5 <= wait / self._wait <= 2.0:
            self._wait = wait
            self._timer.stop()
            self._timer = self._screen.set_interval(wait, self.look, pause=not self._screen.is_current)
