"""Assemble: the open recipe as rows, with the catalog, a form, its text and a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workbench.catalog import Entry
from workbench.errors import WorkbenchError
from workbench.recipe.editing import Editor
from workbench.recipe.outline import RecipeRow
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
from workbench.tui.picture.widget import PictureView
from workbench.tui.screens.assemble import actions, subjects
from workbench.tui.screens.assemble.catalog_choice import CatalogChoice
from workbench.tui.screens.assemble.checked_row import check_here
from workbench.tui.screens.assemble.error_below import ErrorBelow
from workbench.tui.screens.assemble.examination import Examination
from workbench.tui.screens.assemble.examiner import Examiner
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.assemble.row_form import RowForm
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.terminal.text import one_line
from workbench.tui.widgets.catalog_panel import CatalogPanel


class AssembleScreen(WorkbenchScreen):
    """The open recipe as rows: its model, its training, its files. Every edit is seen in all panes at once."""

    CSS_PATH = "screen.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (80, "-normal"), (110, "-wide"), (150, "-huge")]
    BINDING_GROUP_TITLE = "Assemble"
    HELP = "The open recipe, line by line, and what is made of it."
    FIRST_KEYS = (
        *("rows.edit", "rows.add", "rows.change", "assemble.undo", "assemble.save", "assemble.text"),
        "assemble.picture",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,ctrl+z", "undo", "Undo", id="assemble.undo", tooltip="Take the last edit back"),
        Binding("ctrl+r,ctrl+y,U", "redo", "Redo", id="assemble.redo", show=False, tooltip="Do again what was undone"),
        Binding("slash", "search", "Catalog", id="assemble.search", key_display="/", tooltip="Search the catalog"),
        Binding("v", "side('text')", "YAML", id="assemble.text", tooltip="The recipe's text, to read and to edit"),
        Binding("p", "side('picture')", "Picture", id="assemble.picture", tooltip="A picture of the model's graph"),
        Binding("s", "save", "Save", id="assemble.save", tooltip="Save the recipe's file"),
        Binding("k,f6", "check", "Check", id="assemble.check", show=False,
                tooltip="Check this row's entry, or the catalog's where the cursor is there; F6 also while typing"),
        Binding("escape", "rows", "Rows", id="assemble.rows", show=False, tooltip="Back to the rows"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._examiner = Examiner(self, self._examined)
        self._row_form = RowForm(self)
        self._catalog = CatalogChoice(self, self._row_form, self._examiner)

    # ------------------------------------------------------------------ parts

    def compose_body(self) -> Iterable[Widget]:
        with Horizontal(id="assemble"):
            yield CatalogPanel(id="catalog")
            with Vertical(id="centre"):
                yield Static("", id="assemble-empty", markup=False)
                yield RowsList(id="rows")
                yield Form(id="form")
            with Vertical(id="side"):
                with ContentSwitcher(id="pane", initial="text"):
                    yield RecipeText(id="text")
                    yield PictureView(id="picture")
                yield ErrorBelow(id="error")

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
        """The worker's last answer."""
        return self._examiner.known

    @property
    def is_settled(self) -> bool:
        """True if the worker has examined the present recipe."""
        return self._examiner.is_settled

    def on_mount(self) -> None:
        self.query_one(ContentSwitcher).current = kwb(self).state.get("assemble.side", "text")
        text = self.query_one(RecipeText)
        text.soft_wrap = kwb(self).state.get("assemble.wrap", False)
        text.border_title = "YAML"
        self.query_one(PictureView).border_title = "Picture"
        self._catalog.offer_all()
        self._opened()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("undo", "redo", "side", "save", "search", "check"):
            return self.editor is not None
        return True

    # ------------------------------------------------------------------ the recipe

    @on(RecipeOpened)
    def _opened(self) -> None:
        self._examiner.forget()
        self.query_one(PictureView).show({})
        self.query_one(RecipeText).take()  # what was typed was the recipe before
        self.form.forget()
        self.refresh_panes("model")
        self.action_rows()

    @on(events.ScreenResume)
    def _resumed(self) -> None:
        self._catalog.offer_all()
        self.refresh_panes()

    @on(FilesChanged)
    @on(CatalogChanged)
    def _surroundings_changed(self, event: FilesChanged | CatalogChanged) -> None:
        """The recipe is the same, and what it means may be another."""
        if isinstance(event, CatalogChanged):
            if event.renewed:
                self._row_form.descriptions.renew()  # the code may be another
            if (row := self.rows.row) is not None:
                self._show_form(row)
            self._catalog.offer_all()
        if isinstance(event, FilesChanged) or event.renewed:
            self._examiner.surroundings_changed()
        self.refresh_panes()

    @on(WorkerChanged)
    def _worker_changed(self, event: WorkerChanged) -> None:
        if event.state == "ready" and not self.is_settled:
            self._examiner.soon()

    def _examined(self, answer: Mapping[str, Any] | None) -> None:
        if answer is not None and self.examination.error is None:
            self.query_one(PictureView).show(answer)
        self.refresh_panes()

    @on(RecipeChanged)
    def _changed(self) -> None:
        self.refresh_panes()

    def refresh_panes(self, select: str | None = None) -> None:
        """Show the recipe as it is in every pane.

        Args:
            select: the key of the row to highlight; None for the one that is.
        """
        editor = self.editor
        self.set_class(editor is None, "-empty")
        if editor is None:
            self.query_one("#assemble-empty", Static).update(_EMPTY)
            return
        error = self._examiner.error_of(editor)
        stale = not self.is_settled
        rows = editor.rows
        if key := kwb(self).row_to_show:
            select, kwb(self).row_to_show = key, ""
        if stale:
            self._examiner.carry(self.rows.rows, rows)
        known = self.examination
        shown = replace(known, warnings=(*known.warnings, *self._row_form.drafts()))
        self.rows.show(rows, shown, error, stale=stale, select=select)
        self.query_one(RecipeText).show(editor.text, error)
        self.query_one(ErrorBelow).show(error)
        self.query_one(PictureView).set_class(stale or known.error is not None, "-stale")
        changed = " *" if editor.dirty else ""
        self.rows.border_title = one_line(f"{editor.name}{changed}  {self._examiner.status(error)}")
        if stale:
            self._examiner.soon()

    # ------------------------------------------------------------------ the form

    @on(RowsList.Reached)
    def _reached(self, event: RowsList.Reached) -> None:
        editor, row = self.editor, event.row
        if editor is None:
            return
        self._show_form(row)
        if (line := editor.line_of(row.key)) is not None:
            self.query_one(RecipeText).reveal(line)
        if path := self.examination.paths.get(row.key):
            self.query_one(PictureView).select_path(path)

    @work(group="form")
    async def _show_form(self, row: RecipeRow) -> None:
        await self._row_form.show(row)

    @work(group="edit", exclusive=True)
    async def _edit(self, row: RecipeRow, wanted: str) -> None:
        """Put the cursor into the form of a row. Keys typed meanwhile are for the form."""
        with kwb(self).type_ahead.kept(f"asking the worker for the arguments of {row.use or row.name}"):
            await self._row_form.enter(row, wanted)

    @on(Form.Changed)
    def _answered(self, event: Form.Changed) -> None:
        if (key := self._row_form.take(event)) is not None:
            self.refresh_panes(key)

    @on(Form.Fill)
    def _fill_argument(self, event: Form.Fill) -> None:
        """Choose an entry of the catalog as an argument; it has rows of its own then."""
        if (row := self.rows.row) is not None and self.editor is not None:
            self.editor.end_step()
            self._choose(actions.argument_intent(row, event.name, self._row_form.order_of(row)))

    @on(Form.Undo)
    def _take_back(self, event: Form.Undo) -> None:
        """Undo from within the form. What is typed next is for the form, unless that was about what is gone now."""
        if take_back(kwb(self), again=event.again):
            self._restore_form()

    @on(RecipeReplaced)
    def _restore_form(self) -> None:
        """Show the recipe's values in all fields; back to the rows where they are about something else."""
        self.refresh_panes()
        if not self._row_form.restore() and self.form.has_focus_within:
            self.action_rows()

    @on(Form.DraftsChanged)
    def _drafts_changed(self, event: Form.DraftsChanged) -> None:
        """A text that is no value is not in the recipe: say so, and mark its row."""
        if event.draft is not None:
            kwb(self).notice(f"{event.draft}", "warning")
        self.refresh_panes()

    # ------------------------------------------------------------------ rows

    @on(RowsList.Asked)
    def _asked(self, event: RowsList.Asked) -> None:
        editor, row = self.editor, event.row
        if editor is None:
            return
        editor.end_step()
        if event.what in ("add", "insert", "change"):
            self._choose(actions.intent_of(event.what, row, editor))
        elif event.what in ("edit", "rename", "rewire"):
            self._edit(row, subjects.field_for(event.what, row))
        else:
            self._act(event.what, row)

    @work(group="act")
    async def _act(self, what: str, row: RecipeRow) -> None:
        editor = self.editor
        if editor is None:
            return
        try:
            if what == "graph":
                with kwb(self).type_ahead.kept("reading the data"):
                    await self._examiner.know_data(editor)
            key = await actions.act(what, row, editor, self.examination, kwb(self))
        except WorkbenchError as error:
            kwb(self).notice(error, "warning")
            return
        if key is not None:
            self.refresh_panes(key)

    # ------------------------------------------------------------------ the catalog

    def action_search(self) -> None:
        """Search the whole catalog."""
        self._catalog.give_up()
        self._go_to_catalog()

    def _go_to_catalog(self) -> None:
        self._show_pane("catalog")
        self.query_one(CatalogPanel).focus_search()

    def _choose(self, intent: actions.Intent | None) -> None:
        """Open the catalog to choose from, or do at once what needs no choice."""
        if intent is None:
            kwb(self).notice("there is nothing to choose here: v shows the YAML.", "information")
            return
        if self._catalog.begin(intent):
            self._go_to_catalog()
        else:
            self._take(actions.FILE_ENTRY)

    @on(CatalogPanel.Chosen)
    def _chosen(self, event: CatalogPanel.Chosen) -> None:
        self._take(event.entry)

    @work(group="act")
    async def _take(self, entry: Entry) -> None:
        with kwb(self).type_ahead.kept(f"asking the worker for the arguments of {entry.name}"):
            if (key := await self._catalog.place(entry)) is None:
                return
            self.action_rows()
            self.refresh_panes(key)
            if (row := self.rows.row) is not None:
                await self._row_form.enter(row, report=False)

    @on(CatalogPanel.Left)
    def _catalog_left(self) -> None:
        self._catalog.give_up()
        self.action_rows()

    @on(CatalogPanel.Reached)
    @work(group="documentation", exclusive=True)
    async def _document(self, event: CatalogPanel.Reached) -> None:
        await self._catalog.document(event.entry)

    def action_check(self) -> None:
        """Check the entry under the cursor: the catalog's, or the row's."""
        panel = self.query_one(CatalogPanel)
        inside = panel.has_focus_within
        check_here(kwb(self), None if inside else self.rows.row, panel.entry if inside else None)

    def layer_under_cursor(self) -> str:
        return self.examination.paths.get(self.rows.row.key, "") if self.rows.row is not None else ""

    def _show_pane(self, pane: str) -> None:
        """The pane that is shown where there is no space for all: catalog, side, or (empty) the rows."""
        self.set_class(pane == "catalog", "-catalog")
        self.set_class(pane == "side", "-side")

    @on(Form.Left)
    @on(RecipeText.Left)
    def action_rows(self) -> None:
        """Put the cursor into the rows."""
        if self.editor is not None:
            self.editor.end_step()
        self._show_pane("")
        self.rows.focus()

    def focus_main(self) -> None:
        self.action_rows()

    def action_side(self, which: str) -> None:
        """Show the text or the picture, and put the cursor there."""
        kwb(self).state.set("assemble.side", which)
        self.query_one(ContentSwitcher).current = which
        self._show_pane("side")
        self.query_one(f"#{which}").focus()

    @on(RecipeText.Typed)
    def _typed(self, event: RecipeText.Typed) -> None:
        if self.editor is not None:
            self.editor.replace_text(event.area.take(), joined=True)

    @on(RecipeText.Wrapped)
    def _wrapped(self, event: RecipeText.Wrapped) -> None:
        kwb(self).state.set("assemble.wrap", event.wrapped)

    @on(PictureView.Selected)
    def _box_selected(self, event: PictureView.Selected) -> None:
        key = next((key for key, path in self.examination.paths.items() if path == event.path), None)
        if key is not None:
            self.refresh_panes(key)

    @on(RecipeText.Undo)
    def _text_undo(self, event: RecipeText.Undo) -> None:
        take_back(kwb(self), again=event.again)

    def action_undo(self) -> None:
        """Take the last edit back."""
        take_back(kwb(self))

    def action_redo(self) -> None:
        """Do again what was undone."""
        take_back(kwb(self), again=True)

    def action_save(self) -> None:
        """Write the recipe to its file."""
        kwb(self).action_save_recipe()


_EMPTY = """\
No recipe is open.

Press 1 for the recipes: choose one, or n for a new one from your data."""
