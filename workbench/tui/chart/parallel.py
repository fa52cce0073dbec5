"""Parallel coordinates: an axis for each key, and a line through all of them for each trial, in braille.

Dotted lines are trials, whole lines those that stand out; a mark stands where a marked line crosses an axis. So colour
is never the only difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import cell_len

from workbench.tui.chart.braille import DOTS, GLYPHS
from workbench.tui.chart.grid import Grid
from workbench.tui.views.fitting import fit

PLAIN, TITLE, LABEL, AXIS, EMPTY, OTHERS, GOOD, MARKED, CURSOR = range(9)

LEAST_CELLS = 14  # from one axis to the next
_SPACING = 3  # of the dots of a dotted line, along x


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        labels: texts, each with its place: 0 at the bottom, 1 at the top. Of two for one row the first is shown.
    """

    name: str
    labels: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class TrialLine:
    """A line through all axes.

    Attributes:
        places: where it crosses each axis, 0 … 1; None where it has no value.
        code: OTHERS is dotted; GOOD, MARKED and CURSOR are whole.
        mark: a glyph at each crossing.
    """

    places: Sequence[float | None]
    code: int = OTHERS
    mark: str = ""


def axes_that_fit(width: int) -> int:
    """How many axes have room in so many cells."""
    return max(width // LEAST_CELLS, 2)


def draw_parallel(grid: Grid, axes: Sequence[Axis], lines: Sequence[TrialLine], top: int = 0) -> None:
    """Draw axes and lines below row `top`: a row of names, then the lines. Later lines lie on earlier ones.

    Of more axes than have room, the first are drawn, and the last.
    """
    height = grid.height - top - 1
    if not axes or height < 2 or grid.width < 2 * LEAST_CELLS:
        return
    fitting = axes_that_fit(grid.width)
    chosen = list(range(len(axes)))
    if len(axes) > fitting:
        chosen = [*range(fitting - 1), len(axes) - 1]
    room = grid.width // len(chosen)
    columns = [number * room for number in range(len(chosen))]
    for line in sorted(lines, key=lambda line: line.code):
        _draw_line(grid, top + 1, height, columns, [line.places[each] for each in chosen], line)
    for x, each in zip(columns, chosen, strict=True):
        grid.put(x, top, fit(axes[each].name, room - 1), LABEL)
        _draw_axis(grid, x, top + 1, height, room, axes[each])
    for line in lines:
        if line.mark:
            for x, each in zip(columns, chosen, strict=True):
                if (place := line.places[each]) is not None:
                    grid.put(x, top + 1 + _row(place, height), line.mark, line.code)


def _row(place: float, height: int) -> int:
    return min(int((1 - place) * height), height - 1)


def _draw_line(
    grid: Grid, top: int, height: int, columns: Sequence[int], places: Sequence[float | None], line: TrialLine
) -> None:
    bits: dict[tuple[int, int], int] = {}
    last, whole = height * 4 - 1, line.code != OTHERS
    for (left, start), (right, end) in pairwise(zip(columns, places, strict=True)):
        if start is None or end is None:
            continue
        first, count = left * 2, (right - left) * 2
        before = round((1 - start) * last)
        for step in range(0, count + 1, 1 if whole else _SPACING):
            y = round((1 - (start + (end - start) * step / count)) * last)
            low, high = sorted((before, y)) if whole else (y, y)  # no gap where it is steep
            for dot in range(low, high + 1):
                cell = (first + step) // 2, dot // 4
                shift = dot % 4 + (4 if (first + step) % 2 else 0)
                bits[cell] = bits.get(cell, 0) | 1 << shift
            before = y
    for (x, y), found in bits.items():
        if x >= grid.width:
            continue
        row, glyphs = grid.codes[top + y], grid.glyphs[top + y]
        known = ord(glyphs[x]) - 0x2800 if "\u2800" <= glyphs[x] <= "\u28ff" else 0
        glyphs[x] = GLYPHS[known | DOTS[found]]
        row[x] = line.code


def _draw_axis(grid: Grid, x: int, top: int, height: int, room: int, axis: Axis) -> None:
    for y in range(top, top + height):
        grid.put(x, y, "│", AXIS)
    taken: set[int] = set()
    for place, text in axis.labels:
        y = _row(place, height)
        if y in taken:
            continue
        taken.add(y)
        text = fit(text, max(room - 3, 1))
        grid.put(x + 1, y + top, text, LABEL)
        if cell_len(text) + 1 < room:
            grid.put(x + 1 + cell_len(text), y + top, " ", PLAIN)
