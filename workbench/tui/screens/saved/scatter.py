"""ScatterPlot: predicted against true numbers, a braille dot for each pair; or the errors of the predictions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from workbench.tui.views.fitting import fit
from workbench.tui.views.scale import LARGEST, Scale

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a cell's left and right half, from the top
_GUTTER = 9
_FEW = 300  # so few points are drawn larger than a dot


class ScatterPlot(Widget, can_focus=True):
    """A dot for each row: true value to the right, predicted value up. The line is where both are equal.

    As residuals: predicted minus true, up, so the line is zero.
    """

    ALLOW_SELECT = False
    residuals: reactive[bool] = reactive(False)

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._true: Sequence[float] = ()
        self._predicted: Sequence[float] = ()
        self._marked: tuple[float, float] | None = None

    def mark(self, pair: tuple[float, float] | None) -> None:
        """Mark a pair of a true and a predicted value, as ◆; None for none."""
        finite = pair is not None and all(map(math.isfinite, pair))
        self._marked = pair if finite else None
        self.refresh()

    def show(self, true: Sequence[float], predicted: Sequence[float]) -> None:
        """Draw finite pairs."""
        self._true, self._predicted = true, predicted
        self.refresh()

    def render(self) -> Content:
        width, height = self.content_size
        columns, rows = width - _GUTTER - 1, height - 3
        if columns < 4 or rows < 2 or not self._true:
            return Content(
                fit("no room to draw" if self._true else "no pair of finite values", max(width, 0))
            )
        ys = self._predicted
        if self.residuals:
            ys = [_drawable(predicted - true) for true, predicted in zip(self._true, ys, strict=True)]
        across, up = self._scales(ys)
        cells = [[0] * columns for _ in range(rows)]
        for x, y in zip(self._true, ys, strict=True):
            column = int(_within(across.place(x)) * (columns * 2 - 1) + 0.5)
            row = int((1 - _within(up.place(y))) * (rows * 4 - 1) + 0.5)
            cells[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
        line = self._line(across, up, columns, rows)
        marked = self._place_of_mark(across, up, columns, rows)
        heading = "predicted − true" if self.residuals else "predicted"
        labels = {
            min(int((1 - up.place(value)) * (rows - 1) + 0.5), rows - 1): text
            for value, text in up.ticks(max(rows // 3, 2))
        }
        lines = [Content.styled(fit(heading, width), "dim")]
        for row, bits in enumerate(cells):
            label = fit(labels.get(row, ""), _GUTTER - 1)
            lines.append(
                Content.assemble(
                    (" " * (_GUTTER - 1 - cell_len(label)) + label + " │", "dim"),
                    *_cells(
                        bits,
                        line[row],
                        few=len(self._true) <= _FEW,
                        marked=marked[1] if marked and marked[0] == row else -1,
                    ),
                )
            )
        lines.append(_axis(across, columns))
        lines.append(Content.styled(f"{'true':>{max(width - 1, 4)}}", "dim"))
        return Content("\n").join(lines)

    def _place_of_mark(self, across: Scale, up: Scale, columns: int, rows: int) -> tuple[int, int] | None:
        """The row and the column of the marked pair's cell."""
        if self._marked is None:
            return None
        true, predicted = self._marked
        y = _drawable(predicted - true) if self.residuals else predicted
        column = int(_within(across.place(true)) * (columns * 2 - 1) + 0.5)
        row = int((1 - _within(up.place(y))) * (rows * 4 - 1) + 0.5)
        return row // 4, column // 2

    def _scales(self, ys: Sequence[float]) -> tuple[Scale, Scale]:
        """Of both axes. Predicted and true values share one, so that the line is the diagonal."""
        low, high = min(self._true), max(self._true)
        across = Scale.around(low, high)
        if self.residuals:
            return across, Scale.around(min(0.0, *ys), max(0.0, *ys))
        both = Scale.around(min(low, *ys), max(high, *ys))
        return both, both

    def _line(self, across: Scale, up: Scale, columns: int, rows: int) -> list[list[int]]:
        """The dots of the line on which a prediction is right."""
        cells = [[0] * columns for _ in range(rows)]
        for column in range(columns * 2):
            x = across.low + (across.high - across.low) * column / (columns * 2 - 1)
            row = int((1 - up.place(0.0 if self.residuals else x)) * (rows * 4 - 1) + 0.5)
            if 0 <= row < rows * 4:
                cells[row // 4][column // 2] |= _DOTS[column % 2][row % 4]
        return cells


def _within(place: float) -> float:
    return min(max(place, 0.0), 1.0)


def _drawable(value: float) -> float:
    """A difference of huge numbers can be infinite."""
    return min(max(value, -LARGEST), LARGEST)


def _cells(
    bits: Sequence[int], line: Sequence[int], *, few: bool, marked: int = -1
) -> list[str | tuple[str, str]]:
    """Cells of points, and where there is none the line; the one at `marked` has the mark."""
    parts: list[str | tuple[str, str]] = []
    for at, (here, under) in enumerate(zip(bits, line, strict=True)):
        if at == marked:
            parts.append(("◆", "bold $text-warning"))
        elif here:
            parts.append(("•" if few and here.bit_count() == 1 else chr(0x2800 | here), "bold $primary"))
        else:
            parts.append((chr(0x2800 | under), "dim") if under else " ")
    return parts


def _axis(scale: Scale, columns: int) -> Content:
    line = [" "] * columns
    free = 0
    for value, label in scale.ticks(max(columns // 12, 2)):
        cell = int(scale.place(value) * (columns - 1) + 0.5)
        x = max(min(cell - len(label) // 2, columns - len(label)), 0)
        if x >= free and len(label) <= columns:
            line[x : x + len(label)] = label
            free = x + len(label) + 1
    return Content.styled(" " * (_GUTTER - 1) + " └" + "".join(line), "dim")
