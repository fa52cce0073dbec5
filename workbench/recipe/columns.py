"""Decide how a suggested recipe uses columns: which are left out and why, and what to do with missing values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.recipe.options.columns import PERIODS

MOST_CLASSES = 50  # whole numbers 0..n-1 beyond that are a count, not classes
MOST_CATEGORIES = 50  # texts beyond that are names or sentences, not categories
ROWS_OF_A_CATEGORY = 4  # on average; of fewer nothing is learnt
MANY_MISSING = 0.05  # so many gaps are rather a category than an oversight
MOST_MISSING = 0.5  # a column with more gaps is made up rather than filled in

_MANY = 20  # rows: fewer may be in any order by chance
_ID = re.compile(r"(.*[_\s.-])?(id|ids|uuid|guid)|.*[a-z]I[dD]")
_ROW = re.compile(r"(.*[_\s.-])?(index|idx|key|nr|no|row|row_?num(ber)?|number)|column_1")


@dataclass(frozen=True)
class ColumnFacts:
    """A column as a preview shows it; see `workbench.data.preview.ColumnPreview`."""

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    missing: int = 0
    distinct: int = 0
    low: float | None = None
    high: float | None = None
    commonest: tuple[tuple[str, int], ...] = ()
    error: str = ""
    word: str = ""
    words: tuple[str, ...] = ()
    numbers: Any = None
    dates: Mapping[str, Any] | None = None
    span: tuple[str, str] | None = None
    note: str = ""
    text: Mapping[str, Any] | None = None
    rarest: int | None = None
    numeric: bool = False
    pad: int = 0
    gap: str = ""  # the category that stands for no value, if it is to be one of its own

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ColumnFacts:
        """From the answer of the worker's `preview` command."""
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        known["shape"] = tuple(known.get("shape", ()))
        known["words"] = tuple(map(str, known.get("words", ())))
        known["commonest"] = tuple((str(name), int(count)) for name, count in known.get("commonest", ()))
        return cls(**known)

    @property
    def classes(self) -> int:
        """How many classes it holds as a target; 0 for a number to be predicted."""
        if self.shape or not self.distinct:
            return 0
        if self.kind in ("text", "flag"):
            return self.distinct
        if self.kind != "number" or self.low is None or self.high is None:
            return 0
        whole = self.low == 0 and self.high == self.distinct - 1  # 0, 1 ... n-1, none left out
        return self.distinct if whole and 2 <= self.distinct <= MOST_CLASSES else 0

    @property
    def pixel_classes(self) -> int:
        """How many classes the pixels of masks have; 0 for other columns, and for pictures."""
        return self.distinct if self.kind == "picture" else 0

    @property
    def own_shape(self) -> tuple[int, ...]:
        """The shape of the input of its own that it becomes; () for a column of a table."""
        return (self.text["length"],) if self.text else self.shape

    def filled_up(self) -> ColumnFacts:
        """The same column; lists that differ in length as an array of numbers, all filled up to the longest."""
        return replace(self, kind="array", shape=(self.pad,), error="") if self.pad else self

    def with_gap(self, rows: int) -> ColumnFacts:
        """The same column, with a category of its own for no value where many rows have none."""
        known = {text.casefold() for text, _ in self.commonest}
        name = next((word for word in ("none", "missing", "no value") if word not in known), "")
        if self.kind != "text" or self.text or not name or self.missing <= MANY_MISSING * rows:
            return self
        return replace(self, gap=name, distinct=self.distinct + 1)

    @property
    def width(self) -> int:
        """How many numbers of a table's input it becomes."""
        if self.kind == "date" and self.dates:
            parts = self.dates["parts"]
            return len(parts) + len([part for part in parts if self.dates.get("cyclic") and part in PERIODS])
        return self.distinct if self.kind == "text" else 1

    def is_embedded(self, rows: int) -> bool:
        """True if it holds too many categories for a number each, and enough rows of most to learn from."""
        many = self.kind == "text" and not self.text and self.distinct > MOST_CATEGORIES
        return many and not self.words and not self.text and self.distinct * ROWS_OF_A_CATEGORY <= rows

    def counts_rows(self, rows: int) -> bool:
        """True if every row has a different number, without a gap between them."""
        if self.kind != "number" or self.missing or self.distinct != rows or rows < 3:
            return False
        return self.low is not None and self.high is not None and self.high - self.low == rows - 1


def why_left_out(column: ColumnFacts, rows: int) -> str:
    """The reason why an input column is useless as it is; empty if it is useful."""
    if column.kind == "unusable":
        why = column.error.removeprefix(f"column '{column.name}' ").rstrip(".")
        return why or "is nothing that a model can use"
    if column.missing and column.missing >= rows:
        return "has no value at all"
    if column.missing > MOST_MISSING * rows and not (column.gap and column.distinct <= MOST_CATEGORIES):
        return f"has no value in {column.missing:,} of {rows:,} rows"
    if column.kind == "date":
        return "" if column.dates and column.dates["parts"] else "is always the same"
    named_id = _ID.fullmatch(column.name) or _ID.fullmatch(column.name.casefold())
    if named_id and not column.shape and column.distinct == rows > 2:
        return "looks like an id: it has another value in every row"
    if _ROW.fullmatch(column.name.casefold()) and column.counts_rows(rows):
        return "looks like an id: it counts the rows"
    if column.words:
        said = f"`missing_values: [{', '.join(column.words)}]`"
        return f"holds {_quoted(column.words)} among its numbers; where that stands for no value: {said}"
    if column.is_embedded(rows):
        return ""
    if column.kind == "text" and not column.text and is_no_category(column.distinct, rows):
        return f"has {column.distinct:,} different texts: names or sentences, no categories"
    return ""


def is_no_category(distinct: int, rows: int) -> bool:
    """True for so many different texts that they are names or sentences."""
    return distinct > min(MOST_CATEGORIES, max(rows // 2, 2))


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def remarks(inputs: Sequence[ColumnFacts], rows: int) -> list[str]:
    """Remarks on the input columns that are kept."""
    return [
        f"'{column.name}' counts the rows one by one: leave it out if that is all it is."
        for column in inputs
        if rows >= _MANY and column.counts_rows(rows)
    ]


def learnable(learned: Sequence[ColumnFacts], rows: int) -> tuple[list[ColumnFacts], list[ColumnFacts]]:
    """The targets to learn, and those left out so that at least half of the rows have a value of every one.

    A target's gap cannot be filled in: each costs its row. One target is always kept.
    """
    kept: list[ColumnFacts] = []
    lost = 0
    for column in sorted(learned, key=lambda column: column.missing):
        if kept and column.missing and lost + column.missing > MOST_MISSING * rows:
            continue
        kept.append(column)
        lost += column.missing
    return [column for column in learned if column in kept], [c for c in learned if c not in kept]


def missing_policy(
    inputs: Sequence[ColumnFacts], learned: Sequence[ColumnFacts]
) -> str | dict[str, str] | None:
    """How missing values are handled: they are filled in for inputs, or are a category of their own; a row without its
    target is dropped."""
    in_inputs = any(column.missing and not column.gap for column in inputs)
    in_targets = any(column.missing for column in learned)
    if own := {column.name: column.gap for column in inputs if column.gap}:
        return {
            **({"inputs": "mean"} if in_inputs else {}),
            **({"targets": "drop"} if in_targets else {}),
            **own,
        }
    if in_inputs and in_targets:
        return {"inputs": "mean", "targets": "drop"}
    return "mean" if in_inputs else "drop" if in_targets else None
