"""Arrow tables as numpy columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def numpy_columns(table: pa.Table) -> Mapping[str, np.ndarray]:
    """Each column as an array: missing numbers are NaN, missing texts None, lists of one length (rows, n)."""
    return {name: _column(table.column(at)) for at, name in enumerate(table.column_names)}


def _column(column: pa.ChunkedArray) -> np.ndarray:
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_dictionary(kind):
        return _column(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return _column(column.cast(pa.float64()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _lists(column)
    return column.to_numpy(zero_copy_only=False)


def _lists(column: pa.ChunkedArray) -> np.ndarray:
    """Lists as rows of an array where they are complete and of one length, else as they are."""
    lengths = pc.min_max(pc.list_value_length(column)).as_py()
    if column.null_count or not len(column) or lengths["min"] != lengths["max"] or not lengths["min"]:
        rows: Any = np.empty(len(column), dtype=object)
        rows[:] = column.to_pylist()
        return rows
    flat = _column(pc.list_flatten(column))
    return flat.reshape(len(column), lengths["min"], *flat.shape[1:])
