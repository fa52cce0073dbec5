"""Rows in the order of time: series after series, and where one is interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.cells.readings import DateReading
from workbench.data.cells.times import Clock, find_clock, read_times
from workbench.data.roles import missing_column
from workbench.data.source import Source
from workbench.data.table import read_column
from workbench.errors import DataError


@dataclass(frozen=True)
class OrderedRows:
    """Rows in the order of time, series after series.

    Attributes:
        order: (rows,) each row's position in the source.
        series: (rows,) the number of its series.
        times: (rows,) datetime64 or float64; None without a column of times.
        breaks: (rows - 1,) whether a new series or a gap is between two rows.
        clock: how time is counted; None without times, or where no gap is looked for.
    """

    order: np.ndarray
    series: np.ndarray
    times: np.ndarray | None
    breaks: np.ndarray
    clock: Clock | None

    @property
    def gaps(self) -> int:
        """Gaps in time within a series."""
        return int((self.breaks & (np.diff(self.series) == 0)).sum())

    def runs(self, parts: np.ndarray | None = None) -> np.ndarray:
        """(rows,) The number of the stretch of rows without a break that each row is in.

        Args:
            parts: (rows,) of the split; a stretch ends where another part begins.
        """
        breaks = self.breaks if parts is None else self.breaks | (np.diff(parts) != 0)
        return np.concatenate([np.zeros(min(1, len(self.order)), np.int64), np.cumsum(breaks)])


def order_rows(
    source: Source,
    group: Sequence[str],
    time: str | None,
    reading: DateReading | None,
    *,
    sort: bool = False,
    gaps: bool = True,
    clock: Clock | None = None,
) -> OrderedRows:
    """Put rows in the order of time.

    Args:
        source: the rows; those of different series may alternate.
        group: the columns that tell the series apart.
        time: the column of times, or None for the order of the rows.
        reading: how times are written; see `time_reading`.
        sort: whether rows that are out of order are sorted, and not refused.
        gaps: whether gaps in time are looked for.
        clock: how time was counted before; None to find out.

    Raises:
        DataError: a column is not there, a row has no series or no time, or within a series times are out of order or
            come twice.
    """
    for name in (*group, *([time] if time is not None else [])):
        if name not in source.columns:
            raise missing_column(name, source.columns, DataError, source.origin, source.origin)
    rows = len(next(iter(source.columns.values())))
    series = _numbers_of_series(source, group, rows)
    order = np.argsort(series, kind="stable")
    if time is None:
        of_series = series[order]
        return OrderedRows(order, of_series, None, np.diff(of_series) != 0, None)
    times = read_times(source, time, reading)
    in_time = order[np.lexsort((times[order], series[order]))]
    if not sort and not np.array_equal(in_time, order):
        _refuse_disorder(source, time, times, series, order)
    order = in_time if sort else order
    of_series, of_time = series[order], times[order]
    breaks = np.diff(of_series) != 0
    _refuse_twice(source, group, time, of_time, breaks, order)
    found = (clock or find_clock(of_time, breaks)) if gaps else None
    if found is not None:
        breaks = breaks | found.gaps(of_time)
    return OrderedRows(order, of_series, of_time, breaks, found)


def _numbers_of_series(source: Source, group: Sequence[str], rows: int) -> np.ndarray:
    """(rows,) Whole numbers in the order in which the series begin."""
    numbers = np.zeros(rows, np.int64)
    for name in group:
        column = read_column(source, name).as_text()
        missing = np.flatnonzero(column.missing)
        if len(missing):
            raise DataError(
                f"column '{name}', which tells the series apart, has no value in {len(missing):,} of {rows:,} rows.",
                where=source.place(int(missing[0])),
            )
        _, codes = np.unique(column.values.astype(str), return_inverse=True)
        numbers = numbers * (int(codes.max(initial=0)) + 1) + codes
        _, numbers = np.unique(numbers, return_inverse=True)
    _, first, inverse = np.unique(numbers, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def time_texts(times: np.ndarray) -> np.ndarray:
    """Times for people, no longer than need be: `2024-12-31`, `2024-12-31 23:59`; numbers as they are."""
    if times.dtype.kind != "M":
        return times
    unit = next(unit for unit in ("D", "m", "s", "ms", "ns") if (times.astype(f"M8[{unit}]") == times).all())
    texts = times.astype(f"M8[{unit}]").astype(str)
    return np.char.replace(texts, "T", " ").astype(object)


def time_text(value: np.generic) -> str:
    """A single time for people."""
    (text,) = time_texts(np.array([value]))
    return f"{text:.10g}" if isinstance(text, float) else str(text)


def _refuse_disorder(
    source: Source, time: str, times: np.ndarray, series: np.ndarray, order: np.ndarray
) -> None:
    back = (np.diff(series[order]) == 0) & (times[order][1:] < times[order][:-1])
    at = int(np.flatnonzero(back)[0])
    before, row = int(order[at]), int(order[at + 1])
    raise DataError(
        f"the rows are not in the order of '{time}': {time_text(times[row])} comes after "
        f"{time_text(times[before])}{f'; so in {back.sum():,} rows' if back.sum() > 1 else ''}.",
        where=source.place(row),
        hint="`sort: true` under `windows` sorts them.",
    )


def _refuse_twice(
    source: Source, group: Sequence[str], time: str, times: np.ndarray, breaks: np.ndarray, order: np.ndarray
) -> None:
    twice = np.flatnonzero((times[1:] == times[:-1]) & ~breaks)
    if not len(twice):
        return
    first, second = sorted(int(order[at]) for at in (twice[0], twice[0] + 1))
    others = f"; {len(twice):,} such rows" if len(twice) > 1 else ""
    hint = "Take one of them out of the data."
    if not group:
        hint = (
            "If the rows are of several series, name the column that tells them apart: `group: NAME`. Else t"
            + (hint[1:])
        )
    raise DataError(
        f"two rows{' of one series' if group else ''} have the same '{time}', {time_text(times[twice[0]])}: this one "
        f"and {source.place(first)}{others}.",
        where=source.place(second),
        hint=hint,
    )
