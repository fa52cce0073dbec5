"""Real models of each kind, small, with the layers that make saving hard: shared, nested, noisy, stateful."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest


@keras.saving.register_keras_serializable("acme-layers")
class Residual(keras.Layer):
    """Dense layers in a list, and their input added to their output."""

    def __init__(self, n_layers: int = 1, units: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_layers, self.units = n_layers, units
        self.hidden = [keras.layers.Dense(units, activation="relu") for _ in range(n_layers)]

    def build(self, shape: Any) -> None:
        for layer in self.hidden:
            layer.build(shape)

    def call(self, inputs: Any) -> Any:
        z = inputs
        for layer in self.hidden:
            z = layer(z)
        return inputs + z

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_layers": self.n_layers, "units": self.units}


@keras.saving.register_keras_serializable("acme-layers")
class SharedRegressor(keras.Model):
    """A subclassed model: one block used twice, a weight of its own, dropout, a loss and a metric inside."""

    def __init__(self, units: int = 4, rate: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.rate = units, rate
        self.first = keras.layers.Dense(units)
        self.block = Residual(2, units)
        self.normed = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(rate)
        self.out = keras.layers.Dense(1)
        self.size = keras.metrics.Mean(name="size")
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, inputs: Any, training: bool = False) -> Any:
        z = self.block(self.block(self.first(inputs)))
        z = self.drop(self.normed(z, training=training), training=training)
        self.add_loss(0.01 * keras.ops.mean(keras.ops.square(z)))
        if training:
            self.size.update_state(keras.ops.mean(keras.ops.abs(z)))
        return self.out(z) * self.gain

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "rate": self.rate}


@keras.saving.register_keras_serializable("acme-layers")
def softsquare(x: Any) -> Any:
    return keras.ops.square(x) / (1 + keras.ops.abs(x))


def sequential_model() -> Any:
    return keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(4, activation="relu"),
            Residual(2, 4),
            keras.layers.GaussianNoise(0.1),
            keras.layers.Lambda(softsquare),
            keras.layers.Dense(1),
        ]
    )


def functional_model() -> Any:
    left, right = keras.Input((5,), name="left"), keras.Input((3,), name="right")
    block = Residual(1, 4, name="block")
    z = keras.layers.Dense(4, name="in_left")(left) + keras.layers.Dense(4, name="in_right")(right)
    inner = keras.Sequential([keras.layers.Dense(4), keras.layers.Dropout(0.2)], name="inner")
    z = inner(block(block(z)))
    return keras.Model([left, right], [keras.layers.Dense(1, name="price")(z)], name="two_inputs")


def subclassed_model() -> Any:
    return SharedRegressor(4)


KINDS: dict[str, Callable[[], Any]] = {
    "sequential": sequential_model,
    "functional": functional_model,
    "subclassed": subclassed_model,
}
FORMATS = (".keras", ".h5", ".weights.h5")


def data_for(model: Any, rows: int = 48) -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    widths = [i.shape[-1] for i in model.inputs] if getattr(model, "inputs", None) else [5]
    inputs = [rng.normal(size=(rows, width)).astype("float32") for width in widths]
    return (inputs if len(inputs) > 1 else inputs[0]), rng.normal(size=(rows, 1)).astype("float32")


def trained(kind: str) -> Any:
    """A compiled model of this kind after two epochs, its learning rate changed on the way."""
    keras.utils.set_random_seed(3)
    model = KINDS[kind]()
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(*data_for(model), epochs=2, batch_size=16, shuffle=False, verbose=0)
    model.optimizer.learning_rate = 0.005
    return model


def arrays(variables: Any) -> list[Any]:
    return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in variables]


def same(left: Any, right: Any) -> bool:
    """Two lists of arrays (or two models' predictions) equal to the last bit."""
    left, right = keras.tree.flatten(left), keras.tree.flatten(right)
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


NOTES = {"scaling": {"mean": [0.5, 1.0], "scale": [2.0, 3.0]}, "recipe": {"name": "price"}, "kwb": "0.1.0"}
cells = pytest.mark.parametrize(("kind", "format"), [(kind, form) for kind in KINDS for form in FORMATS])
