"""The part of the saved screen that lists model files and looks into the one under the cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

from textual import events, on, work
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import OptionList, Static

from workbench.errors import WorkbenchError
from workbench.tui.context import kwb
from workbench.tui.messages import CatalogChanged, TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.saved.contents import ContentsTable
from workbench.tui.screens.saved.facts import WEIGHTS_ONLY, Distribution, FileFacts, about_file
from workbench.tui.screens.saved.file_list import FileList
from workbench.tui.screens.saved.listing import SavedFile, chosen, list_saved, short_name
from workbench.tui.screens.saved.outcomes import Outcome
from workbench.tui.screens.saved.reader import FileReader
from workbench.tui.screens.saved.weight_picture import WeightPicture
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import amount, moment
from workbench.tui.widgets.filter_line import FilterLine

LOOK_EVERY = 3.0  # seconds between looks at the folders, while the screen is seen
_STILL = 0.06  # seconds the cursor stays before a file or a weight is read


class SavedBrowsingScreen(WorkbenchScreen):
    """Files in a list, and what is in the chosen one: `self._file`, `self._facts`, or `self._error`."""

    CSS_PATH = "screen.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._reader = FileReader()
        self._files: list[SavedFile] = []
        self._file: SavedFile | None = None
        self._facts: FileFacts | None = None
        self._error: WorkbenchError | None = None
        self._outcomes: dict[Path, dict[str, Outcome]] = {}
        self._wanted = ""  # the path that the cursor goes to
        self._data: dict[Path, str] = {}  # the data last named for a file
        self._others: list[Path] = []
        self._looking = False
        self._looked = False
        self._timer: Timer | None = None

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
        self._timer = self.set_interval(LOOK_EVERY, self.look)
        self.look()

    async def on_unmount(self) -> None:
        await self._reader.closed()

    def on_screen_resume(self) -> None:
        if self._timer is not None:
            self._timer.resume()
            self.look()

    def on_screen_suspend(self) -> None:
        if self._timer is not None:
            self._timer.pause()

    @on(events.DescendantFocus)
    def _inside(self, event: events.DescendantFocus) -> None:
        """Where there is no room for both, the list makes way for what is inside the file."""
        self.set_class(isinstance(event.widget, ContentsTable), "-inside")

    # ------------------------------------------------------------------ the list

    @on(TrainingChanged)
    def look(self) -> None:
        """Look for files, in a thread; one look at a time."""
        if not self._looking and self.is_current:
            self._looking = True
            self._look()

    @work(group="list")
    async def _look(self) -> None:
        app = kwb(self)
        folders = [app.working_directory / "saved"]
        if not app.runs_folder.is_relative_to(folders[0]):
            folders.append(app.runs_folder)
        began = time.monotonic()
        keys = app.type_ahead  # those typed meanwhile are for the list
        first_time = nullcontext() if self._looked else keys.kept("listing the files", cancel=False)
        try:
            with first_time:
                files = await asyncio.to_thread(list_saved, folders, self._others)
        finally:
            self._looking = False
        self._looked = True
        took = time.monotonic() - began
        if self._timer is not None and took > LOOK_EVERY / 100:  # a slow disk is not worn out
            self._timer.stop()
            self._timer = self.set_interval(took * 100, self.look)
        changed = files != self._files
        self._files = files
        self._list()
        if not changed and self._files:
            return
        known = {file.path for file in files}
        self._outcomes = {path: found for path, found in self._outcomes.items() if path in known}

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
        if file == self._file:
            return
        if file is not None:
            self._wanted = str(file.path)
            kwb(self).state.set("saved.chosen", self._wanted)
            if self._file is not None and file.path == self._file.path:
                self._outcomes.pop(file.path, None)  # written again: what was said of it no longer holds
        self._file = file
        self.read()
        self.refresh_bindings()

    @on(OptionList.OptionSelected, "#files")
    def _enter(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._facts is not None:
            self.query_one(ContentsTable).focus()

    @on(ContentsTable.Left)
    def _back(self) -> None:
        self.query_one(FileList).focus()

    # ------------------------------------------------------------------ one file

    @on(CatalogChanged)
    @work(group="read", exclusive=True)
    async def read(self) -> None:
        """Look into the chosen file and show what is there."""
        file = self._file
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
            if file == self._file:
                self._show(None, error)
        else:
            if file == self._file:
                self._show(facts, None)

    def _show(self, facts: FileFacts | None, error: WorkbenchError | None) -> None:
        same = facts is not None and facts == self._facts
        self._facts, self._error = facts, error
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
        file = self._file
        lines: list[Content] = []
        if file is not None:
            name = printable(self._shown_name(file))
            lines.append(
                Content.assemble((name, "bold"), (f"  {amount(file.size)}  {moment(file.modified)}", "dim"))
            )
            lines += [outcome.content() for outcome in self._outcomes.get(file.path, {}).values()]
        elif self._files:
            lines.append(Content("No file has these words in its name."))
        if self._error is not None:
            hint = self._error.hint or "The file is damaged or is no model: x deletes it."
            lines += [
                Content(""),
                Content.styled(f"✗ {printable(self._error.what)}", "$text-error"),
                Content(hint),
            ]
        facts = about_file(self._facts) if self._facts is not None else ()
        self.query_one("#summary", Static).update(Content("\n").join(lines))
        self.query_one("#facts", Static).update(Content("\n").join(facts))

    @on(ContentsTable.WeightChosen)
    @work(group="weight", exclusive=True)
    async def read_weight(self, event: ContentsTable.WeightChosen) -> None:
        """Read the values of the chosen weight, and draw them."""
        picture, file, weight = self.query_one(WeightPicture), self._file, event.weight
        if file is None or weight is None:
            picture.say("no weights of its own" if self._facts and self._facts.weights else "")
            return
        await asyncio.sleep(_STILL)
        if picture.weight != weight:
            picture.say("reading …", weight)
        try:
            found = await self._reader.ask("weight", str(file.path), weight=weight.path)
            values = Distribution.from_record(found)
        except WorkbenchError as error:
            picture.say(f"✗ {error.what}", weight)
        else:
            if file == self._file:
                picture.show(weight, values)

    def _shown_name(self, file: SavedFile) -> str:
        return short_name(file.path, kwb(self).working_directory)

    def copy_text(self) -> str | None:
        """The text that `y` copies: the path of the file under the cursor."""
        return str(self._file.path) if self._file else None

    def _ready(self, *, model: bool = True) -> bool:
        """True if there is a file that was read, with a model in it; says why not."""
        if self._file is None:
            return False
        if self._error is not None or self._facts is None:
            self._refuse(self._error.what if self._error else "is still being read.")
            return False
        if model and self._facts.model is None:
            hint = "c starts a recipe from its weights."
            self._refuse(WEIGHTS_ONLY, hint)
            return False
        return True

    def _refuse(self, what: str, hint: str = "") -> None:
        assert self._file is not None
        kwb(self).notice(WorkbenchError(what, where=self._shown_name(self._file), hint=hint), "warning")

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
