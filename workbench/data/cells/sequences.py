"""Lists of differing length in a column, as rows of an array: filled up, or cut off."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field

from workbench.data.records import Record
from workbench.data.source import Source
from workbench.data.table import Column, ColumnKind, is_missing
from workbench.errors import DataError


class SequenceReading(Record):
    """Lists of numbers, or of lists of numbers of one length, become sequences of one length, as by Keras'
    `pad_sequences` with `padding` and `truncating` both on the same side."""

    kind: Literal["sequence"] = "sequence"
    length: int = Field(ge=1)
    value: float = 0.0
    side: Literal["post", "pre"] = "post"


def as_sequences(source: Source, name: str, reading: SequenceReading) -> Column:
    """A column of lists as an array (rows, length, ...); a missing list is all filling, and marked as missing.

    Raises:
        DataError: a cell is no list of numbers, or its items have another form than those before.
    """
    cells: Any = source.columns[name]
    found: list[np.ndarray | None] = []
    form: tuple[int, ...] | None = None
    for row, cell in enumerate(cells):
        if is_missing(cell):
            found.append(None)
            continue
        item = _numbers(cell)
        if item is None:
            shown = repr(cell.tolist() if isinstance(cell, np.ndarray | np.generic) else cell)
            raise DataError(
                f"column '{name}' holds {shown[:60]}, and no list of numbers.", where=source.place(row)
            )
        if len(item):
            if form is not None and item.shape[1:] != form:
                raise DataError(
                    f"column '{name}' holds lists whose items differ in form: {_form(item.shape[1:])}, and before "
                    f"{_form(form)}.",
                    where=source.place(row),
                )
            form = item.shape[1:]
        found.append(item)
    present = [item for item in found if item is not None and len(item)]
    kind = np.result_type(np.bool_ if not present else present[0].dtype, *{item.dtype for item in present})
    whole = kind.kind in "biu" and reading.value == int(reading.value)
    array = np.full(
        (len(found), reading.length, *(form or ())), reading.value, np.int64 if whole else np.float64
    )
    for row, item in enumerate(found):
        if item is None or not len(item):
            continue
        if reading.side == "post":
            kept = item[: reading.length]
            array[row, : len(kept)] = kept
        else:
            kept = item[-reading.length :]
            array[row, reading.length - len(kept) :] = kept
    missing = np.array([item is None for item in found], dtype=bool)
    if array.dtype.kind == "f":
        missing |= ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    return Column(name, ColumnKind.ARRAY, array, missing)


def _numbers(cell: Any) -> np.ndarray | None:
    """A list as an array of numbers; None for what is none."""
    if not isinstance(cell, list | tuple | np.ndarray):
        return None
    try:
        array = np.array([np.nan if each is None else each for each in cell])
        if array.dtype.kind == "O":  # lists with missing numbers in them
            array = np.array(cell, dtype=np.float64)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "biuf" and array.ndim else None


def _form(shape: tuple[int, ...]) -> str:
    return f"lists of {shape[0]}" if shape else "numbers"
