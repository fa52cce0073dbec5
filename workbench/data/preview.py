"""A preview of data before it is used: the values of each column, the sizes of the classes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.data.cells.dates import mostly_dates, short_text
from workbench.data.cells.number_texts import is_marked_number
from workbench.data.cells.proposals import ColumnProposal, proposal_for
from workbench.data.cells.text_columns import words_among_numbers
from workbench.data.cells.text_facts import free_text
from workbench.data.in_memory import Prepared
from workbench.data.lazy import LazyRows
from workbench.data.series_preview import series_facts
from workbench.data.source import Source
from workbench.data.table import Column, ColumnKind, read_column
from workbench.errors import DataError
from workbench.recipe.suggestion.series_facts import SeriesFacts

_COMMONEST = 10
_PICTURES = 32  # looked at
_FIRST, _SMALLEST, _MOST_COLUMNS = 10, 5, 200  # cells that are looked at as they are written
_PADDED = re.compile(r"\s*0\d+\s*")


@dataclass(frozen=True)
class ColumnPreview:
    """One column in numbers.

    Attributes:
        kind: `number`, `flag`, `text`, `date`, `array`, `picture`, or `unusable`.
        shape: of one row; () for a column of a table.
        missing: rows without a value.
        distinct: different values, 0 for arrays.
        low, mean, high: of the numbers, None for texts.
        commonest: the most frequent texts or flags with their counts.
        error: why an unusable column is that.
        word: what the file says where the first value is missing, unless it is blank.
        words: the few texts among numbers, which may stand for no value.
        numbers, dates: what a recipe says under these keys to read the column as it is shown here.
        span: the first and the last of dates, as text.
        note: what is doubtful about that.
        rarest: the rows of the value that the fewest rows have; None for arrays.
        numeric: whether most of its different texts are numbers, though it holds texts.
        text: what a recipe says under this key to use the column as free text; None where it is none.
        pad: of lists of numbers that differ in length, the longest one's; 0 for others.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    missing: int = 0
    distinct: int = 0
    low: float | None = None
    mean: float | None = None
    high: float | None = None
    commonest: tuple[tuple[str, int], ...] = ()
    error: str = ""
    word: str = ""
    words: tuple[str, ...] = ()
    numbers: Any = None
    dates: Mapping[str, Any] | None = None
    span: tuple[str, str] | None = None
    note: str = ""
    text: Mapping[str, Any] | None = None
    rarest: int | None = None
    numeric: bool = False
    pad: int = 0


