"""ConfusionTable: how often each true class was predicted as which class, in counts or in shares."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.color import Color
from textual.widgets import DataTable

from workbench.tui.views.fitting import fit, printable

_MOST_NAME = 14
_CORNER = "true ↓ as →"


class ConfusionTable(DataTable[Text]):
    """A row for each true class, a column for each predicted one. The diagonal, between ‹ and ›, has the correct ones.

    `right` is the share of a true class that was found; the last row the share of a prediction that was right.
    """

    BINDING_GROUP_TITLE = "Confusion matrix"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="cell", cell_padding=0, fixed_columns=1)
        self._labels: list[str] = []
        self._counts: Sequence[Sequence[int]] = ()
        self.shares = False

    def show(self, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        """Show a matrix, `counts[true][predicted]`."""
        self._labels = [fit(printable(name), _MOST_NAME) for name in classes]
        self._counts = counts
        self._fill()

    def toggle_shares(self) -> None:
        """Counts, or shares of each true class."""
        self.shares = not self.shares
        place = self.cursor_coordinate
        self._fill()
        self.move_cursor(row=place.row, column=place.column, animate=False)

    def _fill(self) -> None:
        totals = [sum(row) for row in self._counts]
        guessed = [sum(column) for column in zip(*self._counts, strict=True)]
        with self.app.batch_update():
            self.clear(columns=True)
            self.add_column(Text(_CORNER, style="dim"))
            for name in self._labels:
                self.add_column(Text(name, justify="right"), width=max(len(name), self._digits) + 1)
            self.add_column(Text("rows", style="dim", justify="right"), width=self._width_of_total)
            self.add_column(Text("right", style="dim", justify="right"), width=6)
            for at, (name, row) in enumerate(zip(self._labels, self._counts, strict=True)):
                cells = [self._cell(count, totals[at], at == other) for other, count in enumerate(row)]
                total = Text(f"{totals[at]:,}", style="dim", justify="right")
                self.add_row(Text(name, style="bold"), *cells, total, _share(row[at], totals[at]))
            right = [_share(self._counts[at][at], count) for at, count in enumerate(guessed)]
            self.add_row(Text("right", style="dim"), *right, Text(""), self._accuracy())

    @property
    def size_needed(self) -> tuple[int, int]:
        """The columns and the lines of the whole matrix, with its headings."""
        names = [cell_len(name) for name in self._labels]
        columns = sum(max(name, self._digits) + 1 for name in names)
        first = max(cell_len(_CORNER), *names)
        return first + columns + self._width_of_total + 6, len(self._labels) + 2

    @property
    def _width_of_total(self) -> int:
        return max(len(f"{max(map(sum, self._counts)):,}"), 4) + 1

    @property
    def _digits(self) -> int:
        return 5 if self.shares else max(len(f"{max(map(max, self._counts)):,}") + 2, 4)

    def _cell(self, count: int, total: int, right: bool) -> Text:
        text = f"{count / total:.0%}" if self.shares and total else f"{count:,}"
        if not count:
            return Text("·", style="dim", justify="right")
        share = count / total if total else 0.0
        heat = self._heat("success" if right else "error", share)
        if right:
            return Text(f"‹{text}›", style=f"bold{heat}", justify="right")
        return Text(f"{text} ", style=f"bold{heat}" if share >= 0.1 else heat.strip(), justify="right")

    def _heat(self, color: str, share: float) -> str:
        """The colour behind a cell: the more of a true class, the stronger. The number says the same."""
        colors = self.app.get_css_variables()
        own, under = Color.parse(colors[color]), Color.parse(colors["background"])
        if own.ansi is not None or under.ansi is not None:  # the terminal's own colours cannot be mixed
            return ""
        return f" on {under.blend(own, 0.1 + 0.45 * share).hex6}"

    def _accuracy(self) -> Text:
        right = sum(self._counts[at][at] for at in range(len(self._labels)))
        return _share(right, sum(map(sum, self._counts)))

    def description(self) -> str:
        """The cell under the cursor in words."""
        row, column = self.cursor_coordinate.row, self.cursor_coordinate.column - 1
        if not (0 <= row < len(self._labels) and 0 <= column < len(self._labels)):
            return ""
        count, total = self._counts[row][column], sum(self._counts[row])
        share = f", {count / total:.1%} of its {total:,} rows" if total else ""
        if row == column:
            return f"'{self._labels[row]}' was found {count:,} times{share}"
        return f"'{self._labels[row]}' was taken for '{self._labels[column]}' {count:,} times{share}"

    def copy_text(self) -> str:
        """The text that `y` copies: the counts, tab-separated."""
        lines = [
            ["", *self._labels],
            *([n, *map(str, r)] for n, r in zip(self._labels, self._counts, strict=True)),
        ]
        return "\n".join("\t".join(line) for line in lines)


def _share(part: int, whole: int) -> Text:
    return Text(f"{part / whole:.0%}" if whole else "–", style="dim", justify="right")
