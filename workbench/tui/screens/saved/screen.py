"""The saved screen: model files, what is in them, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from os.path import expanduser
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.screens.saved import file_operations
from workbench.tui.screens.saved.listing import SavedFile
from workbench.tui.screens.saved.using import UsingScreen
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog
from workbench.tui.widgets.filter_line import FilterLine


class SavedScreen(UsingScreen):
    """Saved models: what is in their files, and what can be done with them."""

    BINDING_GROUP_TITLE = "Saved"
    HELP = "The saved files: what is in them, and what they predict."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "load", "Load", id="saved.load", tooltip="Check that the file opens, in the worker"),
        Binding("e", "evaluate", "Evaluate", id="saved.evaluate",
                tooltip="Loss and metrics on data: its own recipe's test part, or any you name"),
        Binding("p", "predict", "Predict", id="saved.predict",
                tooltip="Predictions on data, beside the true values if the data has them"),
        Binding("P", "export", "Predictions to CSV", id="saved.export", show=False,
                tooltip="Write the predictions on data to a CSV file"),
        Binding("c", "continue", "Continue", id="saved.continue",
                tooltip="A recipe that goes on training from this file"),
        Binding("a", "as_layer", "As layer", id="saved.as-layer",
                tooltip="Add the model to the open recipe, as a layer"),
        Binding("s", "save_as", "Save as", id="saved.save-as",
                tooltip="A copy as .keras, .h5 or .weights.h5, read back and compared"),
        Binding("n", "rename", "Name", id="saved.rename", show=False, tooltip="Rename the file"),
        Binding("x,delete", "delete", "Delete", id="saved.delete", key_display="x", show=False,
                tooltip="Delete the file, after asking"),
        Binding("o", "open", "Other file", id="saved.open", show=False,
                tooltip="Look into a model file that lies elsewhere"),
        Binding("slash", "filter", "Filter", id="saved.filter", key_display="/",
                tooltip="Show the files that have these words in their name"),
        Binding("escape", "clear_filter", "All files", id="saved.all", show=False, tooltip="Leave the filter"),
    ]  # fmt: skip

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a file there is little to do."""
        if action == "clear_filter":
            return self.is_mounted and self.query_one(FilterLine).display
        if action in ("open", "go"):
            return True
        return self._file is not None or (action == "filter" and bool(self._files))

    # ------------------------------------------------------------------ files

    @work(group="rename", exclusive=True)
    async def action_rename(self) -> None:
        """Rename the file."""
        file = self._file
        if file is None or not self._may_change(file):
            return
        name = await self.app.push_screen_wait(
            PromptDialog(
                "Rename the file",
                file.path.name,
                text="Recipes that load it by this name do not find it any more.",
                check=lambda name: file_operations.name_error(file.path, name),
            )
        )
        if name and name != file.path.name:
            await self._change(file, lambda: file_operations.rename(file.path, name), f"is {name} now.")

    @work(group="delete", exclusive=True)
    async def action_delete(self) -> None:
        """Delete the file, after asking."""
        file = self._file
        if file is None or not self._may_change(file):
            return
        answer = await self.app.push_screen_wait(
            ConfirmDialog(
                "Delete this file?",
                f"{self._shown_name(file)}\n\nIt cannot be brought back. Runs and recipes stay.",
                [Choice("no", "Keep", "k"), Choice("yes", "Delete", "d", "error")],
            )
        )
        if answer == "yes":
            await self._change(file, lambda: file_operations.delete(file.path), "deleted.")

    def _may_change(self, file: SavedFile) -> bool:
        if file.path.is_relative_to(kwb(self).runs_folder):
            self._refuse("belongs to a run.", "s saves a copy elsewhere; 5 renames or deletes the run.")
            return False
        return True

    async def _change(self, file: SavedFile, change: Callable[[], object], done: str) -> None:
        app = kwb(self)
        try:
            made = await asyncio.to_thread(change)
        except WorkbenchError as error:
            app.notice(error)
        else:
            if isinstance(made, Path):
                self._wanted = str(made)
                self._others = [made if path == file.path else path for path in self._others]
            app.notice(f"{self._shown_name(file)} {done}", "information")
        self.look()

    @work(group="open", exclusive=True)
    async def action_open(self) -> None:
        """Look into a file that is elsewhere; it stays in the list."""
        from workbench.tui.screens.saved.listing import format_of

        app = kwb(self)

        def wrong(text: str) -> str:
            path = app.working_directory / Path(expanduser(text.strip()))
            if not text.strip() or not path.is_file():
                return "there is no such file"
            return "" if format_of(path) else "not a .keras, .h5 or .weights.h5 file"

        text = await app.push_screen_wait(
            PromptDialog("Look into which file?", text=f"from {app.working_directory}", check=wrong)
        )
        if text is None:
            return
        path = Path(app.working_directory / Path(expanduser(text.strip()))).absolute()
        if all(file.path != path for file in self._files):
            self._others.append(path)
            app.state.set("saved.others", [str(other) for other in self._others[-20:]])
        self._wanted = str(path)
        self.action_clear_filter()
        self.look()
