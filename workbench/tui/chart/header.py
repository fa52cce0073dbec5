"""The rows above a plot: title, notices, and the legend with its values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

from workbench.tui.chart.grid import Grid
from workbench.tui.chart.model import NAME, NOTICE, SERIES, TITLE, VALUE, Curve, Picture
from workbench.tui.views.fitting import fit
from workbench.tui.views.formatting import mean_and_spread, number


def draw_header(grid: Grid, picture: Picture) -> int:
    """Title, legend and notices. Returns the number of rows taken."""
    if grid.height < 3 or grid.width < 8:
        return 0
    notices = draw_notices(grid, picture.notices)
    room = grid.width - notices - 1
    x = grid.put(0, 0, fit(picture.title, room), TITLE)
    if not picture.curves:
        return 1
    x += 3 if x else 0
    width = grid.width - notices - (2 if notices else 0)
    most_rows = 1 if grid.height < 8 else 2 if grid.height < 14 else 3 if grid.height < 24 else 5
    beside = x + sum(_entry_widths(picture, picture.smoothing > 0)) - 2 <= width
    if beside or most_rows == 1:
        _draw_legend(grid, picture, x, 0, 1, width)
        return 1
    return 1 + _draw_legend(grid, picture, 0, 1, most_rows - 1, grid.width)


def draw_notices(grid: Grid, notices: Sequence[str]) -> int:
    """Notices at the right end of the first row. Returns the cells taken."""
    text = " · ".join(notices)
    if not text or cell_len(text) > grid.width // 2:
        return 0
    grid.put(grid.width - cell_len(text) - 1, 0, f" {text}", NOTICE)
    return cell_len(text) + 1


def _entry_widths(picture: Picture, averages: bool) -> list[int]:
    """Cells for each entry of the legend. They depend on the names only: values change and nothing jumps."""
    return [
        1 + cell_len(curve.legend) + cell_len(curve.series.name) + (21 if averages or curve.edges else 12)
        for curve in picture.curves
    ]


def _draw_legend(grid: Grid, picture: Picture, x: int, y: int, rows: int, width: int) -> int:
    """Line, name and value of each curve, in rows of `width` cells. Returns the rows taken."""
    first, start, last = y, x, y + rows - 1
    averages = picture.smoothing > 0 and sum(_entry_widths(picture, True)) <= rows * (width - x)
    widths = _entry_widths(picture, averages)
    tight = sum(widths) - 2 > rows * (width - x)
    for index, (curve, needed) in enumerate(zip(picture.curves, widths, strict=True)):
        rest = len(picture.curves) - index
        value, name = _legend_value(picture, curve, averages), curve.series.name
        line = cell_len(curve.legend)
        if tight:
            needed = 4 + line + cell_len(name) + len(value)
        if x > start and x + needed - 2 > width and y < last:
            x, y, start = 0, y + 1, 0
        # Where room is short a name is cut before its value; what finds no room at all is counted.
        room = width - x - 2 - line - len(value) - (0 if rest == 1 or y < last else 3)
        name = fit(name, min(room, cell_len(name)))
        if cell_len(name) < min(cell_len(curve.series.name), 4):
            grid.put(x, y, fit(f"+{rest}", width - x), NOTICE)
            break
        end = grid.put(x, y, curve.legend, SERIES + curve.colour)
        end = grid.put(end + 1, y, name, NAME)
        grid.put(end + 1, y, value, VALUE)
        x = max(x + needed, end + 3 + len(value)) if name == curve.series.name else end + 3 + len(value)
    return y - first + 1


def _legend_value(picture: Picture, curve: Curve, averages: bool) -> str:
    """The last value, or the one under the cursor; with its moving average where `averages`."""
    series = curve.series
    if not len(series):
        return "–"
    if picture.cursor is None:
        index, value = len(series) - 1, series.last
    else:
        index = series.nearest(picture.cursor) or 0
        start, end = picture.window or (0.0, 0.0)
        if not series.x[0] - (end - start) / 50 <= picture.cursor <= series.x[-1] + (end - start) / 50:
            return "–"
        value = series.value(index)
    if curve.edges is not None and (spread := curve.edges.spread(index)):
        return mean_and_spread(value, spread)
    if averages and math.isfinite(value):
        return f"{number(value)} ~{number(series.smoothed(picture.smoothing)[index])}"
    return number(value)
