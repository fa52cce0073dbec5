"""8-bit pixels stay as they are, a quarter of the memory, until a step runs on them."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import tree

from workbench.training.engines.data import Source
from workbench.training.engines.programs import Step


def as_floats(step: Step, source: Source) -> Step:
    """The step on inputs as floating-point numbers, where the source gives 8-bit ones; else the step itself."""
    x, _, _ = keras.utils.unpack_x_y_sample_weight(source.signature())
    if not any(spec.dtype == tf.uint8 for spec in tree.flatten(x)):
        return step

    def on_floats(data: Any) -> Any:
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        return step(keras.utils.pack_x_y_sample_weight(tree.map_structure(_float, x), y, sample_weight))

    return on_floats


def _float(array: Any) -> Any:
    return tf.cast(array, keras.config.floatx()) if array.dtype == tf.uint8 else array
