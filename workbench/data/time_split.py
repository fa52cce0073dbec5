"""Split rows by time: the first are trained on, the last are the test."""

from __future__ import annotations

import numpy as np

from workbench.data.series import OrderedRows
from workbench.data.splitting.rules import TEST, TRAIN, VALIDATION
from workbench.errors import RecipeError
from workbench.recipe.options.split import Split


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


def refuse_drawn(split: Split) -> None:
    """Raise that windows are not drawn class by class, where the split asks for that."""
    if split.stratify:
        raise RecipeError(
            "windows overlap: drawn at random, the same rows would be in training and in the test.",
            where="data.split.stratify",
            hint="Leave it out: with `windows` the split is by time.",
        )
