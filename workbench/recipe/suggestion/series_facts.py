"""What is known of a table whose rows follow each other in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SeriesFacts:
    """A table as one or several series.

    Attributes:
        time: the column of times.
        every: how far apart rows are, for people.
        rows: of the longest series.
        group: the columns that tell series apart.
        series: how many there are.
        sort: whether rows are out of order.
        gaps: gaps in time.
        follows: the columns of numbers of which the last value says more than their mean.
        seasons: after how many rows a column begins again, where it does.
    """

    time: str
    every: str
    rows: int
    group: tuple[str, ...] = ()
    series: int = 1
    sort: bool = False
    gaps: int = 0
    follows: tuple[str, ...] = ()
    seasons: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_record(cls, record: Mapping[str, Any] | None) -> SeriesFacts | None:
        """From the `series` of a preview."""
        if record is None:
            return None
        known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
        return cls(**known | {name: tuple(known.get(name, ())) for name in ("group", "follows")})


def named_like_time(name: str) -> bool:
    """True for a column of numbers that is called like a time: `year`, `time_step`."""
    words = name.casefold().replace("-", "_").replace(" ", "_").split("_")
    return bool(set(words) & set(_TIMES))


_TIMES: Sequence[str] = (
    "year",
    "yr",
    "time",
    "timestamp",
    "date",
    "month",
    "week",
    "day",
    "hour",
    "step",
    "t",
)
