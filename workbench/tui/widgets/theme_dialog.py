"""ThemeDialog: choose the app's colours; the app shows each theme while it is highlighted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.widgets.dialogs import Dialog


class ThemeDialog(Dialog[str | None]):
    """A list of themes; the answer is the one chosen. Without an answer, the colours stay as before."""

    DEFAULT_CSS = """
    ThemeDialog { align: right middle; background: $background 0%; }
    ThemeDialog > Vertical { width: 36; height: auto; max-height: 90%; padding: 0 1; }
    ThemeDialog OptionList { height: auto; max-height: 24; border: none; background: $surface; padding: 0; }
    ThemeDialog .dialog-text { color: $text-muted; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "q", "leave", "Cancel", id="themes.cancel", show=False, tooltip="Leave the colours as they were"
        ),
    ]

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = list(names)
        self._before = ""

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Colours of the app", classes="dialog-title", markup=False)
            yield OptionList(*(Option(name, id=name) for name in self._names), compact=True, markup=False)
            yield Static("Enter uses it, Esc keeps what was", classes="dialog-text", markup=False)

    def on_mount(self) -> None:
        self._before = self.app.theme
        options = self.query_one(OptionList)
        options.focus()
        if self._before in self._names:
            options.highlighted = self._names.index(self._before)

    @on(OptionList.OptionHighlighted)
    def _preview(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id:
            self.app.theme = event.option_id

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)

    def action_leave(self) -> None:
        self.app.theme = self._before
        self.dismiss(None)
