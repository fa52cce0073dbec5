"""A part of streamed data: which rows belong to it, and its batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from workbench.data.chunks import ChunkReader, StreamedSource
from workbench.data.encoding import unknown_categories
from workbench.data.kept_values import kept_values
from workbench.data.missing import complete_rows
from workbench.data.preparation import Part, Preparation, Table, join, read_table
from workbench.data.source import Source
from workbench.data.specs import CategoryColumn
from workbench.data.splitting.division import Division
from workbench.data.splitting.rules import TRAIN
from workbench.errors import DataError
from workbench.recipe.options.missing import Missing

# Rows are shuffled within a window of this size, windows and their chunks among each other.
WINDOW_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Selection:
    """Which rows of a chunk belong to a part: the rows of that part in the division that have no missing value.

    Attributes:
        columns: the columns whose missing values count.
        missing, needed: as for `complete_rows`.
        hint: what to do about a missing value, if not what a recipe can say.
        division: None where every row belongs.
        part: TRAIN, VALIDATION or TEST.
        unknown: the columns whose unknown categories cost the row.
    """

    columns: tuple[str, ...]
    missing: Missing
    needed: frozenset[str]
    hint: str = ""
    division: Division | None = None
    part: int = TRAIN
    unknown: tuple[CategoryColumn, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        return (*self.columns, *(self.division.columns if self.division else ()))

    def kept(self, rows: Source, table: Table) -> np.ndarray:
        """The positions of a chunk's rows that miss no value, of any part."""
        own = {name: table[name] for name in self.columns}
        kept = complete_rows(own, self.missing, self.needed, rows, self.hint, some=False)
        return kept[~unknown_categories(self.unknown, own)[kept]] if self.unknown else kept

    def positions(self, chunk: int, rows: Source, table: Table) -> np.ndarray:
        """The positions of a chunk's rows that belong to the part."""
        kept = self.kept(rows, table)
        if self.division is None:
            return kept
        return kept[self.division.parts(chunk, rows)[kept] == self.part]


