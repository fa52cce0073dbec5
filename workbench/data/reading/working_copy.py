"""A working copy on disk of rows that come in one go, so that they can be read again from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from workbench.data.arrow import numpy_columns
from workbench.data.chunks import StreamedSource
from workbench.data.memory import Streaming, should_stream
from workbench.data.reading.workfile import Workfile
from workbench.data.source import Columns, Source
from workbench.errors import DataError

CHUNK_BYTES = 8 * 2**20


class WorkingCopy:
    """Rows in chunks, read from a temporary file; see `workbench.data.chunks.Chunks`.

    Args:
        schema: the columns and their types.
        batches: the rows, each batch of that schema. They are written as they come and not held.
        chunk_bytes: about the size of a chunk in memory.

    Raises:
        FileError: there is no room on the disk.
    """

    def __init__(
        self, schema: pa.Schema, batches: Iterable[pa.RecordBatch], *, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        schema = _without_dictionaries(schema)
        self.names: tuple[str, ...] = tuple(schema.names)
        self._file = Workfile()
        rows: list[int] = []
        with (
            self._file.writing() as file,
            pa.ipc.new_file(file, schema, options=_compressed()) as writer,
        ):
            for chunk in _gathered(batches, schema, chunk_bytes):
                writer.write_table(chunk)
                rows.append(chunk.num_rows)
        self.rows = tuple(rows)
        self.groups = tuple(range(len(rows)))

    def open(self) -> CopyReader:
        """A reader with a position of its own."""
        return CopyReader(self._file, self.names)


class CopyReader:
    """Reads a working copy; see `workbench.data.chunks.ChunkReader`."""

    def __init__(self, file: Workfile, names: Sequence[str]) -> None:
        self._copy = file
        self._names = list(names)
        self._wanted: list[str] | None = None
        self._file: pa.ipc.RecordBatchFileReader | None = None

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        """Some columns of a chunk."""
        if self._file is None or self._wanted != list(names):
            self._wanted = list(names)
            fields = sorted(self._names.index(name) for name in names)
            options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
            self._file = pa.ipc.open_file(self._copy.reader(), options=options)
        return numpy_columns(pa.Table.from_batches([self._file.get_batch(chunk)]).select(list(names)))

    def close(self) -> None:
        """Let go of the copy."""
        self._file = None


def table_source(
    table: Any,
    *,
    origin: str = "",
    stream: Streaming = "auto",
    targets: tuple[str, ...] = (),
    classes: Mapping[str, tuple[str, ...]] | None = None,
    locate: Callable[[int], str] | None = None,
) -> Source | StreamedSource:
    """The rows of a table or of a stream of batches: in memory, or from a working copy on disk.

    Args:
        table: anything with `__arrow_c_stream__`: a table or a `RecordBatchReader` of Arrow, a frame of polars or
            pandas, a result of DuckDB. It is read once.
        origin: the file's or the dataset's name, for messages.
        stream: whether to read the rows as they are needed; by default that depends on how much memory there is.
        targets, classes, locate: as for `Source`.

    Raises:
        DataError: there are no rows, or two columns have one name. FileError: no room on the disk.
    """
    reader = table if isinstance(table, pa.RecordBatchReader) else pa.RecordBatchReader.from_stream(table)
    more: dict[str, Any] = {"targets": targets, "classes": classes or {}, "locate": locate}
    return batches_source(reader.schema, iter(reader), origin=origin, stream=stream, **more)


def batches_source(
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    *,
    origin: str,
    stream: Streaming = "auto",
    **more: Any,
) -> Source | StreamedSource:
    """As `table_source`, of batches of a schema; what goes wrong while they are made is raised as it is."""
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise DataError(
                f"the column name '{name}' occurs {schema.names.count(name)} times.",
                where=origin,
                hint="Give each column a name of its own.",
            )
    held = list[pa.RecordBatch]()
    streams, size = stream is True, 0
    while not streams and (batch := next(batches, None)) is not None:
        held.append(batch)
        size += batch.nbytes
        streams = stream == "auto" and should_stream("auto", size)
    if streams:
        copy = WorkingCopy(schema, _first(held, batches))
        if not copy.rows:
            raise DataError("there are no rows.", where=origin)
        return StreamedSource(copy, origin=origin, **more)
    if not any(batch.num_rows for batch in held):
        raise DataError("there are no rows.", where=origin)
    return Source(columns=numpy_columns(pa.Table.from_batches(held, schema)), origin=origin, **more)


def _first(held: list[pa.RecordBatch], others: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches held, let go of one by one, then the others."""
    held.reverse()
    while held:
        yield held.pop()
    yield from others


def _gathered(batches: Iterable[pa.RecordBatch], schema: pa.Schema, chunk_bytes: int) -> Iterator[pa.Table]:
    """Batches joined or divided to chunks of about one size, each of one piece."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        most = max(1, chunk_bytes * batch.num_rows // max(1, batch.nbytes))
        for start in range(0, batch.num_rows, most):
            piece = batch.slice(start, most)
            held.append(piece)
            size += piece.nbytes
            if size >= chunk_bytes:
                yield _joined(held, schema)
                held, size = [], 0
    if held:
        yield _joined(held, schema)


def _joined(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(batches).cast(schema).combine_chunks()


def _without_dictionaries(schema: pa.Schema) -> pa.Schema:
    """Each batch has a dictionary of its own, which a file cannot hold: the texts themselves are written."""
    return pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in schema
        ]
    )


def _compressed() -> pa.ipc.IpcWriteOptions:
    return pa.ipc.IpcWriteOptions(compression="lz4" if pa.Codec.is_available("lz4") else None)
