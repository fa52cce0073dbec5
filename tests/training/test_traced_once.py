"""Tracing a training step takes most of the time of a short training, and is done once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from workbench.training.engines import Arrays, FitSettings, KeptTest, evaluate, fit
from workbench.training.monitors import Monitors


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = keras.layers.Dense(4, activation="relu")
        self.out = keras.layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))


def subclassed() -> keras.Model:
    model = Subclassed()
    model(np.zeros((1, 3), "float32"))
    return model


def functional() -> keras.Model:
    inputs = keras.Input((3,))
    return keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(4, activation="relu")(inputs)))


def two_outputs() -> keras.Model:
    inputs = keras.Input((3,))
    return keras.Model(
        inputs, {"a": keras.layers.Dense(1, name="a")(inputs), "b": keras.layers.Dense(1, name="b")(inputs)}
    )


def rows(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.normal(size=(count, 3)).astype("float32"), draw.normal(size=(count, 1)).astype("float32")


@pytest.mark.parametrize("watch", [["none"], ["all"]])
@pytest.mark.parametrize("make", [subclassed, functional, two_outputs])
def test_a_step_is_traced_once_also_with_metrics_and_monitors(
    make: Callable[[], keras.Model], watch: list[str]
) -> None:
    keras.utils.set_random_seed(1)
    model = make()
    x, y = rows()
    several = make is two_outputs
    targets = {"a": y, "b": y} if several else y
    metrics = {"a": ["mae"], "b": ["mae"]} if several else ["mae"]
    model.compile("adam", "mse", metrics=metrics)
    monitors = Monitors(model, watch)
    traced = []

    def wrap(step: Any) -> Any:
        def counted(data: Any) -> Any:
            traced.append(step)
            return step(data)

        return monitors.wrap_step(counted)

    history = fit(
        model, Arrays(x, targets), None, FitSettings(epochs=2, batch_size=8, engine="chunk"), wrap_step=wrap
    )
    assert len(traced) == 1

    keras.utils.set_random_seed(1)
    stock = make()
    stock.compile("adam", "mse", metrics=metrics)
    wanted = fit(stock, Arrays(x, targets), None, FitSettings(epochs=2, batch_size=8, engine="plain"))
    assert history.history.keys() == wanted.history.keys()
    for name, values in wanted.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    assert [v.path for v in model.metrics_variables] == [v.path for v in stock.metrics_variables]


def test_a_metric_that_fails_is_reported_by_the_step_itself() -> None:
    class Failing(keras.metrics.Metric):
        def update_state(self, *_: Any, **__: Any) -> None:
            raise ValueError("this metric cannot measure")

        def result(self) -> Any:
            return 0.0

    model = functional()
    model.compile("adam", "mse", metrics=[Failing()])
    x, y = rows()
    with pytest.raises(ValueError, match="this metric cannot measure"):
        fit(model, Arrays(x, y), None, FitSettings(batch_size=8))


@pytest.mark.parametrize("make", [subclassed, two_outputs])
def test_the_step_of_the_validation_evaluates_other_rows(make: Callable[[], keras.Model]) -> None:
    def arrays(x: np.ndarray, y: np.ndarray) -> Arrays:
        return Arrays(x, {"a": y, "b": 2 * y} if make is two_outputs else y)

    model = make()
    model.compile("adam", "mse", metrics={"a": ["mae"], "b": ["mse"]} if make is two_outputs else ["mae"])
    traced = []

    def wrap(step: Any) -> Any:
        def counted(data: Any) -> Any:
            traced.append(step)
            return step(data)

        return counted

    kept = KeptTest()
    x, y = rows(50)
    training, validation = arrays(x[:30], y[:30]), arrays(x[30:40], y[30:40])
    settings = FitSettings(epochs=2, batch_size=8, engine="chunk")
    fit(model, training, validation, settings, wrap_test=wrap, kept=kept)
    assert len(traced) == 1
    for count in (10, 20, 24, 3):
        test = arrays(x[-count:], y[-count:])
        found = evaluate(model, test, 8, wrap_test=wrap, kept=kept)
        assert len(traced) == 1
        wanted = model.evaluate(test.x, test.y, batch_size=8, return_dict=True, verbose=0)
        assert found == pytest.approx(wanted, rel=1e-5)
    again = evaluate(model, validation, 5, wrap_test=wrap, kept=kept)  # batches of another size
    assert len(traced) == 2
    wanted = model.evaluate(validation.x, validation.y, batch_size=5, return_dict=True, verbose=0)
    assert again == pytest.approx(wanted, rel=1e-5)
