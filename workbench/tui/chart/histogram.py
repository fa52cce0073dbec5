"""HistogramChart: how a distribution (for example of a layer's weights) changes over the epochs.

One row of blocks for each epoch, the newest at the bottom. The height of a block is the share of values there,
relative to the highest in its row, so each row shows its shape; the colour shows the share of all rows.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import ClassVar, Self

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.chart.grid import Grid
from workbench.tui.views.fitting import fit, printable
from workbench.tui.views.formatting import x_number
from workbench.tui.views.scale import linear_ticks, tick_labels

BLOCKS = " ▁▂▃▄▅▆▇█"
MOST_EPOCHS = 512

PLAIN, TITLE, LABEL, AXIS, EMPTY, NOTICE, LOW, MIDDLE, HIGH = range(9)
CURSOR = 16
COMPONENTS = {
    PLAIN: "histogram--plot",
    TITLE: "histogram--title",
    LABEL: "histogram--label",
    AXIS: "histogram--axis",
    EMPTY: "histogram--empty",
    NOTICE: "histogram--notice",
    LOW: "histogram--low",
    MIDDLE: "histogram--middle",
    HIGH: "histogram--high",
}


@dataclass(frozen=True)
class Histogram:
    """Counts between edges: one edge more than counts, finite and rising. Empty where no value was finite."""

    edges: tuple[float, ...] = ()
    counts: tuple[float, ...] = ()

    @property
    def range(self) -> tuple[float, float] | None:
        """From the first to the last edge with anything counted between them."""
        filled = [index for index, count in enumerate(self.counts) if count > 0]
        return (self.edges[filled[0]], self.edges[filled[-1] + 1]) if filled else None

    def shares(self, low: float, high: float, columns: int) -> list[float]:
        """The share of all values in each of `columns` equal parts of low … high."""
        total = sum(self.counts)
        if not total:
            return [0.0] * columns
        below = list(accumulate(self.counts, initial=0.0))

        def counted(value: float) -> float:
            """The number of values below `value`, with values evenly spread within each bin."""
            place = bisect_left(self.edges, value)
            if place == 0:
                return 0.0
            if place == len(self.edges):
                return below[-1]
            left, right = self.edges[place - 1], self.edges[place]
            return below[place - 1] + self.counts[place - 1] * (value - left) / (right - left)

        borders = [counted(low + (high - low) * column / columns) for column in range(columns)] + [below[-1]]
        return [(after - before) / total for before, after in pairwise(borders)]


def histogram_of(edges: Sequence[float], counts: Sequence[float]) -> Histogram:
    """A checked histogram; edges that are not finite (all weights became NaN) give an empty one.

    Raises:
        ValueError: the numbers of edges and counts do not fit, or the edges fall.
    """
    if len(edges) != len(counts) + 1 and (edges or counts):
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
    if not all(math.isfinite(edge) for edge in edges):
        return Histogram()
    if any(after < before for before, after in pairwise(edges)):
        raise ValueError("the edges of a histogram must not fall")
    if edges and edges[0] == edges[-1]:  # all values are equal: give the bins a width
        air = abs(edges[0]) * 0.01 or 0.5
        return Histogram((edges[0] - air, edges[0] + air), (float(sum(counts)),))
    return Histogram(tuple(map(float, edges)), tuple(map(float, counts)))


class HistogramChart(Widget, can_focus=True):
    """Histograms by epoch. Keys: ↑/↓ move over the epochs, escape puts the cursor away; a click chooses a row.

    At most 512 epochs are kept: then every second of the older half is dropped, the first always stays.
    """

    ALLOW_SELECT = False
    BINDING_GROUP_TITLE = "Histogram"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move_cursor(-1)", "Earlier", id="histogram.earlier", show=False,
                tooltip="Choose an earlier epoch"),
        Binding("down", "move_cursor(1)", "Later", id="histogram.later", show=False,
                tooltip="Choose a later epoch"),
        Binding("escape", "clear_cursor", "Cursor off", id="histogram.cursor-off", show=False,
                tooltip="Put the cursor away"),
    ]  # fmt: skip

    COMPONENT_CLASSES: ClassVar[set[str]] = {*COMPONENTS.values(), "histogram--cursor"}

    DEFAULT_CSS = """
    HistogramChart {
        height: 1fr; width: 1fr; min-height: 1;
        & > .histogram--plot { color: $foreground; }
        & > .histogram--title { text-style: bold; }
        &:focus > .histogram--title { text-style: bold reverse; }
        & > .histogram--label { color: $foreground 70%; }
        & > .histogram--axis { color: $foreground 45%; }
        & > .histogram--empty { color: $foreground 60%; text-style: italic; }
        & > .histogram--notice { color: $foreground 70%; text-style: italic; }
        & > .histogram--low { color: #0072B2; }
        & > .histogram--middle { color: #56B4E9; }
        & > .histogram--high { color: #F0E442; }
        & > .histogram--cursor { background: $foreground 16%; }
        &:light > .histogram--low { color: #7FA8C9; }
        &:light > .histogram--middle { color: #0072B2; }
        &:light > .histogram--high { color: #003A5C; }
        &:ansi > .histogram--axis { color: ansi_default; text-style: dim; }
        &:ansi > .histogram--label { color: ansi_default; }
        &:ansi > .histogram--low { color: ansi_blue; }
        &:ansi > .histogram--middle { color: ansi_cyan; }
        &:ansi > .histogram--high { color: ansi_default; }
        &:ansi > .histogram--cursor { text-style: reverse; }
    }
    """

    cursor: reactive[float | None] = reactive(None)
    """The chosen epoch. Setting it posts no message."""

    class EpochMoved(Message):
        """The user chose an epoch, or put the cursor away (None)."""

        def __init__(self, chart: HistogramChart, epoch: float | None) -> None:
            super().__init__()
            self.chart = chart
            self.epoch = epoch

        @property
        def control(self) -> HistogramChart:
            return self.chart

    def __init__(
        self,
        title: str = "",
        *,
        empty: str = "no histograms yet",
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._title = printable(title)
        self._empty = printable(empty)
        self._epochs: list[float] = []
        self._histograms: list[Histogram] = []
        self._rows: list[int] = []
        self._top = 0
        self._strips: list[Strip] | None = None
        self._drawn_size = (-1, -1)

    # ------------------------------------------------------------------ data

    def append(self, epoch: float, edges: Sequence[float], counts: Sequence[float]) -> None:
        """Add the histogram of an epoch; it replaces those of the same or a later epoch (a resumed run).

        Raises:
            ValueError: see `histogram_of`.
        """
        histogram = histogram_of(edges, counts)
        keep = bisect_left(self._epochs, epoch)
        del self._epochs[keep:], self._histograms[keep:]
        self._epochs.append(epoch)
        self._histograms.append(histogram)
        if len(self._epochs) > MOST_EPOCHS:
            older = slice(1, MOST_EPOCHS // 2, 2)
            del self._epochs[older], self._histograms[older]
        if self._strips is not None:
            self.refresh()

    def clear(self) -> None:
        """Forget every histogram."""
        self._epochs.clear()
        self._histograms.clear()
        self.cursor = None
        self.refresh()

    def describe(self, title: str, empty: str) -> None:
        """Set the title, and what is shown where there is no histogram."""
        title, empty = printable(title), printable(empty)
        if (title, empty) != (self._title, self._empty):
            self._title, self._empty = title, empty
            self.refresh()

    # ------------------------------------------------------------------ drawing

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        self._strips = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_line(self, y: int) -> Strip:
        size = self.size
        strips = self._strips
        if strips is None or self._drawn_size != size:
            grid = Grid(*size)
            self._draw(grid)
            strips = self._strips = [
                Strip([Segment(text, self._style(code)) for text, code in grid.runs(row)], size.width)
                for row in range(size.height)
            ]
            self._drawn_size = size
        return strips[y] if y < len(strips) else Strip.blank(size.width)

    def _style(self, code: int) -> Style:
        style = self.get_component_rich_style(COMPONENTS[code % CURSOR])
        if code >= CURSOR:
            cursor = self.get_component_rich_style("histogram--cursor")
            style += Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse or None)
        return style

    def _draw(self, grid: Grid) -> None:
        self._rows = []
        if not grid.width or not grid.height:
            return
        self._top = 1 if grid.height >= 3 else 0
        if self._top:
            grid.put(0, 0, fit(self._title, grid.width), TITLE)
        if not self._epochs:
            text = fit(self._empty, grid.width)
            grid.put(
                (grid.width - cell_len(text)) // 2, self._top + (grid.height - self._top) // 2, text, EMPTY
            )
            return
        has_axis = grid.height >= 5 and grid.width >= 16
        height = grid.height - self._top - (1 if has_axis else 0)
        self._rows = self._chosen_rows(height)
        gutter = 0
        if grid.width >= 16:
            gutter = max(len(x_number(self._epochs[row])) for row in self._rows) + 2
        ranges = [found for row in self._rows if (found := self._histograms[row].range)]
        if not ranges:
            ranges = [(0.0, 1.0)]
        low, high = min(left for left, _ in ranges), max(right for _, right in ranges)
        self._draw_rows(grid, gutter, low, high)
        if has_axis:
            self._draw_axis(grid, gutter, low, high)

    def _chosen_rows(self, height: int) -> list[int]:
        """Evenly spread indices of epochs, first and last among them."""
        count = len(self._epochs)
        if count <= height:
            return list(range(count))
        if height == 1:
            return [count - 1]
        return [row * (count - 1) // (height - 1) for row in range(height)]

    def _draw_rows(self, grid: Grid, gutter: int, low: float, high: float) -> None:
        width = grid.width - gutter
        shares = [self._histograms[row].shares(low, high, width) for row in self._rows]
        highest = max((max(row, default=0.0) for row in shares), default=0.0) or 1.0
        here = self._cursor_row()
        for y, (row, parts) in enumerate(zip(self._rows, shares, strict=True), self._top):
            lift = CURSOR if row == here else 0
            if gutter:
                label = x_number(self._epochs[row])
                grid.put(0, y, (">" if lift else " ") + label.rjust(gutter - 2) + "│", LABEL + lift)
            if not self._histograms[row].counts:
                grid.put(gutter, y, fit("× not finite", width), NOTICE + lift)
                continue
            tallest = max(parts, default=0.0) or 1.0
            for x, part in enumerate(parts):
                # A share too small for a block still shows: outliers are what one looks for.
                level = min(math.ceil(part / tallest * 8 - 1e-9), 8) if part > 0 else 0
                code = LOW if part < highest / 4 else MIDDLE if part < highest * 2 / 3 else HIGH
                grid.put(gutter + x, y, BLOCKS[level], code + lift)

    def _draw_axis(self, grid: Grid, gutter: int, low: float, high: float) -> None:
        width, y, free = grid.width - gutter, grid.height - 1, 0
        values = linear_ticks(low, high, max(width // 12, 1))
        for value, label in zip(values, tick_labels(values), strict=True):
            cell = gutter + int((value - low) / (high - low) * (width - 1) + 0.5)
            x = max(min(cell - len(label) // 2, grid.width - len(label)), 0)
            if x >= free:
                grid.put(x, y, label, LABEL)
                free = x + len(label) + 1

    # ------------------------------------------------------------------ cursor

    def _cursor_row(self) -> int | None:
        """The drawn epoch nearest to the cursor."""
        if self.cursor is None or not self._rows:
            return None
        cursor = self.cursor
        return min(self._rows, key=lambda row: abs(self._epochs[row] - cursor))

    def action_move_cursor(self, direction: int) -> None:
        if not self._rows:
            return
        row = self._cursor_row()
        if row is None:
            place = len(self._rows) - 1 if direction < 0 else 0
        else:
            place = min(max(self._rows.index(row) + direction, 0), len(self._rows) - 1)
        self._choose(self._epochs[self._rows[place]])

    def action_clear_cursor(self) -> None:
        self._choose(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a cursor, escape is left to the screen."""
        return self.cursor is not None if action == "clear_cursor" else True

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and 0 <= offset.y - self._top < len(self._rows):
            self._choose(self._epochs[self._rows[offset.y - self._top]])

    def _choose(self, epoch: float | None) -> None:
        if epoch != self.cursor:
            self.cursor = epoch
            self.post_message(self.EpochMoved(self, epoch))
