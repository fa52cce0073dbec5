"""A form for arguments: a field for each, and the documentation of the focused one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from workbench.tui.forms.field_row import FieldRow
from workbench.tui.forms.fields import UNSET, Field, same, text_of
from workbench.tui.terminal.text import one_line


@dataclass(frozen=True)
class FormSubject:
    """The subject of a form: its title and its fields.

    Attributes:
        id: the form is made again when it is another.
        title: in the frame.
        about: shown while no field has the focus.
        fields: in order.
    """

    id: str
    title: str = ""
    about: str = ""
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A text that is not a valid value: the recipe keeps the old value, the form keeps the text.

    Attributes:
        row: the subject that it belongs to, by its id.
        field: that it was typed into.
        text: as typed.
        error: what is wrong with it.
        value: the recipe's.
    """

    row: str
    field: Field
    text: str
    error: str
    value: Any

    def __str__(self) -> str:
        kept = (
            "it is left to its default" if self.value is UNSET else f"{text_of(self.field, self.value)} stays"
        )
        return f"{self.field.label or self.field.name}: '{self.text}' {self.error}; {kept}."


class Fields(VerticalScroll, inherit_bindings=False):
    """The fields, which ↑ and ↓ go through also where they need more lines than there are: the view follows."""

    BINDINGS = [
        each
        for each in VerticalScroll.BINDINGS
        if not isinstance(each, Binding) or each.key not in ("up", "down")
    ]


