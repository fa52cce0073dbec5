"""The rows of a part as an engine takes them: arrays, or batches that are read while the model trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

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

        def batches(epoch: int, step: int, at_once: int) -> Iterator[Arrays]:
            found = part.batches(batch_size, epoch=epoch, step=step, seed=seed, at_once=at_once)
            return map(arrays, found)

        return Stream(part.rows, batch_size, batches)
    lazy = _lazy(part)
    if not lazy:
        return arrays(part)
    if all(rows.reader.held is not None and rows.center is None for rows in lazy):
        return arrays(_mapped(part, lambda array: array.held if isinstance(array, LazyRows) else array))

    def read(epoch: int, step: int, at_once: int) -> Iterator[Arrays]:
        order = np.arange(part.rows)
        if seed is not None:
            order = np.random.default_rng([seed, epoch]).permutation(part.rows)
        return map(arrays, _batches(part, order[step * batch_size :], batch_size * at_once))

    return Stream(part.rows, batch_size, read)


def blocks(part: Part, size: int) -> Iterator[Part]:
    """A part in memory: whole, or where rows of it have to be read, `size` of them at a time, beside their files."""
    if not _lazy(part):
        yield part
        return
    files = _lazy(part)[0].names()
    start = 0
    for block in _batches(part, np.arange(part.rows), size):
        yield replace(
            _mapped(block, _as_float), beside={"file": files[start : start + block.rows], **block.beside}
        )
        start += block.rows


def _as_float(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.uint8 else array


def _lazy(part: Part) -> list[LazyRows]:
    """The arrays of a part whose rows have to be read: pictures among the inputs first, masks among the targets."""
    arrays: list[Any] = [*part.inputs.values(), *part.targets.values()]
    return [array for array in arrays if isinstance(array, LazyRows)]


def _mapped(part: Part, change: Callable[[Any], Any]) -> Part:
    """A part with all arrays of its inputs and targets changed."""
    return replace(
        part,
        inputs={name: change(array) for name, array in part.inputs.items()},
        targets={name: change(array) for name, array in part.targets.items()},
    )


def _batches(part: Part, order: np.ndarray, size: int) -> Iterator[Part]:
    """Rows in an order, `size` at a time, what is read as 8-bit numbers as far as it can be."""
    ahead = {id(rows): rows[order].packed_blocks(size) for rows in _lazy(part)}
    rest = replace(part, inputs={}, targets={})
    for start in range(0, len(order), size):
        own = order[start : start + size]
        taken = rest.take(own)
        both = _mapped(part, lambda array: next(ahead[id(array)]) if id(array) in ahead else array[own])  # noqa: B023
        yield replace(taken, inputs=both.inputs, targets=both.targets)
