"""Fit text into terminal cells: escape it, and cut it to a width."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from workbench.escaping import escape_line as printable

__all__ = ["fit", "middle_cut", "printable"]


def fit(text: str, width: int) -> str:
    """Text in at most `width` cells of one line, with an ellipsis where it was cut."""
    text = printable(text)
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def middle_cut(name: str, width: int) -> str:
    """The name in so many cells, its end kept, because that has the time of a run."""
    name = printable(name)
    if cell_len(name) <= width:
        return name
    end = min(max(width * 2 // 3, 6), width - 1)
    tail = set_cell_size(name[::-1], end).rstrip()[::-1]
    while tail and not cell_len(tail[0]):  # a mark that belongs to the letter before
        tail = tail[1:]
    return f"{set_cell_size(name, width - 1 - end).rstrip()}…{tail}"
