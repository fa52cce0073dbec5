"""The rows of a part as an engine takes them: arrays, or batches that are read while the model trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.data.loading import Rows
from workbench.data.preparation import Part
from workbench.training.engines import Arrays, Stream

ToArrays = Callable[[Part], Arrays]


def feed(part: Rows, arrays: ToArrays, batch_size: int, *, seed: int | None = None) -> Arrays | Stream:
    """Rows for an engine.

    Args:
        part: the rows.
        arrays: puts rows into the structure that the model is called with.
        batch_size: rows of a batch of a stream.
        seed: draws the order of a stream's rows in each epoch; None for the order of the data. For arrays the
            engine does that, in the same order.
    """
    if not isinstance(part, Part):

        def batches(epoch: int, step: int) -> Iterator[Arrays]:
            return map(arrays, part.batches(batch_size, epoch=epoch, step=step, seed=seed))

        return Stream(part.rows, batch_size, batches)
    lazy = _lazy(part)
    if not lazy:
        return arrays(part)
    held = {name: rows.held for name, rows in lazy.items()}
    if all(rows is not None for rows in held.values()):
        return arrays(replace(part, inputs={**part.inputs, **cast("Mapping[str, np.ndarray]", held)}))

    def read(epoch: int, step: int) -> Iterator[Arrays]:
        order = np.arange(part.rows)
        if seed is not None:
            order = np.random.default_rng([seed, epoch]).permutation(part.rows)
        return map(arrays, _batches(part, order[step * batch_size :], batch_size))

    return Stream(part.rows, batch_size, read)


def blocks(part: Part, size: int) -> Iterator[Part]:
    """A part in memory: whole, or where rows of it have to be read, `size` of them at a time, beside their files."""
    if not _lazy(part):
        yield part
        return
    files = next(iter(_lazy(part).values())).names()
    start = 0
    for block in _batches(part, np.arange(part.rows), size):
        inputs = {
            name: array.astype(np.float32) if array.dtype == np.uint8 else array
            for name, array in block.inputs.items()
        }
        yield replace(
            block, inputs=inputs, beside={"file": files[start : start + block.rows], **block.beside}
        )
        start += block.rows


def _lazy(part: Part) -> dict[str, LazyRows]:
    arrays: Mapping[str, Any] = part.inputs
    return {name: rows for name, rows in arrays.items() if isinstance(rows, LazyRows)}


def _batches(part: Part, order: np.ndarray, size: int) -> Iterator[Part]:
    """Rows in an order, `size` at a time, what is read as 8-bit numbers as far as it can be."""
    lazy = _lazy(part)
    ahead = {name: rows[order].packed_blocks(size) for name, rows in lazy.items()}
    rest = replace(part, inputs={name: array for name, array in part.inputs.items() if name not in lazy})
    for start in range(0, len(order), size):
        taken = rest.take(order[start : start + size])
        inputs = {**taken.inputs, **{name: next(each) for name, each in ahead.items()}}
        yield replace(taken, inputs={name: inputs[name] for name in part.inputs})
