"""Rows of any source in blocks, in memory or read as they are needed; and a sample of them in bounded time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from workbench.data.chunks import StreamedSource
from workbench.data.source import Source

BLOCK_ROWS = 16_384  # of a source in memory
MOST_ROWS = 100_000  # of a sample
LEAST_ROWS = 5_000
MOST_CELLS = 10_000_000  # of a sample, all its columns together
MOST_CHUNKS = 16  # that are read for a sample


@dataclass(frozen=True)
class RowBlocks:
    """The rows of a source in blocks that follow one another.

    Attributes:
        source: in memory or streamed; without its own test part.
    """

    source: Source | StreamedSource

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        source = self.source
        return tuple(source.columns) if isinstance(source, Source) else tuple(source.chunks.names)

    @cached_property
    def rows(self) -> int:
        """How many rows there are; of columns of several lengths those of the longest."""
        source = self.source
        return (
            max(map(len, source.columns.values()), default=0) if isinstance(source, Source) else source.rows
        )

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first row of each block, and the number of all rows as the last."""
        if isinstance(self.source, Source):
            return (*range(0, self.rows, BLOCK_ROWS), self.rows)
        return (*self.source.starts, self.rows)

    @property
    def streamed(self) -> bool:
        return isinstance(self.source, StreamedSource)

    def read(self, block: int, names: Sequence[str]) -> Source:
        """Columns of a block; places in it are those of the whole source."""
        if isinstance(self.source, Source):
            return taken(self.source, slice(self.starts[block], self.starts[block + 1]), names)
        reader = self.source.chunks.open()
        try:
            return self.source.read(reader, block, names)
        finally:
            reader.close()

    def rows_at(self, positions: np.ndarray, names: Sequence[str]) -> list[Source]:
        """These rows (rising positions), as one source for each block that holds some."""
        if isinstance(self.source, Source):
            return [taken(self.source, positions, names)] if len(positions) else []
        found = []
        for block, inside in self._by_block(positions):
            found.append(taken(self.read(block, names), inside, names))
        return found

    def _by_block(self, positions: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        blocks = np.searchsorted(self.starts, positions, side="right") - 1
        for block in np.unique(blocks):
            yield int(block), positions[blocks == block] - self.starts[block]


@dataclass(frozen=True)
class RowSample:
    """Rows to summarize.

    Attributes:
        source: their columns.
        positions: of each in the whole source, rising.
        of: how many rows the whole has.
    """

    source: Source
    positions: np.ndarray
    of: int

    @property
    def whole(self) -> bool:
        """True if every row is in it."""
        return len(self.positions) == self.of


def draw(blocks: RowBlocks, seed: int = 0) -> RowSample:
    """A sample of rows: all where there are few, else drawn from the seed; of streamed data from a few chunks."""
    size = sample_size(blocks.rows, len(blocks.names))
    if isinstance(blocks.source, Source):
        if blocks.rows <= size:
            return RowSample(blocks.source, np.arange(blocks.rows), blocks.rows)
        positions = _drawn(np.random.default_rng(seed), blocks.rows, size)
        return RowSample(taken(blocks.source, positions, blocks.names), positions, blocks.rows)
    random = np.random.default_rng(seed)
    count = len(blocks.starts) - 1
    chosen = np.arange(count)
    if count > MOST_CHUNKS:
        chosen = _drawn(random, count, MOST_CHUNKS)
    sizes = np.diff(blocks.starts)[chosen]
    parts, positions_ = [], []
    for block, rows in zip(chosen.tolist(), sizes.tolist(), strict=True):
        inside = _drawn(random, rows, max(1, min(rows, size * rows // max(int(sizes.sum()), 1))))
        parts.append(taken(blocks.read(block, blocks.names), inside, blocks.names))
        positions_.append(inside + blocks.starts[block])
    return RowSample(joined(parts), np.concatenate(positions_), blocks.rows)


def sample_size(rows: int, columns: int) -> int:
    """How many rows of so many columns are looked at."""
    return min(rows, max(LEAST_ROWS, min(MOST_ROWS, MOST_CELLS // max(columns, 1))))


def taken(source: Source, rows: np.ndarray | slice, names: Sequence[str]) -> Source:
    """Only these rows and columns. A column that is shorter than others gives what it has."""
    positions = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows

    def place(row: int) -> str:
        return source.place(int(positions[row]))

    cell = source.cell
    own_cell = None if cell is None else lambda row, name: cell(int(positions[row]), name)
    columns = {}
    for name in names:
        array = source.columns[name]
        short = len(array) < int(positions[-1]) + 1 if len(positions) else False
        columns[name] = array[positions[positions < len(array)]] if short else array[rows]
    return replace(source, columns=columns, test=None, parts=None, locate=place, cell=own_cell)


def joined(parts: Sequence[Source]) -> Source:
    """The rows of sources of the same columns, one after the other."""
    first = parts[0]
    if len(parts) == 1:
        return first
    columns = {name: _concatenated([part.columns[name] for part in parts]) for name in first.columns}
    return replace(first, columns=columns, parts=None, locate=None, cell=None)


def _concatenated(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays of one column; where a chunk without values looks like another kind, the values as objects."""
    if len({array.dtype.kind for array in arrays}) > 1 and any(array.dtype.kind == "O" for array in arrays):
        arrays = [array.astype(object) for array in arrays]
    return np.concatenate(arrays)


def _drawn(random: np.random.Generator, rows: int, size: int) -> np.ndarray:
    return np.sort(random.choice(rows, size, replace=False))
