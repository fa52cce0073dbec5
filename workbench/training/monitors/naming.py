"""Names of curves that are not taken yet."""

from __future__ import annotations

from collections.abc import Container


def distinct(name: str, taken: Container[str]) -> str:
    """The name, or `name (2)` and so on where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found
