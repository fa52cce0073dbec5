"""The output pane: the messages of the training, and the output of its process."""

from __future__ import annotations

import os
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Log, Static

from workbench.escaping import escape_log
from workbench.tui.views import formatting
from workbench.tui.views.training_view import TrainingView

_MOST_READ = 64 << 10  # bytes of the log looked at in one go
_MOST_LINES = 2000
_STYLES = {"error": "$text-error", "warning": "$text-warning"}


class LogTail:
    """Reads a log as it grows; of a long one only the end. Call it in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = -1

    def read_new(self) -> list[str]:
        """The lines since the last call; an unfinished line waits for its end."""
        try:
            with open(self.path, "rb") as file:
                size = file.seek(0, os.SEEK_END)
                start = max(size - _MOST_READ, 0) if self._offset < 0 or size < self._offset else self._offset
                file.seek(max(start, size - _MOST_READ))
                content = file.read(_MOST_READ)
                whole = content.rfind(b"\n") + 1
                self._offset = file.tell() - len(content) + whole
        except OSError:
            return []
        return [escape_log(line) for line in content[:whole].decode(errors="replace").split("\n")[:-1]]


class Messages(VerticalScroll, can_focus=True):
    """The messages, and the traceback below them; it can be scrolled by keyboard."""

    BINDING_GROUP_TITLE = "Messages"


class OutputPane(Vertical):
    """Messages above, the child's log below."""

    DEFAULT_CSS = """
    OutputPane {
        & > Messages { height: auto; max-height: 50%; padding: 0 1; scrollbar-size: 1 1; }
        & > Messages.-traceback { max-height: 60%; }
        & > Messages > Static { height: auto; }
        & > .output-title { height: 1; max-height: 1; text-style: bold; padding: 0 1; background: $surface; }
        & > Log { height: 1fr; scrollbar-size: 1 1; padding: 0 1; }
        &.-silent > Messages { height: 1fr; max-height: 100%; }
        &.-silent > Log { display: none; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-silent")
        self._mine = True
        self._shown = ""
        self._traceback = ""

    def compose(self) -> ComposeResult:
        yield Static("messages", classes="output-title", markup=False)
        with Messages():
            yield Static("none yet", id="messages", markup=False)
        yield Static("", classes="output-title", id="output-place", markup=False)
        yield Log(max_lines=_MOST_LINES, highlight=False)

    def on_mount(self) -> None:
        self._show_place()

    def show_messages(self, view: TrainingView) -> None:
        """Show the messages, the latest at the bottom, with the time since the start; then the traceback of the error
        that ended the training, if the user's code had a part in it."""
        notes = view.messages[-50:]
        origin = view.error.origin if view.error is not None else None
        pane = self.query_one(Messages)
        pane.set_class(origin is not None, "-traceback")
        self._traceback = origin.traceback if origin is not None else ""
        if not notes and origin is None:
            self._shown = ""
            self.query_one("#messages", Static).update("none yet")
            return
        parts: list[Content | str | tuple[str, str]] = []
        for note in notes:
            moment = formatting.duration(note.moment - view.started) if view.started else ""
            parts.append((f"{moment:>7} ", "dim"))
            parts.append((f"{note.glyph} {note.text}\n", _STYLES.get(note.level, "")))
        if origin is not None:
            parts.append(origin.traceback)
        content = Content.assemble(*parts).rstrip()
        if content.plain != self._shown:  # else the scroll position stays where the user left it
            self._shown = content.plain
            self.query_one("#messages", Static).update(content)
            pane.scroll_end(animate=False)  # the user's own lines are the last of a traceback

    def set_mine(self, mine: bool) -> None:
        """Say where the output is: of a run that somebody else started, on his terminal."""
        self._mine = mine
        self._show_place()

    def _show_place(self) -> None:
        more = ": none yet" if self.has_class("-silent") else ""
        if not self._mine:
            more = ": it is on the terminal of the one who started the run"
        self.query_one("#output-place", Static).update(f"output of the process{more}")

    def clear(self) -> None:
        """Forget the output."""
        self.query_one(Log).clear()
        self.add_class("-silent")
        self._show_place()

    def add_output(self, lines: list[str]) -> None:
        """Show more lines of the log."""
        if lines:
            self.remove_class("-silent")  # an empty log would take half of the pane from the messages
            self._show_place()
            self.query_one(Log).write_lines(lines)

    def copy_text(self) -> str:
        """The text that `y` copies: the traceback where one is shown, else the output."""
        if self._traceback:
            return self._traceback
        return "\n".join(self.query_one(Log).lines)
