"""Data that does not fit into memory: one pass to fit the preparation, then batches as they are needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from workbench.data.chunks import ChunkReader, StreamedSource
from workbench.data.division import TEST, TRAIN, VALIDATION, Division
from workbench.data.fitting import fit, gather
from workbench.data.in_memory import MISSING_HINT, summary, typed
from workbench.data.preparation import (
    TRAINED_HINT,
    Part,
    Preparation,
    Table,
    complete_rows,
    join,
    read_table,
)
from workbench.data.roles import Roles, choose_roles, missing_column
from workbench.data.source import Source
from workbench.data.specs import ClassTarget
from workbench.data.statistics import ColumnStatistics
from workbench.errors import DataError
from workbench.recipe.schema import Data, Split

# Rows are shuffled within a window of this size, windows and their chunks among each other.
WINDOW_BYTES = 32 * 2**20

# The memory that all samples for robust scaling may take together.
SAMPLE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Selection:
    """Which rows of a chunk belong to a part: those of the division's part that miss no value.

    Attributes:
        columns: the columns whose missing values count.
        missing, needed: as for `complete_rows`.
        hint: what to do about a missing value.
        division: None where every row belongs.
        part: TRAIN, VALIDATION or TEST.
    """

    columns: tuple[str, ...]
    missing: str
    needed: frozenset[str]
    hint: str
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


@dataclass(frozen=True)
class Streamed:
    """A recipe's data, ready to train on without ever being in memory whole.

    Attributes:
        train, validation, test: the parts; None where there is none.
        preparation: how rows are encoded, to treat new data alike.
        rows_read: rows in the source, its own test part included.
        rows_dropped: rows left out for a missing value.
        class_counts: for each target of classes, the training rows of each class.
    """

    train: StreamedPart
    validation: StreamedPart | None
    test: StreamedPart | None
    preparation: Preparation
    rows_read: int
    rows_dropped: int
    class_counts: Mapping[str, np.ndarray]

    def summary(self) -> str:
        """One line for people."""
        parts = (self.train, self.validation, self.test)
        return f"streaming {summary([part.rows if part else 0 for part in parts], self.rows_dropped)}"


def prepare(data: Data, source: StreamedSource, seed: int) -> Streamed:
    """Read everything once, to fit and to count, and hold none of it.

    Unlike in memory, rows are dropped for missing values after the split, and `robust` scaling goes by a
    large sample.

    Raises:
        RecipeError, DataError: as for data in memory.
    """
    roles = choose_roles(data, source.sample())
    test_source = source.test_source()
    shares = data.split if test_source is None else data.split.model_copy(update={"test": 0.0})
    statistics = gather(data, roles, sample_bytes=SAMPLE_BYTES // len(roles.used))
    selection = _selection(data, roles, Division(source, shares, seed, roles.stratify))
    counts = _survey(source, roles, selection, statistics)
    _check_parts(shares, source, selection, counts)
    read, kept, test = source.rows, int(counts.sum()), None
    if test_source is not None:
        whole = replace(selection, division=None)
        test_counts = _survey(test_source, roles, whole, statistics)
        read, kept = read + test_source.rows, kept + int(test_counts.sum())
    preparation = fit(data, roles, statistics, source)

    def part(which: int) -> StreamedPart:
        own = replace(selection, part=which)
        return StreamedPart(source, preparation, own, tuple(counts[which].tolist()))

    if test_source is not None:
        test = StreamedPart(test_source, preparation, whole, tuple(test_counts.sum(axis=0).tolist()))
    elif counts[TEST].any():
        test = part(TEST)
    return Streamed(
        train=part(TRAIN),
        validation=part(VALIDATION) if counts[VALIDATION].any() else None,
        test=test,
        preparation=preparation,
        rows_read=read,
        rows_dropped=read - kept,
        class_counts={
            spec.name: _class_counts(spec, statistics[spec.column].train_texts)
            for spec in preparation.targets
            if isinstance(spec, ClassTarget)
        },
    )


def apply(preparation: Preparation, source: StreamedSource, *, with_targets: bool) -> StreamedPart:
    """All rows of new data, for a trained model.

    Raises:
        DataError: a column is not there. What is wrong with a row is told when it is read.
    """
    names = preparation.column_names(with_targets=with_targets)
    for name in names:
        if name not in source.chunks.names:
            raise missing_column(name, source.chunks.names, DataError, source.origin, source.origin)
    selection = Selection(tuple(names), preparation.missing, preparation.needed, TRAINED_HINT)
    counts = source.chunks.rows
    if preparation.missing == "drop":
        counts = tuple(_survey(source, None, selection, {}).sum(axis=0).tolist())
    return StreamedPart(source, preparation, selection, counts, with_targets)


def test_part(
    preparation: Preparation, data: Data, source: StreamedSource, seed: int, *, with_targets: bool
) -> StreamedPart:
    """The split of a training, drawn again: its test part."""
    roles = choose_roles(data, source.sample())
    division = Division(source, data.split, seed, roles.stratify)
    selection = replace(_selection(data, roles, division), part=TEST)
    counts = _survey(source, roles, selection, {})
    return StreamedPart(source, preparation, selection, tuple(counts[TEST].tolist()), with_targets)


def _selection(data: Data, roles: Roles, division: Division) -> Selection:
    return Selection(roles.used, data.missing, roles.needed, MISSING_HINT, division)


def _survey(
    source: StreamedSource,
    roles: Roles | None,
    selection: Selection,
    statistics: Mapping[str, ColumnStatistics],
) -> np.ndarray:
    """Read every chunk once, in order: fill the statistics, count each part's rows: (3, chunks)."""
    counts = np.zeros((3, len(source.chunks.rows)), dtype=np.int64)
    names = list(dict.fromkeys(selection.reads))
    reader = source.chunks.open()
    try:
        for chunk, start in enumerate(source.starts):
            rows = source.read(reader, chunk, names)
            table = read_table(rows, names)
            if roles is not None:
                table = typed(table, roles)
            kept = selection.kept(rows, table)
            division = selection.division
            # The rows of a test part that the data brings along are nobody's training rows.
            parts = division.parts(chunk, rows)[kept] if division else np.full(len(kept), TEST, np.int8)
            counts[:, chunk] = np.bincount(parts, minlength=3)
            for name, gathered in statistics.items():
                gathered.add(table[name], kept[parts == TRAIN], source, start)
    finally:
        reader.close()
    return counts


