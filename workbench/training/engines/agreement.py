"""Check that a program trains a model to the same numbers as plain Keras.

Programs run the same few steps from the same weights; their logs and final weights are compared.
They may differ as far as the order of floating-point sums goes, and no further: XLA compiles some loops to something
else than they say. How far rounding goes depends on the model (a loss close to zero, weights whose gradient is nothing
but rounding), so where programs differ by more than is usual, the reference is run once more from weights moved by the
smallest number there is: what that changes is rounding too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.keras_private import all_layers
from workbench.training.engines.programs import Program

STEPS = 3
# XLA and TensorFlow were seen to differ by up to 2e-6 in the logs of such steps (float32), and what is wrong by 1e-2
# and more. Half precision rounds that much more coarsely.
USUAL = 1e-4
ROUNDING = 30.0  # times what the smallest change of the weights does

Restore = Callable[[], None]


@dataclass(frozen=True)
class TriedSteps:
    """The results of a few steps.

    Attributes:
        logs: after each step, by name.
        weights: the values of the trainable weights after the last.
    """

    logs: Sequence[dict[str, np.ndarray]]
    weights: Sequence[tf.Tensor]


class Agreement:
    """Compares programs with a reference, from the state that the variables have in between.

    Args:
        model: whose weights are compared.
        reference: runs steps as plain Keras does.
        restore: puts every variable back.
        epoch: the epoch whose steps are run.
        steps: the steps of it that may be run.
    """

    def __init__(
        self, model: keras.Model, reference: Program, restore: Restore, epoch: int, steps: range
    ) -> None:
        self._weights: list[Any] = [weight.value for weight in model.trainable_weights]
        self._usual = USUAL * _coarseness(model)
        self._reference = reference
        self._restore = restore
        self._epoch = epoch
        self._steps = steps[:STEPS]
        restore()
        self._start = [tf.identity(weight) for weight in self._weights]
        self._wanted = self._tried(reference)

    def difference(self, program: Program) -> str:
        """In words, how the program differs from the reference; empty where it does not."""
        found = self._tried(program)
        if self._differs(found, self._usual, self._usual) is None:
            return ""
        self._restore()
        for weight, value in zip(self._weights, self._start, strict=True):
            weight.assign(_moved(value))
        rounding = self._run(self._reference)
        self._restore()
        allowed = [
            max(self._usual, ROUNDING * distance)
            for distance in (_of_logs(rounding, self._wanted)[0], self._of_weights(rounding))
        ]
        return self._differs(found, *allowed) or ""

    def _tried(self, program: Program) -> TriedSteps:
        self._restore()
        trial = self._run(program)
        self._restore()
        return trial

    def _run(self, program: Program) -> TriedSteps:
        logs = []
        for step in self._steps:
            _, found = program.run(self._epoch, step, 1)
            logs.append(_flat(found))
        return TriedSteps(logs, [tf.identity(weight) for weight in self._weights])

    def _differs(self, found: TriedSteps, logs: float, weights: float) -> str | None:
        distance, where = _of_logs(found, self._wanted)
        if distance > logs:
            return where
        distance = self._of_weights(found)
        # A step of Adam turns a gradient that is nothing but rounding into a whole step.
        if distance > 100 * weights:
            return f"after {len(self._steps)} steps the weights differ by {distance:.2g} of the way they went"
        return None

    def _of_weights(self, found: TriedSteps) -> float:
        """The total distance between the weights, relative to the distance that the reference moved them."""
        apart = _length(found.weights, self._wanted.weights)
        way = _length(self._wanted.weights, self._start)
        if not np.isfinite(way):
            return 0.0 if not np.isfinite(apart) else apart
        if not np.isfinite(apart):
            return float("inf")
        return apart / way if way else float(apart > 0.0)


def _of_logs(found: TriedSteps, wanted: TriedSteps) -> tuple[float, str]:
    """The largest relative difference in any log of any step, and where it is."""
    largest, where = 0.0, ""
    for step, (ours, theirs) in enumerate(zip(found.logs, wanted.logs, strict=True), 1):
        for name, value in theirs.items():
            other = ours.get(name)
            if other is None or other.shape != value.shape:
                return float("inf"), f"'{name}' is missing in its logs"
            if value.dtype.kind not in "fiub" or not value.size:
                continue
            distance = _relative(other.astype("float64"), value.astype("float64"))
            if distance > largest:
                shown = (f"{float(np.ravel(array)[0]):.6g}" for array in (other, value))
                here, there = shown
                largest, where = (
                    distance,
                    f"after step {step} '{name}' is {here} where plain Keras has {there}",
                )
    return largest, where


def _relative(found: np.ndarray, wanted: np.ndarray) -> float:
    finite = np.isfinite(wanted)
    if not np.array_equal(finite, np.isfinite(found)):
        return float("inf")
    if not finite.any():
        return 0.0
    scale = np.abs(wanted[finite]).max()
    apart = np.abs(found[finite] - wanted[finite]).max()
    return float(apart / scale) if scale else float(apart)


def _flat(logs: Any) -> dict[str, np.ndarray]:
    return {
        "/".join(map(str, path)): np.asarray(keras.ops.convert_to_numpy(value))
        for path, value in keras.tree.flatten_with_path(logs)
    }


def _length(some: Sequence[Any], others: Sequence[Any]) -> float:
    squares = [
        float(tf.reduce_sum(tf.square(tf.cast(one, tf.float64) - tf.cast(other, tf.float64))))
        for one, other in zip(some, others, strict=True)
        if one.dtype.is_floating
    ]
    return float(np.sqrt(sum(squares)))


def _moved(value: tf.Tensor) -> tf.Tensor:
    """Each number a little further from zero."""
    if not value.dtype.is_floating:
        return value
    return value * tf.cast(1.0 + 2 * np.finfo(value.dtype.as_numpy_dtype).eps, value.dtype)


def _coarseness(model: keras.Model) -> float:
    """How much more coarsely than with float32 the model's layers compute."""
    kinds = {layer.compute_dtype for layer in all_layers(model)}
    coarse = {"float16": 1e3, "bfloat16": 1e4, "float8": 1e5}
    return max((factor for kind, factor in coarse.items() if kind in kinds), default=1.0)


def shown_difference(engine: str, difference: str, chosen: str) -> str:
    """The warning of an engine that trains a model to other numbers; `chosen` is the one that runs."""
    if engine == chosen:
        hint = "`train.engine: auto` trains as plain Keras does."
        return f"engine {engine} trains this model to other numbers than plain Keras: {difference}. {hint}"
    return f"engine {engine} was left out, it trains this model to other numbers: {difference}."
