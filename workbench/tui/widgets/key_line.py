"""The line of keys at the foot of a screen."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer


class KeyLine(Footer):
    """Textual's footer, made anew only when other keys are offered, and without a memory for those that were.

    Each key is bound to the footer's `compact`, and the footer holds on to a key it has removed until `compact`
    changes, which it never does here: some hundred widgets a minute while a training runs.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._offered: list[tuple[Any, ...]] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        offered = [tuple(active)[1:] for active in screen.active_bindings.values() if active.binding.show]
        if offered != self._offered and screen is self.screen:
            self._offered = offered
            super().bindings_changed(screen)

    def compose(self) -> ComposeResult:
        self.mutate_reactive(Footer.compact)  # has what is removed forgotten
        yield from super().compose()
