"""The form of the row under the cursor: its fields and values, and what becomes of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from textual.screen import Screen

from workbench.catalog import Entry
from workbench.errors import RecipeWarning, WorkbenchError
from workbench.recipe.editing import Editor
from workbench.recipe.names import find_nested
from workbench.recipe.outline import RecipeRow, Role, own_layers
from workbench.tui.context import kwb
from workbench.tui.forms.fields import UNSET, same
from workbench.tui.forms.form import Draft, Form
from workbench.tui.screens.assemble import subjects
from workbench.tui.screens.assemble.rows_list import RowsList
from workbench.tui.services.descriptions import Descriptions

Description = Mapping[str, Any]


class RowForm:
    """Fills the form of a screen and takes its answers.

    What asks the worker is a coroutine, for a worker of the screen.

    Args:
        screen: the one with the rows and the form.

    Attributes:
        descriptions: of the entries' arguments.
    """

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self.descriptions = Descriptions(lambda *args, **asked: kwb(screen).worker.call(*args, **asked))

    @property
    def _editor(self) -> Editor | None:
        return kwb(self._screen).editor

    @property
    def _form(self) -> Form:
        return self._screen.query_one(Form)

    @property
    def _rows(self) -> RowsList:
        return self._screen.query_one(RowsList)

    def _row_of(self, subject: str) -> RecipeRow | None:
        """The row that a form is about, by its subject's id."""
        found = [row for row in self._rows.rows if f"{subject} ".startswith(f"{row.key} ")]
        return max(found, key=lambda row: len(row.key), default=None)

    def _entry(self, row: RecipeRow) -> Entry | None:
        """The entry whose arguments the row's form asks for."""
        if self._editor is None or row.kind is None or not row.form:
            return None
        name = row.use
        if name in own_layers(self._editor.data, row.key):
            return None
        if row.role is Role.CALL and row.form != row.key:
            name = str(self._editor.get(f"{row.form}.use", ""))
        catalog = kwb(self._screen).catalog
        try:
            return (
                find_nested(catalog, name, row.key) if row.role is Role.PART else catalog.find(row.kind, name)
            )
        except WorkbenchError:
            return None

    def _known(self, row: RecipeRow) -> Description | None:
        entry = self._entry(row)
        return self.descriptions.known(entry) if entry else None

    async def describe(self, entry: Entry) -> Description | None:
        """The arguments of an entry; None if they are not known and there is no worker to ask."""
        known = self.descriptions.known(entry)
        if known is None and entry.target and kwb(self._screen).worker.state in ("ready", "busy"):
            with suppress(WorkbenchError):  # it is shown where the recipe is examined
                return await self.descriptions.fetch(entry)
        return known

    # ------------------------------------------------------------------ filling it

    async def show(self, row: RecipeRow) -> None:
        """Show a row's fields: at once with what is known of them, and again when the worker has said more."""
        entry, known = self._entry(row), self._known(row)
        await self._fill(row, known)
        if entry is None or self.descriptions.is_fresh(entry):
            return
        try:
            fresh = await self.descriptions.fetch(entry)
        except WorkbenchError as error:
            kwb(self._screen).notice(error, "warning")
            return
        if fresh != known:
            await self._fill(row, fresh)

    async def enter(self, row: RecipeRow, wanted: str = "", *, report: bool = True) -> None:
        """Put the cursor into the form of a row.

        Args:
            row: the row.
            wanted: the field to go to; "" for the first argument that is needed.
            report: say so where there is no field.
        """
        entry = self._entry(row)
        await self._fill(row, self._known(row))
        lacking = entry is not None and entry.target and not self._form.rows
        if entry is not None and lacking and not self.descriptions.is_fresh(entry):
            try:
                await self._fill(row, await self.descriptions.fetch(entry))
            except WorkbenchError as error:
                kwb(self._screen).notice(error, "warning")
                return
        if not self._form.focus_field(wanted or self._first_argument(row)) and report:
            kwb(self._screen).notice("there is nothing to edit here: a adds, c changes.", "information")

    async def _fill(self, row: RecipeRow, description: Description | None) -> None:
        editor = self._editor
        if editor is None or self._rows.row is None or self._rows.row.key != row.key:
            return
        subject = subjects.subject_of(row, editor, description, kwb(self._screen).catalog)
        await self._form.show(subject, subjects.values_of(row, editor, description))

    def _first_argument(self, row: RecipeRow) -> str:
        """What is typed first of a layer in a graph, as in a stack: its own argument and not its tensors' names."""
        if row.role not in (Role.CALL, Role.SHARED):
            return ""
        needed = [
            each for each in self._form.rows if each.field.required and each.field.name not in subjects.NAMES
        ]
        empty = [each for each in needed if each.value is UNSET]
        return next((each.field.name for each in (*empty, *needed)), "")

    def order_of(self, row: RecipeRow) -> list[str]:
        """The arguments of a row's entry in their order, as far as they are known."""
        return subjects.order_of(self._known(row))

    # ------------------------------------------------------------------ its answers

    def take(self, event: Form.Changed) -> str | None:
        """Make a field's value the recipe's. The row's key is returned if it is another one now."""
        editor, row = self._editor, self._row_of(event.subject.id)
        if editor is None or row is None:
            return None
        try:
            key = subjects.apply(row, editor, self._known(row), event.name, event.value)
        except WorkbenchError as error:
            self._form.answer(event.name, event.value, error.what)
            return None
        self._form.answer(event.name, event.value, "")
        if key is None or key == row.key:
            return None
        self._form.moved(row.key, key)  # the next letter is for the row by its new key
        return key

    def restore(self) -> bool:
        """Show the recipe's values in all fields; False where the form is about something else than the row."""
        editor, row = self._editor, self._rows.row
        if editor is None or row is None:
            return True
        known = self._known(row)
        if subjects.subject_of(row, editor, known, kwb(self._screen).catalog).id != self._form.subject.id:
            return False
        self._form.restore(subjects.values_of(row, editor, known))
        return True

    def drafts(self) -> tuple[RecipeWarning, ...]:
        """The texts that were typed into forms and are not in the recipe, as warnings at their rows."""
        self._form.forget_where(self._is_stale)
        of_rows = [(draft, self._row_of(draft.row)) for draft in self._form.drafts]
        return tuple(RecipeWarning(str(draft), row.key) for draft, row in of_rows if row is not None)

    def _is_stale(self, draft: Draft) -> bool:
        """True if the recipe no longer has the value that a draft was typed over, as far as that is known."""
        editor, row = self._editor, self._row_of(draft.row)
        if editor is None or row is None:
            return True
        known = self._known(row)
        if known is None and self._entry(row) is not None:
            return False
        return not same(subjects.values_of(row, editor, known).get(draft.field.name, UNSET), draft.value)
