"""The column types that kwb knows before a file is read, so that its reader need not guess them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnKinds:
    """The columns that are text, whatever their cells look like: leading zeros and long identifiers stay as they are.

    A dataset function that has a parameter with this type gets it from kwb; a recipe cannot give it. Names
    that its data does not have are to be passed over: the wrong names are reported elsewhere.

    Attributes:
        text: the columns of text. A word for "no value" is no value in them.
        literal: those of them in which every cell is what it says, unless it is blank: "NA" is a country.
    """

    text: frozenset[str] = frozenset()
    literal: frozenset[str] = frozenset()

    @classmethod
    def of(cls, literal: Collection[str], text: Collection[str] = ()) -> ColumnKinds:
        """Columns named as categories or classes, and columns that were text in training."""
        return cls(frozenset(text) | frozenset(literal), frozenset(literal))
