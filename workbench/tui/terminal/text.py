"""Escape all text that the app shows: in the two classes that Textual keeps text in, and where lines are written.

Names and messages come from files, plugins and children, and appear in every widget. Textual keeps text as `Content`,
Rich as `Text`; both drop five control characters and let the rest through to the terminal. Here they show each as a
code instead, before its width is measured. Text that reaches the screen as plain segments (charts, text areas) is
checked once more when a line is written; a character that is left over becomes a `�`.
"""

from __future__ import annotations

import re

import rich.text
from rich.console import Console
from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip

from workbench.escaping import escape, escape_line, mask
from workbench.tui.terminal.textual_private import escape_content_by, is_rendered

_render = Strip.render
_WHITE = re.compile("[\t\n]")


def _render_masked(self: Strip, console: Console) -> str:
    if not is_rendered(self) and not all(text.isprintable() for text, _, _ in self):
        self = Strip([Segment(_WHITE.sub(" ", mask(text)), style) for text, style, _ in self])
    return _render(self, console)


def one_line(text: str) -> Content:
    """Text for a place of one line, such as a title: a line break or a tab is a code too, and markup is not obeyed."""
    return Content(escape_line(text))


def escape_all_text() -> None:
    """From now on. `tests/tui/test_terminal_text.py` fails if Textual or Rich move these doors."""
    escape_content_by(escape)
    rich.text.strip_control_codes = escape  # type: ignore[attr-defined,assignment]
    Strip.render = _render_masked  # type: ignore[method-assign]
