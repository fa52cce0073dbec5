"""A recipe's YAML for reading: comments dim, keys in colour. No YAML parser: quick and harmless is enough here."""

from __future__ import annotations

import re

from textual.content import Content

MOST_LINES = 400
_LINE = re.compile(r"^(\s*(?:- )?)([\w.-]+)?(:(?=\s|$))?(.*)$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")


def highlighted(text: str) -> Content:
    """The text with styles, at most `MOST_LINES` lines of it."""
    lines = text.splitlines()
    parts: list[Content | str] = []
    for line in lines[:MOST_LINES]:
        comment = _COMMENT.search(line)
        body, rest = (line[: comment.start()], comment[0]) if comment else (line, "")
        matched = _LINE.match(body)
        if matched and matched[3]:
            parts.append(Content.assemble(matched[1], (matched[2] or "", "$primary"), ":", matched[4]))
        else:
            parts.append(body)
        parts += [Content.styled(rest, "dim"), "\n"]
    if len(lines) > MOST_LINES:
        parts.append(Content.styled(f"… and {len(lines) - MOST_LINES} lines more", "dim"))
    return Content.assemble(*parts)
