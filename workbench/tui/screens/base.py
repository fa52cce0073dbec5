"""What every mode's screen shares: the header, the footer, and classes for the width and height of the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from workbench.tui.widgets.header import KwbHeader
from workbench.tui.widgets.key_line import KeyLine


class WorkbenchScreen(Screen[None]):
    """A mode's screen. A subclass composes its own part in `compose_body`.

    Its CSS can refer to `-narrow` (under 80 columns), `-normal`, `-wide` (from 120), and to `-short` (under 30 rows),
    `-tall`.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]

    def compose(self) -> ComposeResult:
        yield KwbHeader()
        yield from self.compose_body()
        yield KeyLine()

    def compose_body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        return ()
