"""Weighted means by name, stored in a variable inside a compiled step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow as tf

from workbench.training.variables import put, value_of


class RunningMeans:
    """The weighted mean of several numbers over many steps.

    Args:
        names: what the numbers are called, in the order they are added.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        with tf.init_scope():
            self._zeros = tf.zeros(len(self.names) + 1)
        self._sums = variable(self._zeros)  # the last is the sum of the weights

    def add(self, values: tf.Tensor, weight: Any = 1.0) -> None:
        """Count the values of a step: a vector of float32, one number for each name."""
        self._sums.assign_add(tf.concat([values, [1.0]], 0) * weight)

    def reset(self) -> None:
        put(self._sums, self._zeros)

    def sums(self) -> tuple[dict[str, float], float]:
        """The weighted sum of each number, and of the weights."""
        *sums, weight = value_of(self._sums).astype(float).tolist()
        return dict(zip(self.names, sums, strict=True)), weight


def taken(several: Iterable[RunningMeans]) -> dict[str, float]:
    """The means by name over all, which begin again; a name that was given no value is left out."""
    sums: dict[str, float] = {}
    weights: dict[str, float] = {}
    for means in several:
        values, weight = means.sums()
        means.reset()
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + value
            weights[name] = weights.get(name, 0.0) + weight
    return {name: value / weights[name] for name, value in sums.items() if weights[name] > 0}


def variable(value: Any) -> tf.Variable:
    """A variable that outlives the step being traced.

    TensorFlow does not count it as one that the step has made, for which it would trace the step once more.
    """
    with tf.init_scope():
        return tf.Variable(value, trainable=False, experimental_enable_variable_lifting=False)
