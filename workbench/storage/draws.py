"""Random numbers while models are built and compared: drawn alike for two models, and with no effect on later draws."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

# Keras does not export its global generator (to ask for it would make it, by a draw), and TensorFlow has a public way
# to set the state of its eager random operations, but none to read it.
from keras.src.backend.common import global_state
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
from tensorflow.python.eager import context


@contextmanager
def kept() -> Iterator[None]:
    """What is drawn within the block changes nothing that is drawn after it.

    Covers Python's, NumPy's, Keras' and TensorFlow's global generators. Generators of a layer's own are its variables.
    """
    pythons, numpys = random.getstate(), np.random.get_state()
    own = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    state = None if own is None else np.array(keras.ops.convert_to_numpy(own.state))
    eager = context.context()
    seed, generator = eager._seed, getattr(eager, "_rng", None)  # made by the first seed that is set
    drawn = None if generator is None else generator.getstate()
    try:
        yield
    finally:
        random.setstate(pythons)
        np.random.set_state(numpys)
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, own)
        if own is not None:
            own.state.assign(state)
        eager._seed, eager._rng = seed, generator
        if generator is not None:
            generator.setstate(drawn)


@contextmanager
def repeated() -> Iterator[None]:
    """As `kept`, and two such blocks, one after the other, draw the same numbers."""
    with kept():
        seed = context.context()._seed
        # The seed that is set, so that a function traced here for the first time draws what it would draw anyway.
        tf.random.set_seed(0 if seed is None else seed)
        yield
