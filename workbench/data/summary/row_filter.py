"""Select rows of the data by a line of text: see `workbench.filter_terms`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.data.source import Source
from workbench.data.summary.shown_kinds import ShownColumn, kind_of, shown_column
from workbench.data.summary.shown_readings import Readings
from workbench.data.table import number_text
from workbench.errors import RecipeError
from workbench.filter_terms import COMPARISONS, Term


def columns_needed(terms: Sequence[Term], names: Sequence[str]) -> tuple[str, ...]:
    """The columns that the terms look at."""
    if any(not term.column for term in terms):
        return tuple(names)
    return tuple(dict.fromkeys(term.column for term in terms))


def matches(terms: Sequence[Term], source: Source, readings: Readings) -> np.ndarray:
    """Per row of a source, whether all terms hold.

    Args:
        terms: the conditions.
        source: the rows.
        readings: how cells are read that are texts in the file: `sold>2020-05` compares dates.

    Raises:
        RecipeError: a value is not what its column can be compared with.
    """
    names = columns_needed(terms, list(source.columns))
    columns = {name: shown_column(source, name) for name in names}
    rows = max((len(column.missing) for column in columns.values()), default=0)
    found = np.ones(rows, dtype=bool)
    for term in terms:
        if term.column:
            read = columns[term.column]
            if term.column in readings and term.operator != ":":  # that is about what is written
                read = shown_column(source, term.column, readings[term.column])
            found &= of_length(_holds(term, read), rows)
        else:
            held = [of_length(_contains(column, term.text), rows) for column in columns.values()]
            found &= np.logical_or.reduce(held)
    return found


def gaps(source: Source, readings: Readings) -> np.ndarray:
    """Per row, whether any column misses its value."""
    missing = [shown_column(source, name, readings.get(name)).missing for name in source.columns]
    rows = max(map(len, missing), default=0)
    return np.logical_or.reduce([of_length(each, rows) for each in missing])


def of_length(held: np.ndarray, rows: int) -> np.ndarray:
    """A mask for so many rows: where a column has fewer, nothing holds."""
    return held if len(held) == rows else np.pad(held, (0, rows - len(held)))


def cell_texts(column: ShownColumn) -> list[str | None]:
    """Each row's value as it is shown; None where it is missing."""
    if column.texts is not None:
        return [None if text is None else str(text) for text in column.texts]
    if column.names is not None:
        return list(column.names)
    if column.numbers is None:
        shape = " × ".join(map(str, column.shape))
        return [None if missing else f"{shape} array" for missing in column.missing]
    write = kind_of(column).write or _plain
    return [
        None if missing else write(value)
        for value, missing in zip(column.numbers.tolist(), column.missing.tolist(), strict=True)
    ]


def _plain(value: float) -> str:
    return number_text(value) if abs(value) < 1e15 else repr(value)


def _holds(term: Term, column: ShownColumn) -> np.ndarray:
    if not term.text:
        if term.operator == "=":
            return column.missing
        if term.operator == "!=":
            return ~column.missing
        return np.ones(len(column.missing), dtype=bool)  # still being typed
    if term.operator == ":":
        return _contains(column, term.text)
    value = _number(term, column)
    if value is not None and column.numbers is not None:
        with np.errstate(invalid="ignore"):
            return np.asarray(COMPARISONS[term.operator](column.numbers, value)) & ~column.missing
    if term.operator not in ("=", "!="):
        what = "texts" if column.numbers is None else f"{column.kind}s"
        raise RecipeError(
            f"'{term.column}' holds {what}, and '{term.text}' is none that could be smaller or larger.",
            hint=f"`{term.column}:{term.text}` finds what contains it, `=` what is equal.",
        )
    wanted = term.text.casefold()
    equal = np.array(
        [text is not None and text.casefold() == wanted for text in cell_texts(column)], dtype=bool
    )
    return equal if term.operator == "=" else ~equal & ~column.missing


def _number(term: Term, column: ShownColumn) -> float | None:
    try:
        return kind_of(column).parse(term.text)
    except (ValueError, OverflowError):
        return None


def _contains(column: ShownColumn, text: str) -> np.ndarray:
    if column.spread is not None:
        return np.zeros(len(column.missing), dtype=bool)
    wanted = text.casefold()
    known: dict[str | None, bool] = {None: False}
    found = np.empty(len(column.missing), dtype=bool)
    for row, each in enumerate(cell_texts(column)):
        if each not in known:
            known[each] = wanted in each.casefold()  # type: ignore[union-attr]
        found[row] = known[each]
    return found
