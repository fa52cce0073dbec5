"""The variables of a model in one of several processes that train it, and how they are kept the same in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench.assembly.own_training import variables_with_optimizers
from workbench.errors import TrainingError
from workbench.keras_private import backend_value, holds_seed
from workbench.storage.optimizers import optimizers
from workbench.training.engines.metrics import Logs, is_quick
from workbench.training.group.collectives import Collectives, fingerprint
from workbench.training.group.spent import Spent
from workbench.training.variables import put

_ROUNDING = 1e-4  # of the largest number of a variable: what some steps make of last bits stays far below
_APART = 0x9E3779B9  # between the seeds of two processes


class Joined(NamedTuple):
    """What all processes have done in a call.

    Attributes:
        logs: of all processes, in the first; those of others mean nothing.
        spent: what each process has spent, by rank.
        fingerprints: of the variables afterwards, in the first process.
    """

    logs: Logs
    spent: list[Spent]
    fingerprints: list[int]


class Replica:
    """The model of this process.

    Weights and the state of optimizers come out the same in each process, for their gradients do. What a layer computes
    of rows and keeps (moving averages) becomes the mean of all. Metrics count in each process, and are added up in the
    first. Seeds are apart: each process draws its own numbers.

    Args:
        model: compiled and built, with its metrics and the state of its optimizers.
        others: layers that are no part of the model, and draw random numbers too.
    """

    def __init__(self, model: Any, collectives: Collectives, others: Sequence[Any] = ()) -> None:
        self._model = model
        self._collectives = collectives
        # A step of its own may use none. What looks whether the model can be saved has built it, in the chief alone.
        # Beside others that train the model, Keras' own is none of them, and stays as it is.
        for optimizer in optimizers(model).values():
            if not optimizer.built:
                optimizer.build(model.trainable_variables)
        metrics = list(model.metrics_variables)
        known = {id(each) for each in metrics}
        own = [each for each in variables_with_optimizers(model) if id(each) not in known]
        drawing = [each for layer in others for each in layer.variables]
        self.metrics = _plain(metrics)
        self._seeds = _plain([each for each in (*own, *drawing) if holds_seed(each)])
        rest = [each for each in own if not holds_seed(each)]
        of_layers = {id(each) for each in model.non_trainable_variables}
        kept = [each for each in rest if id(each) in of_layers and _is_float(each)]
        self._averaged = _plain(kept)
        averaged = {id(each) for each in kept}
        self._equal = _plain([each for each in rest if id(each) not in averaged])
        self._names = [str(getattr(each, "path", each.name)) for each in rest if id(each) not in averaged]
        self._prints_of_all = tf.function(lambda: _fingerprints(self._all), autograph=False)
        self._prints_of_averaged = tf.function(lambda: _fingerprints(self._averaged), autograph=False)
        self._sums = tf.function(self._sums_now, autograph=False)

    @property
    def _all(self) -> list[tf.Variable]:
        return [*self._equal, *self._averaged]

    @property
    def form(self) -> str:
        """What the variables are. Of others a sum would wait for ever."""
        every = [*self._all, *self._seeds, *self.metrics]
        return " ".join(f"{each.dtype.name}{each.shape.as_list()}" for each in every)

    def fingerprints(self) -> list[int]:
        """A number for each variable that another value changes."""
        return _numbers(self._prints_of_all())

    def begin(self) -> None:
        """Take all that the first process has."""
        self.take(range(len(self._all)))
        taken = self._collectives.from_first([each.value() for each in self._seeds], "seeds")
        for variable, value in zip(self._seeds, taken, strict=True):
            put(variable, _apart(value, self._collectives.share.rank))

    def take(self, changed: Sequence[int]) -> None:
        """Take the variables that have changed in the first process, by their numbers."""
        if not changed:
            return
        variables = [self._all[index] for index in changed]
        name = f"variables {','.join(map(str, changed))}"
        for variable, value in zip(
            variables, self._collectives.from_first([each.value() for each in variables], name), strict=True
        ):
            put(variable, value)

    def forget_metrics(self) -> None:
        """Set the metrics to zero: what this process counts, the first one adds to its own."""
        for variable in self.metrics:
            put(variable, tf.zeros_like(variable))

    def join(self, logs: Logs, rows: int, spent: Spent, *, given_by_metrics: bool) -> Joined:
        """After steps: average what layers keep, add up the metrics, and see to it that the weights are the same.

        Args:
            logs: of the last step, in this process.
            rows: that this process had in the last step: what is no metric is taken for a mean over them.
            spent: what this process has spent on these steps.
            given_by_metrics: whether the logs are the results of the metrics.

        Raises:
            TrainingError: the weights are not the same.
        """
        own = (
            () if given_by_metrics else tuple(tf.cast(each, tf.float64) for each in tree.flatten(dict(logs)))
        )
        size = self._collectives.share.size
        mine = np.zeros([size, len(spent)])
        mine[self._collectives.share.rank] = spent
        states, metrics, all_prints, prints, every_spent, totals = self._sums(
            own, tf.constant(rows, tf.float64), tf.constant(mine)
        )
        of_each = [Spent(*each) for each in every_spent.numpy().tolist()]
        both = zip(_numbers(all_prints), _numbers(prints), strict=True)
        differ = [index for index, (total, mine) in enumerate(both) if mine * size != total]
        if differ:
            self._agree(differ)
        for variable, value in zip(self._averaged, states, strict=True):
            put(variable, value)
        for variable, value in zip(self.metrics, metrics, strict=True):
            put(variable, value)
        if self._collectives.share.rank:
            return Joined(logs, of_each, [])
        # As `fingerprints` returns them; those of the equal variables are known already.
        known = self.fingerprints() if differ else _numbers(prints) + _numbers(self._prints_of_averaged())
        results = self._results()
        if given_by_metrics:
            return Joined(results, of_each, known)
        means = tree.pack_sequence_as(dict(logs), totals)
        both_kinds = {name: results.get(name, tf.cast(mean, tf.float32)) for name, mean in means.items()}
        return Joined(both_kinds, of_each, known)

    def _agree(self, differ: Sequence[int]) -> None:
        """Take the values of the first process where last bits are others, as another processor makes them.

        Raises:
            TrainingError: it is more than last bits.
        """
        variables = [self._equal[index] for index in differ]
        name = f"agreed {','.join(map(str, differ))}"
        first = self._collectives.from_first([each.value() for each in variables], name)
        far = [_far(each.value(), value) for each, value in zip(variables, first, strict=True)]
        (votes,) = self._collectives.sum([tf.stack(far)], name)
        if wrong := [self._names[index] for index, count in zip(differ, votes.numpy(), strict=True) if count]:
            raise _not_equal(wrong)
        for variable, value in zip(variables, first, strict=True):
            put(variable, value)

    def _results(self) -> Logs:
        if is_quick(self._model, "get_metrics_result"):  # it would give those of the last step
            return keras.Model.get_metrics_result(self._model)
        return self._model.get_metrics_result()

    def _sums_now(self, logs: tuple[tf.Tensor, ...], rows: tf.Tensor, spent: tf.Tensor) -> tuple[Any, ...]:
        # In double precision the mean of equal numbers is that number, and numbers of one type need one sum.
        states = [tf.cast(each.value(), tf.float64) for each in self._averaged]
        metrics = [_exact(each.value()) for each in self.metrics]
        prints = _fingerprints(self._equal)
        weighted = [each * rows for each in logs]
        sums = self._collectives.sum([*states, *metrics, prints, rows, spent, *weighted], "state")
        size = self._collectives.share.size
        first, second = len(states), len(states) + len(metrics)
        means = [tf.cast(total / size, each.dtype) for total, each in zip(sums, self._averaged, strict=False)]
        of_logs = [total / sums[second + 1] for total in sums[second + 3 :]]
        counted = [
            tf.cast(total, each.dtype) for total, each in zip(sums[first:], self.metrics, strict=False)
        ]
        return means, counted, sums[second], prints, sums[second + 2], of_logs


def _plain(variables: Sequence[Any]) -> list[tf.Variable]:
    """As variables of TensorFlow, each once."""
    found = [backend_value(each) if isinstance(each, keras.Variable) else each for each in variables]
    return list({id(each): each for each in found if isinstance(each, tf.Variable)}.values())


def _fingerprints(variables: Sequence[tf.Variable]) -> tf.Tensor:
    """A number for each variable that another value changes; shape (variables,)."""
    if not variables:
        return tf.zeros([0], tf.float64)
    return tf.stack([fingerprint(each.value()) for each in variables])


def _exact(tensor: tf.Tensor) -> tf.Tensor:
    return tf.cast(tensor, tf.float64) if tensor.dtype.is_floating else tensor


def _numbers(tensor: tf.Tensor) -> list[int]:
    return [int(each) for each in tensor.numpy()]


def _far(mine: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """1 where two tensors differ by more than rounding, else 0; shape ()."""
    mine, wanted = tf.cast(mine, tf.float64), tf.cast(wanted, tf.float64)
    size = tf.maximum(tf.reduce_max(tf.abs(wanted)), 1e-3)
    near = tf.reduce_all(tf.abs(mine - wanted) <= _ROUNDING * size)
    return tf.cast(tf.logical_not(near), tf.int64)


def _is_float(variable: Any) -> bool:
    return tf.as_dtype(variable.dtype).is_floating


def _apart(seed: tf.Tensor, rank: int) -> tf.Tensor:
    """The state of a seed generator, shape (2,), for another process: its own numbers from the same beginning."""
    moved = tf.constant([rank * _APART % 2**32, 0], dtype=tf.int64)
    return tf.cast((tf.cast(seed, tf.int64) + moved) % 2**32, seed.dtype)


def _not_equal(names: Sequence[str]) -> TrainingError:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return TrainingError(
        f"after the same steps the processes do not have the same {shown}.",
        where="train.workers",
        hint="Several processes can train what an optimizer changes by `apply`. Train this model with `workers: 1`.",
    )
