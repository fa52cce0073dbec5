"""Columns of dates, times or numbers that order rows, and the usual distance between two rows."""

from __future__ import annotations

from typing import Literal

import numpy as np

from workbench.data.cells.readings import DateReading, date_format, read_with
from workbench.data.records import Positive, Record
from workbench.data.source import Source
from workbench.data.table import ColumnKind
from workbench.errors import DataError
from workbench.recipe.options.columns import DateFeatures

_DAY = 86_400_000_000_000  # nanoseconds
_OFF = 0.5  # a distance that differs by more than this share of the usual one is a gap


class Clock(Record):
    """How the time of a series is counted, and how far apart its rows usually are.

    `months` counts calendar months, which are not equally long, and `workdays` the days from Monday to Friday.
    """

    unit: Literal["number", "nanoseconds", "workdays", "months"]
    every: Positive

    def ticks(self, times: np.ndarray) -> np.ndarray:
        """Times (rows,) counted in the unit, float64 or int64."""
        if times.dtype.kind != "M":
            return times
        if self.unit == "months":
            return times.astype("datetime64[M]").astype(np.int64)
        if self.unit == "workdays":
            return np.busday_count("1970-01-01", times.astype("datetime64[D]")).astype(np.int64)
        return times.astype("datetime64[ns]").astype(np.int64)

    def gaps(self, times: np.ndarray) -> np.ndarray:
        """For each two rows that follow each other, whether a gap is between them (rows - 1,)."""
        apart = np.diff(self.ticks(times)).astype(np.float64)
        return np.abs(apart - self.every) > _OFF * self.every

    @property
    def seasons(self) -> tuple[int, ...]:
        """Rows of a day, a week and a year, as far as they are several."""
        whole = {
            "months": (12.0,),
            "workdays": (5.0,),
            "number": (),
            "nanoseconds": (_DAY, 7 * _DAY, 365.25 * _DAY),
        }
        rows = (round(size / self.every) for size in whole[self.unit])
        return tuple(count for count in rows if count > 1)

    @property
    def described(self) -> str:
        """The usual distance for people: `1 hour`, `3 months`."""
        if self.unit == "nanoseconds":
            for name, size in (
                ("week", 7 * _DAY),
                ("day", _DAY),
                ("hour", _DAY / 24),
                ("minute", _DAY / 1440),
            ):
                if self.every >= size and self.every % size == 0:
                    return _counted(self.every / size, name)
            return _counted(self.every / 1e9, "second")
        return _counted(
            self.every, {"months": "month", "workdays": "working day", "number": "step"}[self.unit]
        )


def _counted(count: float, name: str) -> str:
    return f"{count:g} {name}" if count == 1 else f"{count:g} {name}s"


def find_clock(times: np.ndarray, breaks: np.ndarray) -> Clock | None:
    """The unit and the commonest distance of rows in order; None where no two rows follow each other.

    Args:
        times: (rows,) datetime64 or numbers, series after series, each in order.
        breaks: (rows - 1,) where another series begins.
    """
    apart = np.diff(times)[~breaks]
    if not len(apart):
        return None
    units: tuple[Literal["number", "nanoseconds", "workdays", "months"], ...] = ("number",)
    if times.dtype.kind == "M":
        units = ("nanoseconds",)
        if _are_months(times, apart):
            units = ("months",)
        elif _are_workdays(times, apart):
            units = ("workdays",)
    clock = Clock(unit=units[0], every=1.0)
    distances = np.diff(clock.ticks(times))[~breaks].astype(np.float64)
    values, counts = np.unique(np.round(distances, 9), return_counts=True)
    usual = (
        float(values[counts.argmax()]) if counts.max() * 2 >= len(distances) else float(np.median(distances))
    )
    return Clock(unit=units[0], every=usual) if usual > 0 else None


def _are_months(times: np.ndarray, apart: np.ndarray) -> bool:
    """True if all times are the same moment of their months, or their last days, and not of one month."""
    months = times.astype("datetime64[M]")
    if (np.diff(months.astype(np.int64)) == 0).any() or (apart < np.timedelta64(28, "D")).any():
        return False
    inside = times - months
    last = (times.astype("datetime64[D]") + np.timedelta64(1, "D")).astype("datetime64[M]") != months
    return bool((inside == inside[0]).all() or last.all())


def _are_workdays(times: np.ndarray, apart: np.ndarray) -> bool:
    """True if all times are days from Monday to Friday, most of them one day apart."""
    days = times.astype("datetime64[D]")
    if (days != times).any() or not np.is_busday(days).all() or len(apart) < 5:
        return False
    distances = apart / np.timedelta64(1, "D")
    return bool(2 * np.sum(distances == 1) > len(apart) and (distances == 3).any())


def time_reading(source: Source, name: str, wanted: DateFeatures | None) -> DateReading | None:
    """How a column's times are written; None for numbers, which are taken as they are.

    Args:
        wanted: what the recipe says of the column under `dates`.

    Raises:
        DataError: they are no times.
    """
    values = source.columns[name]
    if values.dtype.kind in "iufb" and (wanted is None or wanted.format is None):
        return None
    return DateReading(format=date_format(name, wanted.format if wanted else None, source))


def read_times(source: Source, name: str, reading: DateReading | None) -> np.ndarray:
    """A column's times: (rows,) datetime64 or, without a reading, float64 numbers.

    Raises:
        DataError: a row has no time, or a text that is none; the file and the row are named.
    """
    column = read_with(source, name, reading)
    if reading is None and column.kind is not ColumnKind.NUMBER:
        raise DataError(
            f"column '{name}' holds texts, where the training data had numbers.", where=source.place(0)
        )
    missing = np.flatnonzero(column.missing)
    if len(missing):
        which = "this row" if len(missing) == 1 else f"{len(missing):,} rows, first in this"
        raise DataError(
            f"column '{name}' has no time in {which}.",
            where=source.place(int(missing[0])),
            hint="A row without a time has no place in its series: leave it out of the data.",
        )
    return column.values
