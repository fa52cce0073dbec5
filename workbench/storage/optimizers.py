"""The optimizers of a model: the one that Keras knows, and those that a class with a `compile()` of its own has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from workbench.storage import layer_paths


def optimizers(model: Any) -> dict[str, Any]:
    """The optimizers that train a model, by the attributes that hold them; `optimizer` is the one Keras knows.

    One that is not built while another one is has not been used: `compile()` makes it where it is given none.
    """
    held = {"optimizer": getattr(model, "optimizer", None)}
    for name, value in layer_paths.attributes(model):
        held |= dict(_named(name, value))
    found: dict[str, Any] = {}
    for name, value in held.items():
        if isinstance(value, keras.optimizers.Optimizer) and not any(
            value is each for each in found.values()
        ):
            found[name] = value
    return {name: each for name, each in found.items() if each.built} or found


def _named(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{name}.{key}", item) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return [(f"{name}[{at}]", item) for at, item in enumerate(value)]
    return [(name, value)]


def learning_rates(model: Any) -> dict[str, float]:
    """The learning rate of each optimizer that trains a model, as it is now."""
    return {name: _rate(optimizer) for name, optimizer in optimizers(model).items()}


def _rate(optimizer: Any) -> float:
    rate = optimizer.learning_rate  # of a schedule a tensor
    if isinstance(rate, keras.Variable) and isinstance(rate.value, tf.Variable):
        rate = tf.raw_ops.ReadVariableOp(
            resource=rate.value.handle, dtype=rate.value.dtype
        )  # a fifth of the time
    return float(keras.ops.convert_to_numpy(rate))
