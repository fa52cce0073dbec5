"""Checked columns for the preparation: numbers, booleans, texts or arrays, with a mask of missing values."""

from __future__ import annotations

import datetime
import decimal
import numbers
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.data.source import Source
from workbench.errors import DataError

# Beyond this, neighbouring whole numbers are one and the same floating-point number.
_LARGEST_EXACT = 2**53


class ColumnKind(StrEnum):
    """The type of a column's values."""

    NUMBER = "number"
    FLAG = "flag"
    TEXT = "text"
    DATE = "date"
    ARRAY = "array"


@dataclass(frozen=True)
class Column:
    """One column, checked.

    Attributes:
        values: NUMBER and FLAG: float64, not finite where missing; TEXT: objects, str or None;
            DATE: datetime64 of microseconds; ARRAY: (rows, ...) of any number type.
        missing: per row, whether it has no (finite) value.
    """

    name: str
    kind: ColumnKind
    values: np.ndarray
    missing: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def as_text(self) -> Column:
        """The same values as texts, for categories and classes. An array of one value a row is a column."""
        if self.kind is ColumnKind.TEXT:
            return self
        values = self.values.reshape(len(self.values))
        if self.kind is ColumnKind.DATE:
            texts = np.datetime_as_string(values, unit="auto").astype(object)
            texts[self.missing] = None
            return Column(self.name, ColumnKind.TEXT, texts, self.missing)
        write = str if self.kind is ColumnKind.FLAG else number_text
        texts = np.empty(len(self.values), dtype=object)
        for row in np.flatnonzero(~self.missing):
            value = values[row]
            texts[row] = write(bool(value) if self.kind is ColumnKind.FLAG else float(value))
        return Column(self.name, ColumnKind.TEXT, texts, self.missing)

    def take(self, rows: np.ndarray) -> Column:
        """Only these rows, in this order."""
        return replace(self, values=self.values[rows], missing=self.missing[rows])


def number_text(value: float) -> str:
    """A number as a category: whole numbers without a point, so that 3 and 3.0 are one category."""
    return str(int(value)) if value == int(value) else repr(value)


def read_column(source: Source, name: str) -> Column:
    """One column of a source, with its kind found out.

    Raises:
        DataError: its values are dates, mixed, nested, bytes or whole numbers too large to be exact.
    """
    values = source.columns[name]
    if isinstance(values, LazyRows):
        return Column(name, ColumnKind.ARRAY, values, np.zeros(len(values), dtype=bool))
    if values.dtype.kind == "O":
        return _from_objects(source, name, values)
    if values.dtype.kind == "T":  # numpy's own variable-length strings
        return _from_objects(source, name, values.astype(object))
    if values.ndim > 1:
        return _array_column(source, name, values)
    match values.dtype.kind:
        case "b":
            return Column(name, ColumnKind.FLAG, values.astype(np.float64), np.zeros(len(values), bool))
        case "i" | "u":
            return _whole_numbers(source, name, values)
        case "f":
            return _numbers(name, values.astype(np.float64, copy=False))
        case "U" | "S":
            return _texts(source, name, values.astype(object))
        case "M" | "m":
            raise dates_error(source, name)
    try:
        if values.dtype.kind == "V":  # extension types such as bfloat16
            return _numbers(name, values.astype(np.float64))
    except (TypeError, ValueError):
        pass
    raise DataError(
        f"column '{name}' is of the type {values.dtype}, which is no number and no text.",
        where=source.origin,
        hint=f"Leave it out: `ignore: [{name}]`.",
    )


def _numbers(name: str, values: np.ndarray) -> Column:
    return Column(name, ColumnKind.NUMBER, values, ~np.isfinite(values))


def _whole_numbers(source: Source, name: str, values: np.ndarray) -> Column:
    too_large = (values > _LARGEST_EXACT) | (values < -_LARGEST_EXACT if values.dtype.kind == "i" else False)
    if too_large.any():
        row = int(np.flatnonzero(too_large)[0])
        raise _huge(source, name, row, values[row])
    return _numbers(name, values.astype(np.float64))


def _texts(source: Source, name: str, values: np.ndarray) -> Column:
    """Texts and None; what is blank is missing. Long columns are few different texts: those are looked at."""
    replaced: dict[object, str | None] = {}
    for value in set(values):
        if isinstance(value, bytes):
            try:
                replaced[value] = value.decode() if value.strip() else None
            except UnicodeDecodeError:
                row = int(np.flatnonzero(values == value)[0])
                raise DataError(f"column '{name}' holds bytes, not text.", where=source.place(row)) from None
        elif value is not None and (is_missing(value) or not value.strip()):
            replaced[value] = None
        elif type(value) not in (str, type(None)):  # numpy's own texts
            replaced[value] = str(value)
    if replaced:
        values = np.array([replaced.get(value, value) for value in values], dtype=object)
    missing = np.equal(values, None).astype(bool)  # type: ignore[call-overload]
    return Column(name, ColumnKind.TEXT, values, missing)


