"""Traps of rows in the order of time: columns that know the future, and series that are there twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from workbench.data.measures import pearson
from workbench.data.preparation import Table
from workbench.data.roles import KNOWN, Roles
from workbench.data.series import OrderedRows
from workbench.data.splitting.rules import TRAIN
from workbench.data.table import ColumnKind
from workbench.data.traps import columns
from workbench.data.traps.columns import ENOUGH, FEW_ROWS, Values, listed
from workbench.errors import RecipeWarning
from workbench.recipe.options.windows import Windows

_ROWS = 5_000  # of one series, that shifted columns are looked for in
_MOST_COLUMNS = 50
_MOST_SHIFTS = 500
_SAME = 0.9995  # a correlation of changes from row to row
_MOST_SERIES = 10_000


def find_in_windows(
    windows: Windows, roles: Roles, table: Table, series: OrderedRows, parts: np.ndarray, names: np.ndarray
) -> tuple[RecipeWarning, ...]:
    """What is likely to mislead, of rows of which windows are made.

    Args:
        windows: how they are made.
        roles: what each column is for.
        table: the columns that are used, checked, in the order of the source.
        series: the order of the rows.
        parts: (rows,) the part of each row of `series`.
        names: (rows,) what the series of each row of `series` is called.
    """
    train = parts == TRAIN
    used = {name: column for name, column in table.items() if column.kind is not ColumnKind.ARRAY}
    few = series.order[train][:: max(1, int(train.sum()) // _ROWS)]
    learned = [name for group in roles.targets.values() for name in group if name in used]
    every = dict.fromkeys(name for group in roles.inputs.values() for name in group)
    inputs = [name for name in every if name in used and name not in roles.texts and name not in learned]
    values = {name: own for name in inputs if (own := Values.of(used[name].take(few))) is not None}
    found = list(columns.constant(values))
    numbers = [name for name in learned if used[name].kind is ColumnKind.NUMBER]
    if numbers:
        rows = _longest_run(series, train)
        target = used[numbers[0]].values[series.order[rows]]
        known = set(roles.inputs.get(KNOWN, ()))
        for name in [name for name in inputs if used[name].kind is ColumnKind.NUMBER][:_MOST_COLUMNS]:
            column = used[name].values[series.order[rows]]
            if warning := _knows_the_future(
                name, column, numbers[0], target, windows, is_known=name in known
            ):
                found.append(warning)
        found += _twice(numbers[0], used[numbers[0]].values[series.order], series, names, parts)
    return tuple(found)


def _longest_run(series: OrderedRows, train: np.ndarray) -> slice:
    """The training rows without a break of which there are the most."""
    runs = series.runs(train.astype(np.int8))
    counts = np.bincount(runs, train)
    start = int(np.searchsorted(runs, counts.argmax()))
    return slice(start, start + min(int(counts.max()), _ROWS))


def _knows_the_future(
    name: str, values: np.ndarray, target_name: str, target: np.ndarray, windows: Windows, *, is_known: bool
) -> RecipeWarning | None:
    """A column that is the target some rows later: changes from row to row are compared, for slow series are alike at
    any shift. One that is as much like the target's past, as in a season, knows nothing."""
    values, target = np.diff(values), np.diff(target)
    # A column that is known ahead gives away the target where it is like that of its own row.
    least = 0 if is_known else 1
    most = min(max(windows.ahead) + windows.length - 1, _MOST_SHIFTS, len(target) - ENOUGH)
    if most < least:
        return None
    ahead = {shift: _alike(values, target, shift) for shift in range(least, most + 1)}
    shift = max(ahead, key=lambda each: ahead[each])
    if ahead[shift] < _SAME:
        return None
    if max((_alike(target, values, back) for back in range(1 - least, most + 1)), default=0.0) >= _SAME:
        return None
    when = f"{shift:,} row{'s' if shift > 1 else ''} later" if shift else "in the same row, which is ahead"
    return RecipeWarning(
        f"column '{name}' is what the target '{target_name}' is {when} (correlation {ahead[shift]:.4f}): it knows the "
        f"future. If it is not known when you predict, leave it out (`ignore: [{name}]`).",
        "data.inputs",
    )


def _alike(first: np.ndarray, second: np.ndarray, shift: int) -> float:
    """The correlation of an array with another one so many rows later, of the rows that have both."""
    first, second = first[: len(first) - shift], second[shift:]
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < ENOUGH:
        return 0.0
    return abs(pearson(first[both], second[both]) or 0.0)


def _twice(
    target: str, values: np.ndarray, series: OrderedRows, names: np.ndarray, parts: np.ndarray
) -> Iterator[RecipeWarning]:
    """Series with the same values of the target, row for row."""
    starts = np.flatnonzero(np.r_[True, np.diff(series.series) != 0]).tolist()
    known: dict[bytes, int] = {}
    pairs: list[tuple[int, int]] = []
    for at, (start, stop) in enumerate(zip(starts, [*starts[1:], len(values)], strict=True)):
        own = values[start:stop]
        if at >= _MOST_SERIES or len(own) < FEW_ROWS or not np.ptp(own) > 0:
            continue
        first = known.setdefault(np.ascontiguousarray(own).tobytes(), start)
        if first != start:
            pairs.append((first, start))
    if not pairs:
        return
    first, second = pairs[0]
    across = any(parts[one] != parts[other] for one, other in pairs)
    more = f", and {len(pairs) - 1:,} more series are such copies" if len(pairs) > 1 else ""
    where = (
        " Copies are in different parts: on them a model is good that learned the other by heart."
        if across
        else ""
    )
    yield RecipeWarning(
        f"the series {listed([str(names[first]), str(names[second])])} have the same values of '{target}' in every "
        f"row{more}.{where} Leave copies out of the data.",
        "data.windows.group",
    )


def series_names(table: Mapping[str, np.ndarray], group: Sequence[str], order: np.ndarray) -> np.ndarray:
    """(rows,) What the series of each row is called."""
    if not group:
        return np.full(len(order), "", dtype=object)
    found = [table[name][order].astype(str) for name in group]
    return np.array([" ".join(each) for each in zip(*found, strict=True)], dtype=object)
