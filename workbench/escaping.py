"""Escape text from a file, a recipe, data, a plugin or a child's log, so that a terminal shows it safely.

A terminal obeys control characters: a name can move the cursor, set the window's title or hide the text beside it.
Marks of direction and characters without width make a name look like another. Here each of them is replaced by the code
that Python writes for it: `\\x1b`, `\\u202e`. Everything else, of any language, stays as it is.

These functions are used where text is written to a terminal: `workbench.output` on the command line and
`workbench.tui.terminal.text` in the app use them for all that they show.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any

# Control characters, marks of direction and invisible format characters, separators of lines, half surrogates, and
# letters without a shape. The joiners of emoji and of some scripts are among them: a name is shown by its characters.
_INVISIBLE = (
    "\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f{_INVISIBLE}]")
_IN_ONE_LINE = re.compile(f"[\x00-\x1f{_INVISIBLE}]")
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}

# What kwb itself writes and an old encoding lacks. Anything else is written by its code.
_PLAIN_FORMS = {"✓": "+", "✗": "x", "…": "...", "→": "->", "·": "-", "×": "x", "▶": ">", "■": "#", "●": "*"}
ENCODING_ERRORS = "kwb.plainer"  # the name of an error handler, for `errors=` of a stream


def escape(text: str) -> str:
    """The text with what a terminal would obey or hide as codes; its lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _IN_LINES.sub(_code, text)


def escape_line(text: str) -> str:
    """The same for a place of one line: line breaks and tabs are shown as codes too."""
    if text.isascii() and text.isprintable():
        return text
    return _IN_ONE_LINE.sub(_code, text)


def escape_log(line: str) -> str:
    """A line that a program printed, without its colours and without what a carriage return has written over."""
    shown = _COLOUR.sub("", line.rstrip("\r\n"))
    return escape_line(shown.rpartition("\r")[2].expandtabs())


def mask(text: str) -> str:
    """The text with a `�` for each such character: for places that count characters, such as a text under a cursor."""
    if text.isascii() and text.isprintable():
        return text
    return _IN_LINES.sub("\ufffd", text)


def to_json(record: Any, *, indent: int | None = None) -> str:
    """JSON in ASCII, with a `\\u` code for each character that a terminal would obey or hide.

    Raises:
        ValueError: a number is not finite, which JSON cannot say (`events.plain` makes it a string).
    """
    return json.dumps(record, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def _code(found: re.Match[str]) -> str:
    character = found[0]
    number = ord(character)
    if number < 0x100:
        return _SHORT.get(character) or f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(
        _PLAIN_FORMS.get(one) or one.encode("ascii", "backslashreplace").decode() for one in lacking
    ), error.end


codecs.register_error(ENCODING_ERRORS, _plainer)
