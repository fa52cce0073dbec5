"""Find out whether the rows of a table follow each other in time, as one series or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from workbench.data.cells.times import time_reading
from workbench.data.naive import find_season
from workbench.data.series import OrderedRows, order_rows
from workbench.data.source import Source
from workbench.data.table import ColumnKind, read_column
from workbench.errors import WorkbenchError
from workbench.recipe.suggestion.series_facts import SeriesFacts, named_like_time

_LOOKED_AT = 50_000  # rows
_LEAST = 40  # rows of a series
_MOST_GAPS = 0.02  # of the rows
_MOST_GROUPS = 6  # columns that are tried to tell series apart
_FOLLOWS = 0.7  # the last value is off by less than this share of what the mean is off by


class Previewed(Protocol):
    """What a preview says of a column."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def distinct(self) -> int: ...
    @property
    def missing(self) -> int: ...


def series_facts(source: Source, columns: Sequence[Previewed]) -> SeriesFacts | None:
    """The table as series in time, if it has a column of times with regular steps; of a long one the first rows."""
    columns = [column for column in columns if source.columns[column.name].ndim == 1]
    rows = min((len(source.columns[column.name]) for column in columns), default=0)
    if rows < _LEAST:
        return None
    looked = min(rows, _LOOKED_AT)
    head = replace(source, columns={c.name: source.columns[c.name][:looked] for c in columns}, test=None)
    times = [column for column in columns if not column.missing and _may_be_time(column)]
    groups = [
        column
        for column in columns
        if not column.missing and column.kind == "text" and 2 <= column.distinct <= rows // _LEAST
    ]
    for time in times:
        for group in ((), *((column.name,) for column in groups[:_MOST_GROUPS])):
            found = _regular(head, time.name, group)
            if found is not None:
                series, sort = found
                sort = sort or (looked < rows and not _is_in_order(source, time.name, group))
                return _described(head, time.name, group, series, sort, columns)
    return None


def _may_be_time(column: Previewed) -> bool:
    return column.kind == "date" or (column.kind == "number" and named_like_time(column.name))


def _regular(source: Source, time: str, group: tuple[str, ...]) -> tuple[OrderedRows, bool] | None:
    """The rows as series with regular steps, and whether they have to be sorted."""
    for sort in (False, True):
        try:
            series = order_rows(source, group, time, time_reading(source, time, None), sort=sort)
        except WorkbenchError:
            continue
        if series.clock is None or series.gaps > _MOST_GAPS * len(series.order):
            return None
        return series, sort
    return None


def _is_in_order(source: Source, time: str, group: tuple[str, ...]) -> bool:
    """False where all rows together are in no order of time, as several files may be."""
    try:
        order_rows(source, group, time, time_reading(source, time, None), gaps=False)
    except WorkbenchError:
        return False
    return True


def _described(
    source: Source,
    time: str,
    group: tuple[str, ...],
    series: OrderedRows,
    sort: bool,
    columns: Sequence[Previewed],
) -> SeriesFacts | None:
    counts = np.bincount(series.series)
    if counts.max() < _LEAST or series.clock is None:
        return None
    longest = series.order[series.series == counts.argmax()]
    follows: list[str] = []
    seasons: dict[str, int] = {}
    for column in columns:
        if column.kind != "number" or column.name == time:
            continue
        try:
            read = read_column(source, column.name)
        except WorkbenchError:
            continue
        if read.kind is not ColumnKind.NUMBER:
            continue
        values = read.values[longest]
        if _follows(values):
            follows.append(column.name)
        if (season := find_season(values, series.clock.seasons)) is not None:
            seasons[column.name] = season
    return SeriesFacts(
        time=time,
        every=series.clock.described,
        rows=int(counts.max()),
        group=group,
        series=len(counts),
        sort=sort,
        gaps=series.gaps,
        follows=tuple(follows),
        seasons=seasons,
    )


def _follows(values: np.ndarray) -> bool:
    """True if the value before says more of a value than the mean of all does."""
    both = np.isfinite(values[1:]) & np.isfinite(values[:-1])
    if both.sum() < _LEAST // 2:
        return False
    after, before = values[1:][both], values[:-1][both]
    spread = np.abs(after - after.mean()).mean()
    return bool(spread > 0 and np.abs(after - before).mean() < _FOLLOWS * spread)
