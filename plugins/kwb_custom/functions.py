"""Functions that are used as layers: a layer without weights needs no class."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="kwb")
def exponential(inputs: Any) -> Any:
    """e to the power of each element; shape and dtype stay.

    A layer of it serves as the last one of a regressor whose targets are positive and of very different
    scales: the layers below then predict the logarithm.

    Source: A. Géron, Hands-On Machine Learning, chapter 12, "Custom Layers" (`exponential_layer`). It is a
    Lambda of a Python lambda there, which Keras refuses to load; a registered function is saved by its name.
    """
    return tf.exp(inputs)


def exponential_layer(**kwargs: Any) -> keras.layers.Layer:
    """A weightless layer of `exponential` that can be saved and loaded.

    Args:
        **kwargs: the arguments of every layer: `name`, `dtype`.

    Shapes:
        any shape in, the same shape out.
    """
    return keras.layers.Lambda(exponential, **kwargs)
