"""Metrics that are set back and read quickly give what Keras' own way gives, whatever classes are involved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from kwb_custom.models import ReconstructingRegressor
from workbench.training.engines import Arrays, FitSettings, evaluate, fit
from workbench.training.engines.builder import Builder
from workbench.training.engines.data import ArraySource
from workbench.training.engines.metrics import quick_metrics

X = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
ENGINES = ("chunk", "steps")


class Backwards(keras.metrics.Metric):
    """Begins every epoch with 7, and counts down."""

    def __init__(self, name: str = "backwards") -> None:
        super().__init__(name=name)
        self.left = self.add_weight(name="left", initializer=lambda shape, dtype: keras.ops.full(shape, 7.0))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.left.assign(self.left - 1.0)

    def reset_state(self) -> None:
        self.left.assign(7.0)

    def result(self) -> Any:
        return self.left + 0.0


class Doubled(keras.Sequential):
    """Reports twice its loss."""

    def get_metrics_result(self) -> dict[str, Any]:
        return {name: 2.0 * value for name, value in super().get_metrics_result().items()}


class Counted(keras.Sequential):
    """Counts how often its metrics are set back."""

    resets = 0

    def reset_metrics(self) -> None:
        type(self).resets += 1
        super().reset_metrics()


def stack(cls: type[keras.Sequential] = keras.Sequential) -> keras.Model:
    return cls([layers.Input((4,)), layers.Dense(3, activation="relu"), layers.Dense(1)])


class Evaluates(keras.callbacks.Callback):
    """Evaluates the model on other data in the middle of an epoch, as callbacks may."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        found = self.model.evaluate(X[:32], Y[:32], verbose=0, return_dict=True)
        self.seen.append(found["loss"])


CASES = {
    "stock metrics": (stack, ["mae", keras.metrics.RootMeanSquaredError]),
    "a metric that begins elsewhere": (stack, ["mae", Backwards]),
    "results of its own": (lambda: stack(Doubled), ["mae"]),
    "a layer's metric": (lambda: ReconstructingRegressor(1), ["mae"]),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_the_history_is_that_of_keras(case: str, engine: str) -> None:
    build, metrics = CASES[case]

    def trained(engine: str) -> tuple[dict[str, list[float]], list[float], dict[str, float]]:
        keras.utils.set_random_seed(1)
        model = build()
        model.compile("sgd", "mse", metrics=[m if isinstance(m, str) else m() for m in metrics])
        evaluates = Evaluates()
        settings = FitSettings(epochs=3, shuffle=False, engine=engine)  # type: ignore[arg-type]
        history = fit(model, Arrays(X, Y), Arrays(X[:50], Y[:50]), settings, [evaluates])
        found = evaluate(model, Arrays(X[:50], Y[:50]), engine=engine)  # type: ignore[arg-type]
        assert not {"reset_metrics", "get_metrics_result"} & vars(model).keys()
        return history.history, evaluates.seen, found

    (mine, seen, found), (its, stock_seen, stock_found) = trained(engine), trained("plain")
    assert mine.keys() == its.keys()
    for name, values in its.items():
        assert mine[name] == pytest.approx(values, rel=1e-5), name
    assert seen == pytest.approx(stock_seen, rel=1e-5)
    assert found == pytest.approx(stock_found, rel=1e-5)


@pytest.mark.parametrize(
    ("cls", "read_once"), [(keras.Sequential, True), (Doubled, False)], ids=["stock", "results of its own"]
)
def test_stock_results_are_read_once_a_call_not_carried_through_its_steps(
    cls: type[keras.Sequential], read_once: bool
) -> None:
    model = stack(cls)
    model.compile("sgd", "mse")
    with quick_metrics(model):
        source = ArraySource(Arrays(X, Y), batch_size=32)
        program = Builder(model, "train", model.train_step, source, epochs=1).build("chunk")
    assert program.gives_metrics is read_once


def test_a_reset_of_its_own_is_called() -> None:
    model = stack(Counted)
    model.compile("sgd", "mse")
    Counted.resets = 0
    fit(model, Arrays(X, Y), None, FitSettings(epochs=3, engine="chunk"))
    assert Counted.resets >= 3
