"""The runs screen: a table of all runs, and the curves of those that are marked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import DataTable, Static

from workbench.errors import WorkbenchError
from workbench.storage.runs import RunFolder, RunSummary
from workbench.tui.app_access import kwb
from workbench.tui.messages import TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.runs import compare, upkeep
from workbench.tui.screens.runs.difference import DifferenceDialog
from workbench.tui.screens.runs.histories import Histories
from workbench.tui.screens.runs.listing import (
    GLYPHS,
    ORDERS,
    RunLister,
    chosen,
    metrics_of,
    middle_cut,
    resumable,
    short_names,
)
from workbench.tui.screens.runs.overlay import OverlayChart
from workbench.tui.screens.runs.reopen import edit_again, resume_run
from workbench.tui.screens.runs.stop import stop_run
from workbench.tui.screens.train.words import counted, number
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog
from workbench.tui.widgets.filter_line import FilterLine

LOOK_EVERY = 2.0  # seconds between looks at the folders, while the screen is seen
_WIDTHS = {"": 3, "status": 13, "epoch": 8, "started": 12}
_METRIC, _LEAST_NAME = 8, 16

MOST_MARKED = 8  # curves that can be told apart

_STYLES = {"running": "bold green", "done": "", "failed": "red", "crashed": "red"}


class RunsScreen(WorkbenchScreen):
    """All runs of the workplace."""

    CSS_PATH = "screen.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="runs.mark", key_display="space",
                tooltip="Mark the run: the curves of marked runs are drawn over one another"),
        Binding("a", "unmark", "Unmark all", id="runs.unmark", show=False, tooltip="Take all marks away"),
        Binding("d", "difference", "Difference", id="runs.difference",
                tooltip="Compare two marked runs: results, recipe, versions"),
        Binding("m", "metric", "Metric", id="runs.metric", tooltip="Draw the next metric"),
        Binding("slash", "filter", "Filter", id="runs.filter", key_display="/",
                tooltip="Show the runs that have these words in their name or status"),
        Binding("s", "sort", "Sort", id="runs.sort", tooltip="Newest, name, status, loss, val_loss"),
        Binding("o", "stop", "Stop", id="runs.stop",
                tooltip="Have the run end after its batch and be saved, wherever it is trained"),
        Binding("u", "resume", "Resume", id="runs.resume", tooltip="Go on from the run's last checkpoint"),
        Binding("e", "rerun", "Edit", id="runs.rerun", tooltip="Open the run's recipe as a new one, to train it again"),
        Binding("n", "rename", "Name", id="runs.rename", show=False, tooltip="Rename the run's folder"),
        Binding("x,delete", "delete", "Delete", id="runs.delete", key_display="x",
                tooltip="Delete the marked runs, or the one under the cursor, after asking"),
        Binding("escape", "clear_filter", "All runs", id="runs.all", show=False, tooltip="Leave the filter"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[RunSummary] = []
        self._shown: list[RunSummary] = []
        self._marked: dict[str, None] = {}
        self._histories = Histories()
        self._lister: RunLister | None = None
        self._looking = False
        self._order = "newest"
        self._metric = "loss"
        self._filter = ""
        self._shape: tuple[tuple[str, ...], int] = ((), 0)
        self._look_timer: Timer | None = None

    # ------------------------------------------------------------------ made of

    def compose_body(self) -> Iterable[Widget]:
        yield FilterLine("#table", placeholder="words of a name or a status")
        yield DataTable(id="table", cursor_type="row", zebra_stripes=False)
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
        self.query_one(DataTable).focus()
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
        try:
            runs = await asyncio.to_thread(self._lister.refresh)
        finally:
            self._looking = False
        if runs != self._runs or not self._shape[0]:
            self._runs = runs
            names = {run.folder.name for run in runs}
            self._marked = {name: None for name in self._marked if name in names}
            self._fill()
            self.draw()

    def _fill(self) -> None:
        """Bring the table up to date; rows that stay are changed cell by cell."""
        table = self.query_one(DataTable)
        self._shown = chosen(self._runs, self._filter, self._order)
        has_runs = bool(self._runs)
        for selector in ("#table", "#about", "#overlay"):
            self.query_one(selector).display = has_runs
        empty = self.query_one("#empty", Static)
        empty.display = not has_runs
        if not has_runs:
            self._shape = ("none",), 0
            empty.update(
                f"No run yet in {kwb(self).runs_folder}.\n\n"
                "Train a recipe (1 shows those that are there), or from the shell:\n\n"
                "    kwb --batch residual-regressor"
            )
            return
        columns = self._wanted_columns()
        names = [run.folder.name for run in self._shown]
        shape = (columns, self._name_width(columns))
        if shape != self._shape or names != [str(key.value) for key in table.rows]:
            self._rebuild(*shape)
        else:
            for run in self._shown:
                for column, cell in zip(columns, self._cells(run), strict=True):
                    if table.get_cell(run.folder.name, column) != cell:
                        table.update_cell(run.folder.name, column, cell)
        if self.focused is None:
            table.focus()
        self._tell()

    def _wanted_columns(self) -> tuple[str, ...]:
        """As many as the width has room for; each takes two cells of air."""
        base = ["", "status", "run", "epoch", *(["started"] if self.size.width >= 100 else [])]
        used = sum(_WIDTHS.get(column, _LEAST_NAME) + 2 for column in base)
        metrics = metrics_of(self._runs)[: max((self.size.width - 1 - used) // (_METRIC + 2), 1)]
        return (*base, *metrics)

    def _name_width(self, columns: Sequence[str]) -> int:
        """What the others leave for the run's name."""
        others = sum(_WIDTHS.get(column, _METRIC) + 2 for column in columns if column != "run")
        longest = max((len(run.folder.name) for run in self._runs), default=0)
        return min(max(self.size.width - 3 - others, _LEAST_NAME), max(longest, _LEAST_NAME))

    def _rebuild(self, columns: tuple[str, ...], name_width: int) -> None:
        table = self.query_one(DataTable)
        under = self._under_cursor
        with self.app.batch_update():
            table.clear(columns=True)
            self._shape = columns, name_width
            for column in columns:
                width = name_width if column == "run" else _WIDTHS.get(column, _METRIC)
                table.add_column(column, key=column, width=width)
            for run in self._shown:
                table.add_row(*self._cells(run), key=run.folder.name)
            names = [run.folder.name for run in self._shown]
            if under is not None and under.folder.name in names:
                table.move_cursor(row=names.index(under.folder.name), animate=False)

    def _cells(self, run: RunSummary) -> list[Text]:
        marks = list(self._marked)
        name = run.folder.name
        cells = {
            "": Text(f"▣ {marks.index(name) + 1}" if name in self._marked else "□"),
            "status": Text(f"{GLYPHS.get(run.status, '?')} {run.status}", style=_STYLES.get(run.status, "")),
            "run": Text(middle_cut(name, self._shape[1])),
            "epoch": Text(f"{run.epoch}/{run.epochs}" if run.epochs else "–", justify="right"),
            "started": Text(
                time.strftime("%d %b %H:%M", time.localtime(run.started)) if run.started else "–"
            ),
        }
        logs = run.logs
        return [
            cells[column] if column in cells else Text(_logged(logs, column), justify="right")
            for column in self._shape[0]
        ]

    @property
    def _under_cursor(self) -> RunSummary | None:
        row = self.query_one(DataTable).cursor_row
        keys = [str(key.value) for key in self.query_one(DataTable).rows]
        name = keys[row] if 0 <= row < len(keys) else None
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
            except WorkbenchError as fault:
                kwb(self).notice(fault, "warning")
        curves = {
            run.folder.name: series
            for run in runs
            if (series := self._histories.of(run.folder).series(self._metric)) is not None
        }
        labels = dict(zip(curves, short_names(list(curves)), strict=True))
        self.query_one(OverlayChart).show(self._metric, curves, labels)
        self._tell()

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        if not self._marked:
            self.draw()
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        """One line about the run under the cursor."""
        parts = []
        if (run := self._under_cursor) is not None:
            view = self._histories.of(run.folder).record.view if not self._marked else None
            parts.append(f"{GLYPHS.get(run.status, '?')} {run.folder.name}")
            if view is not None and view.evaluation:
                tested = "  ".join(f"{name} {number(value)}" for name, value in view.evaluation.items())
                parts.append(f"on the test part {tested}")
            if view is not None and view.fault is not None:
                parts.append(view.fault.what)
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
            kwb(self).notice(f"at most {MOST_MARKED} curves can be told apart.", "warning")
            return
        else:
            self._marked[name] = None
        self._fill()
        self.query_one(DataTable).action_cursor_down()
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

    # ------------------------------------------------------------------ one run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing for the run under the cursor are not offered."""
        if action in ("mark", "rerun", "rename", "delete", "sort", "metric", "filter", "difference"):
            return bool(self._runs) if action != "difference" else len(self._marked) == 2
        if action == "resume":
            return self.is_mounted and (run := self._under_cursor) is not None and resumable(run)
        if action == "stop":
            return self.is_mounted and (run := self._under_cursor) is not None and run.status == "running"
        if action == "clear_filter":
            return self.is_mounted and self.query_one(FilterLine).display
        return True

    @on(DataTable.RowSelected)
    def _open(self) -> None:
        """Watch the run; one that this app trains is shown as its own."""
        app = kwb(self)
        if (run := self._under_cursor) is None:
            return
        training = app.training
        own = (
            training is not None
            and training.run_folder is not None
            and training.run_folder.name == run.folder.name
        )
        app.watched = None if own else run.folder.path
        app.go("train")

    @work(group="difference", exclusive=True)
    async def action_difference(self) -> None:
        left, right = self._drawn[:2]
        histories = [self._histories.of(run.folder) for run in (left, right)]
        for history in histories:
            await history.catch_up()
        recipes = [await asyncio.to_thread(compare.read_recipe, run.folder) for run in (left, right)]
        versions = [await asyncio.to_thread(compare.read_environment, run.folder) for run in (left, right)]
        sections = [
            ("results", compare.results(*(history.record.view for history in histories)), ""),
            ("recipe", compare.differences(*recipes), "the same"),
            ("ran on", compare.differences(*versions), "the same"),
        ]
        self.app.push_screen(DifferenceDialog(short_names([left.folder.name, right.folder.name]), sections))

    @work(group="rerun", exclusive=True)
    async def action_rerun(self) -> None:
        if (run := self._under_cursor) is not None:
            await edit_again(kwb(self), run.folder)

    @work(group="resume", exclusive=True)
    async def action_resume(self) -> None:
        if (run := self._under_cursor) is not None:
            await resume_run(kwb(self), run.folder)

    @work(group="stop", exclusive=True)
    async def action_stop(self) -> None:
        if (run := self._under_cursor) is not None:
            await stop_run(kwb(self), run.folder)

    @work(group="rename", exclusive=True)
    async def action_rename(self) -> None:
        run = self._under_cursor
        if run is None or not self._may_change([run]):
            return
        name = await self.app.push_screen_wait(
            PromptDialog(
                "Rename the run", run.folder.name, check=lambda name: upkeep.name_fault(run.folder, name)
            )
        )
        if name and name != run.folder.name:
            await self._change("renamed", [run.folder], upkeep.rename, name)

    @work(group="delete", exclusive=True)
    async def action_delete(self) -> None:
        runs = self._drawn
        if not runs or not self._may_change(runs):
            return
        names = "\n".join(run.folder.name for run in runs)
        what = f"Delete {counted(len(runs), 'run')}?" if len(runs) > 1 else "Delete this run?"
        answer = await self.app.push_screen_wait(
            ConfirmDialog(
                what, f"{names}\n\nWith its checkpoints and its model. Files saved elsewhere stay.",
                [Choice("no", "Keep", "k"), Choice("yes", "Delete", "d", "error")],
            )
        )  # fmt: skip
        if answer == "yes":
            await self._change("deleted", [run.folder for run in runs], upkeep.delete)

    def _may_change(self, runs: Sequence[RunSummary]) -> bool:
        for run in runs:
            if run.status == "running":
                kwb(self).notice(
                    WorkbenchError(
                        "it is running.", where=run.folder.name, hint="Stop it first (o), or let it end."
                    ),
                    "warning",
                )
                return False
        return True

    async def _change(self, done: str, runs: Sequence[RunFolder], change: Any, *arguments: Any) -> None:
        for run in runs:
            try:
                await asyncio.to_thread(change, run, *arguments)
            except WorkbenchError as fault:
                kwb(self).notice(fault)
                continue
            self._histories.forget(run)
            self._marked.pop(run.name, None)
            kwb(self).notice(f"{run.name} {done}.", "information")
        self.look()

    def copy_text(self) -> str | None:
        """What `y` copies: the folder of the run under the cursor."""
        run = self._under_cursor
        return str(run.folder.path) if run else None


def _logged(logs: Mapping[str, float], name: str) -> str:
    return number(logs[name]) if name in logs else "–"
