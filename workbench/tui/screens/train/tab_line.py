"""TabLine: the panes of a screen in one row, chosen by a letter or a click."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class TabLine(Widget):
    """Tabs as one line of words; each has a letter, which the screen binds."""

    DEFAULT_CSS = "TabLine { height: 1; background: $surface; }"

    active: reactive[str] = reactive("")

    class Chosen(Message):
        """A click on a tab."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(self, tabs: Mapping[str, tuple[str, str]], active: str, *, id: str | None = None) -> None:
        """`tabs` is {name: (letter, label)}."""
        super().__init__(id=id)
        self._tabs = dict(tabs)
        self._badges: dict[str, str] = {}
        self._ends: list[tuple[int, str]] = []
        self.set_reactive(TabLine.active, active)

    def set_badge(self, tab: str, badge: str) -> None:
        """Words after a tab's label, as `▲2`."""
        if self._badges.get(tab, "") != badge:
            self._badges[tab] = badge
            self.refresh()

    def render(self) -> Content:
        for lettered, brief in ((True, False), (False, False), (False, True)):
            parts, self._ends = self._laid_out(lettered, brief)
            if self._ends[-1][0] <= self.size.width:
                break
        return Content.assemble(*parts)

    def _laid_out(self, lettered: bool, brief: bool) -> tuple[list[tuple[str, str]], list[tuple[int, str]]]:
        """The words with or without their letters, whole or only their beginning, and where each ends."""
        parts: list[tuple[str, str]] = []
        ends: list[tuple[int, str]] = []
        end = 0
        for name, (letter, label) in self._tabs.items():
            here = name == self.active
            style = "bold reverse" if here else ""
            badge = f" {self._badges[name]}" if self._badges.get(name) else ""
            shown = label if not brief or here else f"{label[:4].rstrip()}…"
            if lettered:
                cells = [(f" {shown}", style), (f"{badge} ", style), (f"{letter} ", f"{style} dim")]
            else:
                own = shown[:1].lower() == letter
                cells = [(" ", style), (shown[:1], f"{style} underline" if own else style)]
                cells.append((f"{shown[1:]}{badge} ", style))
            parts += cells
            end += sum(len(text) for text, _ in cells)
            ends.append((end, name))
        return parts, ends

    def on_click(self, event: events.Click) -> None:
        for end, name in self._ends:
            if event.x < end:
                self.post_message(self.Chosen(name))
                return
