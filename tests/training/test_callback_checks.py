"""A watched value without a direction is refused where a run of plain Keras fails at it, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.errors import RecipeError
from workbench.training.callback_checks import check_watched

X = np.random.default_rng(0).random((8, 2)).astype("float32")
Y = X[:, :1]


def _stack(**compiled: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **compiled)
    return model


def _two(**compiled: Any) -> keras.Model:
    inputs = keras.Input((2,))
    outputs = {name: keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")}
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse", **compiled)
    return model


class OwnStep(keras.Model):
    """Logs a value of its own; whether it lists its metric makes no difference."""

    def __init__(self, *, listed: bool) -> None:
        super().__init__()
        self.out = keras.layers.Dense(1)
        self.mine = keras.metrics.MeanAbsoluteError(name="mine")
        self.listed = listed
        self.compile("sgd", "mse")

    @property
    def metrics(self) -> list[Any]:
        return [self.mine] if self.listed else super().metrics

    def call(self, inputs: Any) -> Any:
        return self.out(inputs)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        self.mine.update_state(y, self(x))
        return {"loss": 0.0, "mine": self.mine.result()}

    test_step = train_step


class Lower(keras.metrics.MeanAbsoluteError):
    """Somebody's own, of a kind whose direction Keras knows."""


class Logs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["score"] = 1.0


def far(y: Any, predicted: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(y - predicted), axis=-1)


CASES: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "the learning rate": (_stack, "learning_rate"),
    "the loss of an output": (_two, "val_a_loss"),
    "a metric of an output": (lambda: _two(metrics={"a": ["accuracy"], "b": ["mae"]}), "val_a_accuracy"),
    "called like that of an output": (lambda: _two(metrics={"a": [Lower(name="x")], "b": [Lower(name="a_x")]}), "a_x"),
    "a function": (lambda: _stack(metrics=[far]), "val_far"),
    "a word": (lambda: _stack(metrics=["mae"]), "val_mae"),
    "weighted": (lambda: _stack(weighted_metrics=["mae"]), "mae"),
    "a metric of somebody's own": (lambda: _stack(metrics=[Lower(name="low")]), "val_low"),
    "a mean of somebody's own": (lambda: _stack(metrics=[keras.metrics.MeanMetricWrapper(far, name="m")]), "m"),
    "a count": (lambda: _stack(metrics=["FalsePositives"]), "FalsePositives"),
    "by an own step": (lambda: OwnStep(listed=False), "val_mine"),
    "by an own step, listed": (lambda: OwnStep(listed=True), "mine"),
    "the loss of an own step": (lambda: OwnStep(listed=True), "val_loss"),
    "by a callback": (_stack, "score"),
}  # fmt: skip


def _refusal(callbacks: list[Any], model: keras.Model) -> str:
    outputs = list(getattr(model, "output_names", ["y"]))
    try:
        check_watched(callbacks, model, outputs, validates=True)
    except RecipeError as error:
        return "direction" if "whether less or more of it is better" in str(error) else str(error)
    return ""


def _failure_of_keras(callbacks: list[Any], model: keras.Model) -> str:
    names = getattr(model, "output_names", ["y"])
    targets = dict.fromkeys(names, Y) if len(names) > 1 else Y
    try:
        model.fit(X, targets, verbose=0, validation_split=0.5, callbacks=callbacks)
    except ValueError as error:
        return "direction" if "isn't able to automatically determine" in str(error) else str(error)
    return ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_refused_where_keras_fails_and_only_there(case: str, tmp_path: Path) -> None:
    make, monitor = CASES[case]
    file = tmp_path / "m{epoch}.weights.h5"
    for watching in (
        keras.callbacks.EarlyStopping(monitor),
        keras.callbacks.ModelCheckpoint(file, monitor, save_weights_only=True),
    ):
        callbacks, model = [Logs(), watching], make()
        assert _refusal(callbacks, model) == _failure_of_keras(callbacks, model)
    assert not _refusal([Logs(), keras.callbacks.EarlyStopping(monitor, mode="max")], make())
