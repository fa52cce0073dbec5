"""Call a model once, to find errors in its own code before training.

Keras builds a layer that has `compute_output_shape` without calling it, so an error in its `call` would show only in
training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class FailedCall:
    """An error of a call.

    Attributes:
        error: what was raised.
        layers: the layers in whose `call` it was, the innermost first.
        shapes: what the innermost was given, as far as it is known.
    """

    error: Exception
    layers: tuple[Any, ...]
    shapes: Any


def failed_call(model: Any, example: Any) -> FailedCall | None:
    """Call a model as the training's step does, on symbols.

    Args:
        model: a compiled model.
        example: symbolic tensors (or specifications) in the form the model is called with.

    Returns:
        None where it can be called, or where the training calls it in another way: eagerly, or in a step of its own.
    """
    if model.run_eagerly or type(model).train_step is not keras.Model.train_step:
        return None
    specs = keras.tree.map_structure(lambda each: tf.TensorSpec(each.shape, each.dtype), example)
    try:
        step = tf.function(lambda inputs: model(inputs, training=True), autograph=False)
        step.get_concrete_function(specs)
    except Exception as error:  # the model's own code
        found = tuple(_layers(error))
        return FailedCall(error, tuple(layer for layer, _ in found), found[0][1] if found else None)
    return None


def _layers(error: Exception) -> list[tuple[Any, Any]]:
    """The layers that were being called, the innermost first, each with the shapes of what it was given."""
    found: dict[int, tuple[Any, Any]] = {}
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        layer = _called_in(frame)
        if layer is not None and id(layer) not in found:
            found[id(layer)] = layer, _shapes(frame.f_locals)
        trace = trace.tb_next
    return list(found.values())[::-1]


def _called_in(frame: FrameType) -> Any:
    """The layer whose `call` a frame runs; Keras cuts its own frames out of a traceback, not the user's."""
    if frame.f_code.co_name != "call":
        return None
    layer = frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_varnames else None
    return layer if isinstance(layer, keras.Layer) else None


def _shapes(names: Mapping[str, Any]) -> Any:
    given = [value for value in names.values() if tf.is_tensor(value)]
    return given[0].shape if given else None
