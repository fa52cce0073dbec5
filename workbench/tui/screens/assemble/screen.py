"""Assemble: the open recipe as rows, with the catalog, a form, its text and a picture."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workbench.catalog import Entry, Kind
from workbench.errors import WorkbenchError
from workbench.recipe.editing import Editor, Fault
from workbench.recipe.outline import Role, Row
from workbench.tui.app_access import kwb
from workbench.tui.forms.form import Form
from workbench.tui.messages import CatalogChanged, RecipeChanged, RecipeOpened, WorkerChanged
from workbench.tui.picture.widget import PictureView
from workbench.tui.screens.assemble import actions, subjects
from workbench.tui.screens.assemble.catalog_panel import CatalogPanel
from workbench.tui.screens.assemble.descriptions import Descriptions
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.screens.base import WorkbenchScreen

PAUSE = 0.25  # seconds without an edit before the worker is asked


class AssembleScreen(WorkbenchScreen):
    """The open recipe as rows: its model, its training, its files. Every edit is seen in all panes at once."""

    BINDING_GROUP_TITLE = "Assemble"
    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide"), (150, "-huge")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "Undo", id="assemble.undo", tooltip="Take the last edit back"),
        Binding("ctrl+r,U", "redo", "Redo", id="assemble.redo", show=False, tooltip="Do again what was undone"),
        Binding("slash", "search", "Catalog", id="assemble.search", key_display="/", tooltip="Search the catalog"),
        Binding("v", "side('text')", "YAML", id="assemble.text", tooltip="The recipe's text, to read and to edit"),
        Binding("p", "side('picture')", "Picture", id="assemble.picture", tooltip="A picture of the model's graph"),
        Binding("s", "save", "Save", id="assemble.save", tooltip="Save the recipe's file"),
        Binding("escape", "rows", "Rows", id="assemble.rows", show=False, tooltip="Back to the rows"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._examination = Examination()
        self._seen = -1  # the revision that the worker has examined
        self._timer: Timer | None = None
        self._select: str | None = None
        self._intent: actions.Intent | None = None
        self._side = "text"
        self._edit_next = False
        self._examining = False

    # ------------------------------------------------------------------ parts

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="assemble"):
            yield CatalogPanel(id="catalog")
            with Vertical(id="centre"):
                yield Static("", id="assemble-empty", markup=False)
                yield RowsList(id="rows")
                yield Form(id="form")
            with ContentSwitcher(id="side", initial="text"):
                yield RecipeText(id="text")
                yield PictureView(id="picture")

    @property
    def editor(self) -> Editor | None:
        """The open recipe."""
        return kwb(self).editor

    @property
    def rows(self) -> RowsList:
        return self.query_one(RowsList)

    @property
    def form(self) -> Form:
        return self.query_one(Form)

    @property
    def examination(self) -> Examination:
        """What the worker said last."""
        return self._examination

    @property
    def is_settled(self) -> bool:
        """Whether the worker has examined the recipe as it is now."""
        return self.editor is None or self._seen == self.editor.revision

    def on_mount(self) -> None:
        self._descriptions = Descriptions(kwb(self).worker.call)
        self.query_one(RecipeText).border_title = "YAML"
        self.query_one(PictureView).border_title = "Picture"
        self._side = kwb(self).state.get("assemble.side", "text")
        self.query_one(ContentSwitcher).current = self._side
        self._offer_catalog()
        self._opened()

    # ------------------------------------------------------------------ the recipe

    @on(RecipeOpened)
    def _opened(self) -> None:
        self._examination = Examination()
        self._seen = -1
        self._select = "model"
        self.query_one(PictureView).show({})
        self._refresh()
        self.action_rows()

    @on(RecipeChanged)
    def _changed(self) -> None:
        self._refresh()

    @on(events.ScreenResume)
    @on(CatalogChanged)
    def _again(self) -> None:
        self._offer_catalog()
        self._refresh()

    @on(WorkerChanged)
    def _worker_changed(self, event: WorkerChanged) -> None:
        if event.state == "ready" and not self.is_settled:
            self._ask_soon()

    def _refresh(self) -> None:
        """Show the recipe as it is in every pane."""
        editor = self.editor
        self.set_class(editor is None, "-empty")
        if editor is None:
            self.query_one("#assemble-empty", Static).update(_EMPTY)
            return
        fault = self._fault(editor)
        stale = not self.is_settled
        rows = editor.rows
        if stale:
            self._examination = self._examination.carried(self.rows.rows, rows)
        self.rows.show(rows, self._examination, fault, stale=stale, select=self._select)
        self._select = None
        text = self.query_one(RecipeText)
        text.show(editor.text, fault)
        self.query_one(PictureView).set_class(stale or self._examination.fault is not None, "-stale")
        changed = " *" if editor.dirty else ""
        self.rows.border_title = f"{editor.name}{changed}  {self._status(fault, stale)}"
        if stale:
            self._ask_soon()

    def _fault(self, editor: Editor) -> Fault | None:
        """What is known to be wrong: found here at once, else by the worker in this very text."""
        found = editor.check(kwb(self).catalog)
        return found or (self._examination.fault if self.is_settled else None)

    def _status(self, fault: Fault | None, stale: bool) -> str:
        if fault is not None:
            return f"✗ {fault.key or 'the recipe'}"
        if stale:
            waiting = kwb(self).worker.state == "starting"
            return "◌ the worker starts" if waiting else "◐ checking"
        cautions = len(self._examination.cautions)
        noted = f"  ! {cautions} to look at" if cautions else ""
        return f"✓ {self._examination.data.partition(':')[0]}{noted}"

    # ------------------------------------------------------------------ the worker

    def _ask_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        if self.is_current:
            self._timer = self.set_timer(PAUSE, self._begin_examining)

    def _begin_examining(self) -> None:
        if not self._examining:
            self._examine()

    @work(group="examine")
    async def _examine(self) -> None:
        """Ask the worker about the recipe until it has seen the latest text. An answer to an older one is dropped.

        A question is never broken off: the worker would finish it all the same.
        """
        self._examining = True
        try:
            while (editor := self.editor) is not None and not self.is_settled:
                await self._examine_once(editor)
        finally:
            self._examining = False

    async def _examine_once(self, editor: Editor) -> None:
        revision, name = editor.revision, editor.name
        answer: dict[str, Any] | None = None
        if editor.document is not None:  # else the text itself is at fault: nothing to ask
            folder = str(editor.folder.absolute())
            try:
                answer = await kwb(self).worker.call("examine", text=editor.text, name=name, folder=folder)
            except WorkbenchError as fault:
                kwb(self).notice(fault)
        if editor is not self.editor or revision != editor.revision:
            return
        self._seen = revision
        if answer is not None:
            self._examination = Examination.of(answer, name).after(self._examination)
            if self._examination.fault is None:
                self.query_one(PictureView).show(answer)
        self._refresh()

    async def _know_data(self, editor: Editor) -> None:
        """Make sure that the data's inputs and targets are known, also while the model is at fault.

        Raises:
            WorkbenchError: the data cannot be read.
        """
        data = editor.get("data")
        if not self._examination.inputs and data:
            answer = await kwb(self).worker.call("preview", data=data, folder=str(editor.folder.absolute()))
            self._examination = replace(
                self._examination, inputs=answer["inputs"], targets=answer["targets"], data=answer["data"]
            )

    # ------------------------------------------------------------------ the form

    @on(RowsList.Reached)
    def _reached(self, event: RowsList.Reached) -> None:
        editor, row = self.editor, event.row
        if editor is None:
            return
        self._show_form(row)
        if (line := editor.line_of(row.key)) is not None:
            self.query_one(RecipeText).reveal(line)
        if path := self._examination.paths.get(row.key):
            self.query_one(PictureView).select_path(path)

    def _entry(self, row: Row) -> Entry | None:
        """The entry whose arguments the row's form asks for."""
        if self.editor is None or row.kind is None or not row.form:
            return None
        name = row.use
        if row.role is Role.CALL and row.form != row.key:
            name = str(self.editor.get(f"{row.form}.use", ""))
        try:
            return kwb(self).catalog.find(row.kind, name)
        except WorkbenchError:
            return None

    @work(group="form")
    async def _show_form(self, row: Row) -> None:
        entry = self._entry(row)
        known = self._descriptions.known(entry) if entry else None
        await self._fill_form(row, known)
        if entry is None or self._descriptions.is_fresh(entry):
            return
        try:
            fresh = await self._descriptions.fetch(entry)
        except WorkbenchError as fault:
            kwb(self).notice(fault, "warning")
            return
        if fresh != known:
            await self._fill_form(row, fresh)

    async def _description(self, entry: Entry) -> Any:
        """What an entry takes; None where that is not known and no worker is there to ask."""
        known = self._descriptions.known(entry)
        if known is None and entry.target and kwb(self).worker.state in ("ready", "busy"):
            with suppress(WorkbenchError):  # it is told where the recipe is examined
                return await self._descriptions.fetch(entry)
        return known

    async def _fill_form(self, row: Row, description: Any) -> None:
        editor = self.editor
        if editor is None or self.rows.row is None or self.rows.row.key != row.key:
            return
        subject = subjects.subject_of(row, editor, description, kwb(self).catalog)
        await self.form.show(subject, subjects.values_of(row, editor, description))
        known = description is not None or self._entry(row) is None
        if self._edit_next and known and self.rows.row is not None and self.rows.row.key == row.key:
            self._edit_next = False
            self.form.focus_field()

    @on(Form.Changed)
    def _answered(self, event: Form.Changed) -> None:
        editor, row = self.editor, self.rows.row
        if editor is None or row is None:
            return
        entry = self._entry(row)
        description = self._descriptions.known(entry) if entry else None
        try:
            key = subjects.apply(row, editor, description, event.name, event.value)
        except WorkbenchError as fault:
            self.form.tell(event.name, fault.what)
            return
        self.form.tell(event.name, "")
        self._select = key

    @on(Form.Left)
    @on(RecipeText.Left)
    def action_rows(self) -> None:
        """Put the cursor into the rows."""
        if self.editor is not None:
            self.editor.end_step()
        self._show_pane("")
        self.rows.focus()

    # ------------------------------------------------------------------ rows

    @on(RowsList.Asked)
    def _asked(self, event: RowsList.Asked) -> None:
        editor, row = self.editor, event.row
        if editor is None:
            return
        editor.end_step()
        if event.what in ("add", "insert", "change"):
            self._choose(actions.intent_of(event.what, row, editor))
            return
        if event.what in ("edit", "rename", "rewire"):
            wanted = {"rename": _rename_field(row), "rewire": subjects.TAKES}.get(event.what, "")
            if not self.form.focus_field(wanted):
                kwb(self).notice("there is nothing to edit here: a adds, c changes.", "information")
            return
        self._act(event.what, row)

    @work(group="act")
    async def _act(self, what: str, row: Row) -> None:
        editor = self.editor
        if editor is None:
            return
        try:
            if what == "graph":
                await self._know_data(editor)
            key = await actions.act(what, row, editor, self._examination, kwb(self))
        except WorkbenchError as fault:
            kwb(self).notice(fault, "warning")
            return
        if key is not None:
            self._select = key
            self._refresh()

    def _choose(self, intent: actions.Intent | None) -> None:
        """Open the catalog to choose from, or do at once what needs no choice."""
        if intent is None:
            return
        self._intent = intent
        if intent.kind is None:  # a file's name is no entry
            self._take(actions.FILE_ENTRY)
            return
        panel = self.query_one(CatalogPanel)
        kinds = (Kind.LAYER, Kind.MODEL) if intent.kind is Kind.LAYER else (intent.kind,)
        panel.offer(kwb(self).catalog, kinds, intent.extra, intent.title)
        self._show_pane("catalog")
        panel.focus_search()

    @on(CatalogPanel.Chosen)
    def _chosen(self, event: CatalogPanel.Chosen) -> None:
        self._take(event.entry)

    @work(group="act")
    async def _take(self, entry: Entry) -> None:
        editor, intent = self.editor, self._intent
        self._intent = None
        if editor is None:
            return
        if intent is None:
            intent = actions.intent_for(entry, self.rows.row, editor)
        if intent is None:
            kwb(self).notice(f"a {entry.kind} has no place in this recipe's rows.", "information")
            return
        try:
            description = await self._description(entry)
            if entry is actions.GRAPH_ENTRY:
                await self._know_data(editor)
            self._select = actions.place(entry, intent, editor, description, self._examination)
        except WorkbenchError as fault:
            kwb(self).notice(fault, "warning")
            return
        self._edit_next = True
        self._offer_catalog()
        self.action_rows()
        self._refresh()

    # ------------------------------------------------------------------ catalog

    def _offer_catalog(self) -> None:
        if self._intent is None:
            self.query_one(CatalogPanel).offer(kwb(self).catalog)

    def action_search(self) -> None:
        """Search the whole catalog."""
        self._intent = None
        self._offer_catalog()
        self._show_pane("catalog")
        self.query_one(CatalogPanel).focus_search()

    @on(CatalogPanel.Left)
    def _catalog_left(self) -> None:
        self._intent = None
        self._offer_catalog()
        self.action_rows()

    @on(CatalogPanel.Reached)
    @work(group="documentation", exclusive=True)
    async def _document(self, event: CatalogPanel.Reached) -> None:
        entry = event.entry
        known = self._descriptions.known(entry)
        if (
            known is None
            and entry.target
            and kwb(self).worker.state == "ready"
            and entry.kind is not Kind.DATASET
        ):
            try:
                known = await self._descriptions.fetch(entry)
            except WorkbenchError as fault:
                known = {"documentation": f"✗ {fault}"}
        if known is not None:
            event.panel.tell(entry, str(known["documentation"]))

    # ------------------------------------------------------------------ panes, text, picture

    def _show_pane(self, pane: str) -> None:
        """Which pane has the room where there is not room for all: catalog, side, or (empty) the rows."""
        self.set_class(pane == "catalog", "-catalog")
        self.set_class(pane == "side", "-side")

    def action_side(self, which: str) -> None:
        """Show the text or the picture, and put the cursor there."""
        self._side = which
        kwb(self).state.set("assemble.side", which)
        self.query_one(ContentSwitcher).current = which
        self._show_pane("side")
        self.query_one(f"#{which}").focus()

    @on(RecipeText.Typed)
    def _typed(self, event: RecipeText.Typed) -> None:
        if self.editor is not None:
            self.editor.replace_text(event.text, joined=True)

    @on(RecipeText.Undo)
    def _text_undo(self, event: RecipeText.Undo) -> None:
        self.action_redo() if event.again else self.action_undo()

    @on(PictureView.Selected)
    def _box_selected(self, event: PictureView.Selected) -> None:
        key = next((key for key, path in self._examination.paths.items() if path == event.path), None)
        if key is not None:
            self._select = key
            self._refresh()

    # ------------------------------------------------------------------ undo

    def action_undo(self) -> None:
        """Take the last edit back."""
        if self.editor is not None and not self.editor.undo():
            kwb(self).notice("there is nothing to undo.", "information")

    def action_redo(self) -> None:
        """Do again what was undone."""
        if self.editor is not None and not self.editor.redo():
            kwb(self).notice("there is nothing to redo.", "information")

    def action_save(self) -> None:
        """Write the recipe to its file."""
        kwb(self).action_save_recipe()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("undo", "redo", "side", "save", "search"):
            return self.editor is not None
        return True


def _rename_field(row: Row) -> str:
    if row.role is Role.CALL:
        return subjects.GIVES
    return subjects.NAME if row.role in (Role.INPUT, Role.SHARED) else "name"


_EMPTY = """\
No recipe is open.

Press 1 for the recipes: choose one, or n for a new one from your data."""
