"""Fit the categories of a column: which there are, what stands for a missing one, what happens to an unknown one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from workbench.data.cells.dates import Undecided, found_format, mostly_dates
from workbench.data.cells.labels import counted
from workbench.data.cells.number_formats import found_writing, is_signed
from workbench.data.cells.number_texts import is_marked_number, is_number, marks_hint
from workbench.data.cells.readings import option_text
from workbench.data.source import RowOrigin
from workbench.data.specs import CategoryColumn, LabelColumn
from workbench.data.statistics import ColumnStatistics
from workbench.data.table import ColumnKind, number_text
from workbench.errors import DataError
from workbench.recipe.options.columns import Unknown
from workbench.recipe.options.missing import ColumnMissing

# More different texts than this, most of them seen once, are names or identifiers and no categories.
_FEW = 20
_MOST = 1000


def fit_categories(
    column: ColumnStatistics,
    missing: ColumnMissing,
    unknown: Unknown,
    rare: int,
    *,
    as_said: bool,
    origin: RowOrigin,
) -> CategoryColumn:
    """The categories of a column.

    They are those of all rows read, so that one that happens to occur only in the validation or test part is
    known. Where an unknown category has a place of its own (`other`), they are those of the training part only,
    without the rare ones, and the rare ones are what that place is learnt from.

    Args:
        column: the statistics of its texts.
        missing: what is done about missing values.
        unknown: what is done about a category that is not known.
        rare: with `other`, categories of fewer training rows are no categories.
        as_said: whether the recipe says that it holds categories; otherwise what looks like something else is refused.
        origin: knows where a row is, for messages.

    Raises:
        DataError: it has no value and none is given, or it does not look like categories.
    """
    constant = missing.constant
    if not column.train_texts and constant is None:
        raise nothing_there(column.name, origin)
    if column.texts and not as_said:
        refuse_dates(column)
        refuse_numbers(
            column, f"Correct it, or say that these are categories: `categories: [{column.name}]`."
        )
        if unknown != "other":
            refuse_too_many(column, "categories", origin)
    counts = column.train_texts.copy()
    if isinstance(constant, float | int):
        constant = number_text(float(constant))
    fill = constant if constant is not None else commonest(counts) if missing.fills else None
    if unknown != "other":
        known = set(column.texts) | ({fill} if fill is not None else set())
        return CategoryColumn(
            name=column.name,
            categories=in_order(known),
            fill=fill,
            unknown=unknown,
            indicator=missing.indicator,
        )
    known = {text for text, count in counts.items() if count >= rare}
    known |= {fill} if fill is not None else set()
    if not known:
        raise DataError(
            f"each of the {len(counts):,} categories of '{column.name}' is in fewer than {rare} training rows.",
            where=origin.origin,
            hint=f"Leave it out (`ignore: [{column.name}]`), or say `rare: 1`.",
        )
    return CategoryColumn(
        name=column.name,
        categories=in_order(known),
        fill=fill,
        unknown="other",
        other=bool(counts.keys() - known),
        indicator=missing.indicator,
    )


def fit_labels(
    column: ColumnStatistics, separator: str, unknown: Unknown, rare: int, origin: RowOrigin
) -> LabelColumn:
    """The labels of a column with several in a cell: of all rows, or as for categories of the training part.

    Raises:
        DataError: no row has a label, or each is rare.
    """
    if column.kind is not ColumnKind.TEXT:
        raise nothing_there(column.name, origin)
    train = counted(column.train_texts, separator)
    if unknown == "other":
        labels = {label for label, rows in train.items() if rows >= rare}
    else:
        labels = set(counted(column.texts, separator))
    if not labels or not train:
        raise nothing_there(column.name, origin)
    return LabelColumn(name=column.name, separator=separator, labels=in_order(labels), unknown=unknown)


def commonest(counts: Counter[str]) -> str:
    """The text that is there most often; of several the first in order."""
    most = max(counts.values())
    return in_order(text for text, count in counts.items() if count == most)[0]


def in_order(texts: Iterable[str]) -> tuple[str, ...]:
    """Categories in the order of their numbers, or else of the alphabet."""
    texts = list(texts)
    if all(is_number(text) for text in texts):
        return tuple(sorted(texts, key=lambda text: (float(text), text)))
    return tuple(sorted(texts))


def refuse_numbers(column: ColumnStatistics, remedy: str) -> None:
    """A column of numbers with a stray word would silently become hundreds of categories."""
    numbers = [text for text in column.texts if is_marked_number(text) or is_signed(text)]
    if 2 * len(numbers) <= len(column.texts):
        return
    found = found_writing(column.texts)
    if found is not None and any(map(is_signed, numbers)):
        text = next(text for text in column.texts if is_signed(text))
        raise DataError(
            f"column '{column.name}' holds numbers that are written as texts: '{text}'.",
            where=column.first_place(text),
            hint=f"{option_text(column.name, *found)} reads them; `categories: [{column.name}]` keeps the texts.",
        )
    odd = next((text for text in column.texts if not is_number(text)), numbers[0])
    example = next((text for text in numbers if text != odd), odd)
    raise DataError(
        f"column '{column.name}' should hold numbers, and holds the text '{odd}' beside '{example}'.",
        where=column.first_place(odd),
        hint=(marks_hint(column.texts) if is_marked_number(odd) else "") or remedy,
    )


def refuse_dates(column: ColumnStatistics) -> None:
    """Dates would silently become a category each."""
    try:
        form = found_format(column.texts)
    except Undecided as undecided:
        form = undecided.formats[0]
    text = next(iter(column.texts))
    if form is None:
        mixed = mostly_dates(column.texts)
        if mixed is None:
            return
        _, text, odd = mixed
        raise DataError(
            f"column '{column.name}' holds '{odd}', which is no date as '{text}' is.",
            where=column.first_place(odd),
            hint=f"Correct it in the data, leave the column out (`ignore: [{column.name}]`), or say that these "
            f"are categories: `categories: [{column.name}]`.",
        )
    raise DataError(
        f"column '{column.name}' holds dates or times ('{text}'), which a model cannot learn from as they are.",
        where=column.first_place(text),
        hint=f"Make numbers of them: `dates: {{{column.name}: [year, month, weekday]}}`. Or leave them out: "
        f"`ignore: [{column.name}]`.",
    )


def refuse_too_many(column: ColumnStatistics, what: str, origin: RowOrigin) -> None:
    different = len(column.texts)
    if different <= _FEW or (different <= _MOST and 2 * different <= column.present):
        return
    hint = (
        f"Embed it (`embed: [{column.name}]`), leave it out (`ignore: [{column.name}]`), or insist with "
        f"`categories: [{column.name}]`."
        if what == "categories"
        else "A target of numbers needs no `classes`."
    )
    raise DataError(
        f"column '{column.name}' has {different} different values in {column.present} rows: too many for "
        f"{what}.",
        where=origin.origin,
        hint=hint,
    )


def nothing_there(name: str, origin: RowOrigin) -> DataError:
    return DataError(
        f"column '{name}' has no value at all in the training part.",
        where=origin.origin,
        hint=f"Leave it out: `ignore: [{name}]`.",
    )
