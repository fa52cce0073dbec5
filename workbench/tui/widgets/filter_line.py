"""FilterLine: words that select which rows of a list are shown."""

from __future__ import annotations

from textual import on
from textual.widgets import Input


class FilterLine(Input):
    """A line above a list, hidden until it is asked for. Enter goes back to the list; the words stay.

    The screen fills its list again at `Input.Changed`.

    Args:
        of: the selector of its list, or of several, of which the one that is seen has the rows.
    """

    DEFAULT_CSS = "FilterLine { display: none; margin: 0 1; }"

    def __init__(self, of: str, *, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True)
        self._of = of

    def allow_focus(self) -> bool:
        """Not while it is hidden: a screen that looks for something to focus would have keys typed into it unseen."""
        return super().allow_focus() and bool(self.display)

    def ask(self) -> None:
        """Show it, ready to be typed into."""
        self.display = True
        self.focus()

    def show(self, words: str) -> None:
        """Show it with these words in it."""
        self.display = True
        self.value = words

    def dismiss(self) -> None:
        """Show all rows again, and no line."""
        self.value = ""
        self._back()

    @on(Input.Submitted)
    def _back(self) -> None:
        self.display = bool(self.value)
        for listing in self.screen.query(self._of):
            if listing.display:
                listing.focus()
