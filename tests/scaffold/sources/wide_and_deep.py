# A model of two branches for tables, as used in the churn project.
import logging
import os.path, sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops
from sklearn.preprocessing import KBinsDiscretizer

try:
    import orjson as json
except ImportError:
    print("orjson is not installed, json will do")
    import json

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

WIDTH, DEPTH = 16, 2
ACTIVATIONS = {"wide": "linear", "deep": "relu"}
ACTIVATIONS["deep"] = "elu"
Widths = tuple[int, ...]
half = lambda width: max(width // 2, 1)
KNOTS = np.linspace(-2.0, 2.0, 9)


@dataclass(frozen=True)
class BlockSizes:
    """The widths of a block."""

    first: int = WIDTH
    second: int = half(WIDTH)


class _Named(keras.layers.Layer):
    """What all of our layers have."""

    def describe(self) -> str:
        return json.dumps({"name": self.name}) if json else self.name


@keras.saving.register_keras_serializable(package="churn")
class DeepBlock(_Named):
    """Two dense layers with a residual connection."""

    def __init__(self, units, rate=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rate = units, rate
        sizes = BlockSizes(first=units)
        self.first = keras.layers.Dense(sizes.first, activation=ACTIVATIONS["deep"], name="first")
        self.second = keras.layers.Dense(units, name="second")
        self.skip = keras.layers.Dense(units, name="skip")
        self.dropout = keras.layers.Dropout(rate)

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build((*input_shape[:-1], self.units))
        self.skip.build(input_shape)

    def call(self, inputs, training=None):
        hidden = self.dropout(self.first(inputs), training=training)
        return ops.add(self.second(hidden), self.skip(inputs))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "rate": self.rate}


class Bins(_Named):
    """Counts in which bin a value lies, as a smooth one-hot code; its edges come from scikit-learn."""

    def __init__(self, bins: int = 4, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins
        fitted = KBinsDiscretizer(bins, encode="ordinal", strategy="uniform").fit(KNOTS.reshape(-1, 1))
        self.edges = [float(edge) for edge in fitted.bin_edges_[0][1:-1]]

    def call(self, inputs):
        return ops.concatenate([ops.sigmoid(4.0 * (inputs - edge)) for edge in self.edges], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] * (self.bins - 1))

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}


class WideAndDeep(keras.Model):
    """A wide branch of bins beside a deep one of blocks."""

    def __init__(self, width: int = WIDTH, depth: int = DEPTH, **kwargs):
        super().__init__(**kwargs)
        self.width, self.depth = width, depth
        self.bins = Bins(name="bins")
        self.blocks = [DeepBlock(width, name=f"block_{i}") for i in range(depth)]
        self.head = keras.layers.Dense(1, activation=ACTIVATIONS["wide"], name="head")

    def call(self, inputs, training=None):
        deep = inputs
        for block in self.blocks:
            deep = block(deep, training=training)
        return self.head(ops.concatenate([self.bins(inputs), deep], axis=-1))

    def get_config(self):
        return {**super().get_config(), "width": self.width, "depth": self.depth}


class Patience(keras.callbacks.Callback):
    """Stops when the loss has not fallen for some epochs."""

    def __init__(self, epochs: "Sequence[int] | int" = 5):
        super().__init__()
        self.epochs = epochs
        self.best, self.since = float("inf"), 0

    def on_epoch_end(self, epoch, logs=None):
        loss = (logs or {}).get("loss", self.best)
        self.since = 0 if loss < self.best else self.since + 1
        self.best = min(loss, self.best)
        if self.since >= self.epochs:
            log.info("stopped")
            self.model.stop_training = True


for path in sys.argv[1:]:
    if os.path.exists(path):
        table = np.load(path)
        WideAndDeep().fit(table[:, :-1], table[:, -1])
