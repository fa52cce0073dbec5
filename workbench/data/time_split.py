"""Split rows by time: the first are trained on, the last are the test."""

from __future__ import annotations

import numpy as np

from workbench.data.series import OrderedRows
from workbench.data.splitting.folds import fold_in_time, sizes_in_time
from workbench.data.splitting.rules import TEST, TRAIN, UNUSED, VALIDATION, Borders
from workbench.errors import DataError, RecipeError
from workbench.recipe.options.split import Fold, Split


def parts_by_time(series: OrderedRows, split: Split) -> np.ndarray:
    """(rows,) TRAIN, VALIDATION or TEST of each row of series, int8.

    With times all series are cut at the same moments, so that nothing is learned from a time that the test asks about;
    without, each series is cut at the same share of its rows.
    """
    rows = len(series.order)
    if series.times is not None:
        _, moment, counts = np.unique(series.times, return_inverse=True, return_counts=True)
        before = (np.cumsum(counts) - counts)[moment]  # rows of an earlier moment
        total = np.full(rows, rows)
    else:
        _, of_series, counts = np.unique(series.series, return_inverse=True, return_counts=True)
        before = np.arange(rows) - (np.cumsum(counts) - counts)[of_series]
        total = counts[of_series]
    test = np.round(total * split.shares[1])
    validation = np.round(total * split.shares[0])
    return np.where(
        before >= total - test, TEST, np.where(before >= total - test - validation, VALIDATION, TRAIN)
    ).astype(np.int8)


def with_fold(parts: np.ndarray, series: OrderedRows, fold: Fold, column: str | None) -> np.ndarray:
    """These parts, with a fold of the training rows as the validation part: later than what is for training then.

    With times the folds of all series begin at the same moments; without, each series has its own.

    Args:
        parts: (rows,) of series.
        series: the rows.
        fold: the fold.
        column: of the times, if there is one.

    Raises:
        DataError: there are too few moments, or rows.
    """
    found, own = parts.copy(), np.flatnonzero(parts == TRAIN)
    if series.times is not None:
        times = series.times[own]
        begin, end = fold_in_time(times, fold, column)
        found[own] = Borders(validation=begin, after=end).parts(times)
        return found
    _, of_series, counts = np.unique(series.series[own], return_inverse=True, return_counts=True)
    if (longest := int(counts.max(initial=0))) <= fold.of:
        raise DataError(
            f"the longest series has {longest:,} rows, too few for {fold.of} folds and the rows before them.",
            where="data.split.fold",
            hint="A fold is later than the rows that it validates: lower `of`.",
        )
    before = np.arange(len(own)) - (np.cumsum(counts) - counts)[of_series]
    first, size = sizes_in_time(counts[of_series], fold)
    begin = first + fold.number * size
    found[own] = np.where(before < begin, TRAIN, np.where(before < begin + size, VALIDATION, UNUSED))
    return found


def refuse_drawn(split: Split) -> None:
    """Raise that windows are not drawn class by class, where the split asks for that."""
    if split.stratify:
        raise RecipeError(
            "windows overlap: drawn at random, the same rows would be in training and in the test.",
            where="data.split.stratify",
            hint="Leave it out: with `windows` the split is by time.",
        )
