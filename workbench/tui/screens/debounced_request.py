"""Ask the worker about a recipe that is edited: a moment after the last edit, and again if it was edited meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual.timer import Timer

from workbench.tui.screens.base import WorkbenchScreen


class DebouncedRequest:
    """A request that is repeated after each edit, never twice at the same time.

    It is never broken off: the worker would finish it all the same.

    Args:
        screen: whose question it is; nothing is asked while another is shown.
        pause: seconds without an edit before it is asked.
        settled: whether the latest edit has been answered.
        ask: asks once about what is there now, and takes the answer unless an edit came meanwhile.
        then: what is to be done when the latest has been answered.
    """

    def __init__(
        self,
        screen: WorkbenchScreen,
        pause: float,
        settled: Callable[[], bool],
        ask: Callable[[], Awaitable[None]],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        self._screen = screen
        self._pause = pause
        self._settled = settled
        self._ask = ask
        self._then = then
        self._timer: Timer | None = None
        self.open = False

    def soon(self) -> None:
        """Ask after the pause, which begins again."""
        if self._timer is not None:
            self._timer.stop()
        if self._screen.is_current:
            self._timer = self._screen.set_timer(self._pause, self._begin)

    def _begin(self) -> None:
        if not self.open:
            self.open = True
            self._screen.run_worker(self._go_on(), group="request")

    async def _go_on(self) -> None:
        try:
            while not self._settled():
                await self._ask()
        finally:
            self.open = False
        self._then()
