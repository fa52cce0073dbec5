"""Fit text into terminal cells: escape it, and cut it to a width."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from workbench.escaping import escape_line as printable

__all__ = ["fit", "middle_cut", "printable", "short_names"]


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


def short_names(names: Sequence[str]) -> list[str]:
    """The names without what they all begin with, as `…093029`: the part in which runs of one recipe differ."""
    if len(names) < 2:
        return list(names)
    first, last = min(names), max(names)
    shared = next(
        (at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first)
    )
    cut = first.rfind("-", 0, shared) + 1
    return [f"…{name[cut:]}" for name in names] if cut > 3 else list(names)
