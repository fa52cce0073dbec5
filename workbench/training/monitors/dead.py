"""Find dead units: those whose output is zero for every row of an epoch. They get no gradient and stay dead."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.training.monitors.running_means import variable
from workbench.training.monitors.seen import Output, Seen
from workbench.training.variables import put, value_of

_RECTIFIERS = ("relu", "relu6")


class Dead:
    """The largest output of each unit of the layers whose activation is zero below some value, and never negative."""

    def __init__(self) -> None:
        self._largest: dict[tuple[tuple[str, int], ...], tf.Variable] = {}
        self._zeros: dict[tuple[tuple[str, int], ...], tf.Tensor] = {}

    def step_ends(self, seen: Seen) -> str:
        """Count a step. Returns nothing: what has no such layer has nothing to show."""
        outputs = [output for output in seen.outputs if rectifies(output.layer) and _units(output)]
        if outputs:
            key = tuple((output.path, _units(output)) for output in outputs)
            if key not in self._largest:
                with tf.init_scope():
                    self._zeros[key] = tf.zeros(sum(units for _, units in key))
                self._largest[key] = variable(self._zeros[key])
            now = [tf.cast(tf.reduce_max(o.value, _other_axes(o)), tf.float32) for o in outputs]
            self._largest[key].assign(tf.maximum(self._largest[key], tf.concat(now, 0)))
        return ""

    def read(self) -> dict[str, float]:
        """The share of dead units by layer path since the last reading. Of all calls of a layer, one that is not zero
        keeps a unit alive."""
        alive: dict[str, np.ndarray] = {}
        for key, largest in self._largest.items():
            values = value_of(largest) != 0.0
            borders = np.cumsum([units for _, units in key])[:-1]
            for (path, units), part in zip(key, np.split(values, borders), strict=True):
                known = alive.get(path)
                alive[path] = part if known is None or len(known) != units else part | known
            put(largest, self._zeros[key])
        return {path: float(np.mean(~units)) for path, units in alive.items()}


def rectifies(layer: Any) -> bool:
    """True if a layer's output is cut off at zero."""
    if isinstance(layer, keras.layers.ReLU):
        return not np.any(layer.negative_slope)
    return getattr(getattr(layer, "activation", None), "__name__", "") in _RECTIFIERS


def _unit_axis(output: Output) -> int:
    return (
        1 if getattr(output.layer, "data_format", None) == "channels_first" else output.value.shape.rank - 1
    )


def _units(output: Output) -> int:
    """How many units; 0 for an output without a unit axis of known size."""
    rank = output.value.shape.rank
    return (output.value.shape[_unit_axis(output)] or 0) if rank is not None and rank > 1 else 0


def _other_axes(output: Output) -> list[int]:
    return [axis for axis in range(output.value.shape.rank) if axis != _unit_axis(output)]
