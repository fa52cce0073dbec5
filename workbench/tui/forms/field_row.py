"""One field of a form: its name, a widget to edit it, and below it what is wrong."""

from __future__ import annotations

import math
from time import monotonic
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.timer import Timer
from textual.widgets import Input, Label, Select, Static

from workbench.tui.forms.fields import UNSET, Field, alike, default_text, read_value, same, text_of

STILL = 0.5  # seconds after the last key; what others do to a value waits so long


class FieldRow(Vertical):
    """Posts `Changed` when its text has become another valid value."""

    DEFAULT_CSS = """
    FieldRow {
        height: auto;
        & > Horizontal { height: 1; }
        .field-name { width: 20; padding-right: 1; text-style: none; color: $text-muted; }
        .field-name { text-overflow: ellipsis; text-wrap: nowrap; }
        .field-name.-set { color: $foreground; text-style: bold; }
        Input { width: 1fr; }
        Select { width: 1fr; height: 1; }
        Select > SelectCurrent { height: 1; border: none; padding: 0; }
        .field-fault { color: $text-error; padding-left: 20; height: auto; display: none; }
        &.-wrong .field-fault { display: block; }
    }
    """

    class Changed(Message):
        """A field's value; `UNSET` leaves the argument to its default."""

        def __init__(self, row: FieldRow, value: Any) -> None:
            super().__init__()
            self.row = row
            self.value = value

        @property
        def control(self) -> FieldRow:
            return self.row

    class Focused(Message):
        """The field has the focus; a form shows its documentation."""

        def __init__(self, field: Field) -> None:
            super().__init__()
            self.field = field

    def __init__(self, field: Field, value: Any = UNSET) -> None:
        super().__init__()
        self.field = field
        self.value = value
        self._choices = _choices(field, value)
        self._typed_at = -math.inf
        self._later: Timer | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            label = Label(self._label, classes="field-name", markup=False)
            yield label.set_class(self.value is not UNSET, "-set")
            if self._choices:
                yield Select(
                    [(text, index) for index, (text, _) in enumerate(self._choices)],
                    prompt=f"{default_text(self.field)}",
                    value=self._chosen(self.value),
                    compact=True,
                )
            else:
                yield Input(
                    text_of(self.field, self.value),
                    placeholder=default_text(self.field),
                    suggester=self._suggester,
                    compact=True,
                    select_on_focus=False,
                )
        yield Static("", classes="field-fault", markup=False)

    @property
    def _label(self) -> Content:
        return Content(f"{self.field.label or self.field.name}{' *' if self.field.required else ''}")

    @property
    def _suggester(self) -> SuggestFromList | None:
        known = self.field.suggestions
        return SuggestFromList(known, case_sensitive=False) if known else None

    def refit(self, field: Field) -> bool:
        """More is known of the argument now. What is being typed stays as it is, with the cursor in it.

        Returns:
            False if the field needs another kind of editor.
        """
        if _choices(field, self.value) != self._choices:
            return False
        self.field = field
        self.query_one(Label).update(self._label)
        if isinstance(self.editor, Input):
            self.editor.placeholder = default_text(field)
            self.editor.suggester = self._suggester
        return True

    @property
    def editor(self) -> Input | Select[int]:
        """The widget that is typed into."""
        return self.query_one(Select) if self._choices else self.query_one(Input)

    @property
    def wrong(self) -> str:
        """What is wrong with the text, or nothing."""
        return (
            str(self.query_one(".field-fault", Static).content).removeprefix("✗ ")
            if self.has_class("-wrong")
            else ""
        )

    def show(self, value: Any) -> None:
        """The value became another one elsewhere. A text being typed is left alone: what it meant some keys ago comes
        back here too, without the comma that it ends with for now."""
        if self._later is not None:
            self._later.stop()
            self._later = None
        editor = self.editor
        if same(value, self.value) or (editor.has_focus and alike(value, self.value)):
            return
        since = monotonic() - self._typed_at
        if editor.has_focus and since < STILL:
            self._later = self.set_timer(STILL - since, lambda: self.show(value))
            return
        self.value = value
        with self.prevent(Input.Changed, Select.Changed):
            if isinstance(editor, Select):
                editor.value = self._chosen(value)
            else:
                editor.value = text_of(self.field, value)
        self.tell("")

    def _chosen(self, value: Any) -> Any:
        return next((i for i, (_, each) in enumerate(self._choices) if same(each, value)), Select.NULL)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._typed_at = monotonic()
        try:
            value = read_value(self.field, event.value)
        except ValueError as fault:
            self.tell(str(fault))
            return
        if value is UNSET and self.field.required:
            self.tell("is needed")
            return
        self.tell("")
        self._take(value)

    @on(Select.Changed)
    def _picked(self, event: Select.Changed) -> None:
        event.stop()
        self._take(self._choices[event.value][1] if isinstance(event.value, int) else UNSET)

    def _take(self, value: Any) -> None:
        changed = not same(value, self.value)
        self.value = value
        self.query_one(".field-name").set_class(value is not UNSET, "-set")
        if changed:
            self.post_message(self.Changed(self, value))

    def tell(self, fault: str) -> None:
        """Show what is wrong, or that nothing is."""
        self.query_one(".field-fault", Static).update(f"✗ {fault}" if fault else "")
        self.set_class(bool(fault), "-wrong")
        self.query_one(".field-name").set_class(self.value is not UNSET, "-set")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.post_message(self.Focused(self.field))


def _choices(field: Field, value: Any) -> list[tuple[str, Any]]:
    """What a select offers; none where a text is to be typed, as for a value that is none of the choices."""
    if field.type == "boolean" and value in (UNSET, True, False):
        return [("true", True), ("false", False)]
    if field.type == "choice" and (value is UNSET or value in field.choices):
        return [(str(choice), choice) for choice in field.choices]
    return []