def _array_column(source: Source, name: str, values: np.ndarray) -> Column:
    if values.dtype.kind in "Mm":
        raise dates_error(source, name)
    if values.dtype.kind not in "biuf":
        raise DataError(
            f"array '{name}' is of the type {values.dtype}; arrays of several axes hold numbers.",
            where=source.origin,
            hint=f"Leave it out: `ignore: [{name}]`.",
        )
    if values[:1].size == 0 and len(values):
        raise DataError(
            f"array '{name}' has the shape {values.shape}: its rows are empty.", where=source.origin
        )
    if values.dtype.kind == "f":
        missing = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
    else:
        missing = np.zeros(len(values), dtype=bool)
    return Column(name, ColumnKind.ARRAY, values, missing)


def _from_objects(source: Source, name: str, values: np.ndarray) -> Column:
    """Python objects: find what they all are, or name the first that differs from those before it."""
    if values.ndim == 1 and set(map(type, values)) <= {str, type(None)} and any(values):
        return _texts(source, name, values)
    found: str | None = None
    first = 0
    for row, value in enumerate(values):
        if is_missing(value):
            continue
        kind = _kind_of(value)
        if kind is None:
            raise DataError(
                f"column '{name}' holds {type(value).__name__} values, which are no numbers and no texts.",
                where=source.place(row),
                hint=f"Leave it out: `ignore: [{name}]`.",
            )
        if found is not None and kind != found:
            raise DataError(
                f"column '{name}' mixes {found} and {kind}: {values[first]!r} ({source.place(first)}) "
                f"and {value!r}.",
                where=source.place(row),
                hint="Make all its values one or the other.",
            )
        if found is None:
            found, first = kind, row
    match found:
        case "dates":
            raise dates_error(source, name)
        case "lists":
            return _stack(source, name, values)
        case "texts":
            return _texts(source, name, values)
    numbers_ = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if not is_missing(value):
            if isinstance(value, numbers.Integral) and abs(int(value)) > _LARGEST_EXACT:
                raise _huge(source, name, row, value)
            numbers_[row] = float(value)
    kind_ = ColumnKind.FLAG if found == "true/false values" else ColumnKind.NUMBER
    return Column(name, kind_, numbers_, ~np.isfinite(numbers_))


def _kind_of(value: Any) -> str | None:
    if isinstance(value, bool | np.bool_):
        return "true/false values"
    if isinstance(value, numbers.Real | decimal.Decimal):
        return "numbers"
    if isinstance(value, str):
        return "texts"
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta | np.datetime64 | np.timedelta64):
        return "dates"
    if isinstance(value, list | tuple | np.ndarray):
        return "lists"
    return None


def is_missing(value: Any) -> bool:
    """True for what stands for no value among Python objects."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):  # pandas' marks
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _stack(source: Source, name: str, values: np.ndarray) -> Column:
    """Lists of one length, one a row, as an array of two or more axes; a missing list is a row of NaN."""
    rows: list[np.ndarray | None] = []
    shape: tuple[int, ...] | None = None
    for row, value in enumerate(values):
        if is_missing(value):
            rows.append(None)
            continue
        try:
            item = np.asarray(value)
        except ValueError:
            item = np.empty(0, dtype=object)
        if shape is None:
            shape = item.shape
        if item.shape != shape or item.dtype.kind not in "biuf":
            raise DataError(
                f"column '{name}' holds lists that do not form an array: their lengths or types differ.",
                where=source.place(row),
                hint=_pad_hint(name, values),
            )
        rows.append(item)
    blank = np.full(shape or (), np.nan)
    stacked = np.stack([blank if item is None else item for item in rows])
    return _array_column(source, name, stacked)


def _pad_hint(name: str, values: np.ndarray) -> str:
    lengths = [len(value) for value in values if isinstance(value, list | tuple | np.ndarray)]
    return (
        f"`pad: {{{name}: {max(lengths)}}}` fills them up to the longest. Or leave the column out with `ignore`."
        if min(lengths) != max(lengths)
        else "Leave the column out with `ignore`."
    )


def dates_error(source: Source, name: str) -> DataError:
    """The refusal of a column of dates or times."""
    return DataError(
        f"column '{name}' holds dates or times, which a model cannot learn from as they are.",
        where=source.origin,
        hint=f"Make numbers of it: `dates: {{{name}: [year, month, weekday]}}`. Or leave it out: `ignore: [{name}]`.",
    )


def _huge(source: Source, name: str, row: int, value: Any) -> DataError:
    return DataError(
        f"column '{name}' holds {value}, a whole number too large to be exact.",
        where=source.place(row),
        hint=f"An identifier is nothing to learn from: `ignore: [{name}]`. A quantity needs a larger unit.",
    )
