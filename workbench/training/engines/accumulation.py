"""Gradients of several batches, added up before the optimizer takes a step (`train.accumulate`).

An optimizer of Keras can do that too (`gradient_accumulation_steps`). But there a learning rate schedule and the moving
average of the weights count batches, not steps of the optimizer; a batch of fewer rows counts as much as the others;
and what is left at the end of an epoch is mixed into the next one. Here the optimizer takes the steps that it would
take with batches of so many times the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import tensorflow as tf
from keras import tree

from workbench.errors import TrainingError
from workbench.storage.optimizers import optimizers
from workbench.training.engines.programs import Step
from workbench.training.monitors.running_means import variable
from workbench.training.monitors.seen import attribute
from workbench.training.variables import put, value_of

PREFIX = "accumulated/"
"""Before the names of these sums in a checkpoint."""

Apply = Callable[..., Any]
Add = Callable[[Sequence[tf.Tensor], tf.Tensor, str], list[tf.Tensor]]
"""Of sums of gradients, each times its rows, the means over all rows: the sums, the rows, and a name for them."""


class Accumulation:
    """What has been added up since the optimizer's last step. It takes one after so many batches, and after the last
    batch of an epoch.

    Args:
        batches: how many.
        steps: the batches of an epoch.

    Attributes:
        collect: called before the sums are read: other processes may have a part of them.
    """

    def __init__(self, batches: int, steps: int) -> None:
        self.batches = batches
        self.collect: Callable[[], None] = lambda: None
        self._steps = steps
        self._before: dict[str, np.ndarray] = {}
        self._step = variable(np.int64(0))  # of the epoch
        self._sums: dict[str, tf.Variable] = {}
        self._calls = 0

    def go_on(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Begin with what a checkpoint has kept; before any step is traced."""
        self._before = {name: each for name, each in arrays.items() if name.startswith(PREFIX)}

    def go_to(self, step: int) -> None:
        """The next batch is this one of its epoch, from 0."""
        put(self._step, tf.constant(step, tf.int64))

    def wrap_step(self, step: Step, model: Any) -> Step:
        """A `train_step` whose optimizer takes its steps more seldom."""

        def added(data: Any) -> Any:
            rows = rows_of(data)
            with ExitStack() as stack:
                for name, optimizer in optimizers(model).items():
                    apply = self.adding(optimizer, rows, _means, name)
                    stack.enter_context(attribute(optimizer, "apply", apply))
                return step(data)

        return self.counting(added)

    def counting(self, step: Step) -> Step:
        """The step with its batches counted.

        Raises:
            TrainingError: when it is traced: its optimizer takes no step, or several.
        """

        def counted(data: Any) -> Any:
            self._calls = 0
            logs = step(data)
            if self._calls != 1:
                raise TrainingError(
                    f"the model's train_step applies gradients {self._calls} times, not once: added up, those of "
                    "several batches would not be those of a larger one.",
                    where="train.accumulate",
                    hint="Leave `accumulate` out.",
                )
            self._step.assign_add(1)
            return logs

        return counted

    def adding(self, optimizer: Any, rows: tf.Tensor, add: Add, name: str) -> Apply:
        """The `apply` of an optimizer that adds up gradients, and takes a step when it is time.

        Args:
            rows: as often these gradients count.
            add: makes means of what was added up.
            name: the optimizer's.
        """
        apply = optimizer.apply

        def added(grads: Sequence[Any], trainable_variables: Any = None) -> None:
            self._calls += 1
            if not optimizer.built:  # what it makes inside of a branch is lost
                optimizer.build(list(trainable_variables))
            # That of an embedding becomes dense: of several batches it has most rows anyway.
            dense = {at: tf.convert_to_tensor(each) for at, each in enumerate(grads) if each is not None}
            count = self._sum(f"{name}/rows", rows, rows.shape)
            weights = trainable_variables or {}
            sums = [
                self._sum(f"{name}/{at:05d}", each, weights[at].shape if weights else each.shape)
                for at, each in dense.items()
            ]
            for total, each in zip(sums, dense.values(), strict=True):
                total.assign_add(tf.cast(each, total.dtype) * tf.cast(rows, total.dtype))
            count.assign_add(rows)

            def take_step() -> tf.Tensor:
                means: list[Any] = [None] * len(grads)
                found = add([each.value() for each in sums], count.value(), name)
                for (at, each), mean in zip(dense.items(), found, strict=True):
                    means[at] = tf.cast(mean, each.dtype)
                apply(means, trainable_variables)
                for each in (*sums, count):
                    each.assign(tf.zeros_like(each))
                return tf.constant(0)

            tf.cond(self._is_due(), take_step, lambda: tf.constant(0))

        return added

    def arrays(self, step: int) -> dict[str, np.ndarray]:
        """What a checkpoint keeps behind so many batches of an epoch; nothing where the optimizer has just stepped."""
        if step % self.batches == 0 or step >= self._steps:
            return {}
        self.collect()
        return {PREFIX + name: value_of(each) for name, each in self._sums.items()}

    def is_finite(self) -> bool:
        """True if every number that was added up is finite."""
        return all(bool(np.isfinite(value_of(each)).all()) for each in self._sums.values())

    def join(self, add: Callable[[Sequence[tf.Tensor], str], list[tf.Tensor]], *, first: bool) -> None:
        """Add up what several processes have, into the first of them."""
        found = add([each.value() for each in self._sums.values()], "accumulated")
        for each, total in zip(self._sums.values(), found, strict=True):
            put(each, total if first else tf.zeros_like(total))

    def _is_due(self) -> tf.Tensor:
        done = self._step + 1
        return tf.logical_or(tf.equal(done % self.batches, 0), tf.equal(done, self._steps))

    def _sum(self, name: str, like: tf.Tensor, shape: Any) -> tf.Variable:
        """The variable of a sum; of half precision it is single."""
        if name not in self._sums:
            dtype = tf.float64 if like.dtype == tf.float64 else tf.float32
            before = self._before.pop(PREFIX + name, None)
            fits = before is not None and before.shape == tuple(shape)
            self._sums[name] = variable(before if fits else np.zeros(tuple(shape), dtype.as_numpy_dtype))
        return self._sums[name]


def accumulation_of(batches: int, steps: int, before: Mapping[str, np.ndarray]) -> Accumulation | None:
    """Of so many batches, in an epoch of so many steps; None where the optimizer steps after each batch.

    Args:
        before: the arrays of the checkpoint that a training goes on from.
    """
    if batches == 1:
        return None
    accumulation = Accumulation(batches, steps)
    accumulation.go_on(before)
    return accumulation


def rows_of(data: Any) -> tf.Tensor:
    """The rows of a batch, a scalar of float32."""
    return tf.cast(tf.shape(tree.flatten(data)[0])[0], tf.float32)


def _means(sums: Sequence[tf.Tensor], rows: tf.Tensor, name: str) -> list[tf.Tensor]:
    return [each / tf.cast(rows, each.dtype) for each in sums]
