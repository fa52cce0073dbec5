"""A part of the data that is read as it is needed: which rows belong to it, and its batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from workbench.data.chunks import ChunkReader, StreamedSource
from workbench.data.division import TRAIN, Division
from workbench.data.missing import complete_rows
from workbench.data.preparation import Part, Preparation, Table, join, read_table
from workbench.data.source import Source
from workbench.errors import DataError
from workbench.recipe.schema import Missing

# Rows are shuffled within a window of this size, windows and their chunks among each other.
WINDOW_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Selection:
    """Which rows of a chunk belong to a part: those of the division's part that miss no value.

    Attributes:
        columns: the columns whose missing values count.
        missing, needed: as for `complete_rows`.
        hint: what to do about a missing value, if not what a recipe can say.
        division: None where every row belongs.
        part: TRAIN, VALIDATION or TEST.
    """

    columns: tuple[str, ...]
    missing: Missing
    needed: frozenset[str]
    hint: str = ""
    division: Division | None = None
    part: int = TRAIN

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that are looked at."""
        stratify = self.division.stratify if self.division else None
        return (*self.columns, *([stratify] if stratify else []))

    def kept(self, rows: Source, table: Table) -> np.ndarray:
        """The positions of a chunk's rows that miss no value, of any part."""
        own = {name: table[name] for name in self.columns}
        return complete_rows(own, self.missing, self.needed, rows, self.hint, some=False)

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
    """

    source: StreamedSource
    preparation: Preparation
    selection: Selection
    counts: tuple[int, ...]
    with_targets: bool = True

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.counts)

    def batches(
        self, batch_size: int, *, epoch: int = 0, step: int = 0, seed: int | None = None
    ) -> Iterator[Part]:
        """The batches of an epoch, each of `batch_size` rows but the last.

        Args:
            batch_size: rows of a batch.
            epoch: from 0; each has an order of its own.
            step: the first batch wanted, from 0; what comes before is not read.
            seed: draws the order, the same for the same seed and epoch; None for the order of the data.

        Raises:
            DataError, FileError: the data changed since it was first read.
        """
        windows = self._windows(batch_size, epoch, seed)
        skip = step * batch_size
        wanted: list[tuple[int, int]] = []  # a window and how many of its first rows to leave out
        for number, window in enumerate(windows):
            rows = sum(self.counts[chunk] for chunk in window)
            if skip < rows:
                wanted.append((number, skip))
            skip = max(0, skip - rows)
        held: list[Part] = []  # rows for the next batch, fewer than it needs
        missing = batch_size
        for part, order in self._ordered([(windows[at], at, skip) for at, skip in wanted], epoch, seed):
            start = 0
            while len(order) - start >= missing:
                yield join([*held, part.take(order[start : start + missing])])
                start, held, missing = start + missing, [], batch_size
            if start < len(order):
                held.append(part.take(order[start:]))
                missing -= len(order) - start
        if held:
            yield join(held)

    def head(self, rows: int) -> Part:
        """The first rows."""
        return next(self.batches(min(rows, self.rows)))

    def read_all(self) -> Part:
        """Every row, in memory."""
        return next(self.batches(self.rows))

    def _windows(self, batch_size: int, epoch: int, seed: int | None) -> list[list[int]]:
        """The chunks in the order of the epoch, gathered to windows."""
        groups: dict[int, list[int]] = {}
        for chunk, group in enumerate(self.source.chunks.groups):
            groups.setdefault(group, []).append(chunk)
        order = list(groups.values())
        if seed is not None:
            order = [order[at] for at in np.random.default_rng([seed, epoch]).permutation(len(order))]
        window_rows = max(batch_size, WINDOW_BYTES // _row_bytes(self.preparation))
        windows: list[list[int]] = []
        held = window_rows
        for chunk in (chunk for group in order for chunk in group if self.counts[chunk]):
            if held >= window_rows:
                windows.append([])
                held = 0
            windows[-1].append(chunk)
            held += self.counts[chunk]
        return windows

    def _ordered(
        self, wanted: Sequence[tuple[list[int], int, int]], epoch: int, seed: int | None
    ) -> Iterator[tuple[Part, np.ndarray]]:
        """Each window with the order of its rows; the next window is read while one is used."""
        reader = self.source.chunks.open()
        with ThreadPoolExecutor(1, thread_name_prefix="kwb-data") as pool:
            try:
                ahead = [pool.submit(self._read, reader, window) for window, _, _ in wanted[:1]]
                for at, (_, number, skip) in enumerate(wanted):
                    part = ahead.pop().result()
                    ahead += [
                        pool.submit(self._read, reader, window) for window, _, _ in wanted[at + 1 : at + 2]
                    ]
                    order = np.arange(part.rows)
                    if seed is not None:
                        np.random.default_rng([seed, epoch, number]).shuffle(order)
                    yield part, order[skip:]
            finally:
                pool.shutdown(cancel_futures=True)
                reader.close()

    def _read(self, reader: ChunkReader, window: Sequence[int]) -> Part:
        return join([self._read_chunk(reader, chunk) for chunk in window])

    def _read_chunk(self, reader: ChunkReader, chunk: int) -> Part:
        encoded = self.preparation.column_names(with_targets=self.with_targets)
        names = list(dict.fromkeys([*encoded, *self.selection.reads]))
        source = self.source.read(reader, chunk, names)
        table = read_table(source, names)
        rows = self.selection.positions(chunk, source, table)
        if len(rows) != self.counts[chunk]:
            raise DataError("the data has changed while it was read.", where=self.source.origin)
        part = self.preparation.encode(table, rows, source, with_targets=self.with_targets)
        return replace(part, index=part.index + self.source.starts[chunk])


def _row_bytes(preparation: Preparation) -> int:
    shapes = [*preparation.input_shapes().values(), *preparation.target_shapes().values()]
    return 8 + 4 * sum(math.prod(shape) for shape in shapes)
