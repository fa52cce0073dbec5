"""The recipe's YAML: coloured, with the line of the error marked; typing in it edits the recipe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Selection

from workbench.escaping import mask
from workbench.recipe.located_error import LocatedError
from workbench.tui.terminal.text import one_line
from workbench.tui.views import indentation
from workbench.tui.views.marks import FAILED

# Textual's highlighter for a text that is typed into needs tree-sitter, with a compiled grammar for each language.
_TOKENS = re.compile(
    r"""(?P<comment>(?:^|(?<=\s))\#.*)
    |(?P<key>[\w.-]+(?=\s*:(?:\s|$)))
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')
    |(?P<number>(?<![\w.])[-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]))
    |(?P<word>(?<![\w.])(?:true|false|null)(?![\w.]))""",
    re.X,
)


class RecipeText(TextArea):
    """The text pane. Undo and redo are the recipe's own, which know every edit, not only those typed here."""

    BINDING_GROUP_TITLE = "The recipe's text"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="text.leave", tooltip="Back to the rows"),
        Binding("ctrl+underscore,ctrl+z", "undo", "Undo", id="text.undo", show=False,
                tooltip="Take the last edit back"),
        Binding("ctrl+r,ctrl+y", "redo", "Redo", id="text.redo", show=False, tooltip="Do again what was undone"),
        Binding("ctrl+home", "end_of_text(False)", "Top", id="text.top", show=False, tooltip="Go to the first line"),
        Binding("ctrl+end", "end_of_text(True)", "Bottom", id="text.bottom", show=False,
                tooltip="Go behind the last letter"),
        Binding("f4", "wrap", "Wrap", id="text.wrap", key_display="F4",
                tooltip="Go on with long lines in the next line, or cut them at the edge"),
        Binding("tab", "indent", "Indent", id="text.indent", show=False, tooltip="Move the line's rest, or all "
                "selected lines, to the right; Esc leaves the text"),
        Binding("shift+tab", "outdent", "Outdent", id="text.outdent", show=False,
                tooltip="Move the line, or all selected lines, to the left"),
    ]  # fmt: skip
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "recipe-text--comment",
        "recipe-text--key",
        "recipe-text--string",
        "recipe-text--number",
        "recipe-text--error",
    }
    DEFAULT_CSS = """
    RecipeText {
        border: none;
        padding: 0;
        &:focus { border: none; }
        & > .recipe-text--comment { text-style: dim italic; }
        & > .recipe-text--key { color: $primary; }
        & > .recipe-text--string { color: $secondary; }
        & > .recipe-text--number { color: $accent; }
        & > .recipe-text--error { background: $error 25%; text-style: underline; }
    }
    """

    class Typed(Message):
        """The text was edited here: `area.take()` returns it."""

        def __init__(self, area: RecipeText) -> None:
            super().__init__()
            self.area = area

        @property
        def control(self) -> RecipeText:
            return self.area

    class Left(Message):
        """Escape was pressed."""

    class Undo(Message):
        """Undo the last edit (or, with `again`, redo it)."""

        def __init__(self, again: bool = False) -> None:
            super().__init__()
            self.again = again

    class Wrapped(Message):
        """Long lines are wrapped now, or cut."""

        def __init__(self, wrapped: bool) -> None:
            super().__init__()
            self.wrapped = wrapped

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            "",
            id=id,
            tab_behavior="indent",
            show_line_numbers=True,
            soft_wrap=False,
            theme="css",
            highlight_cursor_line=False,
            compact=True,
        )
        self._error_line: int | None = None
        self._taken = ""  # the text that the recipe has, as far as this pane knows
        self.indent_width = indentation.WIDTH

    def take(self) -> str:
        """The text as it is now, for the recipe. When a message of an edit arrives, more may have been typed."""
        self._taken = self.text
        return self._taken

    def show(self, text: str, error: LocatedError | None) -> None:
        """Show the recipe's text; the cursor stays at the words where it is.

        Edits made here that the recipe does not know yet are never written over: they are on their way to it.
        """
        if self.text == self._taken and text != self.text:
            self._replace_changed(text)
            self._taken = self.text
        line = error.line - 1 if error and error.line else None
        if line != self._error_line:
            self._error_line = line
            self.notify_style_update()  # lines are cached as they were drawn
            self.refresh()
        place = f"line {error.line}" if error and error.line else ""
        self.border_title = one_line(f"YAML  {FAILED} {place}".rstrip() if error else "YAML")

    def reveal(self, line: int) -> None:
        """Bring a line (from 1) into view, where it stays when the pane gets another height."""
        if not self.has_focus and 0 < line <= self.document.line_count:
            self.move_cursor((line - 1, 0))
            self.call_after_refresh(self._show_cursor)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show_cursor)

    def _show_cursor(self) -> None:
        """Show the cursor's line in the middle, once the pane has its height: an error takes a part of it."""
        if not self.has_focus:
            self.scroll_cursor_visible(center=True)

    def _replace_changed(self, text: str) -> None:
        """Only what differs is replaced, so that cursor and view stay."""
        old = self.text
        start = _same_from_start(zip(old, text, strict=False))
        most = min(len(old), len(text)) - start
        end = min(_same_from_start(zip(reversed(old), reversed(text), strict=False)), most)
        first = self._location(old, start)
        last = self._location(old, len(old) - end)
        with self.prevent(TextArea.Changed):
            self.replace(text[start : len(text) - end], first, last, maintain_selection_offset=True)

    @staticmethod
    def _location(text: str, index: int) -> tuple[int, int]:
        before = text[:index]
        return before.count("\n"), index - (before.rfind("\n") + 1)

    def on_key(self, event: events.Key) -> None:
        """Escape is for the binding; a `TextArea` that indents would go to the next widget that can have the focus.

        Keys that change the text act here and now, before the next one: a binding's turn comes later.
        """
        acts = {"enter": self._new_line, "tab": self.action_indent, "shift+tab": self.action_outdent}
        if event.key == "escape":
            event.prevent_default()
        elif (act := acts.get(event.key)) is not None:
            event.stop()
            event.prevent_default()
            act()

    def _new_line(self) -> None:
        """Go on in a line of its own, as far to the right as what belongs there in YAML."""
        (row, column), (last, end) = sorted(self.selection)
        line, after = self.document.get_line(row), self.document.get_line(last)[end:]
        before = line[:column]
        blanks = indentation.of_next_line(before)
        if not before.strip() and not after.strip():
            column = 0  # a line of blanks only stays behind as an empty one
        elif before.strip():
            end += len(after) - len(after.lstrip(" "))
        self.replace("\n" + blanks, (row, column), (last, end), maintain_selection_offset=False)

    def action_indent(self) -> None:
        """Move selected lines to the right; without any, what is right of the cursor."""
        if not self.selected_text:
            row, column = self.cursor_location
            self.insert(" " * (indentation.WIDTH - column % indentation.WIDTH), (row, column))
        else:
            self._move_lines(indentation.moved_in)

    def action_outdent(self) -> None:
        """Move selected lines, or the one with the cursor, to the left."""
        self._move_lines(indentation.moved_out)

    def _move_lines(self, moved: Callable[[str], str]) -> None:
        """Change the blanks that the selected lines begin with; what is selected stays so."""
        start, end = sorted(self.selection)
        last = end[0] - 1 if end[0] > start[0] and end[1] == 0 else end[0]  # selected up to its end only
        old = [self.document.get_line(row) for row in range(start[0], last + 1)]
        new = [moved(line) for line in old]
        more = [len(after) - len(before) for before, after in zip(old, new, strict=True)]
        selection = self.selection
        self.replace("\n".join(new), (start[0], 0), (last, len(old[-1])))

        def shifted(place: tuple[int, int]) -> tuple[int, int]:
            row, column = place
            return row, max(column + more[row - start[0]], 0) if row <= last else column

        self.selection = Selection(shifted(selection.start), shifted(selection.end))

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self.text != self._taken:
            self.post_message(self.Typed(self))

    def action_undo(self) -> None:
        self.post_message(self.Undo())

    def action_redo(self) -> None:
        self.post_message(self.Undo(again=True))

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def action_end_of_text(self, last: bool) -> None:
        self.move_cursor(self.document.end if last else (0, 0))

    def action_wrap(self) -> None:
        self.soft_wrap = not self.soft_wrap
        self.post_message(self.Wrapped(self.soft_wrap))

    def get_line(self, line_index: int) -> Text:
        """A line with its colours."""
        # One character for one, so that cursor and colours stay at theirs.
        line = Text(mask(self.document.get_line(line_index)), end="", no_wrap=True)
        for found in _TOKENS.finditer(line.plain):
            kind = "number" if found.lastgroup == "word" else found.lastgroup
            line.stylize(self._part(f"recipe-text--{kind}"), found.start(), found.end())
        if line_index == self._error_line:
            indent = len(line.plain) - len(line.plain.lstrip())
            line.stylize(self._part("recipe-text--error"), indent)
        return line

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def copy_text(self) -> str:
        """The text that `y` copies where the text is not typed into: all of it."""
        return self.selected_text or self.text


def _same_from_start(pairs: Iterable[tuple[str, str]]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
