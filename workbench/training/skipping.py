"""Leave out steps whose loss is not finite, or whose update would make a weight so (`train.on_nan: skip`).

A step that is left out changes nothing: weights, optimizers, metrics and moving averages are as they were before it.
Only the generators of random numbers go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from workbench.assembly.own_training import variables_with_optimizers
from workbench.errors import TrainingError
from workbench.keras_private import backend_value
from workbench.training.finite import losses_of
from workbench.training.monitors.running_means import variable
from workbench.training.progress import Progress
from workbench.training.variables import put, value_of

Step = Callable[[Any], Any]
SEED = tf.uint32  # the type of the states of Keras' generators of random numbers


class SkippedSteps(keras.callbacks.Callback):
    """Leaves out steps, and counts them. Must stand before `progress` among the callbacks, which reports them.

    Args:
        model: compiled and built.
        progress: gets the number of steps that were left out in an epoch; None where nobody asks.
        where: of an error.

    Raises:
        TrainingError: at the end of an epoch of which no step is left.
    """

    every_batch = False

    def __init__(self, model: Any, progress: Progress | None = None, where: str = "") -> None:
        super().__init__()
        self._built = model
        self._progress = progress
        self._where = where
        with tf.init_scope():
            self._zero = tf.constant(0, tf.int64)
        # Of the epoch: how many steps were run, how many of them left out, and the first one, from 1.
        self._run, self._count, self._first = (variable(self._zero) for _ in range(3))
        self._begun, self._before = False, 0
        self._logs: dict[str, tf.Variable] = {}

    def wrap_step(self, step: Step) -> Step:
        """The step, without effect where it is not finite."""

        traced = tf.function(step, autograph=False)

        def kept(data: Any) -> Any:
            model = self._built
            if tf.executing_eagerly():
                run, changed = step, [*variables_with_optimizers(model), *model.metrics_variables]
            else:  # all that it may change, whoever holds it
                run, changed = traced, traced.get_concrete_function(data).graph.variables
            changed = [each for each in map(_backend, changed) if each.dtype != SEED]
            before = [tf.identity(each) for each in changed]
            logs = run(data)
            metrics = {id(each) for each in model.metrics_variables}
            state = [_backend(each) for each in variables_with_optimizers(model) if id(each) not in metrics]
            good = _is_finite([*losses_of(logs), *state])
            for each, value in zip(changed, before, strict=True):
                each.assign(tf.where(good, each, value))
            self._note(good)
            results = model.get_metrics_result()
            if not isinstance(logs, Mapping):
                return logs
            return results if set(logs) == set(results) else self._last_good(logs, good)

        return kept

    def _last_good(self, logs: Mapping[str, Any], good: tf.Tensor) -> dict[str, Any]:
        """The logs of a step of the model's own; of one that was left out, those of the step before."""
        found: dict[str, Any] = {}
        for name, log in logs.items():
            value = tf.convert_to_tensor(log)
            if not value.dtype.is_floating or value.shape.rank != 0:
                found[name] = value
                continue
            if name not in self._logs:
                with tf.init_scope():
                    self._logs[name] = variable(tf.zeros((), value.dtype))
            self._logs[name].assign(tf.where(good, value, self._logs[name]))
            found[name] = self._logs[name].value()
        return found

    def _note(self, good: tf.Tensor) -> None:
        bad = tf.cast(~good, tf.int64)
        self._run.assign_add(tf.ones((), tf.int64))
        is_first = tf.logical_and(~good, self._count == 0)
        self._first.assign(tf.where(is_first, self._run, self._first))
        self._count.assign_add(bad)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        for each in (self._run, self._count, self._first):
            put(each, self._zero)
        self._begun = False

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not self._begun:
            self._begun, self._before = True, batch

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        count = int(value_of(self._count))
        if not count or self._progress is None:
            return
        first = self._before + int(value_of(self._first))
        self._progress.skipped = {"steps": count, "first": first}
        if count == int(value_of(self._run)):
            raise TrainingError(
                f"training failed: every step of epoch {epoch + 1} was left out, for the loss or the weights would be "
                "nan or infinite.",
                where=self._where,
                hint="`train.on_nan: stop` ends at the first of them, and `kwb replay` says where it comes from.",
            )


def _backend(each: Any) -> Any:
    return backend_value(each) if isinstance(each, keras.Variable) else each


def _is_finite(tensors: list[Any]) -> tf.Tensor:
    """True if every number is finite."""
    floating = [each for each in map(tf.convert_to_tensor, tensors) if each.dtype.is_floating]
    found = [tf.reduce_all(tf.math.is_finite(each)) for each in floating]
    return tf.reduce_all(tf.stack(found)) if found else tf.constant(True)
