"""Streams that are too large to be held: a few training rows, and the other parts as they are read, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from workbench.data.loading import Rows
from workbench.data.preparation import Part, Preparation, join
from workbench.data.streamed_part import WINDOW_BYTES, StreamedPart
from workbench.training.baselines.linear import Predict

MOST_HELD = 256 * 2**20  # bytes of encoded rows, all parts together: more is not held for this
FEW_BYTES = 64 * 2**20
FEW = 10_000  # training rows that say what a guess and a linear model are
_READ = 8_192  # rows at once


class GaveUpError(Exception):
    """The training is over."""


def is_large(parts: Sequence[Rows], preparation: Preparation) -> bool:
    """True for streams whose rows are not all held at once."""
    if not any(isinstance(part, StreamedPart) for part in parts):
        return False
    return sum(part.rows for part in parts) * preparation.row_bytes > MOST_HELD


def few_rows(part: StreamedPart, seed: int, stopped: Callable[[], bool]) -> Part:
    """So many rows of a part, drawn by the seed, in the order of the data.

    Raises:
        GaveUpError: it was stopped.
    """
    count = min(part.rows, FEW, max(1, FEW_BYTES // part.preparation.row_bytes))
    chosen = np.sort(np.random.default_rng(seed).choice(part.rows, count, replace=False))
    return join(list(_until(part.some(chosen), stopped)))


def as_read(
    part: StreamedPart, models: Mapping[str, Predict], most: int, seed: int, stopped: Callable[[], bool]
) -> Part:
    """The targets of a part, and in place of its inputs what models make of them, by output name.

    Args:
        part: read once, some rows at a time.
        models: by output name; may be empty.
        most: rows, drawn by the seed where the part has more.

    Raises:
        GaveUpError: it was stopped.
    """
    size = max(1, min(_READ, WINDOW_BYTES // part.preparation.row_bytes))
    kept = np.ones(part.rows, dtype=bool)
    if part.rows > most:
        kept[:] = False
        kept[np.random.default_rng(seed).choice(part.rows, most, replace=False)] = True
    found: list[Part] = []
    start = 0
    for batch in _until(part.batches(size), stopped):
        own = batch.take(kept[start : start + batch.rows])
        start += batch.rows
        if own.rows:
            predicted = {name: model(own.inputs).astype(np.float32) for name, model in models.items()}
            found.append(Part(predicted, own.targets, own.sample_weight, own.index))
    return join(found)


def _until(parts: Iterator[Part], stopped: Callable[[], bool]) -> Iterator[Part]:
    for part in parts:
        if stopped():
            raise GaveUpError
        yield part
