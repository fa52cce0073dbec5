"""Data: look at the data of the open recipe and set the role of each column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from workbench.catalog import Entry, Kind
from workbench.errors import WorkbenchError
from workbench.recipe.data_edits import Change
from workbench.recipe.editing import Editor
from workbench.tui.actions.undo import take_back
from workbench.tui.context import kwb
from workbench.tui.forms.form import Form
from workbench.tui.messages import (
    CatalogChanged,
    FilesChanged,
    RecipeChanged,
    RecipeOpened,
    RecipeReplaced,
    WorkerChanged,
)
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.screens.data import settings_form
from workbench.tui.screens.data.below import DataBelow
from workbench.tui.screens.data.column_prompts import PROMPTS, ask_change
from workbench.tui.screens.data.columns_list import ColumnsList
from workbench.tui.screens.data.dataset_dialog import ask_data
from workbench.tui.screens.data.pictures import has_pictures, show_pictures
from workbench.tui.screens.data.preview import DataPreview
from workbench.tui.screens.data.problems import DataProblems
from workbench.tui.screens.data.role_changes import apply_change, section_of, wanted_change
from workbench.tui.screens.data.summaries import FOUND_OUT, ORDERS, in_order
from workbench.tui.screens.debounced_request import DebouncedRequest
from workbench.tui.services.descriptions import Descriptions
from workbench.tui.terminal.text import one_line
from workbench.tui.views.marks import DONE, FAILED

PAUSE = 0.4  # seconds without an edit before the data is read again


class DataScreen(WorkbenchScreen):
    """The data of the open recipe: columns with their values and roles, settings, rows, parts."""

    BINDING_GROUP_TITLE = "Data"
    HELP = "The data of the open recipe: columns, values, parts."
    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "settings", "Settings", id="data.settings",
                tooltip="Split, scaling, missing values, the file's options"),
        Binding("f", "below('rows')", "Rows", id="data.rows", tooltip="The rows: browse them, filter them"),
        Binding("b", "below('parts')", "Parts", id="data.balance",
                tooltip="Do training, validation and test look alike? And how many rows each class has"),
        Binding("v", "pictures", "Pictures", id="data.pictures",
                tooltip="The rows as pictures, before and after augmentation"),
        Binding("s", "order", "Sort", id="data.sort", tooltip="Sort the columns: by missing values, correlation ..."),
        Binding("c", "choose", "Change", id="data.choose", tooltip="Choose other data"),
        Binding("r", "read_again", "Read again", id="data.read", show=False, tooltip="Read the data again"),
        Binding("u,ctrl+z", "undo", "Undo", id="data.undo", tooltip="Take the last edit back"),
        Binding("ctrl+r,ctrl+y,U", "redo", "Redo", id="data.redo", show=False, tooltip="Do again what was undone"),
        Binding("escape", "columns", "Columns", id="data.columns", show=False, tooltip="Back to the columns"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._look = DataPreview()
        self._error: WorkbenchError | None = None
        self._seen: Any = None  # what the worker was asked about last: see `_wanted`
        self._order = "file"
        self._listed: list[str] = []  # the columns as they are listed
        self._version = 0  # counts up when files or plugins are others than before
        self._request = DebouncedRequest(self, PAUSE, self._is_seen, self._read, self._show_read)

    def compose_body(self) -> Iterable[Widget]:
        yield Static("", id="data-empty", markup=False)
        with Horizontal(id="data"):
            with Vertical(id="data-left"):
                yield DataProblems()
                yield ColumnsList(id="columns")
                yield DataBelow(self._call, self._wanted, self._goes_on, id="below")
            yield Form(id="settings")

    @property
    def editor(self) -> Editor | None:
        """The open recipe."""
        return kwb(self).editor

    @property
    def look(self) -> DataPreview:
        """The worker's last answer."""
        return self._look

    @property
    def is_settled(self) -> bool:
        """True if the data shown is that of the present recipe."""
        return self._is_seen() and not self._request.open

    def _is_seen(self) -> bool:
        return self.editor is None or self._seen == self._wanted()

    def _wanted(self) -> tuple[Any, int, str, int]:
        """The data section, the seed, the folder, and which version of the files it is about."""
        editor = self.editor
        if editor is None:
            return None, 0, "", self._version
        seed = editor.get("seed", 0)
        return editor.get("data"), seed if isinstance(seed, int) else 0, str(editor.folder), self._version

    def on_mount(self) -> None:
        self._descriptions = Descriptions(kwb(self).worker.call)
        self._refresh()
        self.query_one(ColumnsList).focus()

    @on(RecipeOpened)
    def _opened(self) -> None:
        self._look, self._seen, self._error = DataPreview(), None, None
        self.query_one(DataBelow).forget()
        self.query_one(Form).forget()
        self._refresh()

    @on(CatalogChanged)
    def _plugins_loaded(self, event: CatalogChanged) -> None:
        if event.renewed:
            self._descriptions.renew()
            self._version += 1
        self._refresh()

    @on(FilesChanged)
    def _files_changed(self) -> None:
        self._version += 1
        self._refresh()

    @on(RecipeChanged)
    @on(events.ScreenResume)
    def _refresh(self) -> None:
        """Show what is known; ask the worker where the recipe's data is another now."""
        editor = self.editor
        self.set_class(editor is None, "-empty")
        if editor is None:
            self.query_one("#data-empty", Static).update("No recipe is open.\n\nPress 1 for the recipes.")
            return
        self.query_one(ColumnsList).border_title = one_line(self._title(editor))
        self._show_settings()
        self._show_error()
        if not self._is_seen():
            self._request.soon()
        else:
            self.query_one(DataBelow).find()

    def _show_error(self) -> None:
        error = self._error or self._look.error
        self.set_class(error is not None and self.is_settled, "-error")
        problems = self.query_one(DataProblems)
        if self.is_settled:
            problems.show(error, self._look)
        else:
            problems.display = False

    @on(WorkerChanged)
    def _worker_changed(self) -> None:
        if self.editor is not None:
            self.query_one(ColumnsList).border_title = one_line(self._title(self.editor))

    def _title(self, editor: Editor) -> str:
        use = editor.get("data.use") or editor.get("data") or "no data"
        error = self._error or self._look.error
        if not self.is_settled:
            return f"{use}  ◐ reading"
        order = f"  ·  {ORDERS[self._order]}" if self._order != "file" else ""
        return f"{use}  {FAILED} {error.what}{order}" if error else f"{use}  {DONE} {self._look.data}{order}"

    # ------------------------------------------------------------------ the worker

    async def _read(self) -> None:
        """Ask the worker what the data of the recipe is like."""
        editor, wanted = self.editor, self._wanted()
        if editor is None:
            return
        look, failure = DataPreview(), None
        if wanted[0]:
            try:
                if not self._look.columns:  # what is in the columns is known long before the data is prepared
                    self._look = DataPreview.of(await self._call("preview", rows=0, prepare=False))
                    self._show_columns()
                look = DataPreview.of(await self._call("preview", rows=0))
            except WorkbenchError as error:
                failure = error
        if wanted == self._wanted():
            self._seen, self._look, self._error = wanted, look, failure

    async def _call(self, command: str, **arguments: Any) -> Any:
        """Ask the worker about the recipe's data."""
        data, seed, *_ = self._wanted()
        folder = str(self.editor.folder.absolute()) if self.editor else "."
        return await kwb(self).worker.call(command, data=data, seed=seed, folder=folder, **arguments)

    def _goes_on(self) -> bool:
        return self.is_current and self._is_seen()

    def _show_read(self) -> None:
        self.query_one(DataBelow).renew(self._look)
        self._refresh()
        self._show_columns()

    @on(DataBelow.Found)
    def _show_columns(self) -> None:
        look, found = self._look, self.query_one(DataBelow).findings
        if found.complete or self._order not in FOUND_OUT:  # else rows would jump about
            shown = in_order(look.columns, look.roles, found.summaries, self._order)
            self._listed = [str(column["name"]) for column in shown]
        by_name = {str(column["name"]): column for column in look.columns}
        if set(self._listed) != set(by_name):
            self._listed = list(by_name)
        columns = self.query_one(ColumnsList)
        columns.show([by_name[name] for name in self._listed], look.roles, found.summaries)
        self._show_detail()

    @on(ColumnsList.OptionHighlighted, "#columns")
    def _show_detail(self) -> None:
        self.query_one(DataBelow).show_column(self.query_one(ColumnsList).column)

    def action_order(self) -> None:
        """Sort the columns in the next way."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self._show_columns()
        self._refresh()

    def action_read_again(self) -> None:
        """Read the data again."""
        self._version += 1
        self._refresh()

    # ------------------------------------------------------------------ columns

    @on(ColumnsList.Asked)
    def _asked(self, event: ColumnsList.Asked) -> None:
        what, column, look = event.what, event.column, self._look
        if what in PROMPTS:
            self._ask(what, column)
        else:
            section = section_of(self.editor)
            self._change(lambda: wanted_change(section, look.roles, what, column, look.column(column)))

    def _change(self, change: Callable[[], Change]) -> None:
        if (editor := self.editor) is None:
            return
        try:
            apply_change(editor, change())
        except WorkbenchError as error:
            kwb(self).notice(error, "warning")

    @work(group="act")
    async def _ask(self, what: str, column: str) -> None:
        if change := await ask_change(self.app, what, section_of(self.editor), self._look, column):
            self._change(lambda: change)

    @work(group="act")
    async def action_choose(self) -> None:
        """Choose other data; what columns are for begins again."""
        if (editor := self.editor) is None:
            return
        chosen = await ask_data(kwb(self), editor, section_of(self.editor))
        if chosen is None:
            return
        try:
            editor.set("data", chosen.section)
        except WorkbenchError as error:
            kwb(self).notice(error, "warning")
            return
        if chosen.needs_arguments:
            await self._enter_settings()

    # ------------------------------------------------------------------ settings

    def _dataset(self) -> tuple[str, Entry | None]:
        """The name of the recipe's data, and the entry of that name."""
        editor = self.editor
        use = str(editor.get("data.use") or editor.get("data") or "") if editor else ""
        try:
            return use, kwb(self).catalog.find(Kind.DATASET, use)
        except WorkbenchError:
            return use, None

    @work(group="settings")
    async def _show_settings(self) -> None:
        use, entry = self._dataset()
        known = self._descriptions.known(entry) if entry else None
        await self._fill_settings(use, known)
        if entry is None or self._descriptions.is_fresh(entry):
            return
        try:
            fresh = await self._descriptions.fetch(entry)
        except WorkbenchError:
            return  # the same error is shown where the data is read
        if fresh != known:
            await self._fill_settings(use, fresh)

    async def _fill_settings(self, use: str, description: Any) -> None:
        if (editor := self.editor) is None:
            return
        subject = settings_form.subject_of(use, description, kwb(self).catalog)
        await self.query_one(Form).show(subject, settings_form.values_of(editor, subject))

    @on(Form.Changed)
    def _answered(self, event: Form.Changed) -> None:
        if self.editor is None:
            return
        try:
            settings_form.apply(self.editor, event.name, event.value)
        except WorkbenchError as error:
            event.form.answer(event.name, event.value, error.what)

    @work(group="edit", exclusive=True)
    async def action_settings(self) -> None:
        """Put the cursor into the settings."""
        await self._enter_settings()

    async def _enter_settings(self) -> None:
        with kwb(self).type_ahead.kept("filling the form"):
            self.remove_class("-below")
            self.add_class("-settings")
            use, entry = self._dataset()
            await self._fill_settings(use, self._descriptions.known(entry) if entry else None)
            self.query_one(Form).focus_field()

    @on(Form.Undo)
    def _take_back(self, event: Form.Undo) -> None:
        """Undo from within the settings."""
        if take_back(kwb(self), again=event.again):
            self._restore_form()

    @on(RecipeReplaced)
    def _restore_form(self) -> None:
        """Show the recipe's values in all fields; back to the columns where they are of other data."""
        if self.editor is None:
            return
        form, (use, entry) = self.query_one(Form), self._dataset()
        known = self._descriptions.known(entry) if entry else None
        subject = settings_form.subject_of(use, known, kwb(self).catalog)
        if subject.id == form.subject.id:
            form.restore(settings_form.values_of(self.editor, subject))
        elif form.has_focus_within:
            self.action_columns()

    @on(Form.DraftsChanged)
    def _drafts_changed(self, event: Form.DraftsChanged) -> None:
        """A text that is no value is not in the recipe: say so."""
        if event.draft is not None:
            kwb(self).notice(f"{event.draft}", "warning")

    @on(Form.Left)
    def action_columns(self) -> None:
        """Put the cursor into the columns; where rows are filtered, show them all first."""
        if not self.query_one(DataBelow).close():
            return
        if self.editor is not None:
            self.editor.end_step()
        self.remove_class("-settings", "-below")
        self.query_one(ColumnsList).focus()

    def focus_main(self) -> None:
        self.action_columns()

    def action_below(self, which: str) -> None:
        """Show the rows or the parts, and put the cursor there."""
        self.add_class("-below")
        self.query_one(DataBelow).open(which)

    def action_pictures(self) -> None:
        """Show the rows as pictures."""
        show_pictures(self.app, section_of(self.editor), self._call)

    def action_undo(self) -> None:
        """Take the last edit back."""
        take_back(kwb(self))

    def action_redo(self) -> None:
        """Do again what was undone."""
        take_back(kwb(self), again=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "pictures":
            return has_pictures(self._look.columns)
        return (
            self.editor is not None
            if action in ("settings", "below", "choose", "undo", "redo", "order")
            else True
        )
