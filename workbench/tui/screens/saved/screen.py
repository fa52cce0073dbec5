"""The saved screen: model files, what is in them, and what can be done with them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from os.path import expanduser
from pathlib import Path
from typing import ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from workbench.errors import WorkbenchError
from workbench.tui.context import ProbeTarget, kwb
from workbench.tui.messages import CatalogChanged, TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.folder_listing import FolderListing
from workbench.tui.screens.saved import file_operations
from workbench.tui.screens.saved.chosen_file import ChosenFile
from workbench.tui.screens.saved.contents import ContentsTable
from workbench.tui.screens.saved.facts import Distribution, FileFacts, about_file
from workbench.tui.screens.saved.file_list import FileList
from workbench.tui.screens.saved.listing import SavedFile, chosen, list_saved, short_name
from workbench.tui.screens.saved.reader import FileReader
from workbench.tui.screens.saved.using import FileUses
from workbench.tui.screens.saved.weight_picture import WeightPicture
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog
from workbench.tui.widgets.filter_line import FilterLine

LOOK_EVERY = 3.0  # seconds between looks at the folders, while the screen is seen
_STILL = 0.06  # seconds the cursor stays before a file or a weight is read


class SavedScreen(WorkbenchScreen):
    """Saved models: what is in their files, and what can be done with them."""

    CSS_PATH = "screen.tcss"
    BINDING_GROUP_TITLE = "Saved"
    HELP = "The saved files: what is in them, and what they predict."

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "use('load')", "Load", id="saved.load", tooltip="Check that the file opens, in the worker"),
        Binding("e", "use('evaluate')", "Evaluate", id="saved.evaluate",
                tooltip="Loss and metrics on data: its own recipe's test part, or any you name"),
        Binding("p", "use('predict')", "Predict", id="saved.predict",
                tooltip="Predictions on data, beside the true values if the data has them"),
        Binding("P", "use('export')", "Predictions to CSV", id="saved.export", show=False,
                tooltip="Write the predictions on data to a CSV file"),
        Binding("c", "use('go_on')", "Continue", id="saved.continue",
                tooltip="A recipe that goes on training from this file"),
        Binding("a", "as_layer", "As layer", id="saved.as-layer",
                tooltip="Add the model to the open recipe, as a layer"),
        Binding("s", "use('save_as')", "Save as", id="saved.save-as",
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
        return self.chosen.file is not None or (action == "filter" and bool(self._files))

    def __init__(self) -> None:
        super().__init__()
        self.chosen = ChosenFile(self)
        self._reader = FileReader()
        self._uses = FileUses(self, self.chosen, self._reader, self._show_summary)
        self._files: list[SavedFile] = []
        self._wanted = ""  # the path that the cursor goes to
        self._others: list[Path] = []  # files that lie elsewhere
        self._listing = FolderListing(self, LOOK_EVERY, "listing the files", self._find, self._found)

    # ------------------------------------------------------------------ made of

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="both"):
            with Vertical(id="left"):
                yield FilterLine("#files", placeholder="words of a name")
                yield FileList(id="files")
            with Vertical(id="right"):
                with VerticalScroll(id="about-box", can_focus=False):
                    yield Static(id="summary", markup=False)
                    yield Static(id="facts", markup=False)
                yield ContentsTable(id="contents")
                yield WeightPicture(id="weight")
        yield Static(id="empty", markup=False)

    def on_mount(self) -> None:
        kept: list[object] = kwb(self).state.get("saved.others", [])
        self._others = [Path(path) for path in kept if isinstance(path, str)]
        self._wanted = kwb(self).state.get("saved.chosen", "")
        self.query_one(FileList).focus()
        self._listing.resume()

    async def on_unmount(self) -> None:
        await self._reader.closed()

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._listing.resume()

    def on_screen_suspend(self) -> None:
        self._listing.pause()

    @on(events.DescendantFocus)
    def _inside(self, event: events.DescendantFocus) -> None:
        """Where there is no room for both, the list makes way for what is inside the file."""
        self.set_class(isinstance(event.widget, ContentsTable), "-inside")

    def probe_target(self) -> ProbeTarget | None:
        if (file := self.chosen.file) is None:
            return None
        return ProbeTarget(file.path.name, {"file": str(file.path.absolute())})

    # ------------------------------------------------------------------ the list

    @on(TrainingChanged)
    def look(self) -> None:
        """Look for files."""
        self._listing.look()

    def _find(self) -> list[SavedFile]:
        app = kwb(self)
        folders = [app.working_directory / "saved"]
        if not app.runs_folder.is_relative_to(folders[0]):
            folders.append(app.runs_folder)
        return list_saved(folders, [*self._others])

    def _found(self, files: list[SavedFile]) -> None:
        changed = files != self._files
        self._files = files
        self._list()
        if not changed and self._files:
            return
        known = {file.path for file in files}
        self.chosen.outcomes = {path: found for path, found in self.chosen.outcomes.items() if path in known}

    def _list(self) -> None:
        """Bring the list up to date with the files and the filter."""
        app = kwb(self)
        words = self.query_one(FilterLine).value
        shown = chosen(self._files, words, app.working_directory)
        self.set_class(not self._files, "-empty")
        self.query_one("#empty", Static).update(
            "No model file in saved/ yet.\n\n"
            "Train a recipe that has `save:` (1 shows recipes),\nor press o to look into a file that lies elsewhere."
        )
        files = self.query_one(FileList)
        files.show(shown, app.working_directory, self._wanted)
        if self._files and self.focused is None:
            files.focus()
        self._choose()

    @on(OptionList.OptionHighlighted, "#files")
    def _moved(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._choose()

    def _choose(self) -> None:
        """Look into the file under the cursor, if it is another one or has changed."""
        file = self.query_one(FileList).chosen
        if file == self.chosen.file:
            return
        if file is not None:
            self._wanted = str(file.path)
            kwb(self).state.set("saved.chosen", self._wanted)
        self.chosen.choose(file)
        self.read()
        self.refresh_bindings()

    @on(OptionList.OptionSelected, "#files")
    def _enter(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.chosen.facts is not None:
            self.query_one(ContentsTable).focus()

    @on(ContentsTable.Left)
    def _back(self) -> None:
        self.query_one(FileList).focus()

    # ------------------------------------------------------------------ one file

    @on(CatalogChanged)
    @work(group="read", exclusive=True)
    async def read(self) -> None:
        """Look into the chosen file and show what is there."""
        file = self.chosen.file
        if file is None:
            self._show(None, None)
            return
        await asyncio.sleep(_STILL)
        app = kwb(self)
        installed = {plugin.distribution for plugin in app.catalog.plugins if plugin.entries}
        # A plugin file's classes are registered under its own name; what it holds only the worker knows.
        installed |= {plugin.name for plugin in app.catalog.plugins if plugin.state == "loaded"}
        try:
            found = await self._reader.ask("look", str(file.path), installed=sorted(installed))
            facts = FileFacts.from_record(found)
        except WorkbenchError as error:
            if file == self.chosen.file:
                self._show(None, error)
        else:
            if file == self.chosen.file:
                self._show(facts, None)

    def _show(self, facts: FileFacts | None, error: WorkbenchError | None) -> None:
        same = facts is not None and facts == self.chosen.facts
        self.chosen.facts, self.chosen.error = facts, error
        self.set_class(error is not None, "-broken")
        if not same:
            self.query_one(ContentsTable).show(facts)
            self.query_one(WeightPicture).say("" if facts is None or facts.weights else "no weights")
        elif (weight := self.query_one(ContentsTable).chosen) is not None:
            self.read_weight(ContentsTable.WeightChosen(weight))
        if error is not None and isinstance(self.focused, ContentsTable):
            self.query_one(FileList).focus()
        self._show_summary()

    def _show_summary(self) -> None:
        """Say what the file is, what is wrong with it, and what came of things done with it."""
        none = "No file has these words in its name." if self._files else ""
        self.query_one("#summary", Static).update(self.chosen.summary(none))
        facts = about_file(self.chosen.facts) if self.chosen.facts is not None else ()
        self.query_one("#facts", Static).update(Content("\n").join(facts))

    @on(ContentsTable.WeightChosen)
    @work(group="weight", exclusive=True)
    async def read_weight(self, event: ContentsTable.WeightChosen) -> None:
        """Read the values of the chosen weight, and draw them."""
        picture, file, weight = self.query_one(WeightPicture), self.chosen.file, event.weight
        if file is None or weight is None:
            picture.say("no weights of its own" if self.chosen.facts and self.chosen.facts.weights else "")
            return
        await asyncio.sleep(_STILL)
        if picture.weight != weight:
            picture.say("reading …", weight)
        try:
            found = await self._reader.ask("weight", str(file.path), weight=weight.path)
            values = Distribution.from_record(found)
        except WorkbenchError as error:
            picture.say(f"{FAILED} {error.what}", weight)
        else:
            if file == self.chosen.file:
                picture.show(weight, values)

    def copy_text(self) -> str | None:
        """The text that `y` copies: the path of the file under the cursor."""
        return str(self.chosen.file.path) if self.chosen.file else None

    # ------------------------------------------------------------------ filter

    def action_filter(self) -> None:
        """Show only the files with certain words in their name."""
        self.query_one(FilterLine).ask()

    def action_clear_filter(self) -> None:
        """Show all files again."""
        self.query_one(FilterLine).dismiss()

    @on(FilterLine.Changed)
    def _filtered(self) -> None:
        self._list()

    # ------------------------------------------------------------------ using it

    def action_use(self, what: str) -> None:
        """Do something with the file, in the worker or in a recipe. Each thing is done once at a time."""
        self.run_worker(self._use(what), group=what, exclusive=True)

    async def _use(self, what: str) -> None:
        uses = self._uses
        await {
            "load": uses.load,
            "evaluate": uses.evaluate,
            "predict": uses.predict,
            "export": uses.export,
            "save_as": uses.save_as,
            "go_on": uses.go_on,
        }[what]()
        self.look()  # there may be another file now

    def action_as_layer(self) -> None:
        """Add the file's model to the open recipe as a layer, first of all; its row is highlighted, to be moved."""
        self._uses.as_layer()

    # ------------------------------------------------------------------ files

    @work(group="rename", exclusive=True)
    async def action_rename(self) -> None:
        """Rename the file."""
        file = self.chosen.file
        if file is None or not self.chosen.may_change():
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
        file = self.chosen.file
        if file is None or not self.chosen.may_change():
            return
        answer = await self.app.push_screen_wait(
            ConfirmDialog(
                "Delete this file?",
                f"{self.chosen.name}\n\nIt cannot be brought back. Runs and recipes stay.",
                [Choice("no", "Keep", "k"), Choice("yes", "Delete", "d", "error")],
            )
        )
        if answer == "yes":
            await self._change(file, lambda: file_operations.delete(file.path), "deleted.")

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
            app.notice(f"{short_name(file.path, app.working_directory)} {done}", "information")
        self.look()

    @work(group="open", exclusive=True)
    async def action_open(self) -> None:
        """Look into a file that is elsewhere; it stays in the list."""
        app = kwb(self)
        text = await app.push_screen_wait(
            PromptDialog(
                "Look into which file?",
                text=f"from {app.working_directory}",
                check=lambda text: file_operations.other_error(text, app.working_directory),
            )
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
