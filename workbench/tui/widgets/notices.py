"""F2: all notices since the start, each with its details."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from workbench.errors import WorkbenchError
from workbench.tui.context import Severity
from workbench.tui.terminal.text import one_line
from workbench.tui.views.marks import NOTICES
from workbench.tui.widgets.dialogs import Dialog


class NoticesDialog(Dialog[None]):
    """All notices, the newest first; the one chosen is shown whole. `y` copies it."""

    DEFAULT_CSS = """
    NoticesDialog {
        & > Vertical { width: 100; height: 90%; }
        OptionList { height: 30%; border: none; background: $surface; padding: 0; }
        VerticalScroll { height: 1fr; max-height: 100%; border-top: solid $border-blurred; }
        Static { width: 100%; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,q", "leave", "Close", id="notices.close", tooltip="Close the notices"),
    ]

    def __init__(self, notices: Sequence[tuple[Severity, WorkbenchError]]) -> None:
        super().__init__()
        self._notices = list(reversed(notices))

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Notices", classes="dialog-title")
            yield OptionList(
                *(
                    Option(one_line(f"{NOTICES[severity]} {error.what}"), id=str(number))
                    for number, (severity, error) in enumerate(self._notices)
                ),
                compact=True,
            )
            with VerticalScroll():
                yield Static(id="whole", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()
        if not self._notices:
            self.query_one("#whole", Static).update("There are no notices yet.")

    @on(OptionList.OptionHighlighted)
    def _show(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#whole", Static).update(self.copy_text())

    def copy_text(self) -> str:
        """The chosen notice, whole."""
        chosen = self.query_one(OptionList).highlighted
        return whole(self._notices[chosen][1]) if chosen is not None else ""


def whole(error: WorkbenchError) -> str:
    """An error with its place, what to do, the child's last lines, the line of the user's code, and the traceback if
    there is one."""
    origin = error.origin
    code = ["\n".join(origin.lines), origin.traceback] if origin is not None else []
    notes = getattr(error, "__notes__", []) if origin is None else []
    parts = [error.where, error.what, error.hint, getattr(error, "log", ""), *code, *notes]
    return "\n\n".join(part for part in parts if part)
