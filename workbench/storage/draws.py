"""Random numbers while models are built and compared: drawn alike for two models, and with no effect on later draws."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from workbench.keras_private import kept_generators
from workbench.tensorflow_private import eager_seed


@contextmanager
def kept() -> Iterator[None]:
    """What is drawn within the block changes nothing that is drawn after it.

    Covers Python's, NumPy's, Keras' and TensorFlow's global generators. Generators of a layer's own are its variables.
    """
    pythons, numpys = random.getstate(), np.random.get_state()
    try:
        with kept_generators():
            yield
    finally:
        random.setstate(pythons)
        np.random.set_state(numpys)


@contextmanager
def repeated() -> Iterator[None]:
    """As `kept`, and two such blocks, one after the other, draw the same numbers."""
    with kept():
        seed = eager_seed()
        # The seed that is set, so that a function traced here for the first time draws what it would draw anyway.
        tf.random.set_seed(0 if seed is None else seed)
        yield
