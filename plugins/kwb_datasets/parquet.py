"""The reader of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.plugin import (
    DataError,
    FileError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    near,
    numpy_columns,
    should_stream,
)


def parquet(
    path: str, columns: list[str] | None = None, stream: Streaming = "auto"
) -> Source | StreamedSource:
    """A table in a Parquet file, or in a folder of them.

    Args:
        path: the file or the folder.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, or to hold them in memory; by default that
            depends on how much memory there is.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    from kwb_datasets.names import check_columns
    from kwb_datasets.parquet_chunks import ParquetChunks
    from kwb_datasets.signatures import refuse_other

    place = data_file(path, folder_allowed=True)
    files = _files(place) if place.is_dir() else [place]
    refuse_other(files[0], "parquet")
    try:
        names = pq.read_schema(files[0]).names
        check_columns(names, columns, place.name, files[0].name)
        size = sum(_uncompressed(pq.read_metadata(file)) for file in files)
        if should_stream(stream, size):
            chunks = ParquetChunks(files, columns)
            if not chunks.rows:
                raise DataError("there are no rows.", where=place.name)
            return StreamedSource(chunks, origin=place.name)
        table = ds.dataset(files, format="parquet").to_table(columns=columns)
    except (pa.ArrowException, OSError) as error:
        first = str(error).partition("\n")[0]
        raise FileError(f"'{near(place)}' is no readable Parquet file: {first}", where="data.path") from None
    return Source(columns=numpy_columns(table), origin=place.name)


def _files(folder: Path) -> list[Path]:
    """The Parquet files in a folder, in the order of their names; hidden ones are other programs' notes."""
    files = [
        file
        for file in sorted(folder.rglob("*.parquet"))
        if not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    ]
    if not files:
        raise FileError(f"the folder '{near(folder)}' holds no .parquet file.", where="data.path")
    return files


def _uncompressed(metadata: Any) -> int:
    return sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
