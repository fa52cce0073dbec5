"""Columns that are a trap: one that gives the target away, one that numbers the rows, one that never varies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.cells.dates import short_text
from workbench.data.measures import pearson, spearman
from workbench.data.table import Column, ColumnKind, number_text
from workbench.errors import RecipeWarning

FEW_ROWS = 20
ENOUGH = 50
MOST_CLASSES = 20
_SAME = 0.9995  # a correlation; squared 0.999
_ALL = 0.999  # of the rows
_ID = re.compile(
    r"(^|[\W_])(id|ids|uuid|guid|index|row ?names?|row|unnamed(: ?\d+)?|key|no|nr)$", re.IGNORECASE
)
_CAMEL_ID = re.compile(r"[a-z0-9](Id|ID)$|^$")


@dataclass(frozen=True)
class Values:
    """The values of a column in some rows.

    Attributes:
        numbers: (rows,) float64, nan where missing; None for texts.
        codes: (rows,) each value's number in `names`, -1 where missing.
        names: what the values are called.
    """

    codes: np.ndarray
    names: Sequence[str]
    numbers: np.ndarray | None = None

    @classmethod
    def of(cls, column: Column) -> Values | None:
        """None for arrays of several axes."""
        if column.kind is ColumnKind.ARRAY or column.values.ndim != 1:
            return None
        present = ~column.missing
        codes = np.full(len(column), -1)
        if column.kind is ColumnKind.TEXT:
            names, codes[present] = np.unique(column.values[present].astype(str), return_inverse=True)
            return cls(codes, names.tolist())
        if column.kind is ColumnKind.DATE:
            days, codes[present] = np.unique(column.values[present], return_inverse=True)
            numbers = np.where(present, column.values.astype(np.int64), np.nan)  # microseconds
            return cls(codes, [short_text(day) for day in days[: MOST_CLASSES + 1]], numbers)
        numbers = np.where(present, column.values, np.nan).astype(np.float64)
        found, codes[present] = np.unique(numbers[present], return_inverse=True)
        return cls(codes, [number_text(value) for value in found[: MOST_CLASSES + 1].tolist()], numbers)

    @property
    def distinct(self) -> int:
        return int(self.codes.max(initial=-1)) + 1

    @property
    def complete(self) -> bool:
        return bool((self.codes >= 0).all())


def constant(columns: Mapping[str, Values]) -> Iterator[RecipeWarning]:
    """Input columns that have one value only in the training part."""
    found = [
        name
        for name, values in columns.items()
        if values.distinct == 1 and values.complete and len(values.codes) >= FEW_ROWS
    ]
    if len(found) == 1:
        value = columns[found[0]].names[0]
        yield RecipeWarning(
            f"column '{found[0]}' is {value} in every training row: there is nothing to learn from it "
            f"(`ignore: [{found[0]}]`).",
            "data.ignore",
        )
    elif found:
        yield RecipeWarning(
            f"columns {listed(found)} have one value each in every training row: there is nothing to learn from them "
            "(`ignore`).",
            "data.ignore",
        )


def numbers_the_rows(name: str, values: Values, target: Values | None, inputs: int) -> RecipeWarning | None:
    """A column with another value in each row, by which a model learns rows by heart, or the order of the file."""
    rows = len(values.codes)
    if rows < ENOUGH or values.distinct < rows or not values.complete:
        return None
    called_so = bool(_ID.search(name) or _CAMEL_ID.search(name))
    if values.numbers is None:
        what = "has another text in every row"
    elif (values.numbers % 1 != 0).any():
        return None
    else:
        steps = np.diff(np.sort(values.numbers))
        low, high = (number_text(float(value)) for value in (values.numbers.min(), values.numbers.max()))
        if not called_so:
            # What runs evenly from row to row may be the one thing measured.
            even = bool((steps == steps[0]).all())
            goes_along = (
                target is not None
                and target.numbers is not None
                and abs(spearman(values.numbers, np.nan_to_num(target.numbers)) or 0.0) > 0.5
            )
            if not even or goes_along or inputs == 1:
                return None
        what = f"has another number in every row ({low} to {high})"
    if values.numbers is None and not called_so and inputs == 1:
        return None
    return RecipeWarning(
        f"column '{name}' {what}, as an id has: a model may learn rows by heart from it, or their order in the file, "
        f"and new rows have others (`ignore: [{name}]`).",
        "data.ignore",
    )


def gives_away(
    name: str, values: Values, target_name: str, target: Values, *, classes: bool
) -> RecipeWarning | None:
    """A column that equals the target or nearly determines it."""
    both = (values.codes >= 0) & (target.codes >= 0)
    rows = int(both.sum())
    if rows < FEW_ROWS or target.distinct < 2 or values.distinct < 2:
        return None
    is_class = classes or target.numbers is None or target.distinct <= MOST_CLASSES
    how = ""
    if values.numbers is not None and target.numbers is not None:
        how = _goes_along(values.numbers[both], target.numbers[both], target.distinct)
    if not how and is_class:
        how = _tells_class(values, target, both)
    if not how:
        return None
    return RecipeWarning(
        f"column '{name}' {how.format(target=target_name)}. If it is not known when you predict, or was made from the "
        f"target, leave it out (`ignore: [{name}]`).",
        "data.inputs",
    )


def _goes_along(values: np.ndarray, target: np.ndarray, distinct: int) -> str:
    if np.array_equal(values, target):
        return "equals the target '{target}' in every row"
    if distinct <= MOST_CLASSES or len(values) < FEW_ROWS:
        return ""
    straight, ranks = pearson(values, target), spearman(values, target)
    if straight is not None and abs(straight) >= _SAME:
        return f"goes with the target '{{target}}' on a straight line (correlation {straight:.4f})"
    if ranks is not None and abs(ranks) >= _SAME:
        return f"rises and falls with the target '{{target}}' (rank correlation {ranks:.4f})"
    return ""


def _tells_class(values: Values, target: Values, both: np.ndarray) -> str:
    """How a column tells the class of a row; empty where it does not."""
    codes, classes = values.codes[both], target.codes[both]
    rows, kinds = len(codes), target.distinct
    counts = np.bincount(classes, minlength=kinds)
    if counts.max() > 0.95 * rows:
        return ""  # to guess the commonest does as well
    if (groups := len(np.unique(codes))) <= rows // 3:
        table = np.zeros((values.distinct, kinds), np.int64)
        np.add.at(table, (codes, classes), 1)
        right = int(table.max(axis=1).sum())
        # One row of each value tells nothing: it is right by itself.
        if rows - groups >= FEW_ROWS and (right - groups) >= _ALL * (rows - groups):
            return f"alone tells the target '{{target}}' in {right / rows:.1%} of the rows"
    if values.numbers is not None and rows >= ENOUGH:
        held = _in_one_piece(codes, classes, kinds)
        if held >= _ALL * rows:
            return f"alone tells the target '{{target}}' in {held / rows:.1%} of the rows, by where it lies"
    return ""


def _in_one_piece(codes: np.ndarray, classes: np.ndarray, kinds: int) -> int:
    """The rows in the longest run of each class, where rows are in the order of a column."""
    order = np.lexsort((classes, codes))
    codes, classes = codes[order], classes[order]
    starts = np.flatnonzero(np.r_[True, classes[1:] != classes[:-1]])
    longest = np.zeros(kinds, np.int64)
    np.maximum.at(longest, classes[starts], np.diff(np.r_[starts, len(classes)]))
    # Rows of one value are in no order: all but those of their commonest class are wrong.
    pairs = np.flatnonzero(np.r_[True, (codes[1:] != codes[:-1]) | (classes[1:] != classes[:-1])])
    most = np.zeros(int(codes.max()) + 1, np.int64)
    np.maximum.at(most, codes[pairs], np.diff(np.r_[pairs, len(codes)]))
    return int(longest.sum()) - (len(codes) - int(most.sum()))


def listed(names: Sequence[str], most: int = 6) -> str:
    """`'a', 'b' and 4 more`."""
    shown = ", ".join(f"'{name}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
