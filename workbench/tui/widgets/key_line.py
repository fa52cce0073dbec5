"""The line of keys at the foot of a screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.screen import Screen
from textual.widgets import Footer

from workbench.tui.terminal.textual_private import FooterKey, bindings_are_ready


class KeyLine(Footer):
    """The screen's most needed keys (`WorkbenchScreen.FIRST_KEYS`), then those that what has the focus offers, then the
    screen's others, as many as there is room for, and those of the app (train, help, leave), which are always there.

    Made again only when other keys are to be shown.
    """

    # The blank after the last key may stand beyond the edge; a scrollbar for it would hide the keys.
    DEFAULT_CSS = """
    KeyLine { overflow: hidden; }
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._shown: list[tuple[Any, ...]] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        if screen is self.screen and _looks(self._fitting()) != self._shown:
            super().bindings_changed(screen)

    def on_resize(self) -> None:
        if self._shown is not None and _looks(self._fitting()) != self._shown:
            self.call_after_refresh(self.recompose)

    def compose(self) -> ComposeResult:
        if not bindings_are_ready(self):
            return
        fitting = self._fitting()
        self._shown = _looks(fitting)
        for _, binding, enabled, tooltip in fitting:
            yield FooterKey(
                binding.key,
                self.app.get_key_display(binding),
                binding.description,
                binding.action,
                disabled=not enabled,
                tooltip=tooltip,
            )

    def _fitting(self) -> list[ActiveBinding]:
        """The keys that fit into the line. Only whole keys are shown."""
        offered: dict[str, ActiveBinding] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.show:
                offered.setdefault(active.binding.action, self._in_words_of_now(active))
        first: Sequence[str] = getattr(self.screen, "FIRST_KEYS", ())
        ranks = {name: rank for rank, name in enumerate(first)}
        others = [active for active in offered.values() if active.node is not self.app]
        others.sort(key=lambda active: ranks.get(active.binding.id or "", len(ranks)))
        always = [active for active in offered.values() if active.node is self.app]
        room = self.app.size.width + 1 - sum(map(self._width, always))
        widths = accumulate(map(self._width, others))
        return [active for active, width in zip(others, widths, strict=True) if width <= room] + always

    def _in_words_of_now(self, active: ActiveBinding) -> ActiveBinding:
        """The key with what it would do now, where that changes: `Pause`, `Go on`."""
        words = getattr(self.screen, "key_words", None)
        described = words(active.binding.action) if callable(words) else None
        return (
            active._replace(binding=replace(active.binding, description=described)) if described else active
        )

    def _width(self, active: ActiveBinding) -> int:
        """Of a key, its description and the spaces between and after them."""
        return cell_len(f"{self.app.get_key_display(active.binding)} {active.binding.description} ")


def _looks(keys: list[ActiveBinding]) -> list[tuple[Any, ...]]:
    return [tuple(active)[1:] for active in keys]
