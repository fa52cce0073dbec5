"""Small modal dialogs: ask yes or no or which, ask for a line of text, show an error whole.

`answer = await self.app.push_screen_wait(ConfirmDialog(...))`, inside a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from workbench.tui.terminal.textual_private import bind
from workbench.tui.views.marks import FAILED
from workbench.tui.widgets.key_line import KeyLine

ButtonVariant = Literal["default", "primary", "success", "warning", "error"]

Result = TypeVar("Result")

_CSS = """
Dialog {
    align: center middle;
    background: $background 60%;

    & > Vertical {
        width: 64;
        max-width: 95%;
        height: auto;
        max-height: 90%;
        padding: 1 2;
        background: $surface;
        border: round $border;
    }
    .dialog-title { text-style: bold; width: 100%; }
    .dialog-text { width: 100%; margin-top: 1; }
    .dialog-error { width: 100%; color: $text-error; height: auto; }
    .dialog-buttons { height: auto; margin-top: 1; align-horizontal: right; }
    Button { margin-left: 1; padding: 0 1; }
    .-many Button { min-width: 8; }
    Button:focus { text-style: bold reverse; }
    Input { margin-top: 1; }
    VerticalScroll { height: auto; max-height: 16; margin-top: 1; }
}
Dialog.-short > Vertical { max-height: 100%; }
Dialog.-narrow > Vertical { width: 100%; padding: 0 1; }
Dialog.-narrow .-many { layout: vertical; }
Dialog.-narrow .-many Button { width: 100%; margin-left: 0; }
"""


class Dialog(ModalScreen[Result]):
    """The base of dialogs: a frame in the middle, escape to leave without an answer."""

    DEFAULT_CSS = _CSS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-normal")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="dialog.cancel", tooltip="Close without an answer"),
        Binding("left", "app.focus_previous", show=False, id="dialog.previous", tooltip="The button before"),
        Binding("right", "app.focus_next", show=False, id="dialog.next", tooltip="The next button"),
        # The app's own keys do not reach a modal screen.
        Binding("y", "app.copy", "Copy", show=False, id="dialog.copy", tooltip="Copy what has the focus"),
        Binding("f1", "app.toggle_help", "Help", show=False, id="dialog.help", tooltip="Show the keys"),
    ]

    def on_mount(self) -> None:
        self.mount(KeyLine())  # over that of the screen below, whose keys do nothing now

    def action_leave(self) -> None:
        self.dismiss(None)


@dataclass(frozen=True)
class Choice:
    """A button: its answer, its label, the letter that presses it."""

    answer: str
    label: str
    key: str = ""
    variant: ButtonVariant = "default"


class ConfirmDialog(Dialog[str | None]):
    """Asks which; the result is the choice's answer, or None. The first choice has the focus.

    Args:
        title: the question.
        text: more about it.
        choices: the answers.
        unexpected: it stands between a key and what that was for. What was typed before it was seen is no answer.
    """

    def __init__(
        self, title: str, text: str = "", choices: Sequence[Choice] = (), *, unexpected: bool = False
    ) -> None:
        super().__init__()
        self.unexpected = unexpected
        self._title = title
        self._text = text
        self._choices = choices or (Choice("yes", "Yes", "y"), Choice("no", "No", "n"))

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._title, classes="dialog-title", markup=False)
            if self._text:
                yield Static(self._text, classes="dialog-text", markup=False)
            with Horizontal(classes="dialog-buttons -many" if len(self._choices) > 2 else "dialog-buttons"):
                for choice in self._choices:
                    yield Button(
                        _with_key(choice), id=f"answer-{choice.answer}", variant=choice.variant, compact=True
                    )

    def on_mount(self) -> None:
        for choice in self._choices:
            if choice.key:
                bind(self, choice.key, f"answer({choice.answer!r})", choice.label)

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer)

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss((event.button.id or "").removeprefix("answer-"))


def _with_key(choice: Choice) -> Content:
    if not choice.key:
        return Content(choice.label)
    return Content.assemble(choice.label, " ", (choice.key, "dim"))


class PromptDialog(Dialog[str | None]):
    """Asks for a line of text; the result is the text, or None.

    Args:
        title: what is asked for.
        value: the text to begin with.
        check: from a text to what is wrong with it, empty if nothing; called at every key.
        suggestions: texts that are offered while typing.
    """

    def __init__(
        self,
        title: str,
        value: str = "",
        *,
        text: str = "",
        placeholder: str = "",
        check: Callable[[str], str] = lambda text: "",
        suggestions: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._value = value
        self._placeholder = placeholder
        self._check = check
        self._suggestions = suggestions

    def compose(self) -> ComposeResult:
        from textual.suggester import SuggestFromList

        with Vertical():
            yield Label(self._title, classes="dialog-title", markup=False)
            if self._text:
                yield Static(self._text, classes="dialog-text", markup=False)
            suggester = SuggestFromList(self._suggestions) if self._suggestions else None
            yield Input(self._value, placeholder=self._placeholder, suggester=suggester)
            yield Static("", classes="dialog-error", markup=False)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one(".dialog-error", Static).update(_error_line(self._check(event.value)))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._check(event.value):
            self.dismiss(event.value)


def _error_line(error: str) -> str:
    return f"{FAILED} {error}" if error else ""


class DetailsDialog(Dialog[None]):
    """A text at full length that scrolls: an error with its details, a log's end. `y` copies it."""

    # In a short terminal 16 lines would reach below the frame, where nobody sees the last of them.
    DEFAULT_CSS = "DetailsDialog.-short VerticalScroll { max-height: 65vh; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "leave", "Close", id="details.close", tooltip="Close this text"),
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title = title
        self._text = text

    def copy_text(self) -> str:
        """The text that `y` copies."""
        return f"{self._title}\n{self._text}"

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self._title, classes="dialog-title", markup=False)
            with VerticalScroll():
                yield Static(self._text, markup=False)
