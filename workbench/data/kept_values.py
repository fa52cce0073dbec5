"""The values of a column that stands beside predictions."""

from __future__ import annotations

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.data.series import time_texts
from workbench.data.source import Columns
from workbench.errors import RecipeError

WHERE = "--keep"


def kept_values(columns: Columns, name: str, rows: np.ndarray) -> np.ndarray:
    """A column's values in some rows, dates as texts.

    Raises:
        RecipeError: it has several values a row.
    """
    array = columns[name]
    if isinstance(array, LazyRows) or array.ndim != 1:
        raise RecipeError(f"column '{name}' has several values a row, and cannot be kept.", where=WHERE)
    values = array[rows]
    return time_texts(values) if values.dtype.kind == "M" else values