@dataclass(frozen=True)
class StreamedPart:
    """A part of the data that is read as it is needed, in bounded memory.

    Attributes:
        source: the data.
        preparation: how rows are encoded.
        selection: which rows belong to the part.
        counts: how many rows of the part each chunk holds.
        with_targets: whether targets and weights are encoded too.
        keep: columns that stand beside the rows as they are read.
    """

    source: StreamedSource
    preparation: Preparation
    selection: Selection
    counts: tuple[int, ...]
    with_targets: bool = True
    keep: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.counts)

    @property
    def file(self) -> Callable[[int], str] | None:
        """From a row's position in the source to its file; None where rows are no files."""
        return self.source.file

    @property
    def left_out(self) -> int:
        """Of new data, the rows that are not there for a missing value or an unknown category."""
        return 0 if self.selection.division else sum(self.source.chunks.rows) - self.rows

    def batches(
        self, batch_size: int, *, epoch: int = 0, step: int = 0, seed: int | None = None, at_once: int = 1
    ) -> Iterator[Part]:
        """The batches of an epoch, each of `batch_size` rows but the last.

        Args:
            batch_size: rows of a batch.
            epoch: from 0; each has an order of its own.
            step: the first batch wanted, from 0; what comes before is not read.
            seed: draws the order, the same for the same seed and epoch; None for the order of the data.
            at_once: how many batches come as one, which changes no row and no order.

        Raises:
            DataError, FileError: the data changed since it was first read.
        """
        windows = self._windows(batch_size, epoch, seed)
        skip = step * batch_size
        wanted: list[_Block] = []
        for number, window in enumerate(windows):
            rows = sum(self.counts[chunk] for chunk in window)
            # A window of many categories needs many times more memory as numbers than as it is read.
            most = self._rows_of(WINDOW_BYTES, batch_size)
            most = rows if rows <= 2 * most else most
            wanted += [
                _Block(number, tuple(window), rows, start, min(start + most, rows))
                for start in range(skip, rows, most)
            ]
            skip = max(0, skip - rows)
        held: list[Part] = []  # rows for the next batch, fewer than it needs
        size = batch_size * at_once
        missing = size
        for part in self._encoded(wanted, epoch, seed):
            start = 0
            while part.rows - start >= missing:
                yield join([*held, part.take(slice(start, start + missing))])
                start, held, missing = start + missing, [], size
            if start < part.rows:
                held.append(part.take(slice(start, None)))
                missing -= part.rows - start
        if held:
            yield join(held)

    def _rows_of(self, size: int, batch_size: int) -> int:
        return max(batch_size, size // self.preparation.row_bytes)

    def head(self, rows: int) -> Part:
        """The first rows."""
        return next(self.batches(min(rows, self.rows)))

    def read_all(self) -> Part:
        """Every row, in memory."""
        return next(self.batches(self.rows))

    def some(self, rows: np.ndarray) -> Iterator[Part]:
        """These rows, of one chunk after the other. Only they are encoded.

        Args:
            rows: places in the part, in ascending order.
        """
        starts = np.cumsum([0, *self.counts])
        reader = self.source.chunks.open()
        try:
            for chunk, start in enumerate(starts[:-1].tolist()):
                own = rows[(rows >= start) & (rows < start + self.counts[chunk])] - start
                if len(own):
                    yield self._encode([self._read_chunk(reader, chunk)], own)
        finally:
            reader.close()

    def _windows(self, batch_size: int, epoch: int, seed: int | None) -> list[list[int]]:
        """The chunks in the order of the epoch, gathered to windows."""
        groups: dict[int, list[int]] = {}
        for chunk, group in enumerate(self.source.chunks.groups):
            groups.setdefault(group, []).append(chunk)
        order = list(groups.values())
        if seed is not None:
            order = [order[at] for at in np.random.default_rng([seed, epoch]).permutation(len(order))]
        window_rows = self._rows_of(WINDOW_BYTES, batch_size)
        windows: list[list[int]] = []
        held = window_rows
        for chunk in (chunk for group in order for chunk in group if self.counts[chunk]):
            if held >= window_rows:
                windows.append([])
                held = 0
            windows[-1].append(chunk)
            held += self.counts[chunk]
        return windows

    def _encoded(self, wanted: Sequence[_Block], epoch: int, seed: int | None) -> Iterator[Part]:
        """Each block's rows in their order; the next block is made while one is used."""
        reader = self.source.chunks.open()
        held: dict[int, list[_Chunk]] = {}  # the window read last, as it was read

        def make(block: _Block) -> Part:
            if block.window not in held:
                held.clear()
                held[block.window] = [self._read_chunk(reader, chunk) for chunk in block.chunks]
            order = np.arange(block.rows)
            if seed is not None:
                np.random.default_rng([seed, epoch, block.window]).shuffle(order)
            return self._encode(held[block.window], order[block.start : block.stop])

        with ThreadPoolExecutor(1, thread_name_prefix="kwb-data") as pool:
            try:
                ahead = [pool.submit(make, block) for block in wanted[:1]]
                for at in range(len(wanted)):
                    part = ahead.pop().result()
                    ahead += [pool.submit(make, block) for block in wanted[at + 1 : at + 2]]
                    yield part
            finally:
                pool.shutdown(cancel_futures=True)
                reader.close()

    def _read_chunk(self, reader: ChunkReader, chunk: int) -> _Chunk:
        encoded = self.preparation.column_names(with_targets=self.with_targets)
        names = list(dict.fromkeys([*encoded, *self.selection.columns]))
        source = self.source.read(
            reader, chunk, list(dict.fromkeys([*names, *self.selection.reads, *self.keep]))
        )
        table = read_table(source, names, self.preparation.readings)
        rows = self.selection.positions(chunk, source, table)
        if len(rows) != self.counts[chunk]:
            raise DataError("the data has changed while it was read.", where=self.source.origin)
        return _Chunk(source, table, rows, self.source.starts[chunk])

    def _encode(self, chunks: Sequence[_Chunk], wanted: np.ndarray) -> Part:
        """Some rows of a window, in the order wanted."""
        starts = np.cumsum([0, *(len(chunk.rows) for chunk in chunks)])
        of_chunk = np.searchsorted(starts, wanted, side="right") - 1
        parts, places = [], []
        for number, chunk in enumerate(chunks):
            own = np.flatnonzero(of_chunk == number)
            if len(own):
                rows = chunk.rows[wanted[own] - starts[number]]
                part = self.preparation.encode(
                    chunk.table, rows, chunk.source, with_targets=self.with_targets, whole=False
                )
                beside = {name: kept_values(chunk.source.columns, name, rows) for name in self.keep}
                parts.append(replace(part, index=part.index + chunk.start, beside=beside))
                places.append(own)
        return join(parts).take(np.argsort(np.concatenate(places)))


@dataclass(frozen=True)
class _Block:
    """Rows of a window that are encoded at once: from `start` to `stop` in the order of its `rows` rows."""

    window: int
    chunks: tuple[int, ...]
    rows: int
    start: int
    stop: int


@dataclass(frozen=True)
class _Chunk:
    """A chunk as it was read: its rows that belong to the part, and the index of its first row in the data."""

    source: Source
    table: Table
    rows: np.ndarray
    start: int
