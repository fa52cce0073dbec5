"""How the cells of single columns are read: numbers written with signs, and dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date, time
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from workbench.data.cells import dates
from workbench.data.cells.number_formats import Writing, found_writing
from workbench.data.cells.number_formats import parsed as parsed_number
from workbench.data.cells.number_texts import found_marks, marks_hint
from workbench.data.cells.sequences import SequenceReading, as_sequences
from workbench.data.column_checks import require_column
from workbench.data.records import Record
from workbench.data.source import Source
from workbench.data.table import Column, ColumnKind, number_text, read_column
from workbench.errors import DataError, RecipeError
from workbench.recipe.options.columns import ISO, UNIX, NumberFormat
from workbench.recipe.schema import Data
from workbench.recipe.yaml_values import one_line

_OF_CELLS = ("categories", "numbers", "dates", "several", "embed", "text", "strings", "integers")


class NumberReading(Record):
    """Texts become numbers."""

    kind: Literal["number"] = "number"
    strip: tuple[str, ...] = ()
    thousands: str = ""
    decimal: str = "."
    percent: bool = False
    missing: tuple[str, ...] = ()

    @property
    def writing(self) -> Writing:
        return Writing(self.strip, self.thousands, self.decimal, self.percent)


class DateReading(Record):
    """Texts, numbers and Python dates become dates."""

    kind: Literal["date"] = "date"
    format: str


class LabelReading(Record):
    """Texts of several labels; a blank one has no label, and is not missing."""

    kind: Literal["labels"] = "labels"


Reading = Annotated[NumberReading | DateReading | LabelReading | SequenceReading, Field(discriminator="kind")]


def choose_readings(data: Data, source: Source, inputs: Collection[str]) -> dict[str, Reading]:
    """How the columns that the recipe names under `numbers` and `dates` are read.

    Args:
        data: the recipe's data section.
        source: its rows, or the first of them.
        inputs: the columns of the inputs.

    Raises:
        RecipeError: a column is not there, or is no input.
        DataError: the form of its cells is not given and cannot be found out.
    """
    readings: dict[str, Reading] = {}
    for key, named in (("numbers", data.numbers), ("dates", data.dates), ("several", data.several)):
        for name in named:
            require_column(name, source, f"data.{key}.{name}")
            if source.columns[name].ndim > 1:
                raise RecipeError(
                    f"'{name}' is an array of {source.columns[name].ndim} axes, not a column.",
                    where=f"data.{key}.{name}",
                )
    for name, pad in data.pad.items():
        require_column(name, source, f"data.pad.{name}")
        if any(name in getattr(data, key) for key in _OF_CELLS):
            raise RecipeError(
                f"column '{name}' holds sequences, and is used in another way too.", where=f"data.pad.{name}"
            )
        readings[name] = SequenceReading(length=pad.length, value=pad.value, side=pad.side)
    for name in data.several:
        if name in data.categories or name in data.numbers or name in data.dates or name in data.embed:
            raise RecipeError(
                f"column '{name}' holds several labels, and is used in another way too.",
                where=f"data.several.{name}",
            )
        readings[name] = LabelReading()
    for name, number in data.numbers.items():
        readings[name] = _number_reading(name, number, source)
    for name, features in data.dates.items():
        if name in readings:
            raise RecipeError(
                f"column '{name}' is read as numbers and as dates at once.", where=f"data.dates.{name}"
            )
        if name not in inputs and name not in data.ignore:
            raise RecipeError(
                f"column '{name}' is no input, so nothing is made of its dates.", where=f"data.dates.{name}"
            )
        if name in inputs:
            readings[name] = DateReading(format=date_format(name, features.format, source))
    return readings


def read_with(source: Source, name: str, reading: Reading | None) -> Column:
    """One column of a source, read as it was found out or said to be written.

    Raises:
        DataError: a cell cannot be read so; its place is named.
    """
    if isinstance(reading, NumberReading):
        return _as_numbers(source, read_column(source, name), reading)
    if isinstance(reading, DateReading):
        return _as_dates(source, name, reading)
    if isinstance(reading, SequenceReading):
        return as_sequences(source, name, reading)
    column = read_column(source, name)
    if isinstance(reading, LabelReading):
        texts = column.as_text().values
        texts = np.where(column.missing, "", texts).astype(object)
        return Column(name, ColumnKind.TEXT, texts, np.zeros(len(texts), bool))
    return column


def option_text(name: str, writing: Writing, words: Collection[str]) -> str:
    """How a recipe says what was found about a column's numbers."""
    option = writing.as_option()
    if words:
        option = {"percent": True} if option == "percent" else option
        option = {**option, "missing": list(words)}
    return f"`numbers: {one_line({name: option})}`"


def _number_reading(name: str, wanted: NumberFormat, source: Source) -> NumberReading:
    """What the recipe says; marks that it does not give are found in the texts, where they leave no doubt."""
    decimal, thousands = wanted.decimal, wanted.thousands
    if decimal is None and thousands is None:
        column = read_column(source, name)
        if column.kind is ColumnKind.TEXT:
            texts = {text for text in column.values if text is not None} - set(wanted.missing)
            for sign in (*wanted.strip, *(("%",) if wanted.percent else ())):
                texts = {text.replace(sign, "").strip() for text in texts}
            marks = found_marks([texts])
            decimal, thousands = marks.decimal or None, marks.thousands or None
    return NumberReading(
        strip=wanted.strip,
        thousands=thousands or "",
        decimal=decimal or ("," if thousands == "." else "."),
        percent=wanted.percent,
        missing=wanted.missing,
    )


