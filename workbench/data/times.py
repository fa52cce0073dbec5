"""Columns of dates, times or numbers that order rows, and the usual distance between two rows."""

from __future__ import annotations

import datetime
from typing import Literal

import numpy as np

from workbench.data.records import Positive, Record
from workbench.data.source import Source
from workbench.errors import DataError

_FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%Y%m%d"),
    *(
        "%b %d %Y",
        "%b %d, %Y",
        "%B %d, %Y",
        "%d %b %Y",
        "%d-%b-%Y",
        "%d %B %Y",
        "%Y-%m",
        "%b %Y",
        "%B %Y",
        "%b-%Y",
    ),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_LOOKED_AT = 200

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


def read_times(source: Source, name: str) -> np.ndarray:
    """A column's times: (rows,) datetime64, or float64 numbers.

    Raises:
        DataError: a row has no time, or a text that is none; the file and the row are named.
    """
    values = source.columns[name]
    if values.dtype.kind == "M":
        times = values
    elif values.dtype.kind in "iufb" and values.ndim == 1:
        times = values.astype(np.float64)
    else:
        times = _from_objects(source, name, values)
    missing = np.flatnonzero(np.isnat(times) if times.dtype.kind == "M" else ~np.isfinite(times))
    if len(missing):
        raise DataError(
            f"column '{name}' has no time in {_rows(len(missing))}.",
            where=source.place(int(missing[0])),
            hint="A row without a time has no place in its series: leave it out of the data.",
        )
    return times


def _from_objects(source: Source, name: str, values: np.ndarray) -> np.ndarray:
    texts = [_text(value) for value in values.tolist()] if values.ndim == 1 else []
    times, bad = parse_times(texts)
    if bad is not None or not texts:
        shown = f"'{texts[bad]}'" if bad is not None else "arrays"
        raise DataError(
            f"column '{name}' holds {shown}, which is no date and no time.",
            where=source.place(bad or 0),
            hint="Dates are read as 2024-12-31, 2024-12-31 23:59, 31.12.2024 and the like, all rows alike.",
        )
    return times


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)) or type(value).__name__ == "NaTType":
        return None
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    return str(value).strip() or None


def parse_times(texts: list[str | None]) -> tuple[np.ndarray, int | None]:
    """Texts as datetime64[ns], all written alike; NaT for None.

    Returns:
        the times, and the position of the first text that is none, or None.
    """
    if (found := _iso(texts)) is not None:
        return found, None
    present = [text for text in texts if text is not None]
    best, most = "", 0
    for written in (f"{date}{time}" for time in _TIMES for date in _FORMATS):
        read = sum(_parsed(text, written) is not None for text in present[:_LOOKED_AT])
        if read > most:
            best, most = written, read
        if read == len(present[:_LOOKED_AT]):
            if all(_parsed(text, written) is not None for text in present[_LOOKED_AT:]):
                break
            best, most = written, read
    times = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[ns]")
    for at, text in enumerate(texts):
        if text is not None:
            parsed = _parsed(text, best) if best else _iso_time(text)
            if parsed is None:
                return times, at
            times[at] = np.datetime64(parsed, "ns")
    return times, None


def _parsed(text: str, written: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, written)
    except ValueError:
        return None


def _iso_time(text: str) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(datetime.UTC).replace(tzinfo=None) if found.tzinfo else found


def _iso(texts: list[str | None]) -> np.ndarray | None:
    """ISO texts, quickly; None where one is no such text."""
    import pyarrow as pa

    array = pa.array(texts, pa.string())
    for kind in (pa.timestamp("ns"), pa.timestamp("ns", "UTC")):
        try:
            return array.cast(kind).cast(pa.timestamp("ns")).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            continue
    return None


def _rows(count: int) -> str:
    return "this row" if count == 1 else f"{count:,} rows, first in this"
