"""A grid of charts that fits the width, whose charts share their cursor, their window and their smoothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from workbench.tui.chart.view import View
from workbench.tui.chart.widget import Chart
from workbench.tui.state import AppState
from workbench.tui.views.curves import (
    BATCHES,
    GUESS,
    LINEAR,
    ORDER,
    TRAINING,
    VALIDATION,
    Mark,
    Panel,
)

LEAST_WIDTH = 48  # of a chart, in cells
LEAST_HEIGHT = 8
ASPECT = 3.0  # of a chart that looks good: its width by its height, in cells
MOST_CURVES = 8  # of one chart: more cannot be kept apart by eye

_LOOKS = {
    TRAINING: (0, "solid"), VALIDATION: (1, "dashed"), BATCHES: (7, "dotted"),
    GUESS: (3, "triangles"), LINEAR: (4, "rings"),
}  # fmt: skip
_LEVELS = (GUESS, LINEAR)


class PanelChart(Chart):
    """The chart of one panel; `page` says which eight of its series are shown."""

    DEFAULT_CSS = "PanelChart { width: 1fr; }"

    def __init__(self, panel: Panel, empty: str = "no data yet") -> None:
        super().__init__(panel.title, empty=empty)
        self.panel = panel
        self.page = 0
        self._seen: list[str] = []

    @property
    def pages(self) -> int:
        return max(-(-len(self.panel.series) // MOST_CURVES), 1)

    def update(self) -> None:
        """Show what came to the panel, in a frame of the screen."""
        if list(self.panel.series) != self._seen:
            self._choose()
        self.changed(at_once=True)

    def turn(self, direction: int) -> None:
        """Show the next or the previous eight series."""
        self.page = (self.page + direction) % self.pages
        self._choose()

    def _choose(self) -> None:
        self._seen = list(self.panel.series)
        for name in list(self.series):
            self.remove_series(name)
        names = sorted(self._seen, key=lambda name: ORDER.index(name) if name in ORDER else 0)
        first = self.page * MOST_CURVES
        for name in names[first : first + MOST_CURVES]:
            colour, shape = _LOOKS.get(name, (None, None))
            series = self.panel.series[name]
            self.add_series(name, series=series, colour=colour, shape=shape, is_level=name in _LEVELS)
        last = min(first + MOST_CURVES, len(names))
        some = f" {first + 1}–{last} of {len(names)}" if len(names) > MOST_CURVES else ""
        self.title = f"{self.panel.title}{some}"


class ChartGrid(VerticalScroll, can_focus=False):
    """Charts of panels, side by side where the width allows; fills its height, or scrolls."""

    DEFAULT_CSS = """
    ChartGrid { layout: grid; grid-gutter: 0 1; scrollbar-size-vertical: 1; }
    ChartGrid > .empty { width: 1fr; height: 100%; content-align: center middle; color: $foreground 60%; }
    """

    ALLOW_MAXIMIZE = False

    def __init__(self, *, empty: str = "no data yet", id: str | None = None) -> None:
        super().__init__(id=id)
        self._charts: dict[str, PanelChart] = {}
        self._empty = empty
        self._marks = 0
        self._shape = (0, 0)
        self.log_scales: set[str] = set()
        """Names of panels whose y axis is logarithmic."""
        self.clipped: set[str] = set()
        """Names of panels whose y axis leaves outliers out."""
        self.smoothing = 0.0

    def restore_choices(self, state: AppState) -> None:
        """Show the charts as they were the last time."""
        self.log_scales = set(state.get("train.log_scales", []))
        self.clipped = set(state.get("train.clipped", []))
        self.smoothing = state.get("train.smoothing", 0.0)

    def keep_choices(self, state: AppState) -> None:
        """Keep for the next start how the charts are shown."""
        state.update(
            {
                "train.log_scales": sorted(self.log_scales),
                "train.clipped": sorted(self.clipped),
                "train.smoothing": self.smoothing,
            }
        )

    def compose(self) -> ComposeResult:
        yield Static(self._empty, classes="empty", markup=False)

    def say_empty(self, words: str) -> None:
        """The text that is shown while there is no chart."""
        if words != self._empty:
            self._empty = words
            self.query_one(".empty", Static).update(words)

    @property
    def charts(self) -> list[PanelChart]:
        return list(self._charts.values())

    def clear(self) -> None:
        """Forget every chart."""
        if self.has_focus_within:
            self.screen.set_focus(None)  # or else it goes to the next chart that is about to be removed
        self.query(PanelChart).remove()
        self._charts.clear()
        self._marks = 0
        self._show_empty()

    def update(self, panels: Mapping[str, Panel], marks: list[Mark]) -> None:
        """Show panels, new ones too, in their order, and the marks that are new."""
        if list(panels) != list(self._charts):
            self._arrange(panels)
        for chart in self._charts.values():
            for mark in marks[self._marks :]:
                chart.mark(mark.x, mark.kind, mark.text)
            chart.update()
        self._marks = len(marks)

    def _arrange(self, panels: Mapping[str, Panel]) -> None:
        with self.app.batch_update():
            for name in [name for name in self._charts if name not in panels]:
                self._charts.pop(name).remove()
            ordered: dict[str, PanelChart] = {}
            before: Widget | None = None
            for name, panel in panels.items():
                chart = self._charts.get(name)
                if chart is None:
                    chart = PanelChart(panel, self._empty)
                    self._give_shared(name, chart)
                    self.mount(chart, after=before or self.query_one(".empty"))
                ordered[name] = chart
                before = chart
            self._charts = ordered
            self._marks = 0
            self._show_empty()
        self._fit()

    def _give_shared(self, name: str, chart: PanelChart) -> None:
        chart.log_scale = name in self.log_scales
        chart.clip = name in self.clipped
        chart.smoothing = self.smoothing
        if others := self.charts:
            chart.view, chart.cursor = others[0].view, others[0].cursor
        self.watch(chart, "log_scale", lambda on: self._log_switched(name, on), init=False)
        self.watch(chart, "clip", lambda on: self._clip_switched(name, on), init=False)
        self.watch(chart, "smoothing", self._smoothed, init=False)

    def _show_empty(self) -> None:
        self.query_one(".empty").display = not self._charts
        if not self._charts:
            self.styles.grid_size_columns = 1
            self.styles.grid_rows = "1fr"
            self._shape = (0, 0)

    # ------------------------------------------------------------------ shared by the charts

    def share_cursor(self, x: float | None, but: Chart | None = None) -> None:
        """Put every chart's cursor at x."""
        for chart in self._charts.values():
            if chart is not but:
                chart.cursor = x

    def share_view(self, view: View, but: Chart | None = None) -> None:
        """Show the same window in every chart."""
        for chart in self._charts.values():
            if chart is not but:
                chart.view = view

    def _log_switched(self, name: str, on: bool) -> None:
        (self.log_scales.add if on else self.log_scales.discard)(name)

    def _clip_switched(self, name: str, on: bool) -> None:
        (self.clipped.add if on else self.clipped.discard)(name)

    @on(Chart.AxisShared)
    def _axis_shared(self, message: Chart.AxisShared) -> None:
        message.stop()
        for chart in self._charts.values():
            setattr(chart, message.what, getattr(message.chart, message.what))

    def _smoothed(self, weight: float) -> None:
        self.smoothing = weight
        for chart in self._charts.values():
            chart.smoothing = weight

    # ------------------------------------------------------------------ lay-out

    def on_resize(self, event: events.Resize) -> None:
        self._fit()

    def _fit(self) -> None:
        """Rows fill the height, or scroll."""
        count, (width, height) = len(self._charts), self.size
        if not count or width <= 0 or height <= 0:
            return
        columns = best_columns(count, width, height)
        rows = -(-count // columns)
        each = max(height // rows, min(LEAST_HEIGHT, height))
        if (columns, each) != self._shape or self.styles.grid_size_columns != columns:
            self._shape = columns, each
            self.styles.grid_size_columns = columns
            self.styles.grid_rows = str(each)


def best_columns(count: int, width: int, height: int) -> int:
    """In how many columns so many charts look best: each about `ASPECT` times as wide as high, in cells, and no place
    left empty where that is as good. Where not all find room, as many columns as there can be."""
    most = min(max(width // LEAST_WIDTH, 1), count)

    def rows(columns: int) -> int:
        return -(-count // columns)

    def ugliness(columns: int) -> float:
        aspect = (width / columns) / (height / rows(columns))
        return abs(math.log(aspect / ASPECT)) + 0.3 * (rows(columns) * columns - count)

    fitting = [columns for columns in range(1, most + 1) if height // rows(columns) >= LEAST_HEIGHT]
    columns = min(fitting, key=ugliness) if fitting else most
    return -(-count // rows(columns))


def names_of(charts: Iterable[PanelChart]) -> list[str]:
    """The panels' titles, for tests and for the clipboard."""
    return [chart.panel.title for chart in charts]
