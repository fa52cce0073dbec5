"""Missing values: which rows are kept, and the error for a value that must not be missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from workbench.data.source import Source
from workbench.data.table import Column, ColumnKind
from workbench.errors import DataError
from workbench.recipe.options.missing import Missing

# A hint never advises to drop more than this share of the rows, or to make up more than this share of a column.
MOST = 0.5


def complete_rows(
    table: Mapping[str, Column],
    missing: Missing,
    needed: Collection[str],
    source: Source,
    hint: str = "",
    *,
    some: bool = True,
) -> np.ndarray:
    """The positions of the rows to keep.

    Args:
        table: the columns.
        missing: the policy for inputs, for targets and for single columns.
        needed: targets and weights, whose missing values no mean can stand for.
        source: says where a row is.
        hint: what to do, for the error; by default what fits a recipe.
        some: whether at least one row must be left.

    Raises:
        DataError: a value is missing where that is not allowed, or every row would be dropped.
    """
    rows = np.arange(len(next(iter(table.values()))))
    for name, column in table.items():
        if missing.of(name, needed=name in needed).fill == "error" and column.missing.any():
            filled = missing.of(name, needed=False)
            raise _missing_value(column, table, needed, source, hint, filled=filled.fills)
    dropping = [
        column for name, column in table.items() if missing.of(name, needed=name in needed).fill == "drop"
    ]
    if not dropping:
        return rows
    kept = rows[~np.logical_or.reduce([column.missing for column in dropping])]
    if some and not len(kept):
        worst = max(dropping, key=lambda column: int(column.missing.sum()))
        raise DataError(
            f"every row misses a value, so dropping them leaves nothing; column '{worst.name}' misses "
            f"{int(worst.missing.sum())} of {len(rows)}.",
            where=source.origin,
            hint=f"Leave such columns out: `ignore: [{worst.name}]`.",
        )
    return kept


def _missing_value(
    column: Column,
    table: Mapping[str, Column],
    needed: Collection[str],
    source: Source,
    hint: str,
    *,
    filled: bool,
) -> DataError:
    missing = np.flatnonzero(column.missing)
    first = int(missing[0])
    value = column.values[first]
    word = ""
    if isinstance(value, np.ndarray):
        finite = bool(np.isfinite(value).all())  # then it is a list that is not there
        what = f"array '{column.name}' holds {'no list' if finite else 'NaN or an infinite value'}"
    elif isinstance(value, float) and np.isinf(value):
        what = f"column '{column.name}' holds an infinite value"
    else:
        word = source.cell(first, column.name).strip() if source.cell else ""
        shown = f"the file says '{word}'" if word else "NaN" if column.kind is ColumnKind.NUMBER else "blank"
        what = f"column '{column.name}' has no value ({shown})"
    count = f"{len(missing)} of {len(column)} rows" if len(missing) > 1 else "in this row only"
    return DataError(
        f"{what}; {count}.",
        where=source.place(first),
        hint=hint or _hint(column, table, word, needed=column.name in needed, filled=filled),
    )


def _hint(column: Column, table: Mapping[str, Column], word: str, *, needed: bool, filled: bool) -> str:
    """A hint for the recipe, which never drops or fills in half of the data."""
    advice: list[str] = []
    if word:
        literal = "classes" if needed else "categories"
        own = f", or `{literal}: [{column.name}]`" if column.kind is ColumnKind.TEXT else ""
        advice.append(f"If '{word}' is a value and no gap: `missing_values: []`{own}.")
    rows = len(column)
    share = column.missing.mean()
    if share > MOST:
        left_out = "Learn another column" if needed else f"Leave the column out: `ignore: [{column.name}]`"
        return " ".join([*advice, f"{left_out}."])
    lost = int(np.logical_or.reduce([each.missing for each in table.values()]).sum())
    drop = ""
    if lost <= MOST * rows and not (needed and filled):  # inputs that are filled in need not cost a row
        drop = f"`missing: drop` leaves out {lost:,} of {rows:,} rows"
    if needed:
        only = f"`missing: {{inputs: mean, targets: drop}}` leaves out {int(column.missing.sum()):,} of {rows:,} rows"
        advice.append(f"A target or a weight cannot be made up: {drop or only}.")
    else:
        stand_in = "their commonest value" if column.kind is ColumnKind.TEXT else "the mean"
        advice.append(f"`missing: mean` fills in {stand_in}{f'; {drop}' if drop else ''}.")
    return " ".join(advice)
