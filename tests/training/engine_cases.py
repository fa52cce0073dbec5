"""Models, rows and comparisons for the tests of the engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from workbench.training.engines import Arrays, FitSettings, choose, measuring
from workbench.training.engines.hand_over import Compiling

ENGINES = ("plain", "steps", "chunk", "chunk-xla")
ROWS, BATCH = 90, 16  # five whole batches and a short one
STEPS = 6

rng = np.random.default_rng(7)
LEFT = rng.normal(size=(ROWS, 5)).astype("float32")
RIGHT = rng.normal(size=(ROWS, 3))  # float64: Keras makes it float32
TARGET = (LEFT[:, :1] * RIGHT[:, :1] + LEFT[:, 1:2]).astype("float32")
KIND = (LEFT[:, 0] > 0).astype("int64")
WEIGHT = rng.uniform(0.5, 2.0, size=ROWS).astype("float32")
VALIDATION = slice(0, 40)  # three batches, the last short


def sequential(dropout: float = 0.0, **compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [layers.Input((5,)), layers.Dense(8, activation="tanh"), layers.Dropout(dropout), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **compiled)
    return model


def graph(**compiled: Any) -> keras.Model:
    """Two inputs, two outputs, a shared layer, a metric of each output."""
    keras.utils.set_random_seed(1)
    left, right = keras.Input((5,), name="left"), keras.Input((3,), name="right")
    shared = layers.Dense(6, activation="relu")
    joined = layers.Concatenate()([shared(left), layers.Dense(6)(right)])
    joined = layers.BatchNormalization()(joined)
    outputs = {
        "price": layers.Dense(1, name="price")(joined),
        "kind": layers.Dense(2, activation="softmax", name="kind")(joined),
    }
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"price": 1.0, "kind": 0.5},
        metrics={"price": ["mae"], "kind": ["accuracy"]},
        **compiled,
    )
    return model


class Reconstructing(keras.Model):
    """Subclassed, not built before it is trained, with a loss and a metric of its own inside."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(7, activation="selu")
        self.output_layer = layers.Dense(1)
        self.reconstruction = keras.metrics.Mean(name="reconstruction")

    def build(self, shape: Any) -> None:
        self.reconstruct = layers.Dense(shape[-1])
        self.built = True

    def call(self, inputs: Any) -> Any:
        z = self.hidden(inputs)
        error = ops.mean(ops.square(self.reconstruct(z) - inputs))
        self.add_loss(0.1 * error)
        self.reconstruction.update_state(error)
        return self.output_layer(z)


def subclassed(**compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = Reconstructing()
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **compiled)
    return model


ONE_INPUT = Arrays(LEFT, TARGET)
FORMS: dict[str, tuple[Callable[..., keras.Model], Arrays]] = {
    "sequential": (sequential, Arrays(LEFT, TARGET, WEIGHT)),
    "graph": (graph, Arrays({"left": LEFT, "right": RIGHT}, {"price": TARGET, "kind": KIND}, WEIGHT)),
    "subclassed": (subclassed, ONE_INPUT),
}


def part(arrays: Arrays, rows: slice) -> Arrays:
    taken = keras.tree.map_structure(
        lambda a: None if a is None else a[rows], (arrays.x, arrays.y, arrays.sample_weight)
    )
    return Arrays(*taken)


def stock(model: keras.Model, arrays: Arrays, epochs: int = 2, **kwargs: Any) -> dict[str, list[float]]:
    validation = part(arrays, VALIDATION)
    return model.fit(
        arrays.x,
        arrays.y,
        sample_weight=arrays.sample_weight,
        validation_data=(validation.x, validation.y, validation.sample_weight),
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **kwargs,
    ).history


def settings(**changes: Any) -> FitSettings:
    return FitSettings(**({"epochs": 2, "batch_size": BATCH, "shuffle": False} | changes))


def prefer_xla(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """From now on `auto` hands over at a step, to XLA, which has compiled when it comes."""
    monkeypatch.setattr(Compiling, "ended", property(lambda compiling: compiling.wait() is None))
    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(measuring.Measuring, "_xla_may_pay", lambda self: True)
    monkeypatch.setattr(measuring.Measuring, "_compiling", float(at))
    speeds = {"chunk": 1.0, "chunk-xla": 2.0}
    monkeypatch.setattr(measuring, "steps_per_second", lambda program, *rest: speeds[program.name])


def assert_close(history: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-5) -> None:
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=tolerance, atol=1e-7, err_msg=name)


def weights(model: keras.Model) -> list[np.ndarray]:
    return [v.numpy() for v in [*model.variables, *model.optimizer.variables]]


def assert_same_bits(model: keras.Model, other: keras.Model) -> None:
    for value, expected in zip(weights(model), weights(other), strict=True):
        np.testing.assert_array_equal(value, expected)


class Recorder(keras.callbacks.Callback):
    """Called once a call of an engine."""

    every_batch = False

    def __init__(self) -> None:
        super().__init__()
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.tests: list[int] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.begins.append(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert isinstance(logs["loss"], float)
        self.ends.append(batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.tests.append(batch)


class Broken(keras.callbacks.Callback):
    """Keeps what a training has behind a step of its second epoch, as a checkpoint does.

    Args:
        stop: how many steps of the epoch are done then.
    """

    def __init__(self, stop: int) -> None:
        super().__init__()
        self._stop = stop
        self._epoch = 0
        self.state: list[np.ndarray] = []
        self.metrics: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._epoch == 1 and batch + 1 == self._stop:
            self.state = weights(self.model)
            self.metrics = [variable.numpy() for variable in self.model.metrics_variables]

    def put_into(self, model: keras.Model) -> None:
        """Give a new model of the same kind that state."""
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip([*model.variables, *model.optimizer.variables], self.state, strict=True):
            variable.assign(value)
