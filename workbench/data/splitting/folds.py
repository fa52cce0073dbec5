"""Cross-validation: one fold of the rows that are not for the test, the same rows as scikit-learn's splitters give."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from workbench.errors import DataError
from workbench.recipe.options.split import Fold

_WHERE = "data.split.fold"


def fold_of_rows(
    rows: int, fold: Fold, seed: int, *, shuffle: bool = True, strata: np.ndarray | None = None
) -> np.ndarray:
    """The rows of a fold, ascending: as `KFold` draws them, or `StratifiedKFold` where there are `strata`.

    Raises:
        DataError: there are more folds than rows. For `strata` the caller checks it.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    check_rows(rows, fold)
    if strata is not None:
        splitter = StratifiedKFold(fold.of, shuffle=True, random_state=seed)
        return _chosen(splitter.split(strata, strata), fold)
    splitter = KFold(fold.of, shuffle=shuffle, random_state=seed if shuffle else None)
    return _chosen(splitter.split(np.empty(rows)), fold)


def fold_of_groups(rows: Mapping[str, int], fold: Fold, column: str | None) -> list[str]:
    """The groups of a fold, as `GroupKFold` deals them out: about as many rows in each fold.

    Args:
        rows: how many rows each group has.
        fold: the fold.
        column: of the groups.

    Raises:
        DataError: there are more folds than groups.
    """
    from sklearn.model_selection import GroupKFold

    if len(rows) < fold.of:
        raise DataError(
            f"column '{column}' holds {len(rows)} groups, for {fold.of} folds.",
            where=_WHERE,
            hint="A group is in one fold only: lower `of`.",
        )
    names = _in_order(rows)
    of_row = np.repeat(np.arange(len(names)), [rows[name] for name in names])
    held = _chosen(GroupKFold(fold.of).split(of_row, groups=of_row), fold)
    return [names[group] for group in np.unique(of_row[held])]


def fold_in_time(times: np.ndarray, fold: Fold, column: str | None) -> tuple[Any, Any]:
    """The first moment of a fold, and that of the fold after it; None where it is the last.

    The folds are those of `TimeSeriesSplit` where all times differ: what is before a fold is for training, what is
    after it for nothing. Rows of one time stay together, so a fold begins at the moment nearest to its share.

    Args:
        times: of all rows that are not for the test, in any order.
        fold: the fold.
        column: of the times.

    Raises:
        DataError: there are too few moments.
    """
    ordered = np.sort(times)
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1  # where a fold can begin
    if len(starts) < fold.of:
        raise DataError(
            f"column '{column}' holds {len(starts) + 1} different times, for {fold.of} folds and the rows before them.",
            where=_WHERE,
            hint="A fold is later than the rows that it validates, and rows of one time stay together: lower `of`.",
        )
    first, size = sizes_in_time(len(ordered), fold)
    begin, end = len(ordered), len(ordered)
    for number in range(fold.of - 1, fold.number - 1, -1):
        free = starts[number:][starts[number:] < begin]  # a moment must be left for each fold before
        begin, end = int(free[np.abs(free - (first + number * size)).argmin()]), begin
    return ordered[begin], ordered[end] if end < len(ordered) else None


def sizes_in_time(rows: Any, fold: Fold) -> tuple[Any, Any]:
    """How many rows are before the first fold, and how many are in each."""
    size = rows // (fold.of + 1)
    return rows - fold.of * size, size


def span_of_fold(rows: int, fold: Fold) -> tuple[int, int]:
    """Where a fold begins and ends if the rows' order is kept: the first folds have a row more where it must be."""
    size, more = divmod(rows, fold.of)
    begin = fold.number * size + min(fold.number, more)
    return begin, begin + size + (fold.number < more)


def check_rows(rows: int, fold: Fold) -> None:
    """Raise a DataError if there are more folds than rows."""
    if rows < fold.of:
        raise DataError(
            f"{rows:,} rows cannot be divided into {fold.of} folds.",
            where=_WHERE,
            hint="A fold holds at least one row: lower `of`.",
        )


def few_rows_of_class(column: str, value: str, rows: int, of: int) -> DataError:
    """The error of a class that cannot be in every fold."""
    return DataError(
        f"'{column}' is '{value}' in {rows:,} of the rows that are not for the test: too few for {of} folds that each "
        "hold some.",
        where=_WHERE,
        hint="Lower `of`, or stratify by a column whose classes have more rows, or not at all.",
    )


def about_unused(fold: Fold | None, rows: int) -> tuple[str, ...]:
    """A line for people on the rows that are in no part."""
    if fold is None or not rows:
        return ()
    what = "row is" if rows == 1 else "rows are"
    return (f"{rows:,} {what} later than fold {fold.number} of {fold.of}, and in no part",)


def _chosen(folds: Iterator[tuple[np.ndarray, np.ndarray]], fold: Fold) -> np.ndarray:
    return next(islice(folds, fold.number, None))[1]


def _in_order(groups: Mapping[str, int]) -> list[str]:
    """Numbers by their value, as a column of them is sorted: groups of as many rows are dealt out in this order."""
    try:
        numbers = {name: float(name) for name in groups}
    except ValueError:
        return sorted(groups)
    if not all(map(math.isfinite, numbers.values())):
        return sorted(groups)
    return sorted(groups, key=lambda name: (numbers[name], name))
