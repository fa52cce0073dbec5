"""The saved screen: model files, what is in them, and what can be done with them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static

from workbench.catalog import Kind
from workbench.errors import WorkbenchError
from workbench.tui.app_access import kwb
from workbench.tui.chart.grid import printable
from workbench.tui.leaving import keep_changes
from workbench.tui.messages import CatalogChanged, TrainingChanged
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.saved import outcomes, upkeep
from workbench.tui.screens.saved.contents import ContentsTable
from workbench.tui.screens.saved.facts import WEIGHTS_ONLY, Distribution, FileFacts, about_file
from workbench.tui.screens.saved.file_list import FileList
from workbench.tui.screens.saved.listing import SavedFile, chosen, from_workplace, list_saved, short_name
from workbench.tui.screens.saved.outcomes import Outcome
from workbench.tui.screens.saved.reader import Reader
from workbench.tui.screens.saved.weight_picture import WeightPicture
from workbench.tui.screens.train.words import amount
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog

LOOK_EVERY = 3.0  # seconds between looks at the folders, while the screen is seen
_STILL = 0.06  # seconds the cursor stays before a file or a weight is read

OWN_RECIPE = "its recipe's data"


class SavedScreen(WorkbenchScreen):
    """Saved models: what is in their files, and what can be done with them."""

    BINDING_GROUP_TITLE = "Saved"
    CSS_PATH = "screen.tcss"

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
                tooltip="Copy the recipe line that uses this file as a layer"),
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

    def __init__(self) -> None:
        super().__init__()
        self._reader = Reader()
        self._files: list[SavedFile] = []
        self._file: SavedFile | None = None
        self._facts: FileFacts | None = None
        self._fault: WorkbenchError | None = None
        self._outcomes: dict[Path, dict[str, Outcome]] = {}
        self._wanted = ""  # the path that the cursor goes to
        self._data: dict[Path, str] = {}  # the data last named for a file
        self._others: list[Path] = []
        self._looking = False
        self._timer: Timer | None = None

    # ------------------------------------------------------------------ made of

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="both"):
            with Vertical(id="left"):
                yield Input(placeholder="words of a name", id="filter", compact=True)
                yield FileList(id="files")
            with Vertical(id="right"):
                with VerticalScroll(id="about-box", can_focus=False):
                    yield Static(id="said", markup=False)
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
        folders = [app.workplace / "saved"]
        if not app.runs_folder.is_relative_to(folders[0]):
            folders.append(app.runs_folder)
        began = time.monotonic()
        try:
            files = await asyncio.to_thread(list_saved, folders, self._others)
        finally:
            self._looking = False
        if (
            self._timer is not None and time.monotonic() - began > LOOK_EVERY / 100
        ):  # a slow disk is not worn out
            self._timer.stop()
            self._timer = self.set_interval((time.monotonic() - began) * 100, self.look)
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
        words = self.query_one("#filter", Input).value
        shown = chosen(self._files, words, app.workplace)
        self.set_class(not self._files, "-empty")
        self.query_one("#empty", Static).update(
            "No model file in saved/ yet.\n\n"
            "Train a recipe that has `save:` (1 shows recipes),\nor press o to look into a file that lies elsewhere."
        )
        self.query_one(FileList).show(shown, app.workplace, self._wanted)
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
                self._outcomes.pop(file.path, None)  # written anew: what was said of it no longer holds
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
        except WorkbenchError as fault:
            if file == self._file:
                self._show(None, fault)
        else:
            if file == self._file:
                self._show(facts, None)

    def _show(self, facts: FileFacts | None, fault: WorkbenchError | None) -> None:
        same = facts is not None and facts == self._facts
        self._facts, self._fault = facts, fault
        self.set_class(fault is not None, "-faulty")
        if not same:
            self.query_one(ContentsTable).show(facts)
            self.query_one(WeightPicture).say("" if facts is None or facts.weights else "no weights")
        elif (weight := self.query_one(ContentsTable).chosen) is not None:
            self.read_weight(ContentsTable.WeightChosen(weight))
        if fault is not None and isinstance(self.focused, ContentsTable):
            self.query_one(FileList).focus()
        self._tell()

    def _tell(self) -> None:
        """Say what the file is, what is wrong with it, and what came of things done with it."""
        file = self._file
        said: list[Content] = []
        if file is not None:
            moment = time.strftime("%d %b %H:%M", time.localtime(file.modified))
            name = printable(self._shown_name(file))
            said.append(Content.assemble((name, "bold"), (f"  {amount(file.size)}  {moment}", "dim")))
            said += [outcome.content() for outcome in self._outcomes.get(file.path, {}).values()]
        elif self._files:
            said.append(Content("No file has these words in its name."))
        if self._fault is not None:
            hint = self._fault.hint or "The file is damaged or is no model: x deletes it."
            said += [
                Content(""),
                Content.styled(f"✗ {printable(self._fault.what)}", "$text-error"),
                Content(hint),
            ]
        facts = about_file(self._facts) if self._facts is not None else ()
        self.query_one("#said", Static).update(Content("\n").join(said))
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
        except WorkbenchError as fault:
            picture.say(f"✗ {fault.what}", weight)
        else:
            if file == self._file:
                picture.show(weight, values)

    def _shown_name(self, file: SavedFile) -> str:
        return short_name(file.path, kwb(self).workplace)

    def copy_text(self) -> str | None:
        """What `y` copies: the path of the file under the cursor."""
        return str(self._file.path) if self._file else None

    # ------------------------------------------------------------------ asking the worker

    async def _ask_worker(
        self, kind: str, doing: str, command: str, tell: Callable[[Any], Outcome], **arguments: Any
    ) -> Any:
        """Ask the worker about the chosen file, and show with the file what came of it; None where it failed."""
        file = self._file
        assert file is not None
        told = self._outcomes.setdefault(file.path, {})
        told[kind] = Outcome(None, f"{doing} …")
        self._tell()
        try:
            found = await kwb(self).worker.call(command, file=str(file.path), **arguments)
            told[kind] = tell(found)
        except WorkbenchError as fault:
            told[kind] = outcomes.failed(doing, fault, file.path.name)
            found = None
        finally:
            if told[kind].done is None:
                del told[kind]
        self._tell()
        return found

    def _ready(self, *, model: bool = True) -> bool:
        """Whether there is a file that was read, with a model in it; says why not."""
        if self._file is None:
            return False
        if self._fault is not None or self._facts is None:
            self._refuse(self._fault.what if self._fault else "is still being read.")
            return False
        if model and self._facts.model is None:
            hint = "c starts a recipe from its weights."
            self._refuse(WEIGHTS_ONLY, hint)
            return False
        return True

    def _refuse(self, what: str, hint: str = "") -> None:
        assert self._file is not None
        kwb(self).notice(WorkbenchError(what, where=self._shown_name(self._file), hint=hint), "warning")

    def _known_data(self) -> list[str]:
        """What is offered where data is asked for: recipes, datasets."""
        catalog = kwb(self).catalog
        return [entry.name for kind in (Kind.RECIPE, Kind.DATASET) for entry in catalog.of_kind(kind)]

    async def _ask_data(self, title: str) -> dict[str, Any] | None:
        """The data to use, as arguments of a command; None if the user does not want any."""
        file, facts = self._file, self._facts
        assert file is not None
        assert facts is not None
        own = facts.notes is not None and bool(facts.notes.recipe)
        text = "A recipe (its test part), a dataset, or a data file."
        if own:
            text += " Nothing: the data of the recipe it was trained with."
        data = await self.app.push_screen_wait(
            PromptDialog(
                title,
                self._data.get(file.path, ""),
                text=text,
                placeholder=OWN_RECIPE if own else "price.yaml, diabetes, new.csv …",
                check=lambda given: "" if given.strip() or own else "name some data",
                suggestions=self._known_data(),
            )
        )
        if data is None:
            return None
        self._data[file.path] = data.strip()
        return self._data_arguments()

    def _data_arguments(self) -> dict[str, Any]:
        from workbench.tui.screens.saved.again import recipe_folder

        app, file, facts = kwb(self), self._file, self._facts
        assert file is not None
        if data := self._data.get(file.path, ""):
            return {"data": data}
        run = facts.notes.run if facts and facts.notes else ""
        return {"folder": str(recipe_folder(app.runs_folder, run, app.workplace))}

    def _on(self, arguments: dict[str, Any]) -> str:
        """The data in words."""
        return arguments.get("data") or OWN_RECIPE

    @work(group="load", exclusive=True)
    async def action_load(self) -> None:
        """Check that it opens."""
        if self._ready():
            await self._ask_worker("load", "opening it", "load", outcomes.opened)

    @work(group="evaluate", exclusive=True)
    async def action_evaluate(self) -> None:
        """Loss and metrics on data."""
        if not self._ready() or (data := await self._ask_data("Evaluate on which data?")) is None:
            return
        on = self._on(data)
        await self._ask_worker(
            "evaluate", f"evaluating on {on}", "evaluate", lambda found: outcomes.evaluated(found, on), **data
        )

    @work(group="predict", exclusive=True)
    async def action_predict(self) -> None:
        """Predictions on data, as a table and beside the truth."""
        from workbench.tui.screens.saved.predictions import PredictionsScreen

        if not self._ready() or (data := await self._ask_data("Predict on which data?")) is None:
            return
        on, file = self._on(data), self._file
        found = await self._ask_worker(
            "predict",
            f"predicting on {on}",
            "predictions",
            lambda found: Outcome(True, f"predicted {found['rows']:,} rows of {on}"),
            **data,
        )
        if found is not None and file == self._file and self.is_current:
            assert file is not None
            self.app.push_screen(
                PredictionsScreen(self._shown_name(file), on, found, lambda: self.export(data))
            )

    @work(group="export", exclusive=True)
    async def action_export(self) -> None:
        """Predictions on data as a CSV file."""
        if self._ready() and (data := await self._ask_data("Predict on which data?")) is not None:
            await self._export(data)

    @work(group="export", exclusive=True)
    async def export(self, data: dict[str, Any]) -> None:
        """Write the predictions on data to a CSV file; asks which."""
        if self._ready():
            await self._export(data)

    async def _export(self, data: dict[str, Any]) -> None:
        app, file = kwb(self), self._file
        assert file is not None
        stem = file.path.name.partition(".")[0]
        target = await self._ask_place(
            "Write the predictions to",
            f"{stem}-predictions.csv",
            lambda text: "" if text.strip().endswith(".csv") else "let the name end in .csv",
        )
        if target is None:
            return
        name = from_workplace(target, app.workplace)
        found = await self._ask_worker(
            "export",
            f"predicting on {self._on(data)}",
            "predict",
            lambda found: Outcome(True, f"{found['rows']:,} predictions in {name}"),
            out=str(target),
            **data,
        )
        if found is not None and not self.is_current:
            app.notice(f"{found['rows']:,} predictions in {name}.", "information")
        elif found is None and not self.is_current:
            app.notice(self._outcomes[file.path]["export"].text)

    @work(group="save-as", exclusive=True)
    async def action_save_as(self) -> None:
        """A copy in another format."""
        app, file = kwb(self), self._file
        if file is None or not self._ready():
            return
        target = await self._ask_place(
            "Save a copy as",
            from_workplace(upkeep.another_format(file.path), app.workplace),
            lambda text: upkeep.copy_fault(file.path, text, app.workplace),
        )
        if target is None:
            return
        name = from_workplace(target, app.workplace)
        await self._ask_worker(
            "save-as",
            f"saving as {name}",
            "save_as",
            lambda found: outcomes.copied(found, name),
            out=str(target),
        )
        self.look()

    async def _ask_place(self, title: str, value: str, check: Callable[[str], str]) -> Path | None:
        """A place for a file; one that is there is asked about."""
        app = kwb(self)
        text = await app.push_screen_wait(
            PromptDialog(title, value, text=f"from {app.workplace}", check=check)
        )
        if text is None:
            return None
        target = app.workplace / Path(text.strip()).expanduser()
        if target.exists():
            answer = await app.push_screen_wait(
                ConfirmDialog(
                    f"{target.name} exists.",
                    choices=[Choice("keep", "Keep it", "k"), Choice("replace", "Replace", "r")],
                )
            )
            if answer != "replace":
                return None
        return target

    # ------------------------------------------------------------------ recipes

    @work(group="continue", exclusive=True)
    async def action_continue(self) -> None:
        """Open a recipe that goes on training from this file."""
        from workbench.tui.screens.saved import again

        app, file, facts = kwb(self), self._file, self._facts
        if file is None or facts is None or not self._ready(model=False):
            return
        name = from_workplace(file.path, app.workplace)
        weights_only = facts.model is None or facts.format == ".weights.h5"
        if facts.notes is None or not facts.notes.recipe:
            if app.editor is None or not app.editor.is_yaml:
                self._refuse(
                    "keeps no recipe.", "Open the recipe with its data first (1), then press c here again."
                )
                return
            again.go_on_from(app.editor, name, weights_only=weights_only)
            app.notice(f"'{app.editor.name}' now starts from {name}; undo takes it back.", "information")
            app.go("assemble")
            return
        try:
            kept = await self._reader.ask("recipe", str(file.path))
            folder = again.recipe_folder(app.runs_folder, kept["run"], app.workplace)
            editor = again.continued(kept["text"], kept["name"], folder, name, weights_only=weights_only)
        except WorkbenchError as fault:
            app.notice(fault, "warning")
            return
        if await keep_changes(app, "Open"):
            app.set_editor(editor)
            app.go("assemble")

    def action_as_layer(self) -> None:
        """Copy the line that uses the file as a layer."""
        from workbench.tui.screens.saved.again import layer_line

        if self._file is not None and self._ready():
            line = layer_line(from_workplace(self._file.path, kwb(self).workplace))
            self.app.copy_to_clipboard(line)
            kwb(self).notice(f"copied: {line}", "information")

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
                check=lambda name: upkeep.name_fault(file.path, name),
            )
        )
        if name and name != file.path.name:
            await self._change(file, lambda: upkeep.rename(file.path, name), f"is {name} now.")

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
            await self._change(file, lambda: upkeep.delete(file.path), "deleted.")

    def _may_change(self, file: SavedFile) -> bool:
        if file.path.is_relative_to(kwb(self).runs_folder):
            self._refuse("belongs to a run.", "s saves a copy elsewhere; 5 renames or deletes the run.")
            return False
        return True

    async def _change(self, file: SavedFile, change: Callable[[], object], done: str) -> None:
        app = kwb(self)
        try:
            made = await asyncio.to_thread(change)
        except WorkbenchError as fault:
            app.notice(fault)
        else:
            if isinstance(made, Path):
                self._wanted = str(made)
                self._others = [made if path == file.path else path for path in self._others]
            app.notice(f"{self._shown_name(file)} {done}", "information")
        self.look()

    @work(group="open", exclusive=True)
    async def action_open(self) -> None:
        """Look into a file that lies elsewhere; it stays in the list."""
        from workbench.tui.screens.saved.listing import format_of

        app = kwb(self)

        def wrong(text: str) -> str:
            path = app.workplace / Path(text.strip()).expanduser()
            if not text.strip() or not path.is_file():
                return "there is no such file"
            return "" if format_of(path) else "not a .keras, .h5 or .weights.h5 file"

        text = await app.push_screen_wait(
            PromptDialog("Look into which file?", text=f"from {app.workplace}", check=wrong)
        )
        if text is None:
            return
        path = Path(app.workplace / Path(text.strip()).expanduser()).absolute()
        if all(file.path != path for file in self._files):
            self._others.append(path)
            app.state.set("saved.others", [str(other) for other in self._others[-20:]])
        self._wanted = str(path)
        self.action_clear_filter()
        self.look()

    # ------------------------------------------------------------------ filter

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a file there is little to do."""
        if action == "clear_filter":
            return self.is_mounted and self.query_one("#filter").display
        if action in ("open", "go"):
            return True
        return self._file is not None or action == "filter"

    def action_filter(self) -> None:
        """Show only the files with certain words in their name."""
        entry = self.query_one("#filter", Input)
        entry.display = True
        entry.focus()

    def action_clear_filter(self) -> None:
        """Show all files again."""
        entry = self.query_one("#filter", Input)
        entry.value = ""
        entry.display = False
        self.query_one(FileList).focus()

    @on(Input.Changed, "#filter")
    def _filtered(self) -> None:
        self._list()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.input.display = bool(event.value)
        self.query_one(FileList).focus()
