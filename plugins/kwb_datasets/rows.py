"""Tables from rows of Python values, whose columns' types show only as they are read: sheets, databases, JSON."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from kwb_datasets.text_table import MISSING
from workbench.plugin import (
    DataError,
    Source,
    StreamedSource,
    Streaming,
    WorkingCopy,
    numpy_columns,
    should_stream,
)

BATCH_ROWS = 20_000

Place = Callable[[int], str]


def source_of_rows(
    batches: Callable[[], Iterable[pa.RecordBatch]],
    *,
    origin: str,
    stream: Streaming,
    locate: Place | None = None,
) -> Source | StreamedSource:
    """A table whose batches may each have types of their own: all are read before the types are known.

    Args:
        batches: reads the table from its beginning; called a second time where it does not fit into memory.
        origin, locate: as for `Source`.
        stream: whether to read the rows as they are needed.

    Raises:
        DataError: there are no rows, or a column changes its type.
    """
    schema: pa.Schema | None = None
    held: list[pa.RecordBatch] = []
    streams, size, rows = stream is True, 0, 0
    for batch in batches():
        schema = batch.schema if schema is None else _unified(schema, batch.schema, origin, rows)
        rows += batch.num_rows
        if not streams:
            held.append(batch)
            size += batch.nbytes
            if stream == "auto" and should_stream("auto", size):
                streams, held = True, []
    if schema is None or not rows:
        raise DataError("there are no rows.", where=origin)
    if not streams:
        table = pa.concat_tables(map(_table, held), promote_options="permissive")
        return Source(columns=numpy_columns(table), origin=origin, locate=locate)
    cast = (each for batch in batches() for each in _table(batch).cast(schema).to_batches())
    return StreamedSource(WorkingCopy(schema, cast), origin=origin, locate=locate)


def batches_of_rows(
    names: Sequence[str], rows: Iterable[Sequence[Any]], place: Place
) -> Iterator[pa.RecordBatch]:
    """Rows of Python values as batches.

    Args:
        names: the columns'.
        rows: each with a value for every column.
        place: from a row's position to where it is, for people.
    """
    start = 0
    gathered: list[Sequence[Any]] = []

    def batch() -> pa.RecordBatch:
        columns = zip(*gathered, strict=True)
        arrays = [
            column_of(values, name, lambda row: place(start + row))
            for name, values in zip(names, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, list(names))

    for row in rows:
        gathered.append(row)
        if len(gathered) == BATCH_ROWS:
            yield batch()
            start, gathered = start + len(gathered), []
    if gathered:
        yield batch()


def column_of(values: Sequence[Any], name: str, place: Place) -> pa.Array:
    """Values as a column; words for no value among numbers are no value.

    Raises:
        DataError: they are of several types.
    """
    for tried in (_plain, _without_words):
        try:
            return pa.array([tried(value) for value in values])
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            continue
    first: tuple[str, Any] | None = None
    for row, value in enumerate(values):
        value = _without_words(value)
        if value is None:
            continue
        kind = _kind(value)
        if first is not None and kind != first[0]:
            raise DataError(
                f"column '{name}' mixes {first[0]} and {kind}: {first[1]!r} and {value!r}.",
                where=place(row),
                hint="Make all its values one or the other, or leave the column out with `columns`.",
            )
        first = first or (kind, value)
    raise DataError(f"column '{name}' holds what no table can.", where=place(0))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, decimal.Decimal) else value


def _without_words(value: Any) -> Any:
    if isinstance(value, str) and (value.strip() in MISSING or value.startswith("#")):
        return None
    return _plain(value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true/false values"
    if isinstance(value, int | float):
        return "numbers"
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return "dates"
    return "texts" if isinstance(value, str) else f"{type(value).__name__} values"


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch])


def _unified(schema: pa.Schema, other: pa.Schema, origin: str, row: int) -> pa.Schema:
    try:
        return pa.unify_schemas([schema, other], promote_options="permissive")
    except pa.ArrowException:
        for name in schema.names:
            kinds = [each.field(name).type for each in (schema, other)]
            if kinds[0] != kinds[1] and pa.null() not in kinds:
                raise DataError(
                    f"column '{name}' is {kinds[0]} at first, and {kinds[1]} after row {row:,}.",
                    where=origin,
                    hint="Make all its values one or the other.",
                ) from None
        raise