def date_format(name: str, wanted: str | None, source: Source) -> str:
    """The form of a column's dates: what the recipe says, or what all of its texts have.

    Raises:
        DataError: they are no dates, or the day and the month may be either.
    """
    if wanted is not None:
        return wanted
    values = source.columns[name]
    if values.dtype.kind == "M" or are_python_dates(values):
        return ISO
    column = read_column(source, name)
    if column.missing.all():
        return ISO
    where = source.place(int(np.flatnonzero(~column.missing)[0]))
    if column.kind is not ColumnKind.TEXT:
        raise DataError(
            f"column '{name}' holds numbers ({_cell(column, int(np.flatnonzero(~column.missing)[0]))}), and no date "
            "can be read from them without a format.",
            where=where,
            hint=f'Say it: `dates: {{{name}: {{parts: [year, month], format: "%Y%m%d"}}}}`; '
            "`format: unix` for seconds since 1970.",
        )
    counts = Counter(text for text in column.values if text is not None)
    try:
        found = dates.found_format(counts)
    except dates.Undecided as undecided:
        text = next(iter(counts))
        first, second = undecided.formats
        raise DataError(
            f"column '{name}' may have the day or the month first: '{text}' is {dates.date_text(text, first)} or "
            f"{dates.date_text(text, second)}.",
            where=where,
            hint=f'Say which: `format: "{first}"` or `format: "{second}"`.',
        ) from None
    if found is not None:
        return found
    mixed = dates.mostly_dates(counts)
    if mixed is None:
        text = next(iter(counts))
        raise DataError(
            f"column '{name}' holds '{text}', which is no date in a usual form.",
            where=where,
            hint=f'Say its form: `dates: {{{name}: {{parts: [year, month], format: "%d.%m.%Y"}}}}`.',
        )
    form, example, odd = mixed
    raise _no_date(source, column, odd, form, example)


def _no_date(source: Source, column: Column, odd: str, form: str, example: str = "") -> DataError:
    row = next(row for row, text in enumerate(column.values) if text == odd)
    like = f", as '{example}' is" if example else ""
    return DataError(
        f"column '{column.name}' holds '{odd}', which is no date of the form {_form_text(form)}{like}.",
        where=source.place(row),
        hint="Correct it in the data, or say the form of its dates with `format:`. "
        "If it stands for no value, name it in `missing_values`.",
    )


def _form_text(form: str) -> str:
    return {ISO: "2020-12-31", UNIX: "of seconds since 1970"}.get(form, f'"{form}"')


def _as_numbers(source: Source, column: Column, reading: NumberReading) -> Column:
    if column.kind is not ColumnKind.TEXT:
        return column
    writing = reading.writing
    known: dict[str | None, float] = dict.fromkeys((None, *reading.missing), np.nan)
    for text in dict.fromkeys(column.values):
        if text in known:
            continue
        number = parsed_number(text, writing)
        if number is None:
            raise _no_number(source, column, text, reading)
        known[text] = number
    values = np.fromiter(map(known.__getitem__, column.values), np.float64, len(column))
    return Column(column.name, ColumnKind.NUMBER, values, ~np.isfinite(values))


def _no_number(source: Source, column: Column, text: str, reading: NumberReading) -> DataError:
    row = next(row for row, value in enumerate(column.values) if value == text)
    counts = Counter(value for value in column.values if value is not None)
    found = found_writing({value: n for value, n in counts.items() if value not in reading.missing})
    hint = marks_hint([text]) if "," in text else ""
    if found is not None and (found[0] != reading.writing or found[1]):
        words = sorted({*reading.missing, *found[1]})
        hint = f"Its numbers are read by {option_text(column.name, found[0], words)}."
    return DataError(
        f"column '{column.name}' holds '{text}', which is no number as `numbers` describes it.",
        where=source.place(row),
        hint=hint or f"If it stands for no value: `numbers: {one_line({column.name: {'missing': [text]}})}`.",
    )


def _as_dates(source: Source, name: str, reading: DateReading) -> Column:
    values = source.columns[name]
    if values.dtype.kind == "M":
        found = values.astype("datetime64[us]")
        return Column(name, ColumnKind.DATE, found, np.isnat(found))
    if are_python_dates(values):
        found = np.array(
            [
                dates.as_datetime64(value) if isinstance(value, date | time) and value == value
                else value if isinstance(value, np.datetime64) else np.datetime64("NaT", "us")
                for value in values
            ],
            dtype="datetime64[us]",
        )  # fmt: skip
        return Column(name, ColumnKind.DATE, found, np.isnat(found))
    column = read_column(source, name)
    found = np.full(len(column), np.datetime64("NaT", "us"))
    present = np.flatnonzero(~column.missing)
    if column.kind is ColumnKind.NUMBER and reading.format == UNIX:
        found[present] = (
            np.round(column.values[present] * 1_000_000).astype(np.int64).astype("datetime64[us]")
        )
        return Column(name, ColumnKind.DATE, found, column.missing)
    if column.kind is ColumnKind.NUMBER:
        column = Column(name, ColumnKind.TEXT, column.as_text().values, column.missing)
    known: dict[str, np.datetime64] = {}
    for text in dict.fromkeys(column.values[present]):
        value = dates.parsed(text, reading.format)
        if value is None:
            raise _no_date(source, column, text, reading.format)
        known[text] = value
    if len(present):
        found[present] = np.array([known[text] for text in column.values[present]], "datetime64[us]")
    return Column(name, ColumnKind.DATE, found, column.missing)


def are_python_dates(values: np.ndarray) -> bool:
    """True for Python's own dates, times or both, as a dataframe gives them."""
    first = next((value for value in values if value is not None), None) if values.dtype.kind == "O" else None
    return isinstance(first, date | time | np.datetime64)


def _cell(column: Column, row: int) -> str:
    return number_text(float(column.values[row]))
