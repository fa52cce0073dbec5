"""Where a compiled loop over batches takes them from: arrays in memory, or the blocks of a stream.

The loop is given `data` and one more tensor, which says what is taken of it: the order of the rows of an array, or how
many rows a block has.
"""

from __future__ import annotations

from typing import Any, Protocol

import tensorflow as tf
from keras import tree

from workbench.training.engines.data import ArraySource, Source, StreamSource

Given = tuple[Any, tf.Tensor]


class ChunkRows(Protocol):
    """Rows for a loop over batches.

    Attributes:
        source: the rows.
        any_rows: whether the form is that of other sources of such rows, too.
    """

    @property
    def source(self) -> Source: ...
    @property
    def any_rows(self) -> bool: ...

    def form(self) -> tuple[Any, Any]:
        """What the loop is given, as it is traced for: tensors, or specifications of tensors."""

    def example(self) -> Given:
        """Something of that form, for a call that runs no step."""

    def at(self, epoch: int, step: int, count: int) -> tuple[Given, int, int]:
        """What the loop is given for a step of an epoch, its index therein, and how many steps of `count` it holds."""

    def batch(self, data: Any, taken: tf.Tensor, index: tf.Tensor) -> Any:
        """Inside a graph: the batch of an index."""


class ArrayRows:
    """Arrays in memory, whose rows are gathered in the order of the epoch.

    Args:
        whole: only batches that are whole, whose size the loop then knows.
        any_rows: whether the loop can run over other sources too; their number of rows is then found out at each call.
    """

    def __init__(self, source: ArraySource, *, whole: bool = False, any_rows: bool = False) -> None:
        self.source = source
        self._whole = whole
        self.any_rows = any_rows
        self._epoch: int | None = None
        self._order: Any = None

    def form(self) -> tuple[Any, Any]:
        if not self.any_rows:
            return self.example()
        return self.source.signature(), tf.TensorSpec([None], self.source.index_type)

    def example(self) -> Given:
        if self._order is None:
            self._go_to(0)
        return self.source.data, self._order

    def at(self, epoch: int, step: int, count: int) -> tuple[Given, int, int]:
        self._go_to(epoch)
        return (self.source.data, self._order), step, count

    def batch(self, data: Any, taken: tf.Tensor, index: tf.Tensor) -> Any:
        if self._whole:
            rows = tf.gather(taken, index)  # a slice would have XLA compile again for every `start`
        else:
            first = index * self.source.batch_size
            rows = taken[first : tf.minimum(first + self.source.batch_size, tf.size(taken))]
            rows = self.source.share.take(rows)
        return tree.map_structure(lambda array: tf.gather(array, rows), data)

    def _go_to(self, epoch: int) -> None:
        if epoch != self._epoch:
            order = self.source.order(epoch)
            if self._whole:  # shape (whole batches, batch size)
                batches, size = self.source.rows // self.source.batch_size, self.source.batch_size
                order = order[: batches * size].reshape(batches, size)
            self._order = tf.convert_to_tensor(order)
            self._epoch = epoch


class StreamRows:
    """The blocks of a stream, whose rows follow one another as they are trained on.

    Args:
        epochs: the epoch before which training ends.
        whole: only batches that are whole, whose size the loop then knows.
    """

    def __init__(self, source: StreamSource, epochs: int, *, whole: bool = False) -> None:
        self.source = source
        self._epochs = epochs
        self._whole = whole
        self.any_rows = not whole

    def form(self) -> tuple[Any, Any]:
        rows = self.source.blocks.size * self.source.batch_size if self._whole else None
        return self.source.signature(rows), tf.TensorSpec([], tf.int32)

    def example(self) -> Given:
        return self.source.blocks.empty(), tf.constant(0)

    def at(self, epoch: int, step: int, count: int) -> tuple[Given, int, int]:
        block = self.source.blocks.at(epoch, step, self._epochs)
        index = step - block.first
        return (block.data, tf.constant(block.rows)), index, min(count, block.steps - index)

    def batch(self, data: Any, taken: tf.Tensor, index: tf.Tensor) -> Any:
        size = self.source.batch_size
        first = index * size
        if not self._whole:
            return tree.map_structure(lambda array: array[first : tf.minimum(first + size, taken)], data)

        def whole(array: tf.Tensor) -> tf.Tensor:
            batches = tf.reshape(array, [-1, size, *array.shape[1:]])
            return tf.gather(batches, index)  # a slice would have XLA compile again for every `start`

        return tree.map_structure(whole, data)


def chunk_rows(source: Source, epochs: int, *, whole: bool = False, any_rows: bool = False) -> ChunkRows:
    """The rows of a source; the arguments are those of `ArrayRows` and `StreamRows`."""
    if isinstance(source, ArraySource):
        return ArrayRows(source, whole=whole, any_rows=any_rows)
    return StreamRows(source, epochs, whole=whole)
