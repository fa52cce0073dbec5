"""The whole text of a recipe's error, below the pane that it is marked in."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from workbench.recipe.located_error import LocatedError
from workbench.tui.views.marks import FAILED


class ErrorBelow(VerticalScroll, can_focus=False):
    """Not there where there is no error."""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)

    def show(self, error: LocatedError | None) -> None:
        """Show an error, or none."""
        place = f"line {error.line}: " if error and error.line else ""
        text = " ".join(part for part in (error.what, error.hint) if part) if error else ""
        self.display = bool(text)
        self.query_one(Static).update(f"{FAILED} {place}{text}")
