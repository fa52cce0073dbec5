"""The check that every way to run a training step trains a layer to the same weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.check.comparing import equal
from workbench.check.placing import graph_nodes, lacking_kernel
from workbench.check.randomness import reseed
from workbench.check.results import CheckFailed, NotApplicable, Skipped, error_text
from workbench.check.subject import CheckedEntry
from workbench.storage import layer_paths, structure

STEPS = 3
RATE = 0.05
# Relative differences that rounding was seen to make stay below 1e-5; what is wrong differs by 1e-2 and more.
OF_LOSSES = 1e-3
OF_WEIGHTS = 1e-2  # of the way that the weights went


@dataclass(frozen=True)
class _Trained:
    losses: list[float]
    weights: dict[str, np.ndarray]


def engines(subject: CheckedEntry) -> str:
    layer = subject.fresh()
    weights = [weight.value for weight in layer.trainable_weights]
    if subject.is_stock and not weights:
        raise NotApplicable("it is Keras' own and has no trainable weights")
    arguments = subject.inputs.arguments
    random = not equal(*(subject.raw_outputs(layer, training=True) for _ in range(2)))
    start = [np.array(variable) for variable in layer.variables]

    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = keras.tree.flatten(layer(*arguments, training=True))
            terms = [tf.reduce_mean(tf.square(tf.cast(t, "float32") - 0.5)) for t in outputs if _is_number(t)]
            loss = tf.add_n(
                [tf.zeros(()), *terms, *(tf.reduce_sum(tf.cast(each, "float32")) for each in layer.losses)]
            )
        for weight, gradient in zip(weights, tape.gradient(loss, weights) if weights else (), strict=True):
            if gradient is not None:
                weight.assign_sub(RATE * tf.convert_to_tensor(gradient))
        return loss

    def trained(run: Callable[[], tf.Tensor]) -> _Trained:
        for variable, value in zip(layer.variables, start, strict=True):
            variable.assign(value)
        reseed(layer)
        losses = [float(run()) for _ in range(STEPS)]
        return _Trained(
            losses, {path: structure.value_of(v) for path, v in layer_paths.weights_by_path(layer).items()}
        )

    began = _Trained(
        [], {path: structure.value_of(v) for path, v in layer_paths.weights_by_path(layer).items()}
    )
    expected = trained(step)
    if random and _difference(trained(step), expected, began):
        raise NotApplicable("it is random in training, whatever the seed")
    for where, xla in (("in a compiled graph", False), ("compiled by XLA", True)):
        if random and xla:
            return "random in training: XLA would draw other numbers, and is not compared"
        if subject.is_stock and xla:
            return "Keras' own: trained by XLA it is compared where a training chooses it"
        function = tf.function(step, jit_compile=xla, autograph=False)
        try:
            traced = function.get_concrete_function()
            given = trained(traced)
        except Exception as error:
            if xla and (lacking := lacking_kernel(error)):
                raise Skipped(f"XLA cannot compile {lacking}; other engines train it") from error
            raise CheckFailed(f"it cannot be trained {where}: {error_text(error)}.") from error
        if difference := _difference(given, expected, began):
            if random and _draws_by_hidden_state(traced):
                return (
                    "random in training by operations whose seed means other numbers in a graph: not compared"
                )
            raise CheckFailed(
                f"trained {where} from the same weights on the same batch, {difference}.",
                hint="Compute with operations of Keras or TensorFlow alone: what Python does happens once, in tracing.",
            )
    return ""


def _draws_by_hidden_state(traced: Any) -> bool:
    """True if random numbers come from operations with a state of their own: a graph's are others than those before."""
    kinds = ("Random", "Truncated", "Multinomial", "Parameterized")
    return any(node.op.startswith(kinds) for node in graph_nodes(traced))


def _is_number(tensor: Any) -> bool:
    return tensor is not None and (tensor.dtype.is_floating or tensor.dtype.is_integer)


def _difference(given: _Trained, expected: _Trained, began: _Trained) -> str:
    """In words, how a training differs from the one step by step; empty where only by rounding."""
    for number, (loss, right) in enumerate(zip(given.losses, expected.losses, strict=True), 1):
        if not np.isclose(loss, right, rtol=OF_LOSSES, atol=1e-6, equal_nan=True):
            return f"the loss of step {number} is {loss:.6g} where step by step it is {right:.6g}"
    for path, mine in expected.weights.items():
        its, first = given.weights[path], began.weights[path]
        if mine.dtype.kind != "f":
            continue
        way = float(np.linalg.norm(mine - first))
        apart = float(np.linalg.norm(its - mine))
        if np.isfinite(apart) and apart > OF_WEIGHTS * way + 1e-5 * (1.0 + float(np.linalg.norm(mine))):
            return f"'{path}' ends {apart:.2g} away from where it ends step by step (it moved {way:.2g})"
    return ""


CHECKS: dict[str, Any] = {"engines": engines}
