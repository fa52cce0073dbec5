"""The gradients of a whole batch, of which each process has computed its share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import tensorflow as tf

from workbench.keras_private import synchronized_moments
from workbench.storage.optimizers import optimizers
from workbench.training.engines.accumulation import Accumulation, rows_of
from workbench.training.engines.programs import Step
from workbench.training.group.collectives import Collectives
from workbench.training.monitors.seen import attribute

Apply = Callable[..., Any]


def with_summed_gradients(
    step: Step, model: Any, collectives: Collectives, accumulation: Accumulation | None, sum_in: str
) -> Step:
    """A `train_step` whose optimizers get the gradients of the whole batch, and whose synchronized batch normalization
    its mean and variance.

    A loss is a mean over rows, and so is its gradient: that of the whole batch is the mean of those of the shares, each
    counted as often as it has rows. Terms that do not depend on rows (of a regularizer) are equal in each, and stay
    what they are.

    Args:
        accumulation: adds up the gradients of several batches, in each process its own; the processes add theirs up
            when the optimizer steps, and not before.
        sum_in: the type of number that the processes exchange: `float32` or `bfloat16`.
    """
    sums = _Sums(collectives, None if sum_in == "float32" else tf.as_dtype(sum_in))

    def summed(data: Any) -> Any:
        rows = rows_of(data)
        with ExitStack() as stack:
            for name, optimizer in optimizers(model).items():
                # Only while it is traced: what else uses the optimizer does so alone.
                if accumulation:
                    apply = accumulation.adding(optimizer, sums.counted(rows), sums.means, name)
                else:
                    apply = sums.apply(optimizer.apply, rows, f"gradients of {name}")
                stack.enter_context(attribute(optimizer, "apply", apply))
            stack.enter_context(synchronized_moments(_Moments(collectives, rows).sum))
            return step(data)

    return accumulation.counting(summed) if accumulation else summed


class _Sums:
    """Gradients, added up over the processes.

    Args:
        sent_as: the type in which they are; None for their own, at least single precision.
    """

    def __init__(self, collectives: Collectives, sent_as: tf.DType | None) -> None:
        self._collectives = collectives
        self._sent_as = sent_as

    def apply(self, apply: Apply, rows: tf.Tensor, name: str) -> Apply:
        """The `apply` of an optimizer, for the gradients of all rows."""

        def summed(grads: Sequence[Any], trainable_variables: Any = None) -> Any:
            means = list(grads)
            sparse = [index for index, each in enumerate(grads) if isinstance(each, tf.IndexedSlices)]
            dense = [index for index, each in enumerate(grads) if each is not None and index not in sparse]
            weighted = [grads[index] * tf.cast(rows, grads[index].dtype) for index in dense]
            totals, all_rows = self._totals(weighted, rows, name)
            for index, total in zip(dense, totals, strict=True):
                means[index] = total / tf.cast(all_rows, total.dtype)
            for index in sparse:
                means[index] = self._joined(grads[index], rows / all_rows, f"{name}, {index}")
            return apply(means, trainable_variables)

        return summed

    def means(self, sums: Sequence[tf.Tensor], rows: tf.Tensor, name: str) -> list[tf.Tensor]:
        """See `engines.accumulation.Add`."""
        totals, all_rows = self._totals(sums, rows, f"gradients of {name}")
        return [total / tf.cast(all_rows, total.dtype) for total in totals]

    def counted(self, rows: tf.Tensor) -> tf.Tensor:
        """The rows of a batch that this process counts: none of one that each has, but the first."""
        if self._collectives.share.rank == 0:
            return rows
        return tf.where(self._collectives.alone, 0.0, rows)

    def _totals(
        self, sums: Sequence[tf.Tensor], rows: tf.Tensor, name: str
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        if self._sent_as is None:
            *totals, all_rows = self._collectives.sum([*sums, rows], name)
            return totals, all_rows
        (all_rows,) = self._collectives.sum([rows], f"rows of {name}")  # a number too exact for that type
        return self._collectives.sum(sums, name, self._sent_as), all_rows

    def _joined(self, gradient: tf.IndexedSlices, part: tf.Tensor, name: str) -> tf.IndexedSlices:
        """The gradient of an embedding: that of each of its rows, as often as the whole batch has met it. An optimizer
        of Keras takes each by itself (it squares them one by one), so they cannot be added up.

        Args:
            part: of this process in the rows of the batch.
        """
        collectives = self._collectives
        first = collectives.share.rank == 0
        mine = tf.where(collectives.alone, tf.cast(first, tf.float32), part)
        taken = tf.where(
            tf.logical_or(first, tf.logical_not(collectives.alone)), tf.size(gradient.indices), 0
        )
        values = gradient.values[:taken] * tf.cast(mine, gradient.values.dtype)
        return tf.IndexedSlices(
            collectives.concatenated(values, f"values of {name}", self._sent_as),
            collectives.concatenated(gradient.indices[:taken], f"indices of {name}"),
            gradient.dense_shape,
        )


class _Moments:
    """Sums over the processes inside a model, through which gradients go."""

    def __init__(self, collectives: Collectives, rows: tf.Tensor) -> None:
        self._collectives = collectives
        self._rows = rows

    def sum(self, tensor: tf.Tensor) -> tf.Tensor:
        @tf.custom_gradient
        def summed(value: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            (total,) = self._collectives.sum([value], "moments")

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                # Every process's loss depends on this sum, each with the weight of its rows; this gradient gets that of
                # ours later.
                rows = tf.cast(self._rows, upstream.dtype)
                (every,) = self._collectives.sum([upstream * rows], "gradients of moments")
                return every / rows

            return total, gradient

        return summed(tensor)
