"""The indentation of YAML that is typed: of a new line, and of lines that are moved in or out."""

from __future__ import annotations

import re

WIDTH = 2

# A line up to the cursor: its blanks, the dashes of list items, and a key if it begins with one.
_LINE = re.compile(
    r"""(?P<blank>\ *)(?P<dashes>(?:-\ +)*)
    (?P<key>(?:[\w.-]+|"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*:(?=\s|$)\s*)?(?P<rest>.*)""",
    re.X,
)
_COMMENT = re.compile(r"(?:^|\s+)#.*$")
_OPENS = re.compile(r"(?:[|>][-+\d]*|.*[\[{])$")  # a text of several lines, or brackets


def of_next_line(before: str) -> str:
    """The blanks that the line after one begins with.

    Args:
        before: the line, up to the cursor.
    """
    found = _LINE.match(before)
    assert found is not None  # it matches any line
    blank, dashes, key = found["blank"], found["dashes"], found["key"]
    rest = _COMMENT.sub("", found["rest"]).rstrip()
    inside = blank + " " * len(dashes)  # where the content of a list item stands
    if (key and not rest) or _OPENS.match(rest):
        return inside + " " * WIDTH
    return inside if key else blank


def moved_in(line: str) -> str:
    """A line with more blanks before it; an empty one stays empty."""
    return " " * WIDTH + line if line.strip() else line


def moved_out(line: str) -> str:
    """A line with fewer blanks before it, as far as it has any."""
    blanks = len(line) - len(line.lstrip(" "))
    return line[min(blanks, blanks % WIDTH or WIDTH) :]