class Form(Vertical):
    """Keys: tab and shift+tab go from field to field, so do ↑ and ↓; escape leaves the form; ctrl+z undoes.

    A text that is no value stays, with what is wrong with it, also when another row is shown meanwhile: see `drafts`.
    """

    BINDING_GROUP_TITLE = "Form"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="form.leave", tooltip="Back to the rows"),
        Binding("down", "step(1)", "Next", id="form.next", show=False, tooltip="The next field"),
        Binding("up", "step(-1)", "Previous", id="form.previous", show=False, tooltip="The field before"),
        Binding(
            "ctrl+z",
            "undo(False)",
            "Undo",
            id="form.undo",
            key_display="^z",
            tooltip="Take the last edit back: what was typed here, or what brought you here",
        ),
        Binding(
            "ctrl+l",
            "fill",
            "Layer",
            id="form.fill",
            show=False,
            tooltip="Choose a layer, a model or what else fits from the catalog as this argument",
        ),
        Binding(
            "ctrl+y", "undo(True)", "Redo", id="form.redo", show=False, tooltip="Do again what was undone"
        ),
    ]
    DEFAULT_CSS = """
    Form {
        & > VerticalScroll { height: 1fr; }
        & > .form-about { height: auto; max-height: 4; color: $text-muted; padding: 0 0; }
    }
    """

    class Changed(Message):
        """A field has another valid value."""

        def __init__(self, form: Form, subject: FormSubject, name: str, value: Any) -> None:
            super().__init__()
            self.form = form
            self.subject = subject
            self.name = name
            self.value = value

        @property
        def control(self) -> Form:
            return self.form

    class FormMessage(Message):
        """A message from a form to its screen."""

        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form

        @property
        def control(self) -> Form:
            return self.form

    class Left(FormMessage):
        """Escape was pressed."""

    class Undo(FormMessage):
        """Undo the last edit; with `again`, redo it."""

        def __init__(self, form: Form, again: bool) -> None:
            super().__init__(form)
            self.again = again

    class Fill(FormMessage):
        """Choose an entry of the catalog as the value of a field."""

        def __init__(self, form: Form, name: str) -> None:
            super().__init__(form)
            self.name = name

    class DraftsChanged(FormMessage):
        """The focus has left a text that is not a valid value (`draft`), or there is none any more (None)."""

        def __init__(self, form: Form, draft: Draft | None) -> None:
            super().__init__(form)
            self.draft = draft

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = FormSubject("")
        self._lock = asyncio.Lock()
        self._values: Mapping[str, Any] = {}  # the recipe's
        self._drafts: dict[tuple[str, str], Draft] = {}

    def compose(self) -> ComposeResult:
        yield Fields(can_focus=False)
        yield Static("", classes="form-about", markup=False)

    @property
    def rows(self) -> Sequence[FieldRow]:
        """The fields in order."""
        return list(self.query(FieldRow))

    @property
    def drafts(self) -> Sequence[Draft]:
        """Texts that were left in fields and are no values."""
        return list(self._drafts.values())

    def forget(self) -> None:
        """Drop the drafts: they were of another recipe."""
        self._drafts.clear()

    def forget_where(self, stale: Callable[[Draft], bool]) -> None:
        """Drop drafts of what is not shown that say what holds no more: the value was changed elsewhere since."""
        kept = {
            key: draft for key, draft in self._drafts.items() if key[0] == self.subject.id or not stale(draft)
        }
        self._drafts = kept

    def moved(self, old: str, new: str) -> None:
        """The subject of the form has another id now, with another beginning."""
        self.subject = replace(self.subject, id=new + self.subject.id.removeprefix(old))

    async def show(self, subject: FormSubject, values: Mapping[str, Any]) -> None:
        """Ask for these values; where the subject is the same, only what changed is touched."""
        async with self._lock:
            await self._show(subject, values)

    async def _show(self, subject: FormSubject, values: Mapping[str, Any]) -> None:
        if subject.id == self.subject.id and subject.fields == self.subject.fields:
            self.subject, self._values = subject, values
            for row in self.rows:
                row.show(values.get(row.field.name, UNSET))
                if not row.wrong:  # the value was changed elsewhere, and is shown in place of a draft
                    self._drop(row)
        else:
            same_thing = subject.id == self.subject.id
            for row in self.rows:
                if row.wrong and not (same_thing and row.in_focus):
                    self._keep(row, row.text, row.wrong)
            self.subject, self._values = subject, values
            await self._remake(subject, values, keep=same_thing)
        self.border_title = one_line(subject.title)
        self._about(subject.about)

    async def _remake(self, subject: FormSubject, values: Mapping[str, Any], *, keep: bool) -> None:
        """Make the fields again. With `keep`, not the one that has the focus, where it is still asked for."""
        body, at = self.query_one(Fields), None
        typed = next((row for row in self.rows if row.in_focus), None) if keep else None
        if typed is not None:
            names = [field.name for field in subject.fields]
            at = names.index(typed.field.name) if typed.field.name in names else None
        fields = [self._row(subject, field, values.get(field.name, UNSET)) for field in subject.fields]
        with self.app.batch_update():
            if typed is None or at is None:
                await body.remove_children()
                await body.mount(*fields)
                return
            typed.refit(subject.fields[at])
            typed.show(values.get(typed.field.name, UNSET))
            await body.remove_children([row for row in self.rows if row is not typed])
            await body.mount(*fields[:at], before=typed)
            await body.mount(*fields[at + 1 :], after=typed)

    def _row(self, subject: FormSubject, field: Field, value: Any) -> FieldRow:
        draft = self._drafts.get((subject.id, field.name))
        if draft is not None and not same(draft.value, value):  # the value was changed elsewhere since
            del self._drafts[(subject.id, field.name)]
            draft = None
        return FieldRow(field, value, (draft.text, draft.error) if draft else ("", ""))

    def focus_field(self, name: str = "") -> bool:
        """Put the cursor into the field of that name, else into the first that is needed and empty, else the first."""
        rows = self.rows
        empty = [row for row in rows if row.field.required and row.value is UNSET]
        chosen = [row for row in rows if row.field.name == name] if name else [*empty, *rows]
        if chosen:
            chosen[0].editor.focus()
        return bool(chosen)

    def answer(self, name: str, value: Any, error: str) -> None:
        """Show what the recipe says of a field's value, "" if it takes it."""
        for row in self.rows:
            if row.field.name == name:
                row.answer(value, error)

    def _about(self, text: str) -> None:
        self.query_one(".form-about", Static).update(text)

    def action_leave(self) -> None:
        self._about(self.subject.about)
        self.post_message(self.Left(self))

    def action_step(self, step: int) -> None:
        rows = self.rows
        at = next((index for index, row in enumerate(rows) if row.has_focus_within), None)
        if at is not None and 0 <= at + step < len(rows):
            rows[at + step].editor.focus()

    def action_undo(self, again: bool) -> None:
        row = next((row for row in self.rows if row.in_focus), None)
        if row is not None and row.wrong and not again:
            self._drop(row)
            row.restore(self._values.get(row.field.name, UNSET))
        else:
            self.post_message(self.Undo(self, again))

    def action_fill(self) -> None:
        row = next((row for row in self.rows if row.in_focus), None)
        if row is not None:
            self.post_message(self.Fill(self, row.field.name))

    def restore(self, values: Mapping[str, Any]) -> None:
        """Show these values in all fields, also in the one that has the focus: an edit was taken back."""
        self._values = values
        for row in self.rows:
            value = values.get(row.field.name, UNSET)
            if row.wrong or not same(row.value, value):
                self._drop(row)
                row.restore(value)

    def _keep(self, row: FieldRow, text: str, error: str) -> None:
        value = self._values.get(row.field.name, UNSET)
        draft = Draft(self.subject.id, row.field, text, error, value)
        if self._drafts.get((draft.row, row.field.name)) != draft:
            self._drafts[(draft.row, row.field.name)] = draft
            self.post_message(self.DraftsChanged(self, draft))

    def _drop(self, row: FieldRow) -> None:
        if self._drafts.pop((self.subject.id, row.field.name), None) is not None:
            self.post_message(self.DraftsChanged(self, None))

    @on(FieldRow.Left)
    def _field_left(self, event: FieldRow.Left) -> None:
        event.stop()
        if event.row in self.rows and event.row.wrong:
            self._keep(event.row, event.row.text, event.row.wrong)
        elif event.row in self.rows:
            self._drop(event.row)

    @on(FieldRow.Changed)
    def _changed(self, event: FieldRow.Changed) -> None:
        event.stop()
        self._drop(event.row)
        self.post_message(self.Changed(self, self.subject, event.row.field.name, event.value))

    @on(FieldRow.Focused)
    def _focused(self, event: FieldRow.Focused) -> None:
        event.stop()
        field = event.field
        known = ", ".join(field.suggestions[:12]) + (" …" if len(field.suggestions) > 12 else "")
        parts = [field.documentation, f"Such as: {known}." if known else ""]
        self._about(" ".join(part for part in parts if part) or f"{field.name}: {field.type}")