@dataclass(frozen=True)
class Preview:
    """A source at a glance; `first_rows` holds the first values of every column, as text; `options` are arguments that
    the reader found out from the file; `series` is how rows follow each other in time, where they do."""

    origin: str
    rows: int
    test_rows: int
    targets: tuple[str, ...]
    columns: tuple[ColumnPreview, ...]
    first_rows: tuple[tuple[str, ...], ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    series: SeriesFacts | None = None


def preview(source: Source, rows: int = 5) -> Preview:
    """Look at a source. A column that no model can use is shown as such, not refused."""
    lengths = [len(array) for array in source.columns.values()]
    columns = tuple(_column_preview(source, name) for name in source.columns)
    return Preview(
        origin=source.origin,
        rows=max(lengths, default=0),
        test_rows=max((len(array) for array in (source.test or {}).values()), default=0),
        targets=source.targets,
        columns=columns,
        first_rows=tuple(
            tuple(_shown_cell(array, row) for array in source.columns.values())
            for row in range(min(rows, max(lengths, default=0)))
        ),
        options=dict(source.options),
        series=series_facts(source, columns),
    )


def class_balance(prepared: Prepared) -> dict[str, dict[str, tuple[int, ...]]]:
    """Per target of classes, per class, its rows in the training, validation and test part."""
    parts = (prepared.train, prepared.validation, prepared.test)
    balance: dict[str, dict[str, tuple[int, ...]]] = {}
    for target, classes in prepared.preparation.classes().items():
        counts = [
            np.bincount(part.targets[target], minlength=len(classes)) if part else np.zeros(len(classes), int)
            for part in parts
        ]
        balance[target] = {name: tuple(int(count[at]) for count in counts) for at, name in enumerate(classes)}
    return balance


def _of_lists(values: np.ndarray) -> tuple[float | None, float | None, int]:
    """Of lists of numbers: the least number, the greatest, and the length of the longest list; of others None and 0."""
    lists = [each for each in values if isinstance(each, list | tuple | np.ndarray)]
    if len(lists) != len(values):
        return None, None, 0
    try:
        arrays = [np.asarray(each, float) for each in lists]
    except (TypeError, ValueError):
        return None, None, 0
    longest = max((len(each) for each in arrays if each.ndim == 1), default=0)
    if not longest or any(each.ndim != 1 for each in arrays):
        return None, None, 0
    numbers = np.concatenate(arrays)
    if not np.isfinite(numbers).all():
        return None, None, 0
    return float(numbers.min()), float(numbers.max()), longest


def _column_preview(source: Source, name: str) -> ColumnPreview:
    values: Any = source.columns[name]
    if isinstance(values, LazyRows):
        some = np.asarray(values[np.linspace(0, len(values) - 1, min(len(values), _PICTURES)).astype(int)])
        numbers = float(some.min()), float(some.mean()), float(some.max())
        return ColumnPreview(name, "picture", values.shape[1:], 0, values.classes, *numbers)
    proposal = proposal_for(source, name, None)
    if proposal is not None:
        return _dates_preview(proposal)
    try:
        column = read_column(source, name)
    except DataError as error:
        low, high, longest = _of_lists(values)
        shape = source.columns[name].shape[1:]
        return ColumnPreview(name, "unusable", shape, error=error.what, low=low, high=high, pad=longest)
    missing = int(column.missing.sum())
    if column.kind is ColumnKind.NUMBER and _has_padded(source, column):
        column = column.as_text()
    word = source.cell(int(column.missing.argmax()), name).strip() if missing and source.cell else ""
    if column.kind in (ColumnKind.TEXT, ColumnKind.FLAG):
        counts = Counter(text for text in column.as_text().values if text is not None)
        if column.kind is ColumnKind.TEXT and (proposal := proposal_for(source, name, counts)) is not None:
            if proposal.dates is not None:
                return _dates_preview(proposal)
            return replace(
                _numbers_preview(proposal.column, word), numbers=proposal.numbers, note=proposal.note
            )
        if column.kind is ColumnKind.TEXT and (mixed := mostly_dates(counts)) is not None:
            _, text, odd = mixed
            why = f"column '{name}' holds '{odd}', which is no date as '{text}' is"
            return ColumnPreview(name, "unusable", (), missing, len(counts), error=why)
        commonest = tuple(counts.most_common(_COMMONEST))
        words = words_among_numbers(counts) if column.kind is ColumnKind.TEXT else ()
        known = name in source.texts
        free = free_text(counts, known=known) if column.kind is ColumnKind.TEXT and not words else None
        return ColumnPreview(
            name,
            column.kind.value,
            (),
            missing,
            len(counts),
            rarest=min(counts.values(), default=None),
            numeric=2 * sum(map(is_marked_number, counts)) > len(counts),
            commonest=commonest,
            word=word,
            words=words,
            text=free,
        )
    return _numbers_preview(column, word)


def _has_padded(source: Source, column: Column) -> bool:
    """True if a cell is a number with a 0 before it, such as 01: that is a code. The first cells are looked at, and
    those of the smallest numbers, which are padded if any are."""
    present = np.flatnonzero(~column.missing)
    if source.cell is None or len(source.columns) > _MOST_COLUMNS or not len(present):
        return False
    values = np.abs(column.values[present])
    if np.any(values % 1):
        return False
    smallest = present[np.argpartition(values, min(_SMALLEST, len(values) - 1))[:_SMALLEST]]
    rows = dict.fromkeys([*present[:_FIRST].tolist(), *smallest.tolist()])
    return any(_PADDED.fullmatch(source.cell(row, column.name)) for row in rows)


def _dates_preview(proposal: ColumnProposal) -> ColumnPreview:
    column = proposal.column
    values = column.values[~column.missing]
    span = (short_text(values.min()), short_text(values.max())) if len(values) else None
    return ColumnPreview(
        column.name,
        "date",
        (),
        int(column.missing.sum()),
        len(np.unique(values)),
        dates=proposal.dates,
        span=span,
        note=proposal.note,
    )


def _numbers_preview(column: Column, word: str) -> ColumnPreview:
    missing = int(column.missing.sum())
    numbers = _finite(column)
    low, mean, high = (
        (float(numbers.min()), float(numbers.mean(dtype=np.float64)), float(numbers.max()))
        if len(numbers)
        else (None, None, None)
    )
    shape = column.values.shape[1:]
    seen = ColumnPreview(column.name, column.kind.value, shape, missing, 0, low, mean, high, word=word)
    if column.kind is not ColumnKind.NUMBER:
        return seen
    _, counts = np.unique(numbers, return_counts=True)
    return replace(seen, distinct=len(counts), rarest=int(counts.min(initial=len(numbers))))


def _finite(column: Column) -> np.ndarray:
    if column.missing.any():
        return column.values[np.isfinite(column.values)]
    return column.values.reshape(-1)


def _shown_cell(array: Any, row: int) -> str:
    if row >= len(array):
        return ""
    return array.name(row) if isinstance(array, LazyRows) else _shown(array[row])


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, np.ndarray):
        return f"{' × '.join(str(size) for size in value.shape)} array"
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
