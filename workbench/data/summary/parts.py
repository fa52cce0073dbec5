"""Compare the parts of the data: does each column look alike in training, validation and test?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.data.loading import Prepared, Rows, Streamed, StreamedPart
from workbench.data.measures import (
    chance_of_counts,
    chance_of_distance,
    kolmogorov_smirnov,
    total_variation,
)
from workbench.data.preparation import read_table
from workbench.data.source import Source
from workbench.data.summary.blocks import MOST_CHUNKS, RowBlocks, joined, sample_size, taken
from workbench.data.summary.columns import FEWEST_A_CATEGORY, finite
from workbench.data.summary.shown_kinds import ShownColumn, kind_of, shown_column
from workbench.data.summary.shown_readings import readings_of
from workbench.recipe.schema import Data

MUCH = 0.1  # a distance from the training part, from which on a difference matters
CHANCE = 0.001  # how seldom chance alone makes such a distance
MOST_FREQUENT = 4  # texts whose shares are listed
_MOST_SPREAD = 100_000


@dataclass(frozen=True)
class PartOfColumn:
    """A column in one part.

    Attributes:
        rows: how many were looked at.
        missing: how many of them have no value.
        mean, sd: of the numbers.
        written: the mean as a person reads it, where it is no plain number.
        shares: of texts, the share of each text that is frequent in the training part.
        distance: from the training part; None in that part, or where there is nothing to compare.
        differs: whether it is far off and chance alone seldom does that.
    """

    rows: int
    missing: int
    mean: float | None = None
    sd: float | None = None
    written: str = ""
    shares: Mapping[str, float] | None = None
    distance: float | None = None
    differs: bool = False


@dataclass(frozen=True)
class ComparedColumn:
    """A column in every part; `measure` is how its distances are measured: `KS` or `total variation`."""

    name: str
    kind: str
    measure: str
    parts: Mapping[str, PartOfColumn]

    @property
    def differs(self) -> bool:
        return any(part.differs for part in self.parts.values())

    def as_record(self) -> dict[str, Any]:
        return asdict(self) | {"differs": self.differs}


def part_rows(prepared: Prepared | Streamed) -> dict[str, int]:
    """How many rows each part has; a part that is not there is not named."""
    return {name: part.rows for name, part in parts_of(prepared).items()}


def parts_of(prepared: Prepared | Streamed) -> dict[str, Rows]:
    """The parts by name."""
    parts = {"train": prepared.train, "validation": prepared.validation, "test": prepared.test}
    return {name: part for name, part in parts.items() if part is not None}


def blocks_of(part: str, blocks: RowBlocks) -> RowBlocks:
    """The rows that a part's positions are of: the source's own test part, or the source."""
    own = blocks.source.test_source() if part == "test" else None
    return RowBlocks(own) if own is not None else blocks


def part_samples(prepared: Prepared | Streamed, blocks: RowBlocks, seed: int = 0) -> dict[str, Source]:
    """Raw rows of each part: all of them, or a sample where there are many."""
    random = np.random.default_rng(seed)
    return {
        name: _sampled(part, blocks_of(name, blocks), random) for name, part in parts_of(prepared).items()
    }


def _sampled(part: Rows, blocks: RowBlocks, random: np.random.Generator) -> Source:
    size = sample_size(part.rows, len(blocks.names))
    if not isinstance(part, StreamedPart):
        index = np.sort(part.index)
        if size < len(index):
            index = index[np.sort(random.choice(len(index), size, replace=False))]
        if isinstance(blocks.source, Source):
            return taken(blocks.source, index, blocks.names)
        return joined(blocks.rows_at(index, blocks.names))  # windows of a stream
    chunks = np.flatnonzero(part.counts)
    if len(chunks) > MOST_CHUNKS:
        chunks = np.sort(random.choice(chunks, MOST_CHUNKS, replace=False))
    whole = sum(part.counts[chunk] for chunk in chunks)
    found = []
    for chunk in chunks.tolist():
        rows = blocks.read(chunk, blocks.names)
        positions = streamed_positions(part, chunk, rows)
        share = max(1, size * len(positions) // max(whole, 1))
        if share < len(positions):
            positions = np.sort(random.choice(positions, share, replace=False))
        found.append(taken(rows, positions, blocks.names))
    return joined(found)


def streamed_positions(part: StreamedPart, chunk: int, rows: Source) -> np.ndarray:
    """The positions of a part's rows within a chunk that was read with every column."""
    names = list(dict.fromkeys(part.selection.reads))
    table = read_table(rows, names, part.preparation.readings)
    return np.sort(part.selection.positions(chunk, rows, table))


