"""Draw curves as braille dots: a terminal cell has 2 × 4 of them.

A column of dots is one integer, bit r for row r from the top. So a vertical run is a shift, joining curves is
an `or`, and a cell is four bits of two neighbouring columns looked up in a table.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.tui.chart.view import Window
from workbench.tui.views.scale import Scale
from workbench.tui.views.series import MINUS_INFINITY, Series

# Bit values of braille dots for rows 0 … 3 from the top, in the left and the right half of a cell.
_LEFT, _RIGHT = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)


def _half(bits: int, dots: tuple[int, ...]) -> int:
    return sum(dot for row, dot in enumerate(dots) if bits >> row & 1)


DOTS = [_half(left, _LEFT) | _half(right, _RIGHT) for right in range(16) for left in range(16)]
"""Dots of a cell by its left four bits plus sixteen times its right four bits."""
GLYPHS = [chr(0x2800 + dots) for dots in range(256)]


def cell_dots(left: int, right: int) -> int:
    """The dots of a cell of two columns, of four bits each."""
    return DOTS[(left & 15) | (right & 15) << 4]


@dataclass(frozen=True)
class Shape:
    """How a line is drawn, so that colour is never the only difference from other lines.

    Args:
        legend: two cells that look like the line.
        pattern: dot columns drawn (1) and left out (0), repeated along x; empty draws all.
        marker: a glyph set on the curve at intervals.
    """

    legend: str
    pattern: tuple[int, ...] = ()
    marker: str = ""


SHAPES: dict[str, Shape] = {
    "solid": Shape("━━"),
    "dashed": Shape("╍╍", (1, 1, 1, 1, 0, 0, 0)),
    "dotted": Shape("··", (1, 0, 0)),
    "dash-dot": Shape("━·", (1, 1, 1, 1, 1, 0, 0, 1, 0, 0)),
    "circles": Shape("─●", marker="●"),
    "squares": Shape("─■", marker="■"),
    "triangles": Shape("─▲", marker="▲"),
    "rings": Shape("─○", marker="○"),
}


@dataclass
class CurveDots:
    """The dots of one curve in a plot.

    Attributes:
        columns: a bit set of dot rows for each dot column.
        lonely: (column, row) of samples with a gap on both sides, too small to be seen as a dot.
        flags: what was not finite (see `series`), by dot column.
        left_out: whether a value ≤ 0 could not be shown on a log axis.
    """

    columns: list[int]
    lonely: list[tuple[int, int]] = field(default_factory=list)
    flags: dict[int, int] = field(default_factory=dict)
    left_out: bool = False


def trace(
    series: Series, window: Window, columns: int, rows: int, scale: Scale, smoothing: float = 0.0
) -> CurveDots:
    """Draw a series into `columns` × `rows` dots, each column lit from its lowest to its highest sample.

    With `smoothing` the moving average is drawn instead, and gaps are not marked again.
    """
    left, right = window
    result = CurveDots([0] * columns)
    first, stop = series.visible(left, right)
    xs, lows, highs, flags = series.x, series.low, series.high, series.flags
    means = series.smoothed(smoothing) if smoothing else series.mean
    dots, per_x = result.columns, (columns - 1) / (right - left)
    gaps = series.has_gaps and not smoothing
    log, log10 = scale.log, math.log10
    per_y, last_row, last_column = (rows - 1) / (scale.high - scale.low), rows - 1, columns - 1
    origin = last_row + 0.5 + scale.low * per_y

    def row(value: float) -> int:
        place = origin - (log10(value) if log else value) * per_y  # infinite, far from a clipped axis
        return 0 if place < 0.0 else last_row if place > last_row else int(place)

    before, before_row = -2, -1  # the dot that the line goes on from; before_row < 0: there is none
    alone: tuple[int, int] | None = None
    if 0 < first < stop and _drawable(means[first - 1], log):
        before, before_row = math.floor(max((xs[first - 1] - left) * per_x, -1e6)), row(means[first - 1])
    index = first
    while index < stop:
        column = int((xs[index] - left) * per_x + 0.5)
        if column > last_column:
            column = last_column
        end = bisect_left(xs, left + (column + 0.5) / per_x, index + 1, stop) if per_x else stop
        enter, leave = means[index], means[end - 1]
        if smoothing:
            low, high = min(enter, leave), max(enter, leave)
            if not low <= high:  # a gap at one end, or both
                low = high = leave if leave == leave else enter
        elif end == index + 1:
            low, high = lows[index], highs[index]
        else:
            low, high = min(lows[index:end]), max(highs[index:end])
        if gaps and any(flags[index:end]):
            for flag in flags[index:end]:
                if flag:
                    result.flags[column] = result.flags.get(column, 0) | flag
        if log and low <= 0.0:
            result.left_out = True
            if smoothing:
                low = high
            else:
                result.flags[column] = result.flags.get(column, 0) | MINUS_INFINITY
                shown = (value for value in (*lows[index:end], *means[index:end]) if value > 0.0)
                low = min(shown, default=high)
        if low <= high and (high > 0.0 or not log):
            top = row(high)
            base = top if low == high else row(low)
            if before_row < 0 or not (enter > 0.0 if log else enter == enter):
                if alone:
                    result.lonely.append(alone)
                alone = (column, top) if top == base else None
            else:
                alone = None
                if column == before + 1:  # the line from the dot before is a longer run here
                    if before_row < top:
                        top = before_row + 1
                    elif before_row > base:
                        base = before_row - 1
                else:
                    _join(dots, (before, before_row), (column, row(enter)))
            dots[column] |= ((1 << (base - top + 1)) - 1) << top
        before = column
        before_row = row(leave) if (leave > 0.0 if log else leave == leave) else -1
        index = end
    if before_row >= 0 and first < stop < len(xs) and _drawable(means[stop], log):
        beyond = math.ceil(min((xs[stop] - left) * per_x, 1e6))
        _join(dots, (before, before_row), (max(beyond, before), row(means[stop])))
        alone = None
    if alone:
        result.lonely.append(alone)
    return result


def _drawable(value: float, log: bool) -> bool:
    return value > 0.0 if log else value == value


def _join(dots: list[int], start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw the line between two dots, the start itself left out. Columns may be outside the plot."""
    (column, row), (last_column, last_row) = start, end
    if last_column <= column:
        if 0 <= column < len(dots) and last_row != row:
            top, base = min(row, last_row), max(row, last_row)
            dots[column] |= ((1 << (base - top + 1)) - 1) << top
        return
    slope = (last_row - row) / (last_column - column)
    first = max(column + 1, 0)
    before = int(row + slope * (first - 1 - column) + 0.5)
    for number in range(first, min(last_column + 1, len(dots))):
        now = int(row + slope * (number - column) + 0.5)
        # The run takes up where the last column stopped, so a steep line has no holes and no doubled corner.
        if now > before:
            dots[number] |= ((1 << (now - before)) - 1) << (before + 1)
        elif now < before:
            dots[number] |= ((1 << (before - now)) - 1) << now
        else:
            dots[number] |= 1 << now
        before = now


def patterned(columns: Sequence[int], pattern: tuple[int, ...], phase: int = 0) -> list[int]:
    """Columns without those that the pattern leaves out; a tall run stays, dotted: a spike must be seen."""
    if not pattern:
        return list(columns)
    every_other = int("01" * 512, 2)
    return [
        bits if pattern[(number + phase) % len(pattern)] else (bits & every_other if bits >> 3 & bits else 0)
        for number, bits in enumerate(columns)
    ]
