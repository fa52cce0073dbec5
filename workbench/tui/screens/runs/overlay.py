"""OverlayChart: one curve of several runs, or of several groups of them, in one chart."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.storage.bands import Band
from workbench.tui.chart.bands import Edges, band_series
from workbench.tui.chart.widget import Chart
from workbench.tui.views.fitting import printable
from workbench.tui.views.series import Series


class OverlayChart(Chart):
    """Keeps the look of a run, or of a group, as long as it is shown."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", empty="no epoch has ended yet", id=id)
        self._has_bands = False

    def show(self, title: str, curves: Mapping[str, Series], labels: Mapping[str, str]) -> None:
        """Draw the curves, by the run's name; others are taken away.

        Args:
            labels: what the legend calls each run.
        """
        self._draw_curves(title, {name: (series, None) for name, series in curves.items()}, has_bands=False)
        for name, series in curves.items():
            series.name = printable(labels[name])  # what the legend shows

    def show_bands(self, title: str, bands: Mapping[str, Band]) -> None:
        """Draw the mean of each group with its band, by the group's value; others are taken away."""
        self._draw_curves(title, {value: band_series(band) for value, band in bands.items()}, has_bands=True)

    def _draw_curves(
        self, title: str, curves: Mapping[str, tuple[Series, Edges | None]], *, has_bands: bool
    ) -> None:
        self.title = title
        for name in self.series:
            if name not in curves or has_bands is not self._has_bands:
                self.remove_series(name)
        self._has_bands = has_bands
        for name, (series, edges) in curves.items():
            if name not in self.series:
                self.add_series(name, series=series, edges=edges)
            elif has_bands or self.series[name] is not series:
                self.replace_series(name, series, edges)
        self.changed()
