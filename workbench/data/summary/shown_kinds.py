"""The kinds of columns as they are shown: one table, in which a new kind of column takes one entry.

A kind says how a column's values are read for a summary: as numbers, as texts, or both; and how such a number is
written and read by people (a date is a number of days to the histogram, and a date to everyone else).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from workbench.data.cells.readings import Reading, read_with
from workbench.data.lazy import LazyRows
from workbench.data.source import Source
from workbench.data.table import Column, ColumnKind, read_column
from workbench.errors import DataError

_PICTURES = 32  # looked at
_DAY = 86_400.0  # seconds
_EPOCH = datetime.datetime(1970, 1, 1)


@dataclass(frozen=True)
class ShownColumn:
    """A column's values for a summary.

    Attributes:
        kind: the name of its kind.
        missing: per row, whether it has no value.
        numbers: float64 per row (nan where missing), or None.
        texts: str or None per row, or None.
        spread: every number of an array, for its histogram.
        error: why no model can use it as it is.
        names: what each row of an array is called, as the file of a picture, or None.
    """

    kind: str
    missing: np.ndarray
    numbers: np.ndarray | None = None
    texts: np.ndarray | None = None
    spread: np.ndarray | None = None
    shape: tuple[int, ...] = ()
    error: str = ""
    names: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> ShownColumn:
        """Only these rows."""
        return ShownColumn(
            self.kind,
            self.missing[rows],
            None if self.numbers is None else self.numbers[rows],
            None if self.texts is None else self.texts[rows],
            self.spread,
            self.shape,
            self.error,
            None if self.names is None else self.names[rows],
        )


@dataclass(frozen=True)
class ShownKind:
    """A kind of column.

    Attributes:
        name: as it is shown.
        read: a column of this kind; None where it is of another.
        write: one of its numbers for people; None for a plain number.
        parse: what a person writes for one of its numbers, in a filter.
    """

    name: str
    read: Callable[[Source, str], ShownColumn | None]
    write: Callable[[float], str] | None = None
    parse: Callable[[str], float] = float


def _as_learned(source: Source, name: str) -> ShownColumn:
    """A column as the preparation reads it."""
    return _shown(read_column(source, name))


def _shown(column: Column) -> ShownColumn:
    kind, values = column.kind.value, column.values
    if column.kind is ColumnKind.TEXT:
        return ShownColumn(kind, column.missing, texts=values)
    if column.kind is ColumnKind.FLAG:
        return ShownColumn(kind, column.missing, values, column.as_text().values)
    if isinstance(values, LazyRows):
        some = np.asarray(values[: min(len(values), _PICTURES)])
        names = values.names()
        return ShownColumn(kind, column.missing, spread=some.reshape(-1), shape=values.shape[1:], names=names)
    if column.kind is ColumnKind.ARRAY:
        return ShownColumn(kind, column.missing, spread=values.reshape(-1), shape=values.shape[1:])
    if column.kind is ColumnKind.DATE:
        return _days(values)
    return ShownColumn(kind, column.missing, np.where(column.missing, np.nan, values))


def _dates(source: Source, name: str) -> ShownColumn | None:
    values = source.columns[name]
    if values.dtype.kind == "O" and values.ndim == 1:
        found = {type(value) for value in values if value is not None}
        if not found or not all(issubclass(each, datetime.date | np.datetime64) for each in found):
            return None
        try:
            values = values.astype("datetime64[us]")
        except (ValueError, TypeError):  # with time zones, which numpy does not have
            return None
    if values.dtype.kind != "M" or values.ndim != 1:
        return None
    return _days(values)


def _days(values: np.ndarray) -> ShownColumn:
    """Dates as numbers of days."""
    missing = np.isnat(values)
    seconds = values.astype("datetime64[us]").astype(np.int64) / 1e6
    return ShownColumn("date", missing, np.where(missing, np.nan, seconds / _DAY))


def _unusable(source: Source, name: str) -> ShownColumn:
    """What no model can use is shown as texts all the same."""
    values = source.columns[name]
    try:
        _as_learned(source, name)
        error = ""
    except DataError as why:
        error = why.what
    if values.ndim > 1:
        return ShownColumn("unusable", np.zeros(len(values), bool), shape=values.shape[1:], error=error)
    texts = np.array([_text(value) for value in values], dtype=object)
    missing = np.array([text is None for text in texts], dtype=bool)
    return ShownColumn("unusable", missing, texts=texts, error=error)


def _text(value: object) -> str | None:
    if value is None or value != value:  # nan and NaT are unequal to themselves
        return None
    return str(value)[:200]


def write_days(days: float) -> str:
    """Days since 1970 as a date, with the time of day where there is one."""
    try:
        when = _EPOCH + datetime.timedelta(seconds=round(days * _DAY))
    except OverflowError:
        return f"{days:.0f} days since 1970"
    return when.date().isoformat() if when.time() == datetime.time() else when.isoformat(" ")


def parse_days(text: str) -> float:
    """A date such as 2024-12-31, 2024-12 or 2024-12-31T18:00 as days since 1970.

    Raises:
        ValueError: it is none.
    """
    return float(np.datetime64(text.replace(" ", "T"), "us").astype(np.int64) / 1e6 / _DAY)


DATE = ShownKind("date", _dates, write_days, parse_days)
LEARNED = ShownKind("", _as_learned)
UNUSABLE = ShownKind("unusable", _unusable)

# The first that fits. `LEARNED` stands for all kinds of the preparation: number, flag, text, array.
KINDS = (DATE, LEARNED, UNUSABLE)


def shown_column(source: Source, name: str, reading: Reading | None = None) -> ShownColumn:
    """A column's values, whatever they are: nothing is refused here.

    Args:
        source: the rows.
        name: the column.
        reading: how its cells are read where they are texts that stand for something else.
    """
    if reading is not None:
        with suppress(DataError):
            return _shown(read_with(source, name, reading))
    for kind in KINDS:
        try:
            found = kind.read(source, name)
        except DataError:
            continue
        if found is not None:
            return found
    raise AssertionError(name)  # the last kind takes everything


def kind_of(column: ShownColumn) -> ShownKind:
    """The entry of a column's kind."""
    return next((kind for kind in KINDS if kind.name == column.kind), LEARNED)
