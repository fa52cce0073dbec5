"""The data of an engine: rows held in memory (`Arrays`) or read batch by batch (`Stream`).

Every engine uses the rows of an epoch in the same order: our own permutation drawn from the seed and the epoch's
number, or the order of the data. So engines agree with one another, and a run can resume inside an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench.errors import DataError
from workbench.training.engines.blocks import Blocks
from workbench.training.engines.shares import ALL_ROWS, Share

ClassWeight = Mapping[int, float]

# Nothing here needs AutoGraph, which writes each function again into a temporary file.
_as_written = tf.autograph.experimental.do_not_convert


@dataclass(frozen=True)
class Arrays:
    """Rows held in memory.

    Args:
        x: an array, or a dict, list or tuple of arrays, in the structure the model is called with. The first axis of
            every array is the rows.
        y: the targets, in the structure of the model's outputs; None where the loss needs none.
        sample_weight: one weight a row, or one array for each output; None for equal weights.

    Raises:
        DataError: there are no rows, or the arrays disagree on how many.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None

    def __post_init__(self) -> None:
        counts = {
            len(array) for array in tree.flatten((self.x, self.y, self.sample_weight)) if array is not None
        }
        if len(counts) != 1:
            listed = ", ".join(map(str, sorted(counts))) or "none"
            raise DataError(f"the arrays must have the same number of rows; these have {listed}")
        if counts == {0}:
            raise DataError("there are no rows to work on")

    @property
    def rows(self) -> int:
        return len(tree.flatten(self.x)[0])


@dataclass(frozen=True)
class Stream:
    """Rows read batch by batch, for data that does not fit in memory.

    Args:
        rows: how many rows an epoch has.
        batch_size: rows of every batch but the last, which has what is left.
        batches: called with an epoch and a step, both from 0, and a number; returns the rows of that epoch from that
            step on, so many batches at a time. It decides the order of rows, and must give the same order each time
            it is called for an epoch.
    """

    rows: int
    batch_size: int
    batches: Callable[[int, int, int], Iterator[Arrays]]


class ArraySource:
    """Arrays as batches: `data` holds them as the tuple for a model's `train_step`, `steps` is the batches of
    an epoch. Of each batch this process takes its `share`. Without `shuffle`, epochs are alike."""

    def __init__(
        self,
        arrays: Arrays,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        class_weight: ClassWeight | None = None,
        share: Share = ALL_ROWS,
    ) -> None:
        self.share = share
        self.rows = arrays.rows
        self.batch_size = batch_size
        self.steps = math.ceil(self.rows / batch_size)
        self.data = tree.map_structure(tf.convert_to_tensor, packed(arrays, class_weight))
        self.epochs_are_alike = not shuffle
        self._seed = seed
        self.index_type = tf.int32 if self.rows < 2**31 else tf.int64
        self._ordered: tuple[int, np.ndarray] | None = None  # of the epoch asked for last

    def signature(self, batch_size: int | None = None) -> Any:
        """The batch as tensor specifications; a batch size of None is one that may vary."""
        return tree.map_structure(lambda a: tf.TensorSpec([batch_size, *a.shape[1:]], a.dtype), self.data)

    def at_hand(self, epoch: int, step: int) -> range:
        """The steps of an epoch, with or without this one, that cost nothing to read: all."""
        return range(self.steps)

    def whole_batch(self, epoch: int, step: int) -> Any:
        """A batch of an epoch, with the rows of all processes; not the last one, which may be short."""
        indices = self.order(epoch)[: self.batch_size]
        return tree.map_structure(lambda array: tf.gather(array, indices), self.data)

    def close(self) -> None:
        """There is nothing to let go of."""

    def order(self, epoch: int) -> np.ndarray:
        """The rows of an epoch, in the order they are taken: int32 or int64, shape (rows,)."""
        kept = self._ordered  # a pipeline's thread may ask for the next epoch meanwhile
        if kept is None or kept[0] != epoch:
            if self.epochs_are_alike:
                order = np.arange(self.rows)
            else:
                order = np.random.default_rng([self._seed, epoch]).permutation(self.rows)
            kept = self._ordered = int(epoch), order.astype(self.index_type.as_numpy_dtype)
        return kept[1]

    def dataset(self, epoch: int, step: int, epochs: int) -> tf.data.Dataset:
        """The batches from a step of an epoch to the last of `epochs`, without a gap in between."""

        @_as_written
        def batch_indices(epoch: tf.Tensor) -> tf.data.Dataset:
            order = tf.numpy_function(self.order, [epoch], self.index_type, stateful=False)
            order.set_shape([self.rows])
            return tf.data.Dataset.range(self.steps).map(
                lambda step: self.share.take(order[step * self.batch_size : (step + 1) * self.batch_size])
            )

        options = tf.data.Options()
        # The default rewrites cost time at every new iterator and find nothing to improve here.
        options.experimental_optimization.apply_default_optimizations = False
        return (
            tf.data.Dataset.range(epoch, epochs)
            .flat_map(batch_indices)
            .skip(step)
            .map(self._rows_at, num_parallel_calls=tf.data.AUTOTUNE)
            .prefetch(tf.data.AUTOTUNE)
            .with_options(options)
        )

    @_as_written
    def _rows_at(self, indices: tf.Tensor) -> Any:
        return tree.map_structure(lambda array: tf.gather(array, indices), self.data)


