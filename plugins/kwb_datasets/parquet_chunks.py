"""Parquet files read in pieces of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from workbench.plugin import Columns, FileError, near, numpy_columns

PIECE_BYTES = 16 * 2**20
_BUFFER = 2**16  # one for each column


@dataclass(frozen=True)
class _Piece:
    """Consecutive rows of a row group."""

    file: Path
    row_group: int
    start: int
    rows: int


class ParquetChunks:
    """The row groups of one or more files, each in pieces; see `workbench.data.chunks.Chunks`.

    A row group is read from its beginning on, so its pieces form a group.
    """

    def __init__(self, files: Sequence[Path], columns: Sequence[str] | None) -> None:
        pieces: list[_Piece] = []
        groups: list[int] = []
        schema: pa.Schema | None = None
        group = 0
        for file in files:
            with pq.ParquetFile(file) as opened:
                own = opened.schema_arrow.remove_metadata()
                if schema is not None and not own.equals(schema):
                    raise FileError(
                        f"'{near(file)}' has other columns or types than '{near(files[0])}'.",
                        where="data.path",
                    )
                schema = own
                wanted = set(own.names if columns is None else columns)
                for number in range(opened.num_row_groups):
                    row_group = opened.metadata.row_group(number)
                    size = sum(
                        part.total_uncompressed_size
                        for part in (row_group.column(at) for at in range(row_group.num_columns))
                        if part.path_in_schema.partition(".")[0] in wanted
                    )
                    rows = max(1, PIECE_BYTES * row_group.num_rows // max(size, 1))
                    for start in range(0, row_group.num_rows, rows):
                        pieces.append(_Piece(file, number, start, min(rows, row_group.num_rows - start)))
                        groups.append(group)
                    group += 1
        assert schema is not None
        self.names = tuple(schema.names if columns is None else columns)
        self.rows = tuple(piece.rows for piece in pieces)
        self.groups = tuple(groups)
        self._pieces = pieces

    def open(self) -> ParquetReader:
        """A reader with files of its own."""
        return ParquetReader(self._pieces)


class ParquetReader:
    """Goes through row groups; a piece that follows the one before is read without a new start."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self._pieces = pieces
        self._file: pq.ParquetFile | None = None
        self._next: tuple[Path, int, int, tuple[str, ...]] | None = None
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._rest: list[pa.RecordBatch] = []

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        """The columns of a piece."""
        piece = self._pieces[chunk]
        wanted = (piece.file, piece.row_group, piece.start, tuple(names))
        try:
            if self._next != wanted:
                self._begin(piece, names)
            table = self._take(piece.rows)
        except (pa.ArrowException, OSError) as error:
            first = str(error).partition("\n")[0]
            raise FileError(f"'{near(piece.file)}' cannot be read: {first}", where="data.path") from None
        self._next = (piece.file, piece.row_group, piece.start + piece.rows, tuple(names))
        # Arrow returns the columns in the file's order.
        return numpy_columns(table.select(list(names)))

    def close(self) -> None:
        """Close the file."""
        self._batches, self._rest = iter(()), []
        if self._file is not None:
            self._file.close()

    def _begin(self, piece: _Piece, names: Sequence[str]) -> None:
        if self._next is None or self._next[0] != piece.file:
            self.close()
            self._file = pq.ParquetFile(piece.file, buffer_size=_BUFFER, pre_buffer=False)
        assert self._file is not None
        self._rest = []
        self._batches = self._file.iter_batches(
            batch_size=piece.rows, row_groups=[piece.row_group], columns=list(names), use_threads=False
        )
        skip = piece.start
        while skip:
            skip -= self._take(min(skip, piece.rows)).num_rows

    def _take(self, rows: int) -> pa.Table:
        """The next rows, from as many batches as that takes."""
        taken: list[pa.RecordBatch] = []
        while rows:
            batch = self._rest.pop() if self._rest else next(self._batches, None)
            if batch is None:
                raise pa.ArrowInvalid("it has fewer rows than it says")
            part = batch.slice(0, rows)
            if part.num_rows < batch.num_rows:
                self._rest.append(batch.slice(part.num_rows))
            rows -= part.num_rows
            taken.append(part)
        return pa.Table.from_batches(taken)
