"""A recipe's YAML for reading, in colours. Takes a moment for a long one, and for the first: for a thread."""

from __future__ import annotations

from textual.content import Content
from textual.highlight import highlight

MOST_LINES = 400
MOST_CHARACTERS = 40_000


def highlighted(text: str) -> Content:
    """The text with styles, at most `MOST_LINES` lines of it."""
    lines = text.splitlines()
    shown = highlight("\n".join(lines[:MOST_LINES])[:MOST_CHARACTERS], language="yaml")
    if len(lines) <= MOST_LINES and len(text) <= MOST_CHARACTERS:
        return shown
    more = max(len(lines) - len(shown.plain.splitlines()), 1)
    return shown.append(Content.styled(f"\n… and {more} lines more", "dim"))
