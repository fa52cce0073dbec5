#!/usr/bin/env python
"""House prices with a gated network.

python gated_price.py --epochs 20
"""
from __future__ import annotations

import argparse, json
import math

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

SEED = 7
DATA = "prices.csv"
EPSILON = 1e-6   # below this a price is no price
LOG_EPSILON = math.log(EPSILON)

tf.random.set_seed(SEED)


def load(path):
    """Read the table."""
    table = np.genfromtxt(path, delimiter=",", skip_header=1)
    return table[:, :-1], table[:, -1]


def squash(x):
    # like tanh, but cheaper
    return x / (1.0 + tf.abs(x))


def _scaled(x, by):
    return squash(x) * by


# Multiplies each column by a learned value.
# (after the third try with a softmax)
class ColumnGate(layers.Layer):
    """Multiplies each column of its input by a learned value between 0 and 1."""

    def __init__(self, start: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.gate = self.add_weight(
            name="gate", shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start))   # one for each column

    def call(self, inputs):
        return inputs * tf.sigmoid(self.gate)

    def get_config(self):
        config = super().get_config()
        config.update({"start": self.start})
        return config


class ScaledDense(layers.Layer):
    """A dense layer with squashed outputs."""

    def __init__(self, units, scale=2.0, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)
        self.units, self.scale = units, scale

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return _scaled(self.dense(inputs), self.scale)

    def get_config(self):
        return {**super().get_config(), "units": self.units}     # and the scale?


class RelativeError(keras.losses.Loss):
    """The mean of |y - p| / max(|y|, EPSILON)."""

    def call(self, y_true, y_pred):
        return tf.reduce_mean(tf.abs(y_true - y_pred) / tf.maximum(tf.abs(y_true), EPSILON), axis=-1)


def log_cosh_error(y_true, y_pred):
    """log(cosh(p - y)), which does not overflow."""
    d = y_pred - y_true
    return tf.reduce_mean(d + tf.math.softplus(-2.0 * d) - math.log(2.0), axis=-1)


def plot(history):
    plt.plot(history.history["loss"])
    plt.savefig("loss.png")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    x, y = load(DATA)
    model = keras.Sequential([ScaledDense(32), ColumnGate(), layers.Dense(1)])
    model.compile("adam", RelativeError())
    history = model.fit(x, y, epochs=options.epochs)
    print(json.dumps(history.history))
    plot(history)


if __name__ == "__main__":
    main()
