"""The runs screen: a table of all runs with their curves, and what can be done with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import DataTable, Static

from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary
from workbench.tui.actions.difference import compare_runs
from workbench.tui.actions.keep_model import save_model
from workbench.tui.actions.reopen import edit_again, resume_run, show_run
from workbench.tui.actions.stop import stop_run
from workbench.tui.context import ProbeTarget, kwb
from workbench.tui.messages import TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.folder_listing import FolderListing
from workbench.tui.screens.runs import confirming, drawing, labelling
from workbench.tui.screens.runs.columns import automatic_names
from workbench.tui.screens.runs.columns_dialog import ColumnsDialog
from workbench.tui.screens.runs.grouping import Grouping
from workbench.tui.screens.runs.groups_table import GroupsTable
from workbench.tui.screens.runs.listing import RunLister, can_be_replayed, resumable
from workbench.tui.screens.runs.overlay import OverlayChart
from workbench.tui.screens.runs.selection import MOST_MARKED, RunSelection
from workbench.tui.screens.runs.summary import summary_lines
from workbench.tui.screens.runs.table import RunsTable
from workbench.tui.services.histories import Histories
from workbench.tui.views.run_cells import offered_columns
from workbench.tui.widgets.filter_line import FilterLine
from workbench.tui.widgets.replay_dialog import ReplayDialog

# Actions that mean nothing where there is no run, and those of them that act on runs, not on groups of runs.
_OF_RUNS = frozenset(["mark", "rerun", "rename", "delete", "sort", "sort_by", "tags", "note", "difference",
                      "group", "columns", "metric", "filter"])  # fmt: skip
_OF_ONE_RUN = (_OF_RUNS - {"group", "columns", "metric", "filter"}) | {
    "unmark",
    "resume",
    "stop",
    "save_model",
    "replay",
}
LOOK_EVERY = 2.0  # seconds between looks at the folders, while the screen is seen


class RunsScreen(WorkbenchScreen):
    """All runs of the working directory."""

    CSS_PATH = "screen.tcss"
    BINDING_GROUP_TITLE = "Runs"
    HELP = "All runs of this folder, and the curves of the marked ones, or of the one under the cursor."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="runs.mark", key_display="space",
                tooltip="Mark the run: the curves of marked runs are drawn over one another"),
        Binding("a", "unmark", "Unmark all", id="runs.unmark", show=False, tooltip="Take all marks away"),
        Binding("d", "difference", "Difference", id="runs.difference",
                tooltip="Compare two marked runs: results, recipe, versions"),
        Binding("m", "metric", "Metric", id="runs.metric", tooltip="Draw the next metric"),
        Binding("slash", "filter", "Filter", id="runs.filter", key_display="/",
                tooltip="Only some runs: lr<0.01 status:done tag:base batch_size=16 words; "
                ": contains, = is, != is not; tag= has none"),
        Binding("s", "sort", "Sort", id="runs.sort", tooltip="Newest, name, status, loss, val_loss, test"),
        Binding("b", "sort_by", "Sort by", id="runs.sort-by", show=False,
                tooltip="Sort by any metric or key, in either direction"),
        Binding("g", "group", "Group by", id="runs.group", show=False,
                tooltip="A row for each value of a key: mean and spread of its runs, and their curves with bands"),
        Binding("c", "columns", "Columns", id="runs.columns", show=False,
                tooltip="Choose the columns and their order: last, best, lowest or highest values, keys"),
        Binding("l", "tags", "Tags", id="runs.tags", tooltip="Tags of the marked runs, or of the one under the cursor"),
        Binding("i", "note", "Note", id="runs.note", show=False,
                tooltip="A note about the marked runs, or the one under the cursor"),
        Binding("o", "stop", "Stop", id="runs.stop",
                tooltip="Have the run end after its batch and be saved, wherever it is trained"),
        Binding("u", "resume", "Resume", id="runs.resume", tooltip="Go on from the run's last checkpoint"),
        Binding("e", "rerun", "Edit", id="runs.rerun", tooltip="Open the run's recipe as a new one, to train it again"),
        Binding("k", "save_model", "Keep", id="runs.save-model",
                tooltip="Write the run's model to its recipe's files; of one that failed, a checkpoint to a file"),
        Binding("p", "replay", "Replay nan", id="runs.replay", show=False,
                tooltip="Find the layer, the operation and the line from which the run's first nan comes"),
        Binding("n", "rename", "Name", id="runs.rename", show=False, tooltip="Rename the run's folder"),
        Binding("x,delete", "delete", "Delete", id="runs.delete", key_display="x",
                tooltip="Delete the marked runs, or the one under the cursor, after asking"),
        Binding("escape", "clear_filter", "All runs", id="runs.all", show=False, tooltip="Leave the filter"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.selection = RunSelection()
        self.grouping = Grouping()
        self._filled = False
        self._histories = Histories()
        self._listing: FolderListing[list[RunSummary]] | None = None
        self._lister: RunLister | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield FilterLine("#table, #groups", placeholder="lr<0.01 status:done tag:base batch_size=16 words")
        yield RunsTable(id="table")
        yield GroupsTable(self.grouping, id="groups")
        yield Static(id="about", markup=False)
        yield OverlayChart(id="overlay")
        yield Static(id="empty", markup=False)

    def on_mount(self) -> None:
        app = kwb(self)
        self.selection.restore(app.state)
        self._lister = RunLister(app.runs_folder)
        self._lister.reads_extremes = self.selection.uses_extremes
        self._listing = FolderListing(self, LOOK_EVERY, "listing the runs", self._lister.refresh, self._found)
        self.query_one(RunsTable).focus()
        self._listing.resume()

    def on_screen_resume(self) -> None:
        if self._listing is not None:
            self._listing.resume()

    def on_screen_suspend(self) -> None:
        if self._listing is not None:
            self._listing.pause()

    # ------------------------------------------------------------------ what there is

    @on(TrainingChanged)
    def look(self) -> None:
        """Look at the folders."""
        if self._listing is not None:
            self._listing.look()

    def _found(self, runs: list[RunSummary]) -> None:
        if runs != self.selection.runs or not self._filled:
            self._filled = True
            self.selection.replace(runs)
            self._fill()
            self.draw()

    def _fill(self) -> None:
        """Show the runs that the filter lets through, or their groups."""
        self.selection.choose()
        self._read_extremes()
        has_runs, is_grouped = bool(self.selection.runs), bool(self.grouping.key)
        for selector in ("#about", "#overlay"):
            self.query_one(selector).display = has_runs
        self.query_one("#table").display = has_runs and not is_grouped
        self.query_one("#groups").display = has_runs and is_grouped
        empty = self.query_one("#empty", Static)
        empty.display = not has_runs
        if not has_runs:
            empty.update(
                f"No run yet in {kwb(self).runs_folder}.\n\n"
                "Train a recipe (1 shows those that are there), or from the shell:\n\n"
                "    kwb --batch residual-regressor"
            )
            return
        if is_grouped:
            self.grouping.update(self.selection.shown)
            self.query_one(GroupsTable).show(self.selection.columns)
        else:
            table = self.query_one(RunsTable)
            selection = self.selection
            table.show(selection.shown, selection.runs, selection.marked, selection.columns)
        if self.focused is None:
            self.query_one("#groups" if is_grouped else "#table").focus()
        self._show_summary()

    def _read_extremes(self) -> None:
        """Have the best values of runs read as long as a column, the order or the filter asks for them."""
        is_needed, lister = self.selection.uses_extremes, self._lister
        if lister is not None and lister.reads_extremes is not is_needed:
            lister.reads_extremes = is_needed
            if is_needed:
                self.look()

    @property
    def _under_cursor(self) -> RunSummary | None:
        if self.grouping.key:
            return None
        return self.selection.named(self.query_one(RunsTable).name_under_cursor)

    def on_resize(self) -> None:
        if self.selection.runs:
            self._fill()

    @property
    def _drawn(self) -> list[RunSummary]:
        return self.selection.drawn(self._under_cursor)

    @work(group="draw", exclusive=True)
    async def draw(self) -> None:
        """Read what is new of the runs to draw, and draw them: their curves, or those of their groups."""
        chart, metric = self.query_one(OverlayChart), self.selection.metric
        if self.grouping.key:
            value = self.query_one(GroupsTable).value_under_cursor
            await drawing.draw_groups(kwb(self), chart, self.grouping, value, metric)
        else:
            await drawing.draw_runs(kwb(self), chart, self._histories, self._drawn, metric)
            self._show_summary()

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        if not (self.grouping.marked if self.grouping.key else self.selection.marked):
            self.draw()
        self._show_summary()
        self.refresh_bindings()

    def _show_summary(self) -> None:
        """About the run, or the group, under the cursor."""
        if self.grouping.key:
            lines = self.grouping.about(self.query_one(GroupsTable).value_under_cursor)
        else:
            run = self._under_cursor
            is_read = run is not None and not self.selection.marked
            view = self._histories.of(run.folder).record.view if run is not None and is_read else None
            lines = summary_lines(self.selection, run, view)
        self.query_one("#about", Static).update(lines)

    # ------------------------------------------------------------------ marks, filter, order, metric

    def action_mark(self) -> None:
        if (run := self._under_cursor) is None:
            return
        if not self.selection.toggle(run.folder.name):
            kwb(self).notice(f"at most {MOST_MARKED} curves can be shown at once.", "warning")
            return
        self._fill()
        self.query_one(RunsTable).action_cursor_down()
        self.draw()
        self.refresh_bindings()

    def action_unmark(self) -> None:
        self.selection.marked.clear()
        self._fill()
        self.draw()

    def action_metric(self) -> None:
        if self.selection.next_metric():
            kwb(self).state.set("runs.metric", self.selection.metric)
            self.draw()

    def action_sort(self) -> None:
        self.selection.next_order()
        kwb(self).state.set("runs.order", self.selection.order)
        self._fill()

    @work(group="sort-by", exclusive=True)
    async def action_sort_by(self) -> None:
        if (order := await labelling.chosen_order(kwb(self), self.selection.runs)) is not None:
            self.selection.order = order
            kwb(self).state.set("runs.order", order)
            self._fill()

    @work(group="columns", exclusive=True)
    async def action_columns(self) -> None:
        offered = offered_columns(self.selection.runs)
        automatic = automatic_names(self.selection.runs, offered, self.app.size.width)
        dialog = ColumnsDialog(self.selection.columns or automatic, offered)
        if (answer := await self.app.push_screen_wait(dialog)) is not None:
            self.selection.columns = answer = [] if answer == automatic else answer
            kwb(self).state.set("runs.columns", answer)
            self._fill()

    @work(group="group", exclusive=True)
    async def action_group(self) -> None:
        if (found := await labelling.chosen_key(kwb(self), self.selection.runs)) is not None:
            self.grouping.begin(*found, self.selection.shown)
            self._fill()
            self.query_one(GroupsTable).focus()
            self.draw()

    @on(GroupsTable.MarksChanged)
    def _marked_groups(self) -> None:
        self._fill()
        self.draw()

    @on(GroupsTable.Left)
    def _leave_groups(self) -> None:
        self.grouping.end()
        self._fill()
        self.query_one(RunsTable).focus()
        self.draw()
        self.refresh_bindings()

    @on(DataTable.RowSelected, "#groups")
    def _open_group(self) -> None:
        """Show the runs of the group under the cursor, by the filter."""
        if (value := self.query_one(GroupsTable).value_under_cursor) is not None:
            words = f"{self.selection.filter} {self.grouping.filter_of(value)}".strip()
            self._leave_groups()
            self.query_one(FilterLine).show(words)

    @work(group="labels", exclusive=True)
    async def action_tags(self) -> None:
        if await labelling.change_tags(kwb(self), self._drawn):
            self.look()

    @work(group="labels", exclusive=True)
    async def action_note(self) -> None:
        if await labelling.change_note(kwb(self), self._drawn):
            self.look()

    def action_filter(self) -> None:
        self.query_one(FilterLine).ask()

    def action_clear_filter(self) -> None:
        self.query_one(FilterLine).dismiss()

    @on(FilterLine.Changed)
    def _filtered(self, event: FilterLine.Changed) -> None:
        self.selection.filter = event.value
        self._fill()

    # ------------------------------------------------------------------ one run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing for the run under the cursor are not offered."""
        if self.grouping.key:
            return action not in _OF_ONE_RUN
        if action in _OF_RUNS:
            return bool(self.selection.runs) if action != "difference" else len(self.selection.marked) == 2
        if action == "resume":
            return self.is_mounted and (run := self._under_cursor) is not None and resumable(run)
        if action == "save_model":
            return self.is_mounted and (run := self._under_cursor) is not None and run.status != "running"
        if action == "replay":
            return self.is_mounted and (run := self._under_cursor) is not None and can_be_replayed(run)
        if action == "stop":
            return self.is_mounted and (run := self._under_cursor) is not None and run.status == "running"
        if action == "clear_filter":
            return self.is_mounted and self.query_one(FilterLine).display
        return True

    @on(DataTable.RowSelected, "#table")
    def _open(self) -> None:
        """Watch the run; one that this app trains is shown as its own."""
        if (run := self._under_cursor) is not None:
            show_run(kwb(self), run.folder.path)

    @work(group="difference", exclusive=True)
    async def action_difference(self) -> None:
        left, right = self._drawn[:2]
        histories = self._histories.of(left.folder), self._histories.of(right.folder)
        await compare_runs(kwb(self), (left.folder, right.folder), histories, self.selection.metric)

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

    @work(group="save-model", exclusive=True)
    async def action_save_model(self) -> None:
        if (run := self._under_cursor) is not None:
            await save_model(kwb(self), run.folder)

    def probe_target(self) -> ProbeTarget | None:
        if (run := self._under_cursor) is None:
            return None
        return ProbeTarget(run.folder.name, {"run": str(run.folder.path.absolute())})

    def action_replay(self) -> None:
        if (run := self._under_cursor) is not None:
            self.app.push_screen(ReplayDialog(run.folder), self._replayed)

    def _replayed(self, goes_on: bool | None) -> None:
        if goes_on:
            self.action_resume()

    @work(group="rename", exclusive=True)
    async def action_rename(self) -> None:
        if (run := self._under_cursor) is not None:
            self._forget(await confirming.rename_run(kwb(self), run))

    @work(group="delete", exclusive=True)
    async def action_delete(self) -> None:
        self._forget(await confirming.delete_runs(kwb(self), self._drawn))

    def _forget(self, gone: Sequence[RunFolder]) -> None:
        for run in gone:
            self._histories.forget(run)
            self.selection.marked.pop(run.name, None)
        self.look()

    def copy_text(self) -> str | None:
        """The text that `y` copies: the folder of the run under the cursor."""
        run = self._under_cursor
        return str(run.folder.path) if run else None
