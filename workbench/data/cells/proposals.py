"""What a column's cells could be read as: numbers written with signs, or dates; and what a recipe says for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.cells.dates import Undecided, features, found_format
from workbench.data.cells.number_formats import found_writing
from workbench.data.cells.readings import DateReading, NumberReading, Reading, are_python_dates, read_with
from workbench.data.source import Source
from workbench.data.table import Column
from workbench.recipe.options.columns import ISO


@dataclass(frozen=True)
class ColumnProposal:
    """How a column could be read.

    Attributes:
        column: its values, read so.
        numbers: what the recipe says for it under `numbers`; None for dates.
        dates: what it says under `dates`; None for numbers.
        note: what people should know of it.
    """

    column: Column
    numbers: Any = None
    dates: dict[str, Any] | None = None
    note: str = field(default="")


def proposal_for(source: Source, name: str, counts: Counter[str] | None) -> ColumnProposal | None:
    """How a column could be read that is no plain number; None where its cells are texts or of another kind.

    Args:
        source: the rows.
        name: the column.
        counts: each of its texts, and how often it is there; None if it does not hold texts.
    """
    values = source.columns[name]
    if values.ndim == 1 and (values.dtype.kind == "M" or are_python_dates(values)):
        return _of_dates(source, name, ISO, "")
    if not counts:
        return None
    try:
        form = found_format(counts)
        note = ""
    except Undecided as undecided:
        form, other = undecided.formats
        note = f"is read as `{form}`; say `{other}` where the day comes first"
    if form is not None:
        return _of_dates(source, name, form, note)
    found = found_writing(counts)
    if found is None:
        return None
    writing, words = found
    option = writing.as_option()
    if not option and not words:
        return None
    if words:
        option = {"percent": True} if option == "percent" else option
        option = {**option, "missing": list(words)}
    reading = NumberReading(
        strip=writing.strip,
        thousands=writing.thousands,
        decimal=writing.decimal,
        percent=writing.percent,
        missing=words,
    )
    return ColumnProposal(_read(source, name, reading), numbers=option)


def _read(source: Source, name: str, reading: Reading) -> Column:
    return read_with(source, name, reading)


def _of_dates(source: Source, name: str, form: str, note: str) -> ColumnProposal:
    column = _read(source, name, DateReading(format=form))
    dates: dict[str, Any] = {"parts": varying_parts(column.values[~column.missing])}
    if set(dates["parts"]) - {"year", "days"}:
        dates["cyclic"] = True
    if form != ISO:
        dates["format"] = form
    return ColumnProposal(column, dates=dates, note=note)


def varying_parts(values: np.ndarray) -> list[str]:
    """The parts of dates that differ from row to row, without those that others hold already."""
    if not len(values):
        return []
    parts = ("year", "month", "day", "weekday", "hour", "minute")
    numbers = features(values, parts, ())
    varies = {part: len(np.unique(numbers[:, at])) > 1 for at, part in enumerate(parts)}
    varies["weekday"] &= varies["day"]  # the first of each month falls on some weekday
    varies["day"] &= not varies["month"]
    varies["minute"] &= not varies["hour"]
    return [part for part in parts if varies[part]]
