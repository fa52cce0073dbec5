"""The weights pane: the distribution of each weight's values, epoch by epoch."""

from __future__ import annotations

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.tui.chart.histogram import HistogramChart
from workbench.tui.views.distributions import Distributions

WATCH_HINT = "nothing is watched: a adds `watch: [histograms]` to the recipe, for the next training"
_LEAST_CHART = 40  # cells beside which a second histogram has room
_MOST_CHARTS = 4


class WeightsPane(Horizontal):
    """A list of weights, and the histograms of the chosen one and those after it, as many as have room."""

    DEFAULT_CSS = """
    WeightsPane {
        & > OptionList { width: 28; height: 1fr; border: none; padding: 0; scrollbar-size-vertical: 1; }
        & > OptionList:focus { border: none; }
        & > HistogramChart { width: 1fr; margin-left: 1; }
        &.-empty > OptionList { display: none; }
    }
    WeightsPane.-slim { layout: vertical; }
    WeightsPane.-slim > OptionList { width: 1fr; height: 5; }
    WeightsPane.-slim > HistogramChart { margin-left: 0; }
    """

    def __init__(self, distributions: Distributions, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._distributions = distributions
        self._listed: list[str] = []
        self._shown: list[str] = []
        self._newest: dict[str, float] = {}

    def compose(self) -> ComposeResult:
        yield OptionList(markup=False)
        yield HistogramChart("", empty=_empty_text(True))

    def show(self, distributions: Distributions) -> None:
        """Show another training's weights."""
        self._distributions = distributions
        self._listed, self._shown, self._newest = [], [], {}
        self.query_one(OptionList).clear_options()
        self.update()

    def set_watched(self, watched: bool) -> None:
        """True if the recipe watches histograms at all; if not, the empty pane says so."""
        if self._listed:
            return
        for chart in self.query(HistogramChart):
            chart.describe("", _empty_text(watched))

    def update(self) -> None:
        """Take notice of histograms that came."""
        weights = self._distributions.weights
        if weights[: len(self._listed)] != self._listed:  # they have other names now
            self.show(self._distributions)
            return
        self.set_class(not weights, "-empty")
        options = self.query_one(OptionList)
        if weights != self._listed:
            for path in weights[len(self._listed) :]:
                options.add_option(Option(Content(path), id=None))
            self._listed = list(weights)
            if options.highlighted is None and weights:
                options.highlighted = 0
        self._fill()

    def _fill(self) -> None:
        first = self.query_one(OptionList).highlighted or 0
        wanted = self._listed[first : first + self._room()]
        charts = list(self.query(HistogramChart))
        while len(charts) < len(wanted):
            chart = HistogramChart("", empty=_empty_text(True))
            chart.cursor = charts[0].cursor
            self.mount(chart)
            charts.append(chart)
        for number, chart in enumerate(charts):
            chart.display = number < max(len(wanted), 1)
            if number < len(wanted):
                self._fill_chart(chart, wanted[number], number)
        self._shown = wanted

    def _fill_chart(self, chart: HistogramChart, path: str, number: int) -> None:
        rows = self._distributions.rows(path)
        fresh = number >= len(self._shown) or self._shown[number] != path
        since = -1.0 if fresh else self._newest.get(path, -1.0)
        if fresh:
            cursor = chart.cursor
            chart.clear()
            chart.describe(path, _empty_text(True))
            chart.cursor = cursor
        for row in rows:
            if row.epoch > since:
                chart.append(row.epoch, row.edges, row.counts)
        self._newest[path] = rows[-1].epoch if rows else -1.0

    def _room(self) -> int:
        width = self.size.width if self.has_class("-slim") else self.size.width - 28
        return min(max(width // _LEAST_CHART, 1), _MOST_CHARTS)

    def share_cursor(self, epoch: float | None) -> None:
        """Choose the same epoch everywhere."""
        for chart in self.query(HistogramChart):
            chart.cursor = epoch

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < 28 + _LEAST_CHART, "-slim")
        self._fill()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._fill()


def _empty_text(watched: bool) -> str:
    if watched:
        return "histograms come with the end of an epoch"
    return WATCH_HINT