def _check_parts(shares: Split, source: StreamedSource, selection: Selection, counts: np.ndarray) -> None:
    parts = (
        ("train", TRAIN, 1.0),
        ("validation", VALIDATION, shares.validation),
        ("test", TEST, shares.test),
    )
    for name, part, share in parts:
        if share and not counts[part].any():
            where = "data.split" if part == TRAIN else f"data.split.{name}"
            raise DataError(
                f"the {name} part of {source.rows:,} rows is left without a row.",
                where=where,
                hint="Change the shares, or see whether missing values leave any row.",
            )
    assert selection.division is not None
    for name, rows in selection.division.strata().items():
        if any(share and not int(rows * share + 0.5) for share in (shares.validation, shares.test)):
            raise DataError(
                f"'{selection.division.stratify}' is '{name}' in {rows} of {source.rows:,} rows: too few for "
                "every part to hold some.",
                where="data.split.stratify",
                hint="Stratify by a column whose classes have more rows, or not at all.",
            )


def _class_counts(spec: ClassTarget, texts: Mapping[str, int]) -> np.ndarray:
    """The training rows of each class, whether the data writes its name or its number."""
    return np.array(
        [
            texts.get(value, 0) + (texts.get(name, 0) if name != value else 0)
            for value, name in zip(spec.values, spec.classes, strict=True)
        ]
    )


def _row_bytes(preparation: Preparation) -> int:
    shapes = [*preparation.input_shapes().values(), *preparation.target_shapes().values()]
    return 8 + 4 * sum(math.prod(shape) for shape in shapes)
