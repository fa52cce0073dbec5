"""WideTable: a table that may be wider than the screen; its first columns stay in sight."""

from __future__ import annotations

from itertools import accumulate

from rich.text import Text
from textual.widgets import DataTable


class WideTable(DataTable[Text]):
    """A table of rows, in which ← and → go a column at a time. Set `fixed_columns` after the columns are added."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=False)

    def action_cursor_right(self) -> None:
        """Show the next column further right."""
        here = round(self.scroll_x)
        ahead = [stop for stop in self._stops if stop > here]
        if ahead:
            self.scroll_to(x=ahead[0], animate=False)

    def action_cursor_left(self) -> None:
        """Show the next column further left."""
        here = round(self.scroll_x)
        behind = [stop for stop in self._stops if stop < here]
        if behind:
            self.scroll_to(x=behind[-1], animate=False)

    @property
    def _stops(self) -> list[int]:
        """How far the table is scrolled for each column to stand right beside those that stay, and to its end."""
        widths = [column.get_render_width(self) for column in self.ordered_columns]
        starts = [0, *accumulate(widths[self.fixed_columns :])]
        return sorted({min(start, self.max_scroll_x) for start in starts})
