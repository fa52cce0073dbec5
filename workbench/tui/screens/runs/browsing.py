"""The part of the runs screen that lists runs, and draws those that are marked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import nullcontext

from textual import on, work
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import DataTable, Static

from workbench.errors import WorkbenchError
from workbench.storage.runs import RunSummary
from workbench.tui.context import kwb
from workbench.tui.messages import TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.runs.histories import Histories
from workbench.tui.screens.runs.listing import ORDERS, RunLister, chosen, metrics_of, short_names
from workbench.tui.screens.runs.overlay import OverlayChart
from workbench.tui.screens.runs.table import RunsTable
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import run_mark
from workbench.tui.widgets.filter_line import FilterLine

LOOK_EVERY = 2.0  # seconds between looks at the folders, while the screen is seen
MOST_MARKED = 8  # curves that can be kept apart by eye


class RunsBrowsingScreen(WorkbenchScreen):
    """All runs in a table, filtered and sorted; the curves of the marked ones, or of the one under the cursor."""

    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[RunSummary] = []
        self._looked = False
        self._shown: list[RunSummary] = []
        self._marked: dict[str, None] = {}
        self._histories = Histories()
        self._lister: RunLister | None = None
        self._looking = False
        self._order = "newest"
        self._metric = "loss"
        self._filter = ""
        self._look_timer: Timer | None = None

    # ------------------------------------------------------------------ made of

    def compose_body(self) -> Iterable[Widget]:
        yield FilterLine("#table", placeholder="words of a name or a status")
        yield RunsTable(id="table")
        yield Static(id="about", markup=False)
        yield OverlayChart(id="overlay")
        yield Static(id="empty", markup=False)

    def on_mount(self) -> None:
        app = kwb(self)
        self._order = app.state.get("runs.order", "newest")
        self._order = self._order if self._order in ORDERS else "newest"
        self._metric = app.state.get("runs.metric", "loss")
        self._lister = RunLister(app.runs_folder)
        self._look_timer = self.set_interval(LOOK_EVERY, self.look)
        self.query_one(RunsTable).focus()
        self.look()

    def on_screen_resume(self) -> None:
        if self._look_timer is not None:
            self._look_timer.resume()
            self.look()

    def on_screen_suspend(self) -> None:
        if self._look_timer is not None:
            self._look_timer.pause()

    # ------------------------------------------------------------------ what there is

    @on(TrainingChanged)
    def look(self) -> None:
        """Look at the folders, in a thread; one look at a time."""
        if self._lister is not None and not self._looking and self.is_current:
            self._looking = True
            self._look()

    @work(group="look")
    async def _look(self) -> None:
        assert self._lister is not None
        keys = kwb(self).type_ahead  # those typed meanwhile are for the table
        first_time = nullcontext() if self._looked else keys.kept("listing the runs", cancel=False)
        try:
            with first_time:
                runs = await asyncio.to_thread(self._lister.refresh)
        finally:
            self._looking = False
        if runs != self._runs or not self._looked:
            self._looked = True
            self._runs = runs
            names = {run.folder.name for run in runs}
            self._marked = {name: None for name in self._marked if name in names}
            self._fill()
            self.draw()

    def _fill(self) -> None:
        """Show the runs that the filter lets through."""
        self._shown = chosen(self._runs, self._filter, self._order)
        has_runs = bool(self._runs)
        for selector in ("#table", "#about", "#overlay"):
            self.query_one(selector).display = has_runs
        empty = self.query_one("#empty", Static)
        empty.display = not has_runs
        if not has_runs:
            empty.update(
                f"No run yet in {kwb(self).runs_folder}.\n\n"
                "Train a recipe (1 shows those that are there), or from the shell:\n\n"
                "    kwb --batch residual-regressor"
            )
            return
        table = self.query_one(RunsTable)
        table.show(self._shown, self._runs, self._marked)
        if self.focused is None:
            table.focus()
        self._show_summary()

    @property
    def _under_cursor(self) -> RunSummary | None:
        name = self.query_one(RunsTable).name_under_cursor
        return next((run for run in self._runs if run.folder.name == name), None)

    def on_resize(self) -> None:
        if self._runs:
            self._fill()

    # ------------------------------------------------------------------ the curves

    @property
    def _drawn(self) -> list[RunSummary]:
        """The marked runs, or the one under the cursor."""
        if self._marked:
            by_name = {run.folder.name: run for run in self._runs}
            return [by_name[name] for name in self._marked if name in by_name]
        under = self._under_cursor
        return [under] if under else []

    @work(group="draw", exclusive=True)
    async def draw(self) -> None:
        """Read what is new of the runs to draw, and draw them."""
        runs = self._drawn
        for run in runs:
            history = self._histories.of(run.folder)
            try:
                await history.catch_up()
            except WorkbenchError as error:
                kwb(self).notice(error, "warning")
        curves = {
            run.folder.name: series
            for run in runs
            if (series := self._histories.of(run.folder).series(self._metric)) is not None
        }
        labels = dict(zip(curves, short_names(list(curves)), strict=True))
        self.query_one(OverlayChart).show(self._metric, curves, labels)
        self._show_summary()

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        if not self._marked:
            self.draw()
        self._show_summary()
        self.refresh_bindings()

    def _show_summary(self) -> None:
        """One line about the run under the cursor."""
        parts = []
        if (run := self._under_cursor) is not None:
            view = self._histories.of(run.folder).record.view if not self._marked else None
            parts.append(f"{run_mark(run.status)} {printable(run.folder.name)}")
            if view is not None and view.evaluation:
                tested = "  ".join(
                    f"{printable(name)} {number(value)}" for name, value in view.evaluation.items()
                )
                parts.append(f"on the test part {tested}")
            if view is not None and view.error is not None:
                parts.append(printable(view.error.what))
        if self._filter:
            parts.append(f"{len(self._shown)} of {len(self._runs)} shown")
        self.query_one("#about", Static).update("   ".join([*parts, ORDERS[self._order]]))

    # ------------------------------------------------------------------ marks, filter, order, metric

    def action_mark(self) -> None:
        if (run := self._under_cursor) is None:
            return
        name = run.folder.name
        if name in self._marked:
            del self._marked[name]
        elif len(self._marked) == MOST_MARKED:
            kwb(self).notice(f"at most {MOST_MARKED} curves can be shown at once.", "warning")
            return
        else:
            self._marked[name] = None
        self._fill()
        self.query_one(RunsTable).action_cursor_down()
        self.draw()
        self.refresh_bindings()

    def action_unmark(self) -> None:
        self._marked.clear()
        self._fill()
        self.draw()

    def action_metric(self) -> None:
        names = metrics_of(self._runs)
        if names:
            at = names.index(self._metric) if self._metric in names else -1
            self._metric = names[(at + 1) % len(names)]
            kwb(self).state.set("runs.metric", self._metric)
            self.draw()

    def action_sort(self) -> None:
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        kwb(self).state.set("runs.order", self._order)
        self._fill()

    def action_filter(self) -> None:
        self.query_one(FilterLine).ask()

    def action_clear_filter(self) -> None:
        self.query_one(FilterLine).dismiss()

    @on(FilterLine.Changed)
    def _filtered(self, event: FilterLine.Changed) -> None:
        self._filter = event.value
        self._fill()
