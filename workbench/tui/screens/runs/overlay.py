"""OverlayChart: one curve of several runs in one chart."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.tui.chart.widget import Chart
from workbench.tui.views.fitting import printable
from workbench.tui.views.series import Series


class OverlayChart(Chart):
    """Keeps the look of a run as long as it is shown."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", empty="no epoch has ended yet", id=id)

    def show(self, title: str, curves: Mapping[str, Series], labels: Mapping[str, str]) -> None:
        """Draw the curves, by the run's name; others are taken away.

        Args:
            labels: what the legend calls each run.
        """
        self.title = title
        now = self.series
        for name in now:
            if curves.get(name) is not now[name]:
                self.remove_series(name)
        for name, series in curves.items():
            series.name = printable(labels[name])  # what the legend shows
            if name not in self.series:
                self.add_series(name, series=series)
        self.changed()
