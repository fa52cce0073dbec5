"""ChartCanvas: the widget that holds the series and draws them, without keys and mouse."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import replace
from time import monotonic
from typing import ClassVar, Self

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.chart import appearance, picture
from workbench.tui.chart.bands import SHAPES_OF_MEANS, Edges
from workbench.tui.chart.braille import SHAPES
from workbench.tui.chart.grid import Grid
from workbench.tui.chart.model import COLOURS, CURSOR, RAW, Curve, EventMark, Picture, Plot
from workbench.tui.chart.view import View, Window
from workbench.tui.views.fitting import printable
from workbench.tui.views.series import Series

MOST_MARKS = 4096


class ChartCanvas(Widget):
    """Curves over steps or epochs, with marked events.

    Samples come with `append`, which costs a microsecond or two and draws nothing: the chart draws at most
    `frames_per_second` times, only when something changed, and only while it can be seen.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {*appearance.COMPONENTS.values(), "chart--raw", "chart--cursor"}
    """`chart--series-1` … `-8` colour the curves, `chart--raw` adds its text style to a raw curve behind a
    smoothed one, `chart--cursor` gives its background to the column of the cursor."""

    DEFAULT_CSS = appearance.CSS

    log_scale: reactive[bool] = reactive(False)
    """A logarithmic y axis; values ≤ 0 are left out with a mark and a notice."""
    clip: reactive[bool] = reactive(False)
    """True if outliers are left out of the y axis; they are drawn at its edge."""
    smoothing: reactive[float] = reactive(0.0)
    """Weight of the exponential moving average, 0 ≤ weight < 1; 0 draws the samples only."""
    cursor: reactive[float | None] = reactive(None)
    """The x under the cursor. Setting it posts no message, so charts may set each other's."""
    view: reactive[View] = reactive(View())
    """The range of x that is shown. Setting it posts no message."""

    def __init__(
        self,
        title: str = "",
        *,
        empty: str = "no data yet",
        frames_per_second: float = 15.0,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes, disabled=disabled)
        self._title = printable(title)
        self._empty = printable(empty)
        self._frame_time = 1.0 / frames_per_second
        self._curves: dict[str, Curve] = {}
        self._marks: list[EventMark] = []
        self._grid: Grid | None = None
        self._strips: list[Strip] | None = None
        self._cell_styles: dict[int, Style] = {}
        self._drawn_size = (-1, -1)
        self._drawn_at = -math.inf
        self._draw_pending = False
        self._plot: Plot | None = None

    # ------------------------------------------------------------------ data

    def add_series(
        self,
        name: str,
        *,
        label: str | None = None,
        colour: int | None = None,
        shape: str | None = None,
        series: Series | None = None,
        is_level: bool = False,
        edges: Edges | None = None,
    ) -> Series:
        """Add a curve, drawn over those before it.

        Args:
            name: the key for `append`; must be new.
            label: what the legend shows, where it is not the name. Never read as markup.
            colour: 0 … 7; the least used by default.
            shape: a key of `braille.SHAPES`; the least used by default.
            series: samples to draw, shared with their owner; a new series by default.
            is_level: whether it is a level line for comparison, for which the y axis is not stretched far.
            edges: of the band around it.

        Raises:
            ValueError: the name is taken, or the shape unknown.
        """
        if name in self._curves:
            raise ValueError(f"the chart has a series {name!r} already")
        if shape is not None and shape not in SHAPES:
            raise ValueError(f"no line shape {shape!r}; there are {', '.join(SHAPES)}")
        curves = self._curves.values()
        if colour is None:
            used = [curve.colour for curve in curves]
            colour = min(range(COLOURS), key=used.count)
        if shape is None:
            drawn = [curve.shape for curve in curves]
            shapes = SHAPES if edges is None else SHAPES_OF_MEANS
            shape = min(shapes, key=lambda known: drawn.count(SHAPES[known]))
        if series is None:
            series = Series(printable(label or name))
        self._curves[name] = Curve(series, colour % COLOURS, SHAPES[shape], is_level, edges)
        self.changed()
        return series

    def replace_series(self, name: str, series: Series, edges: Edges | None = None) -> None:
        """Draw other samples as a curve of this name, which keeps its looks. Raises KeyError if there is none."""
        self._curves[name] = replace(self._curves[name], series=series, edges=edges)
        self.changed()

    def remove_series(self, name: str) -> None:
        """Take a curve away. Raises KeyError if there is none of that name."""
        del self._curves[name]
        self.changed()

    @property
    def series(self) -> dict[str, Series]:
        """The series by name, in the order of the legend."""
        return {name: curve.series for name, curve in self._curves.items()}

    def append(self, name: str, x: float, y: float) -> None:
        """Add a sample to a series, which is added if it is new. Returns at once; see the class.

        Raises:
            ValueError: x is not finite.
        """
        curve = self._curves.get(name)
        (curve.series if curve else self.add_series(name)).append(x, y)
        if not self._draw_pending:
            self.changed()

    def extend(self, name: str, samples: Iterable[tuple[float, float]]) -> None:
        """Add many samples to a series, which is added if it is new."""
        curve = self._curves.get(name)
        (curve.series if curve else self.add_series(name)).extend(samples)
        self.changed()

    def mark(self, x: float, kind: str, text: str = "") -> None:
        """Mark an event at x. Kinds with a glyph are nan, learning_rate and checkpoint; the text is shown
        under the cursor. The same mark twice is one; of very many, the older are thinned out."""
        mark = EventMark(x, printable(kind), printable(text))
        place = bisect_left(self._marks, mark)
        if self._marks[place : place + 1] == [mark]:
            return
        insort(self._marks, mark)
        if len(self._marks) > MOST_MARKS:
            del self._marks[: MOST_MARKS // 2 : 2]
        self.changed()

    def clear(self) -> None:
        """Forget series, marks, view and cursor."""
        self._curves.clear()
        self._marks.clear()
        self.view, self.cursor = View(), None
        self.changed()

    @property
    def title(self) -> str:
        return self._title

    @title.setter
    def title(self, title: str) -> None:
        self._title = printable(title)
        self.changed()

    @property
    def extent(self) -> Window | None:
        """From the first to the last x of all series; None while there is no sample."""
        ends = [
            (curve.series.x[0], curve.series.x[-1]) for curve in self._curves.values() if len(curve.series)
        ]
        return (min(first for first, _ in ends), max(last for _, last in ends)) if ends else None

    # ------------------------------------------------------------------ drawing

    def changed(self, *, at_once: bool = False) -> None:
        """See to it that what changed is drawn, with the next frame. For owners of shared series too.

        Args:
            at_once: the owner keeps the pace of frames, and this is one.
        """
        if not self.is_running or (self._draw_pending and not at_once):
            return
        self._draw_pending = True
        wait = self._drawn_at + self._frame_time - monotonic()
        if wait > 0.0 and not at_once:
            self.set_timer(wait, self._repaint)
        else:
            self._repaint()

    def _repaint(self) -> None:
        """Draw, and have only the cells painted that look otherwise than before: of most rows nothing changes, and over
        a slow line every byte counts."""
        before, size = self._grid, self.size
        if before is None or self._strips is None or self._drawn_size != size or self._is_framed:
            self.refresh()
            return
        strips = self._strips
        after = self._draw(*size)
        assert self._grid is not None
        for y, region in enumerate(changed_cells(before, self._grid)):
            if region is None:
                after[y] = strips[y]  # what Textual made of it before is kept with it
            else:
                super().refresh(region)
        self._strips = after

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        self._strips = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of a part of the chart.

        Textual styles each line of a widget again, which takes almost half as long as drawing it did. A chart's cells
        have their whole style already; it is only for what may be laid around or over them that Textual is needed.
        """
        if self._is_framed:
            return super().render_lines(crop)
        lines = [self.render_line(y) for y in crop.line_range]
        start, end = crop.column_span
        return lines if (start, end) == (0, self.size.width) else [line.crop(start, end) for line in lines]

    @property
    def _is_framed(self) -> bool:
        """True if the style sheet draws more than the chart itself in its region."""
        styles = self.styles
        return bool(
            any(styles.gutter)
            or any(kind for kind, _ in styles.outline)
            or styles.tint.a
            or styles.text_opacity != 1.0
            or styles.has_rule("hatch")
            or self.opacity != 1.0
        )

    def render_line(self, y: int) -> Strip:
        size = self.size
        strips = self._strips  # another thread's `changed` may forget them while they are drawn
        if strips is None or self._drawn_size != size:
            strips = self._strips = self._draw(*size)
        return strips[y] if y < len(strips) else Strip.blank(size.width)

    def _draw(self, width: int, height: int) -> list[Strip]:
        self._drawn_size = self.size
        self._drawn_at = monotonic()
        self._draw_pending = False
        grid = self._grid = Grid(width, height)
        self._plot = picture.draw(grid, self._picture())
        styles = self._cell_styles
        strips = []
        for y in range(height):
            segments = []
            for text, code in grid.runs(y):
                style = styles.get(code)
                if style is None:
                    style = styles[code] = self._style(code)
                segments.append(Segment(text, style))
            strips.append(Strip(segments, width))
        return strips

    def _picture(self) -> Picture:
        extent = self.extent
        notices = []
        if self.log_scale:
            notices.append("log")
        if self.clip:
            notices.append("outliers cut")
        if self.smoothing:
            notices.append(f"smooth {self.smoothing:g}")
        if not self.view.follows:
            notices.append("frozen")
        elif self.view.span is not None:
            notices.append("latest")
        return Picture(
            title=self._title,
            curves=list(self._curves.values()),
            marks=self._marks,
            window=self.view.window(extent) if extent else None,
            log=self.log_scale,
            smoothing=self.smoothing,
            cursor=self.cursor,
            notices=notices,
            empty=self._empty,
            clip=self.clip,
        )

    def notify_style_update(self) -> None:
        self._cell_styles.clear()
        super().notify_style_update()

    def _style(self, code: int) -> Style:
        under_cursor = code >= CURSOR
        code %= CURSOR
        style = self.get_component_rich_style(appearance.COMPONENTS[code])
        if RAW <= code < RAW + COLOURS:
            style += self.get_component_rich_style("chart--raw", partial=True)
        if under_cursor:
            cursor = self.get_component_rich_style("chart--cursor")
            style += Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse or None)
        # What Textual does to the colours of every line (NO_COLOR, ANSI themes), done once to each style.
        cell = [Segment(" ", style)]
        for line_filter in self.get_line_filters():
            cell = line_filter.apply(cell, self.background_colors[1])
        return cell[0].style or style

    def validate_smoothing(self, weight: float) -> float:
        return min(max(weight, 0.0), 0.9999)


def changed_cells(before: Grid, after: Grid) -> Iterator[Region | None]:
    """For each row of two grids of one size, where it differs; None where it does not."""
    for y in range(after.height):
        was, now = before.glyphs[y], after.glyphs[y]
        were, are = before.codes[y], after.codes[y]
        if was == now and were == are:
            yield None
            continue
        differs = [x for x in range(after.width) if was[x] != now[x] or were[x] != are[x]]
        first, last = differs[0], differs[-1]
        while first > 0 and "" in (now[first], was[first]):  # the second cell of a wide glyph
            first -= 1
        while last + 1 < after.width and "" in (now[last + 1], was[last + 1]):
            last += 1
        yield Region(first, y, last - first + 1, 1)
