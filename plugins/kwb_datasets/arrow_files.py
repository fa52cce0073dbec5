"""The readers of Arrow's own files (Feather) and of ORC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from kwb_datasets.names import check_columns
from kwb_datasets.signatures import refuse_other
from workbench.plugin import (
    FileError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    near,
    table_source,
)


def arrow(path: str, columns: list[str] | None = None, stream: Streaming = "auto") -> Source | StreamedSource:
    """A table in an Arrow file: Feather, an IPC file or an IPC stream.

    Args:
        path: the file.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    file = data_file(path)
    refuse_other(file, "arrow")
    try:
        with pa.OSFile(str(file)) as opened:
            return _read(_reader(opened), columns, file, stream)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, "Arrow", error) from None


def orc(path: str, columns: list[str] | None = None, stream: Streaming = "auto") -> Source | StreamedSource:
    """A table in an ORC file.

    Args:
        path: the file.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    import pyarrow.orc as pa_orc

    file = data_file(path)
    refuse_other(file, "orc")
    try:
        opened = pa_orc.ORCFile(str(file))
        check_columns(opened.schema.names, columns, file.name, file.name)
        schema = (
            opened.schema if columns is None else pa.schema([opened.schema.field(name) for name in columns])
        )
        stripes = (
            opened.read_stripe(at, columns=columns).select(schema.names) for at in range(opened.nstripes)
        )
        return table_source(
            pa.RecordBatchReader.from_batches(schema, stripes), origin=file.name, stream=stream
        )
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, "ORC", error) from None


def _reader(opened: Any) -> Any:
    start = opened.read(6)
    opened.seek(0)
    if start == b"ARROW1":
        return pa.ipc.open_file(opened)
    return pa.ipc.open_stream(opened)


def _read(reader: Any, columns: list[str] | None, file: Path, stream: Streaming) -> Source | StreamedSource:
    check_columns(reader.schema.names, columns, file.name, file.name)
    wanted = reader.schema.names if columns is None else columns
    schema = pa.schema([reader.schema.field(name) for name in wanted])

    def batches() -> Iterator[pa.RecordBatch]:
        of_file = hasattr(reader, "num_record_batches")
        for batch in map(reader.get_batch, range(reader.num_record_batches)) if of_file else reader:
            yield batch.select(wanted)

    return table_source(pa.RecordBatchReader.from_batches(schema, batches()), origin=file.name, stream=stream)


def _unreadable(file: Path, kind: str, error: Exception) -> FileError:
    first = str(error).partition("\n")[0]
    return FileError(f"'{near(file)}' is no readable {kind} file: {first}", where="data.path")
