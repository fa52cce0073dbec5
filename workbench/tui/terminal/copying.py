"""`y`: copy the text of the focused widget to the clipboard.

A widget or screen offers its text with a method `copy_text() -> str | None`; for Textual's own widgets it is found
here. A selection made with the mouse comes first.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress

from textual.screen import Screen
from textual.widgets import DataTable, Input, OptionList, Static, TextArea


def text_to_copy(screen: Screen[object]) -> str | None:
    """The selection, else a text field's text, else what the widget in focus or one around it gives, else nothing."""
    if selected := screen.get_selected_text():
        return selected
    focused = screen.focused or screen
    if isinstance(focused, Input | TextArea):
        return _of_textual(focused)
    for text_of in (_own, _of_textual):
        for node in focused.ancestors_with_self:
            if text := text_of(node):
                return text
    return None


def _own(node: object) -> str | None:
    own = getattr(node, "copy_text", None)
    return own() if callable(own) else None


def _of_textual(node: object) -> str | None:
    if isinstance(node, DataTable):
        if not node.row_count:
            return None
        return "\t".join(str(cell) for cell in node.get_row_at(node.cursor_row))
    if isinstance(node, Input):
        return node.value
    if isinstance(node, TextArea):
        return node.selected_text or node.text
    if isinstance(node, OptionList) and node.highlighted is not None:
        return str(node.get_option_at_index(node.highlighted).prompt)
    if isinstance(node, Static):
        return str(node.visual)
    return None


def in_tmux() -> bool:
    """True if the app runs inside tmux, which ignores what a program copies (unless set-clipboard is on)."""
    return bool(os.environ.get("TMUX"))


async def to_tmux(text: str) -> bool:
    """Put a text into a buffer of tmux, which hands it on to its terminal's clipboard where it can.

    Returns:
        False where tmux took it not: the terminal's own way of copying has been tried before.
    """
    for options in (("-w",), ()):  # tmux before 3.2 knows no -w
        with suppress(OSError, TimeoutError):
            process = await asyncio.create_subprocess_exec(
                "tmux", "load-buffer", *options, "-",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            await asyncio.wait_for(process.communicate(text.encode()), 5.0)
            if process.returncode == 0:
                return True
    return False