class StreamSource:
    """A stream as batches, `steps` of them an epoch; at most a few are in memory at a time. Of each batch this process
    takes its `share`.

    `blocks` has them many at a time. `first_batch` is that of the first epoch, with the rows of every process. `error`
    holds what the stream raised in a dataset, for TensorFlow shows its callers only the text of it.
    """

    epochs_are_alike = False  # nobody knows

    def __init__(
        self,
        stream: Stream,
        *,
        class_weight: ClassWeight | None = None,
        share: Share = ALL_ROWS,
    ) -> None:
        self.share = share
        self.rows = stream.rows
        self.batch_size = stream.batch_size
        self.steps = math.ceil(stream.rows / stream.batch_size)
        self.error: Exception | None = None
        self._stream = stream
        self._class_weight = class_weight
        first = next(stream.batches(0, 0, 1), None)
        if first is None or not self.steps:
            raise DataError("the stream has no rows")
        self.first_batch = packed(first, class_weight)
        self.blocks = Blocks(self._read, self.first_batch, self.batch_size, self.steps)

    def signature(self, batch_size: int | None = None) -> Any:
        """The batch as tensor specifications; a batch size of None is one that may vary."""
        return tree.map_structure(
            lambda a: tf.TensorSpec([batch_size, *a.shape[1:]], a.dtype), self.first_batch
        )

    def at_hand(self, epoch: int, step: int) -> range:
        """The steps of an epoch around this one that can be run again and again without reading anything."""
        block = self.blocks.at(epoch, step if step < self.steps else 0, epoch + 1)
        return range(block.first, block.first + block.steps)

    def close(self) -> None:
        """Stop reading."""
        self.blocks.close()

    def dataset(self, epoch: int, step: int, epochs: int) -> tf.data.Dataset:
        """The batches from a step of an epoch to the last of `epochs`, without a gap in between."""
        held = self.blocks.held(epoch, step)

        def batches() -> Iterator[Any]:
            try:
                behind = step
                if held is not None:
                    behind = held.first + held.steps
                    yield from map(self.share.of_batch, map(held.batch, range(step, behind)))
                if behind < self.steps:
                    yield from map(self.share.of_batch, self._read(epoch, behind, 1))
                for later in range(epoch + 1, epochs):
                    yield from map(self.share.of_batch, self._read(later, 0, 1))
            except Exception as error:
                self.error = error
                raise

        return tf.data.Dataset.from_generator(batches, output_signature=self.signature()).prefetch(2)

    def whole_batch(self, epoch: int, step: int) -> Any:
        """The batch of a step, with the rows of all processes."""
        with closing(self._read(epoch, step, 1)) as batches:
            return next(batches)

    def _read(self, epoch: int, step: int, at_once: int) -> Generator[Any]:
        """The rows from a step of an epoch on, in the structure of a batch, so many batches at a time."""
        given = step
        for rows in self._stream.batches(epoch, step, at_once):
            batch = packed(rows, self._class_weight)
            left = (self.steps - given) * self.batch_size
            given += math.ceil(min(rows.rows, left) / self.batch_size)
            yield batch if rows.rows <= left else tree.map_structure(lambda a: a[:left], batch)  # noqa: B023
            if given == self.steps:
                return
        raise DataError(
            f"the stream ended after {given} of {self.steps} batches",
            hint=f"It says it has {self.rows} rows, in batches of {self.batch_size}.",
        )


Source = ArraySource | StreamSource


def packed(arrays: Arrays, class_weight: ClassWeight | None = None) -> Any:
    """The arrays as the tuple for `train_step`, with floating-point numbers as Keras' `floatx`.

    This is what `keras.Model.fit` makes of its arguments: lists become tuples, a single sample weight goes to every
    output, class weights become sample weights.

    Raises:
        DataError: class weights were given along with sample weights, or for a model of several outputs.
    """
    x, y, sample_weight = tree.lists_to_tuples(
        tree.map_structure(_as_floatx, (arrays.x, arrays.y, arrays.sample_weight))
    )
    if class_weight is not None:
        if sample_weight is not None:
            raise DataError("give either class weights or sample weights, not both")
        if y is None or tree.is_nested(y):
            raise DataError("class weights need a model with a single output")
        sample_weight = weight_of_classes(y, class_weight)
    elif sample_weight is not None and tree.is_nested(y) and not tree.is_nested(sample_weight):
        sample_weight = tree.map_structure(lambda _: sample_weight, y)
    return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


def _as_floatx(array: Any) -> Any:
    if array is None:
        return None
    array = np.asarray(array)
    if np.issubdtype(array.dtype, np.floating):
        return array.astype(keras.config.floatx(), copy=False)
    return array


def weight_of_classes(y: np.ndarray, class_weight: ClassWeight) -> np.ndarray:
    """One weight a row. `y` holds class numbers, alone or in a last axis of 1, or one-hot rows."""
    if y.ndim > 1:
        y = np.squeeze(y, axis=-1) if y.shape[-1] == 1 else np.argmax(y, axis=-1)
    classes = np.round(y).astype(np.int64)
    weights = np.ones(classes.shape, dtype=keras.config.floatx())
    for class_number, weight in class_weight.items():
        weights[classes == int(class_number)] = weight
    return weights
