"""The part of the assemble screen that edits: by the form of a row, by the rows' keys, and from the catalog."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from textual import events, on, work

from workbench.catalog import Entry, Kind
from workbench.errors import WorkbenchError
from workbench.recipe.outline import RecipeRow, Role
from workbench.tui.context import kwb
from workbench.tui.forms.fields import UNSET, same
from workbench.tui.forms.form import Draft, Form
from workbench.tui.messages import CatalogChanged, RecipeReplaced
from workbench.tui.picture.widget import PictureView
from workbench.tui.screens.assemble import actions, subjects
from workbench.tui.screens.assemble.overview import OverviewScreen
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.services.descriptions import Descriptions
from workbench.tui.widgets.catalog_panel import CatalogPanel


class EditingScreen(OverviewScreen):
    """Rows, each with a form for its arguments, and a catalog to take rows from."""

    def __init__(self) -> None:
        super().__init__()
        self._intent: actions.Intent | None = None  # what is to be done with the catalog's next choice

    def on_mount(self) -> None:
        self._descriptions = Descriptions(kwb(self).worker.call)

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

    def _entry(self, row: RecipeRow) -> Entry | None:
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
    async def _show_form(self, row: RecipeRow) -> None:
        entry = self._entry(row)
        known = self._descriptions.known(entry) if entry else None
        await self._fill_form(row, known)
        if entry is None or self._descriptions.is_fresh(entry):
            return
        try:
            fresh = await self._descriptions.fetch(entry)
        except WorkbenchError as error:
            kwb(self).notice(error, "warning")
            return
        if fresh != known:
            await self._fill_form(row, fresh)

    async def _description(self, entry: Entry) -> Any:
        """The arguments of an entry; None if they are not known and there is no worker to ask."""
        known = self._descriptions.known(entry)
        if known is None and entry.target and kwb(self).worker.state in ("ready", "busy"):
            with suppress(WorkbenchError):  # it is shown where the recipe is examined
                return await self._descriptions.fetch(entry)
        return known

    async def _fill_form(self, row: RecipeRow, description: Any) -> None:
        editor = self.editor
        if editor is None or self.rows.row is None or self.rows.row.key != row.key:
            return
        subject = subjects.subject_of(row, editor, description, kwb(self).catalog)
        await self.form.show(subject, subjects.values_of(row, editor, description))

    @work(group="edit", exclusive=True)
    async def _edit(self, row: RecipeRow, wanted: str) -> None:
        """Put the cursor into the form of a row. Keys typed meanwhile are for the form."""
        with kwb(self).type_ahead.kept(f"asking the worker for the arguments of {row.use or row.name}"):
            await self._enter_form(row, wanted)

    async def _enter_form(self, row: RecipeRow, wanted: str = "", *, report: bool = True) -> None:
        entry = self._entry(row)
        await self._fill_form(row, self._descriptions.known(entry) if entry else None)
        if (
            entry is not None
            and entry.target
            and not self.form.rows
            and not self._descriptions.is_fresh(entry)
        ):
            try:
                await self._fill_form(row, await self._descriptions.fetch(entry))
            except WorkbenchError as error:
                kwb(self).notice(error, "warning")
                return
        if not self.form.focus_field(wanted) and report:
            kwb(self).notice("there is nothing to edit here: a adds, c changes.", "information")

    @on(CatalogChanged)
    def _plugins_loaded(self, event: CatalogChanged) -> None:
        """Ask for arguments again if the code may have changed."""
        if event.renewed:
            self._descriptions.renew()
        if (row := self.rows.row) is not None:
            self._show_form(row)

    @on(Form.Changed)
    def _answered(self, event: Form.Changed) -> None:
        editor, row = self.editor, self.row_of(event.subject.id)
        if editor is None or row is None:
            return
        entry = self._entry(row)
        description = self._descriptions.known(entry) if entry else None
        try:
            key = subjects.apply(row, editor, description, event.name, event.value)
        except WorkbenchError as error:
            self.form.show_error(event.name, error.what)
            return
        self.form.show_error(event.name, "")
        if key is not None and key != row.key:  # the next letter is for the row by its new key
            self.form.moved(row.key, key)
            self._select = key
            self._refresh()

    @on(Form.Undo)
    def _take_back(self, event: Form.Undo) -> None:
        """Undo from within the form. What is typed next is for the form, unless that was about what is gone now."""
        editor = self.editor
        if editor is None:
            return
        if not (editor.redo() if event.again else editor.undo()):
            kwb(self).notice(f"there is nothing to {'redo' if event.again else 'undo'}.", "information")
            return
        self._restore_form()

    @on(RecipeReplaced)
    def _restore_form(self) -> None:
        """Show the recipe's values in all fields; back to the rows where they are about something else."""
        self._refresh()
        editor, row = self.editor, self.rows.row
        if editor is None or row is None:
            return
        entry = self._entry(row)
        description = self._descriptions.known(entry) if entry else None
        subject = subjects.subject_of(row, editor, description, kwb(self).catalog)
        if subject.id == self.form.subject.id:
            self.form.restore(subjects.values_of(row, editor, description))
        elif self.form.has_focus_within:
            self.action_rows()

    def is_stale(self, draft: Draft) -> bool:
        """Also where the value has changed meanwhile, if the arguments of the row's layer are known."""
        editor, row = self.editor, self.row_of(draft.row)
        if editor is None or row is None:
            return True
        entry = self._entry(row)
        description = self._descriptions.known(entry) if entry else None
        if entry is not None and description is None:
            return False
        return not same(
            subjects.values_of(row, editor, description).get(draft.field.name, UNSET), draft.value
        )

    @on(Form.DraftsChanged)
    def _drafts_changed(self, event: Form.DraftsChanged) -> None:
        """A text that is no value is not in the recipe: say so, and mark its row."""
        if event.draft is not None:
            kwb(self).notice(f"{event.draft}", "warning")
        self._refresh()

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
            wanted = {"rename": _rename_field(row), "rewire": subjects.INPUTS}.get(event.what, "")
            self._edit(row, wanted)
            return
        self._act(event.what, row)

    @work(group="act")
    async def _act(self, what: str, row: RecipeRow) -> None:
        editor = self.editor
        if editor is None:
            return
        try:
            if what == "graph":
                with kwb(self).type_ahead.kept("reading the data"):
                    await self._know_data(editor)
            key = await actions.act(what, row, editor, self._examination, kwb(self))
        except WorkbenchError as error:
            kwb(self).notice(error, "warning")
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
        with kwb(self).type_ahead.kept(f"asking the worker for the arguments of {entry.name}"):
            try:
                description = await self._description(entry)
                if entry is actions.GRAPH_ENTRY:
                    await self._know_data(editor)
                self._select = actions.place(entry, intent, editor, description, self._examination)
            except WorkbenchError as error:
                kwb(self).notice(error, "warning")
                return
            self._offer_catalog()
            self.action_rows()
            self._refresh()
            if (row := self.rows.row) is not None:
                await self._enter_form(row, report=False)

    # ------------------------------------------------------------------ catalog

    @on(events.Mount)
    @on(events.ScreenResume)
    @on(CatalogChanged)
    def _offer_catalog(self) -> None:
        """All that there is, unless something is being chosen."""
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
            except WorkbenchError as error:
                known = {"documentation": f"✗ {error}"}
        if known is not None:
            event.panel.show_entry(entry, str(known["documentation"]))


def _rename_field(row: RecipeRow) -> str:
    if row.role is Role.CALL:
        return subjects.OUTPUTS
    return subjects.NAME if row.role in (Role.INPUT, Role.SHARED) else "name"