def compare(samples: Mapping[str, Source], data: Data) -> Iterator[ComparedColumn]:
    """Every column in every part, one after the other.

    Args:
        samples: rows of each part; the first is that for training.
        data: the section; may say how cells are read.
    """
    train = next(iter(samples.values()))
    readings = readings_of(data, train)
    for name in train.columns:
        columns = {part: shown_column(rows, name, readings.get(name)) for part, rows in samples.items()}
        yield compared(name, columns)


@np.errstate(over="ignore", invalid="ignore")
def compared(name: str, columns: Mapping[str, ShownColumn]) -> ComparedColumn:
    """A column in every part; the first part, for training, is what the others are compared with."""
    train = next(iter(columns.values()))
    if all(column.texts is not None for column in columns.values()):
        return _compared_texts(name, train.kind, columns)
    found: dict[str, PartOfColumn] = {}
    reference: np.ndarray | None = None
    for part, column in columns.items():
        numbers = _finite(column)
        distance, differs = None, False
        if part != next(iter(columns)) and reference is not None and len(reference) and len(numbers):
            distance = kolmogorov_smirnov(reference, numbers)
            differs = distance >= MUCH and chance_of_distance(distance, len(reference), len(numbers)) < CHANCE
        reference = numbers if reference is None else reference
        mean = finite(numbers.mean()) if len(numbers) else None
        write = kind_of(column).write
        found[part] = PartOfColumn(
            len(column.missing),
            int(column.missing.sum()),
            mean,
            finite(numbers.std(ddof=1)) if len(numbers) > 1 else None,
            write(round(mean)) if write and mean is not None else "",
            None,
            distance,
            differs,
        )
    return ComparedColumn(name, train.kind, "KS", found)


def _compared_texts(name: str, kind: str, columns: Mapping[str, ShownColumn]) -> ComparedColumn:
    counted = {
        part: Counter(text for text in column.texts if text is not None)
        for part, column in columns.items()
        if column.texts is not None
    }
    first = next(iter(columns))
    texts = list(dict.fromkeys(text for counts in counted.values() for text in counts))
    frequent = [text for text, _ in counted[first].most_common(MOST_FREQUENT)]
    arrays = {part: np.array([counts[text] for text in texts]) for part, counts in counted.items()}
    rows = sum(int(array.sum()) for array in arrays.values())
    found = {}
    for part, column in columns.items():
        total = int(arrays[part].sum())
        distance, differs = None, False
        if part != first and total and arrays[first].sum() and len(texts) * FEWEST_A_CATEGORY <= rows:
            distance = total_variation(arrays[first], arrays[part])
            differs = distance >= MUCH and chance_of_counts(arrays[first], arrays[part]) < CHANCE
        found[part] = PartOfColumn(
            len(column.missing),
            int(column.missing.sum()),
            shares={text: counted[part][text] / total for text in frequent} if total else {},
            distance=distance,
            differs=differs,
        )
    return ComparedColumn(name, kind, "total variation", found)


def _finite(column: ShownColumn) -> np.ndarray:
    values = column.numbers if column.spread is None else column.spread
    if values is None:
        return np.empty(0)
    if column.spread is not None:
        values = values[:: max(1, len(values) // _MOST_SPREAD)]
    return values[np.isfinite(values)].astype(np.float64, copy=False)
