"""Leaks and traps in data, found before training: warnings, never refusals.

    columns    one that gives the target away, that numbers the rows, that has one value only
    rows       of the training part that are in another part as well; classes of few rows
    unlearned  categories and classes that no training row has
    series     of windows: a column that knows the future, a series that is there twice
    order      a split at random that time or groups speak against

All of it is cheap: of many rows a sample is looked at, and a stream is not read again for it.
"""

from workbench.data.traps.finding import find_in_stream, find_traps
from workbench.data.traps.series import find_in_windows, series_names
from workbench.data.traps.unlearned import without_training_rows

__all__ = ["find_in_stream", "find_in_windows", "find_traps", "series_names", "without_training_rows"]
