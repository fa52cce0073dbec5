"""The runs screen: a table of all runs with their curves, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary
from workbench.tui.actions.keep_model import save_model
from workbench.tui.actions.reopen import edit_again, resume_run
from workbench.tui.actions.stop import stop_run
from workbench.tui.context import kwb
from workbench.tui.screens.runs import compare, file_operations
from workbench.tui.screens.runs.browsing import RunsBrowsingScreen
from workbench.tui.screens.runs.difference import DifferenceDialog
from workbench.tui.screens.runs.listing import resumable, short_names
from workbench.tui.services import run_files
from workbench.tui.views.formatting import counted
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog
from workbench.tui.widgets.filter_line import FilterLine


class RunsScreen(RunsBrowsingScreen):
    """All runs of the working directory."""

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
                tooltip="Show the runs that have these words in their name or status"),
        Binding("s", "sort", "Sort", id="runs.sort", tooltip="Newest, name, status, loss, val_loss"),
        Binding("o", "stop", "Stop", id="runs.stop",
                tooltip="Have the run end after its batch and be saved, wherever it is trained"),
        Binding("u", "resume", "Resume", id="runs.resume", tooltip="Go on from the run's last checkpoint"),
        Binding("e", "rerun", "Edit", id="runs.rerun", tooltip="Open the run's recipe as a new one, to train it again"),
        Binding("k", "save_model", "Keep", id="runs.save-model",
                tooltip="Write the run's model to its recipe's files; of one that failed, a checkpoint to a file"),
        Binding("n", "rename", "Name", id="runs.rename", show=False, tooltip="Rename the run's folder"),
        Binding("x,delete", "delete", "Delete", id="runs.delete", key_display="x",
                tooltip="Delete the marked runs, or the one under the cursor, after asking"),
        Binding("escape", "clear_filter", "All runs", id="runs.all", show=False, tooltip="Leave the filter"),
    ]  # fmt: skip

    # ------------------------------------------------------------------ one run

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean nothing for the run under the cursor are not offered."""
        if action in ("mark", "rerun", "rename", "delete", "sort", "metric", "filter", "difference"):
            return bool(self._runs) if action != "difference" else len(self._marked) == 2
        if action == "resume":
            return self.is_mounted and (run := self._under_cursor) is not None and resumable(run)
        if action == "save_model":
            return self.is_mounted and (run := self._under_cursor) is not None and run.status != "running"
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
        recipes = [await asyncio.to_thread(run_files.read_recipe, run.folder) for run in (left, right)]
        versions = [await asyncio.to_thread(run_files.read_environment, run.folder) for run in (left, right)]
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

    @work(group="save-model", exclusive=True)
    async def action_save_model(self) -> None:
        if (run := self._under_cursor) is not None:
            await save_model(kwb(self), run.folder)

    @work(group="rename", exclusive=True)
    async def action_rename(self) -> None:
        run = self._under_cursor
        if run is None or not self._may_change([run]):
            return
        name = await self.app.push_screen_wait(
            PromptDialog(
                "Rename the run",
                run.folder.name,
                check=lambda name: file_operations.name_error(run.folder, name),
            )
        )
        if name and name != run.folder.name:
            await self._change("renamed", [run.folder], file_operations.rename, name)

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
            await self._change("deleted", [run.folder for run in runs], file_operations.delete)

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
            except WorkbenchError as error:
                kwb(self).notice(error)
                continue
            self._histories.forget(run)
            self._marked.pop(run.name, None)
            kwb(self).notice(f"{run.name} {done}.", "information")
        self.look()

    def copy_text(self) -> str | None:
        """The text that `y` copies: the folder of the run under the cursor."""
        run = self._under_cursor
        return str(run.folder.path) if run else None
