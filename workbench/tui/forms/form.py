"""A form for the arguments of one thing: a field for each, and the documentation of the one in focus."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from workbench.tui.forms.field_row import FieldRow
from workbench.tui.forms.fields import UNSET, Field


@dataclass(frozen=True)
class Subject:
    """What a form is about.

    Attributes:
        id: the form is made anew when it is another.
        title: in the frame.
        about: shown while no field has the focus.
        fields: in order.
    """

    id: str
    title: str = ""
    about: str = ""
    fields: tuple[Field, ...] = ()


class Form(Vertical):
    """Keys: tab and shift+tab go from field to field, so do ↑ and ↓; escape leaves the form."""

    BINDING_GROUP_TITLE = "Form"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="form.leave", tooltip="Back to the rows"),
        Binding("down", "step(1)", "Next", id="form.next", show=False, tooltip="The next field"),
        Binding("up", "step(-1)", "Previous", id="form.previous", show=False, tooltip="The field before"),
    ]
    DEFAULT_CSS = """
    Form {
        & > VerticalScroll { height: 1fr; }
        & > .form-about { height: auto; max-height: 4; color: $text-muted; padding: 0 0; }
    }
    """

    class Changed(Message):
        """A field has another valid value."""

        def __init__(self, form: Form, subject: Subject, name: str, value: Any) -> None:
            super().__init__()
            self.form = form
            self.subject = subject
            self.name = name
            self.value = value

        @property
        def control(self) -> Form:
            return self.form

    class Left(Message):
        """Escape was pressed."""

        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form

        @property
        def control(self) -> Form:
            return self.form

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Subject("")
        self._lock = asyncio.Lock()

    def compose(self) -> ComposeResult:
        yield VerticalScroll(can_focus=False)
        yield Static("", classes="form-about", markup=False)

    @property
    def rows(self) -> Sequence[FieldRow]:
        """The fields in order."""
        return list(self.query(FieldRow))

    async def show(self, subject: Subject, values: Mapping[str, Any]) -> None:
        """Ask for these values; where the subject is the same, only what changed is touched."""
        async with self._lock:
            await self._show(subject, values)

    async def _show(self, subject: Subject, values: Mapping[str, Any]) -> None:
        if subject.id == self.subject.id and subject.fields == self.subject.fields:
            self.subject = subject
            for row in self.rows:
                row.show(values.get(row.field.name, UNSET))
        else:
            same_thing = subject.id == self.subject.id
            self.subject = subject
            await self._remake(subject, values, keep=same_thing)
        self.border_title = subject.title
        self._about(subject.about)

    async def _remake(self, subject: Subject, values: Mapping[str, Any], *, keep: bool) -> None:
        """Make the fields anew. With `keep`, not the one that is being typed into, where it is still asked for."""
        body, at = self.query_one(VerticalScroll), None
        typed = next((row for row in self.rows if row.has_focus_within), None) if keep else None
        if typed is not None:
            names = [field.name for field in subject.fields]
            at = names.index(typed.field.name) if typed.field.name in names else None
        fields = [FieldRow(field, values.get(field.name, UNSET)) for field in subject.fields]
        with self.app.batch_update():
            if typed is None or at is None or not typed.refit(subject.fields[at]):
                await body.remove_children()
                await body.mount(*fields)
                if typed is not None and at is not None:
                    fields[at].editor.focus()
                return
            typed.show(values.get(typed.field.name, UNSET))
            await body.remove_children([row for row in self.rows if row is not typed])
            await body.mount(*fields[:at], before=typed)
            await body.mount(*fields[at + 1 :], after=typed)

    def focus_field(self, name: str = "") -> bool:
        """Put the cursor into the field of that name, else into the first that is needed and empty, else the first."""
        rows = self.rows
        empty = [row for row in rows if row.field.required and row.value is UNSET]
        chosen = [row for row in rows if row.field.name == name] if name else [*empty, *rows]
        if chosen:
            chosen[0].editor.focus()
        return bool(chosen)

    def tell(self, name: str, fault: str) -> None:
        """Show a fault at a field."""
        for row in self.rows:
            if row.field.name == name:
                row.tell(fault)

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

    @on(FieldRow.Changed)
    def _changed(self, event: FieldRow.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self, self.subject, event.row.field.name, event.value))

    @on(FieldRow.Focused)
    def _focused(self, event: FieldRow.Focused) -> None:
        event.stop()
        field = event.field
        known = ", ".join(field.suggestions[:12]) + (" …" if len(field.suggestions) > 12 else "")
        parts = [field.documentation, f"Such as: {known}." if known else ""]
        self._about(" ".join(part for part in parts if part) or f"{field.name}: {field.type}")
