"""Draw the curves of runs, or those of their groups, after what is new of the runs is read."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.storage.runs import RunSummary
from workbench.tui.context import AppContext
from workbench.tui.screens.runs.grouping import Grouping
from workbench.tui.screens.runs.overlay import OverlayChart
from workbench.tui.services.histories import Histories
from workbench.tui.views.fitting import short_names


async def draw_runs(
    app: AppContext, chart: OverlayChart, histories: Histories, runs: Sequence[RunSummary], metric: str
) -> None:
    """Draw a curve of each run."""
    for run in runs:
        try:
            await histories.of(run.folder).catch_up()
        except WorkbenchError as error:
            app.notice(error, "warning")
    curves = {
        run.folder.name: series
        for run in runs
        if (series := histories.of(run.folder).series(metric)) is not None
    }
    chart.show(metric, curves, dict(zip(curves, short_names(list(curves)), strict=True)))


async def draw_groups(
    app: AppContext, chart: OverlayChart, grouping: Grouping, under_cursor: str | None, metric: str
) -> None:
    """Draw the mean of each marked group, or of the one under the cursor, with its band."""
    try:
        bands = await grouping.bands(grouping.drawn(under_cursor), metric)
    except WorkbenchError as error:
        app.notice(error, "warning")
        return
    chart.show_bands(f"{metric}, mean ± standard deviation", bands)
