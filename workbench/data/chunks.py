"""Data that does not fit into memory, read a few rows at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Protocol

from workbench.data.source import Columns, Source


class ChunkReader(Protocol):
    """Reads the chunks of one file or folder; each thread has a reader of its own."""

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        """These columns of a chunk, as arrays of its rows."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Chunks(Protocol):
    """Rows in chunks, each of which is far smaller than the memory.

    Attributes:
        names: the columns.
        rows: how many rows each chunk has.
        groups: the group of each chunk. The chunks of a group follow each other and are only cheap to read
            in that order; groups can be read in any order.
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    groups: tuple[int, ...]

    def open(self) -> ChunkReader:
        """A new reader."""
        ...


@dataclass(frozen=True)
class StreamedSource:
    """Rows of data by column, read as they are needed; otherwise as `Source`. `parts`: of each chunk."""

    chunks: Chunks
    targets: tuple[str, ...] = ()
    test: Chunks | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    origin: str = ""
    locate: Callable[[int], str] | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    cell: Callable[[int, str], str] | None = None
    texts: tuple[str, ...] = ()
    parts: tuple[int, ...] = ()
    rows_are_files: bool = False
    places: Mapping[str, Callable[[int], str]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def file(self) -> Callable[[int], str] | None:
        """From a row's position to the file that it is; None where rows are no files."""
        return self.place if self.rows_are_files else None

    @property
    def rows(self) -> int:
        """All rows, except a separate test part of the data."""
        return sum(self.chunks.rows)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The position of each chunk's first row."""
        return tuple(itertools.accumulate(self.chunks.rows, initial=0))[:-1]

    def place(self, row: int) -> str:
        """Where a row is, for people."""
        return self.locate(row) if self.locate else f"{self.origin or 'data'}, row {row + 1}"

    def test_source(self) -> StreamedSource | None:
        """The separate test part of the data, as its own source."""
        if self.test is None:
            return None
        origin = f"{self.origin or 'data'} (test part)"
        locate = self.places.get("test")
        return StreamedSource(
            self.test,
            self.targets,
            classes=self.classes,
            origin=origin,
            locate=locate,
            texts=self.texts,
            rows_are_files=self.rows_are_files and locate is not None,
        )

    def read(self, reader: ChunkReader, chunk: int, names: Sequence[str]) -> Source:
        """One chunk as a source in memory, which knows where its rows are."""
        start, cell = self.starts[chunk], self.cell
        return Source(
            columns=reader.read(chunk, names),
            targets=self.targets,
            classes=self.classes,
            origin=self.origin,
            locate=lambda row: self.place(start + row),
            options=self.options,
            texts=self.texts,
            cell=(lambda row, column: cell(start + row, column)) if cell else None,
        )

    def sample(self) -> Source:
        """The first chunk with every column: enough to know which columns there are, and how many axes they have."""
        reader = self.chunks.open()
        try:
            return self.read(reader, 0, self.chunks.names)
        finally:
            reader.close()
