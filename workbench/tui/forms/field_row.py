"""One field of a form: its name, a widget to edit it, and below it the error."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, OptionList, Select, Static

from workbench.tui.forms.fields import UNSET, Field, default_text, read_value, same, text_of
from workbench.tui.views.marks import FAILED


class ChoiceSelect(Select[int], inherit_bindings=False):
    """A menu that opens with Enter, or with the first letter of what is looked for: what is typed into a field is
    never a command of the app. ↑ and ↓ go to the fields beside it, as from every other field.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "show_overlay", "Choose", id="form.choose", show=False, tooltip="Open the choices"),
    ]  # fmt: skip

    def check_consume_key(self, key: str, character: str | None = None) -> bool:
        return key != "space" and character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if not self.expanded and self.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()
            self.action_show_overlay()
            # Behind the focus, which the app moves with its next message: it begins a new search.
            self.app.call_later(
                self.query_one(OptionList).post_message, events.Key(event.key, event.character)
            )


class FieldRow(Vertical):
    """Posts `Changed` when its text has become another valid value.

    While it has the focus, its text is the user's: what others make of the value is shown when the focus has left.

    Args:
        field: what is asked for.
        value: the recipe's.
        draft: a text that is no value, left here before, and what is wrong with it: shown instead of the value.
    """

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
        .field-heading { color: $primary; text-style: bold; }
        .field-error { color: $text-error; padding-left: 20; height: auto; display: none; }
        &.-wrong .field-error { display: block; }
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

    class Left(Message):
        """The focus has left the field."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, field: Field, value: Any = UNSET, draft: tuple[str, str] = ("", "")) -> None:
        super().__init__()
        self.field = field
        self.value = value
        self._draft = draft
        self._choices = _choices(field, value) if not draft[1] else []
        self._elsewhere: Any = value  # what others made of the value while it had the focus

    def compose(self) -> ComposeResult:
        heading = Static(self.field.heading, classes="field-heading", markup=False)
        heading.display = bool(self.field.heading)
        yield heading
        with Horizontal():
            label = Label(self._label, classes="field-name", markup=False)
            yield label.set_class(self.value is not UNSET, "-set")
            if self._choices:
                yield ChoiceSelect(
                    [(text, index) for index, (text, _) in enumerate(self._choices)],
                    prompt=f"{default_text(self.field)}",
                    value=self._chosen(self.value),
                    compact=True,
                )
            else:
                yield Input(
                    self._draft[0] if self._draft[1] else text_of(self.field, self.value),
                    placeholder=default_text(self.field),
                    suggester=self._suggester,
                    compact=True,
                )
        yield Static("", classes="field-error", markup=False)

    def on_mount(self) -> None:
        if isinstance(self.editor, Input):
            self.editor.cursor_position = 0  # a long value is shown from its beginning
        if self._draft[1]:
            self.show_error(self._draft[1])

    @property
    def text(self) -> str:
        """The text that is typed."""
        return self.editor.value if isinstance(self.editor, Input) else text_of(self.field, self.value)

    @property
    def in_focus(self) -> bool:
        """True if the text that is typed goes into this field."""
        return self.is_attached and self.screen.focused is self.editor

    @property
    def _label(self) -> Content:
        return Content(f"{self.field.label or self.field.name}{' *' if self.field.required else ''}")

    @property
    def _suggester(self) -> SuggestFromList | None:
        known = self.field.suggestions
        return SuggestFromList(known, case_sensitive=False) if known else None

    def refit(self, field: Field) -> None:
        """More is known of the argument now. What is being typed stays as it is, with the cursor in it; where another
        kind of editor fits better, it comes when the focus has left."""
        self.field = field
        self.query_one(Label).update(self._label)
        heading = self.query_one(".field-heading", Static)
        heading.update(field.heading)
        heading.display = bool(field.heading)
        if isinstance(self.editor, Input):
            self.editor.placeholder = default_text(field)
            self.editor.suggester = self._suggester

    @property
    def editor(self) -> Input | Select[int]:
        """The widget that is typed into."""
        return self.query_one(Select) if self._choices else self.query_one(Input)

    @property
    def wrong(self) -> str:
        """The error of the text; empty for none."""
        return (
            str(self.query_one(".field-error", Static).content).removeprefix(f"{FAILED} ")
            if self.has_class("-wrong")
            else ""
        )

    def show(self, value: Any) -> None:
        """The value became another one elsewhere. Where the field has the focus, it is shown when that has left."""
        changed = not same(value, self._elsewhere) or not same(value, self.value)
        self._elsewhere = value
        if changed and not self.in_focus:
            self.restore(value)

    def restore(self, value: Any) -> None:
        """Show a value, also in place of what is being typed: when the user takes that back."""
        editor = self.editor
        self.value = self._elsewhere = value
        with self.prevent(Input.Changed, Select.Changed):
            if isinstance(editor, Select):
                editor.value = self._chosen(value)
            else:
                editor.value = text_of(self.field, value)
                if self.in_focus:
                    editor.select_all()
                else:
                    editor.cursor_position = 0  # a long value is shown from its beginning
        self.show_error("")

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if self.in_focus or not self.app.app_focus:  # only the terminal has lost it
            return
        self.post_message(self.Left(self))
        if not self.wrong and not same(self._elsewhere, self.value):
            self.restore(self._elsewhere)
        if not self.wrong and _choices(self.field, self.value) != self._choices:
            self._draft, self._choices = ("", ""), _choices(self.field, self.value)
            self.refresh(recompose=True)

    def _chosen(self, value: Any) -> Any:
        return next((i for i, (_, each) in enumerate(self._choices) if same(each, value)), Select.NULL)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        error = self._error(event.value)
        self.show_error(error)
        if not error:
            self._take(read_value(self.field, event.value))

    def _error(self, text: str) -> str:
        """The error of a text, "" if it is a value."""
        try:
            value = read_value(self.field, text)
        except ValueError as error:
            return str(error)
        return "is needed" if value is UNSET and self.field.required else ""

    @on(Select.Changed)
    def _picked(self, event: Select.Changed) -> None:
        event.stop()
        self._take(self._choices[event.value][1] if isinstance(event.value, int) else UNSET)

    def _take(self, value: Any) -> None:
        changed = not same(value, self.value)
        self.value = self._elsewhere = value
        self.query_one(".field-name").set_class(value is not UNSET, "-set")
        if changed:
            self.post_message(self.Changed(self, value))

    def answer(self, value: Any, error: str) -> None:
        """Show what was found of a value, "" for nothing wrong; not if another text is typed by now."""
        if not self._error(self.text) and same(value, self.value):
            self.show_error(error)

    def show_error(self, error: str) -> None:
        """Show what is wrong, or that nothing is."""
        self.query_one(".field-error", Static).update(f"{FAILED} {error}" if error else "")
        self.set_class(bool(error), "-wrong")
        self.query_one(".field-name").set_class(self.value is not UNSET, "-set")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.post_message(self.Focused(self.field))


def _choices(field: Field, value: Any) -> list[tuple[str, Any]]:
    """The choices of a select; none where a text is to be typed, as for a value that is none of the choices."""
    if field.type == "boolean" and value in (UNSET, True, False):
        return [("true", True), ("false", False)]
    if field.type == "choice" and (value is UNSET or value in field.choices):
        return [(str(choice), choice) for choice in field.choices]
    return []
