"""Write the same picture to the terminal in fewer bytes.

Textual writes each stretch of one style with the whole style before it and a reset after it: four fifths of what goes
to the terminal. Here only the changes from one stretch to the next are written.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# Styles and moves of the cursor; all else is text, or a sequence that nothing is assumed of.
_TOKENS = re.compile(r"(\x1b\[[\d;]*[mH])")


class _Style(NamedTuple):
    """Parameters of the sequence that sets a style: attributes such as bold, foreground, background."""

    attributes: str = ""
    foreground: str = "39"
    background: str = "49"


_PLAIN = _Style()


def lean(text: str) -> str:
    """A shorter text that draws the same as `text`. The terminal's style is plain before and after it."""
    if "\x1b[" not in text:
        return text
    parts: list[str] = []
    now = wanted = _PLAIN
    for index, token in enumerate(_TOKENS.split(text)):
        if not index & 1:  # the text between two sequences
            if token:
                if wanted != now and not (token.isspace() and _blank(now, wanted)):
                    parts.append(_change(now, wanted))
                    now = wanted
                parts.append(token)
        elif token[-1] == "H":
            parts.append(token)
        elif token == "\x1b[0m" or token == "\x1b[m":
            wanted = _PLAIN
        else:
            style = _parsed(token) if wanted is _PLAIN else None
            if style is None:  # it is added to another style, or not known here
                return text
            wanted = style
    if now != _PLAIN:
        parts.append("\x1b[0m")
    return "".join(parts)


@lru_cache(4096)
def _blank(now: _Style, wanted: _Style) -> bool:
    """True if blanks look the same in two styles: only the background shows."""
    return now.background == wanted.background and not (now.attributes + wanted.attributes).strip("123;")


@lru_cache(4096)
def _change(now: _Style, wanted: _Style) -> str:
    """The sequence that makes one style of another. An attribute cannot be taken away but by a reset."""
    if wanted.attributes == now.attributes:
        changed = [new for old, new in zip(now[1:], wanted[1:], strict=True) if old != new]
    else:
        colours = [new for new, plain in zip(wanted[1:], _PLAIN[1:], strict=True) if new != plain]
        reset = ["0"] if now != _PLAIN else []
        changed = [*reset, *([wanted.attributes] if wanted.attributes else []), *colours]
    return f"\x1b[{';'.join(changed)}m"


@lru_cache(4096)
def _parsed(sequence: str) -> _Style | None:
    """The style that a sequence sets; None where a part of it is not known here."""
    attributes: list[str] = []
    colours = {"3": "39", "4": "49"}
    numbers = sequence[2:-1].split(";")
    at = 0
    while at < len(numbers):
        number = numbers[at]
        if number in ("38", "48"):
            length = {"5": 3, "2": 5}.get(numbers[at + 1] if at + 1 < len(numbers) else "")
            if length is None or at + length > len(numbers):
                return None
            colours[number[0]] = ";".join(numbers[at : at + length])
            at += length
            continue
        if number in ("1", "2", "3", "4", "5", "7", "8", "9", "21", "51", "52", "53"):
            attributes.append(number)
        elif len(number) == 2 and number[0] in "34":
            colours[number[0]] = number
        elif len(number) == 2 and number[0] == "9":
            colours["3"] = number
        elif len(number) == 3 and number[:2] == "10":
            colours["4"] = number
        else:
            return None
        at += 1
    return _Style(";".join(attributes), colours["3"], colours["4"])
