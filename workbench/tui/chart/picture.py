"""Draw a chart on a grid of cells: header, axes, curves, marks and cursor. Does not use Textual."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain

from rich.cells import cell_len

from workbench.tui.chart.bands import Edges, band_dots
from workbench.tui.chart.braille import DOTS, GLYPHS, CurveDots, patterned, trace
from workbench.tui.chart.grid import Grid
from workbench.tui.chart.header import draw_header, draw_notices
from workbench.tui.chart.model import (
    AXIS,
    CURSOR,
    EMPTY,
    GRID_LINE,
    LABEL,
    MARK,
    POINTER,
    RAW,
    SERIES,
    Curve,
    EventMark,
    Picture,
    Plot,
)
from workbench.tui.chart.view import Window
from workbench.tui.views.fitting import fit
from workbench.tui.views.formatting import x_number
from workbench.tui.views.scale import Scale, linear_ticks, x_labels
from workbench.tui.views.series import MINUS_INFINITY, NOT_A_NUMBER, PLUS_INFINITY, Series

STRETCH = (
    2.0  # at most so much longer a y axis becomes for a level line; one further off is in the legend only
)
OUTLIERS = 0.02  # of the values at either end are no part of a clipped axis


def draw(grid: Grid, picture: Picture) -> Plot | None:
    """Draw the picture; None where there is nothing to point at (no data, or no room)."""
    if not grid.width or not grid.height:
        return None
    header = draw_header(grid, picture)
    if picture.window is None:
        _draw_empty(grid, header, picture.empty)
        return None
    has_axes = grid.width >= 24
    x_rows = 0 if grid.height < 5 else 1 if grid.height < 8 or not has_axes else 2
    height = grid.height - header - x_rows
    scale = _y_scale(picture)
    ticks = scale.ticks(max(min(height // 3, 8), 2)) if has_axes and height > 1 else []
    gutter = max((len(label) for _, label in ticks), default=-2) + 2
    gutter = max(gutter, 8) if ticks and grid.width >= 40 else gutter
    plot = Plot(gutter, header, grid.width - gutter, height, picture.window)

    _draw_y_axis(grid, plot, scale, ticks, lines=grid.width >= 40)
    _draw_x_axis(grid, plot, x_rows)
    _draw_marks(grid, plot, picture.marks, x_rows)
    left_out = _draw_curves(grid, plot, picture, scale)
    if left_out and header:
        draw_notices(grid, [*picture.notices, "≤0 left out"])
    if picture.cursor is not None:
        _draw_cursor(grid, plot, picture, x_rows)
    return plot


def _draw_empty(grid: Grid, header: int, text: str) -> None:
    text = fit(text, grid.width)
    y = header + (grid.height - header - 1) // 2
    grid.put((grid.width - cell_len(text)) // 2, y, text, EMPTY)


# ---------------------------------------------------------------------- axes


def _y_scale(picture: Picture) -> Scale:
    """The scale around all finite values in the window."""
    assert picture.window is not None
    low, high = math.inf, -math.inf
    for curve in sorted(picture.curves, key=lambda curve: curve.is_level):
        series = curve.series
        if curve.is_level and low < high:
            low, high = _stretched(low, high, series.last, log=picture.log)
            continue
        start, stop = series.visible(*picture.window)
        if start == stop:
            continue
        if picture.clip and (middle := _without_outliers(series, start, stop, positive=picture.log)):
            lowest, highest = middle
        elif stop - start == len(series):
            lowest, highest = series.lowest, series.highest
        else:
            lowest, highest = min(series.low[start:stop]), max(series.high[start:stop])
        if picture.log and lowest <= 0.0:
            values = chain(series.low[start:stop], series.mean[start:stop], series.high[start:stop])
            lowest = min((value for value in values if value > 0.0), default=math.inf)
        if curve.edges is not None and not picture.clip:
            lowest, highest = _with_band(curve.edges, lowest, highest, start, stop, log=picture.log)
        low, high = min(low, lowest), max(high, highest)
    return Scale.around(low, high, log=picture.log)


def _with_band(edges: Edges, low: float, high: float, start: int, stop: int, *, log: bool) -> Window:
    """The range of a curve and of the band around it. A logarithmic axis goes no further down than half of the lowest
    mean: a band that comes near to 0 would take all the room."""
    floor = low / 2 if log else -math.inf
    return max(min([low, *edges.lower.low[start:stop]]), floor), max([high, *edges.upper.high[start:stop]])


def _beyond(scale: Scale, level: float) -> bool:
    """True if a level line is not on the y axis."""
    if scale.log and level <= 0.0:
        return True
    return not scale.low <= (math.log10(level) if scale.log else level) <= scale.high


def _stretched(low: float, high: float, level: float, *, log: bool) -> Window:
    """A range with a level line in it, where it is not too far off."""
    if not math.isfinite(level) or (log and level <= 0.0):
        return low, high
    new = min(low, level), max(high, level)

    def length(window: Window) -> float:
        return math.log(window[1] / window[0]) if log else window[1] - window[0]

    return new if length(new) <= STRETCH * length((low, high)) else (low, high)


def _without_outliers(series: Series, start: int, stop: int, *, positive: bool) -> Window | None:
    """The range of all but the highest and lowest values; None where there are too few to say which those are."""
    least = 0.0 if positive else -math.inf
    values = sorted(value for value in series.mean[start:stop] if value > least)
    cut = max(int(len(values) * OUTLIERS), 1)
    return (values[cut], values[-1 - cut]) if len(values) >= 8 else None


def _draw_y_axis(
    grid: Grid, plot: Plot, scale: Scale, ticks: Sequence[tuple[float, str]], *, lines: bool
) -> None:
    if plot.left < 1:
        return
    for y in range(plot.top, plot.top + plot.height):
        grid.put(plot.left - 1, y, "│", AXIS)
    dots = plot.height * 4 - 1
    taken: set[int] = set()
    for value, label in ticks:
        y = plot.top + (dots - int(scale.place(value) * dots + 0.5)) // 4
        if y in taken or not plot.top <= y < plot.top + plot.height:
            continue
        taken.add(y)
        grid.put(plot.left - 2 - len(label), y, label, LABEL)
        grid.put(plot.left - 1, y, "┤", AXIS)
        if lines:
            grid.put(plot.left, y, ("   ·" * (plot.width // 4 + 1))[: plot.width], GRID_LINE)


def _draw_x_axis(grid: Grid, plot: Plot, rows: int) -> None:
    if not rows:
        return
    y = plot.top + plot.height
    start, end = plot.window
    whole = 1.0 if end - start >= 1 else 0.0  # epochs are counted; only inside of one there are parts
    values = linear_ticks(start, end, max(plot.width // 12, 2 if plot.width >= 16 else 1), whole)
    if rows == 2:
        grid.put(plot.left, y, "─" * plot.width, AXIS)
        if plot.left:
            grid.put(plot.left - 1, y, "└", AXIS)
    free = 0
    for value, label in zip(values, x_labels(values), strict=True):
        cell = plot.cell_at(value)
        if cell is None:
            continue
        if rows == 2:
            grid.put(cell, y, "┬", AXIS)
        x = max(min(cell - len(label) // 2, grid.width - len(label)), 0)
        if x >= free:
            grid.put(x, y + rows - 1, label, LABEL)
            free = x + len(label) + 1


# ---------------------------------------------------------------------- curves


def _draw_curves(grid: Grid, plot: Plot, picture: Picture, scale: Scale) -> bool:
    """Draw every curve. Returns whether any value ≤ 0 was left out of a log axis."""
    columns, rows = plot.width * 2, plot.height * 4
    left_out = False
    dots: dict[int, int] = {}
    curves = [
        curve
        for curve in sorted(
            picture.curves, key=lambda curve: not curve.is_level
        )  # those lie behind the others
        if len(curve.series) and not (curve.is_level and _beyond(scale, curve.series.last))
    ]
    traces = [trace(curve.series, plot.window, columns, rows, scale) for curve in curves]
    for curve in curves:
        if curve.edges is not None:
            band = band_dots(curve.edges, curve.colour, plot.window, columns, rows, scale)
            _put_dots(grid, plot, dots, band, RAW + curve.colour)
    if any(curve.edges is not None for curve in curves):
        dots = {}  # the curves are before the bands, and are not mixed with their dots
    if picture.smoothing:
        for curve, raw in zip(curves, traces, strict=True):
            _put_dots(grid, plot, dots, raw.columns, RAW + curve.colour)
    for curve, raw in zip(curves, traces, strict=True):
        left_out = left_out or raw.left_out
        drawn = raw
        if picture.smoothing:
            drawn = trace(curve.series, plot.window, columns, rows, scale, picture.smoothing)
            dots = {}  # the average is before the raw curves, and is not mixed with their dots
        code = SERIES + curve.colour
        phase = 3 * curve.colour
        _put_dots(grid, plot, dots, patterned(drawn.columns, curve.shape.pattern, phase), code)
    for index, (curve, raw) in enumerate(zip(curves, traces, strict=True)):
        _put_markers(grid, plot, curve, raw, index)
    return left_out


def _put_dots(grid: Grid, plot: Plot, dots: dict[int, int], columns: Sequence[int], code: int) -> None:
    """Put columns of dots on the grid. A cell that curves share keeps all dots; the last colours it."""
    glyphs, codes, width = grid.glyphs, grid.codes, grid.width
    for number in range(0, len(columns), 2):
        left, right = columns[number], columns[number + 1]
        lit = left | right
        if not lit:
            continue
        x = plot.left + (number >> 1)
        cell = ((lit & -lit).bit_length() - 1) >> 2
        left >>= 4 * cell
        right >>= 4 * cell
        y = plot.top + cell
        while left or right:
            pattern = DOTS[(left & 15) | (right & 15) << 4]
            if pattern:
                place = y * width + x
                pattern |= dots.get(place, 0)
                dots[place] = pattern
                glyphs[y][x] = GLYPHS[pattern]
                codes[y][x] = code
            left >>= 4
            right >>= 4
            y += 1


def _put_markers(grid: Grid, plot: Plot, curve: Curve, drawn: CurveDots, index: int) -> None:
    """Markers of the shape, lonely samples, and what is not finite."""
    code = SERIES + curve.colour
    if curve.shape.marker:
        interval = 8
        for cell in range((index * 3) % interval, plot.width, interval):
            bits = drawn.columns[2 * cell] or drawn.columns[2 * cell + 1]
            if bits:
                middle = ((bits & -bits).bit_length() + bits.bit_length() - 1) // 2
                grid.put(plot.left + cell, plot.top + middle // 4, curve.shape.marker, code)
    for column, row in drawn.lonely:
        grid.put(plot.left + column // 2, plot.top + row // 4, curve.shape.marker or "•", code)
    bottom = plot.top + plot.height - 1
    for column, flags in drawn.flags.items():
        x = plot.left + column // 2
        if flags & MINUS_INFINITY:
            grid.put(x, bottom, "↓", code)
        if flags & PLUS_INFINITY:
            grid.put(x, plot.top, "↑", code)
        if flags & NOT_A_NUMBER:
            grid.put(x, bottom, "×", code)


# ---------------------------------------------------------------------- marks and cursor


def _draw_marks(grid: Grid, plot: Plot, marks: Sequence[EventMark], x_rows: int) -> None:
    """A glyph on the x axis for each cell with events, and a line above it where they are not too many."""
    start, end = plot.window
    visible = marks[
        bisect_left(marks, start, key=_x) : bisect_left(marks, math.nextafter(end, math.inf), key=_x)
    ]
    cells: dict[int, EventMark] = {}
    for mark in visible:
        cell = plot.cell_at(mark.x)
        if cell is not None and (cell not in cells or mark.rank < cells[cell].rank):
            cells[cell] = mark
    y = plot.top + plot.height - (0 if x_rows == 2 else 1)
    for cell, mark in cells.items():
        if len(cells) <= max(plot.width // 6, 1):
            for row in range(plot.top, plot.top + plot.height):
                grid.put(cell, row, "┊", AXIS)
        grid.put(cell, y, mark.glyph, MARK)


def marks_near(plot: Plot, marks: Sequence[EventMark], x: float) -> list[EventMark]:
    """The events drawn in the same cell as x, most important first."""
    cell = plot.cell_at(x)
    width = (plot.window[1] - plot.window[0]) / plot.width
    near = marks[bisect_left(marks, x - 2 * width, key=_x) : bisect_left(marks, x + 2 * width, key=_x)]
    return sorted((mark for mark in near if plot.cell_at(mark.x) == cell), key=_rank)


def _draw_cursor(grid: Grid, plot: Plot, picture: Picture, x_rows: int) -> None:
    assert picture.cursor is not None
    cell = plot.cell_at(picture.cursor)
    if cell is None:
        return
    for y in range(plot.top, plot.top + plot.height):
        if grid.glyphs[y][cell] in " ·┊":
            grid.put(cell, y, "│", POINTER)
        else:
            grid.codes[y][cell] += CURSOR
    if x_rows:
        label = f" {x_number(picture.cursor)} "
        x = max(min(cell - len(label) // 2, grid.width - len(label)), 0)
        y = plot.top + plot.height + x_rows - 1
        _erase_words(grid, y, x, x + len(label))
        grid.put(x, y, label, POINTER + CURSOR)
    near = marks_near(plot, picture.marks, picture.cursor)
    if near and plot.width >= 12:
        mark, more = near[0], f" +{len(near) - 1}" if len(near) > 1 else ""
        text = f" {mark.glyph} {mark.text or mark.kind.replace('_', ' ')}{more} "
        right = plot.left + plot.width - cell - 1
        room = max(right, cell - plot.left)
        text = fit(text, room)
        x = cell + 1 if right >= cell_len(text) else cell - cell_len(text)
        grid.put(x, plot.top, text, MARK + CURSOR)


def _erase_words(grid: Grid, y: int, start: int, stop: int) -> None:
    """Blank the cells start … stop of a row with the whole of the words that they cut."""
    row = grid.glyphs[y]
    while start > 0 and row[start - 1] != " ":
        start -= 1
    while stop < grid.width and row[stop] != " ":
        stop += 1
    grid.put(start, y, " " * (stop - start), LABEL)


def _x(mark: EventMark) -> float:
    return mark.x


def _rank(mark: EventMark) -> int:
    return mark.rank
