"""`train.accumulate`: with batches of 8 rows and four of them added up, an optimizer steps as with batches of 32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.engine_cases import ENGINES
from tests.whole import part
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, TrainingError
from workbench.recipe.document import parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.engines import Arrays, FitSettings, fit
from workbench.training.engines.accumulation import PREFIX, Accumulation
from workbench.training.session import Session

ROWS, SMALL, BATCHES, EPOCHS = (
    90,
    8,
    4,
    3,
)  # 12 batches of 8, the last of two rows; large ones of 32, 32 and 26
STEPS = 12

draws = np.random.default_rng(3)
X = draws.normal(size=(ROWS, 5)).astype("float32")
Y = (X @ draws.normal(size=(5, 1)) + np.sin(X[:, :1])).astype("float32")
WORDS = draws.integers(0, 6, size=(ROWS, 3))
WEIGHT = draws.uniform(0.5, 2.0, size=ROWS).astype("float32")


def small(optimizer: Any, **compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(5)
    hidden = layers.Dense(
        6, "tanh", kernel_regularizer=keras.regularizers.L2(0.01), kernel_constraint="max_norm"
    )
    model = keras.Sequential([layers.Input((5,)), hidden, layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"], **compiled)
    return model


def settings(engine: str = "plain", shuffle: bool = False) -> FitSettings:
    accumulation = Accumulation(BATCHES, STEPS)
    return FitSettings(EPOCHS, SMALL, shuffle=shuffle, engine=engine, accumulation=accumulation)


def schedule() -> Any:
    return keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=2, decay_rate=0.7)


OPTIMIZERS = {
    "SGD": lambda: keras.optimizers.SGD(0.05),
    "Adam": lambda: keras.optimizers.Adam(0.02),
    "a schedule": lambda: keras.optimizers.Adam(schedule()),
    "AdamW, one norm of all": lambda: keras.optimizers.AdamW(0.02, weight_decay=0.1, global_clipnorm=0.5),
    "momentum, each norm": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=0.3),
    "an average of the weights": lambda: keras.optimizers.Adam(
        0.02, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=2
    ),
    "a scaled loss": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.02), 2.0),
}  # fmt: skip

CASES = [(engine, name) for engine in ENGINES for name in OPTIMIZERS]
ORDINARY = [("plain", "Adam"), ("steps", "SGD"), *(("chunk", name) for name in OPTIMIZERS)]
ORDINARY += [("chunk-xla", "an average of the weights")]


@pytest.mark.parametrize(("engine", "name"), part("engines", CASES, ORDINARY))
def test_as_stock_keras_with_larger_batches(engine: str, name: str) -> None:
    wanted = small(OPTIMIZERS[name]())
    history = wanted.fit(
        X, Y, sample_weight=WEIGHT, batch_size=SMALL * BATCHES, epochs=EPOCHS, shuffle=False, verbose=0
    )
    found = small(OPTIMIZERS[name]())
    logs = fit(found, Arrays(X, Y, WEIGHT), None, settings(engine)).history
    assert_same(found, wanted)
    assert int(found.optimizer.iterations) == int(wanted.optimizer.iterations)
    for one, other in zip(found.optimizer.variables, wanted.optimizer.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)
    np.testing.assert_allclose(logs["loss"], history.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(logs["mae"], history.history["mae"], rtol=1e-5)


def assert_same(found: keras.Model, wanted: keras.Model) -> None:
    for one, other in zip(found.weights, wanted.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_what_keras_itself_adds_up_is_something_else() -> None:
    """The reason for an accumulation of our own: with a schedule, or rows left at the end of an epoch, that of Keras
    does not train as a larger batch does."""
    wanted = small(keras.optimizers.Adam(schedule()))
    wanted.fit(X, Y, batch_size=SMALL * BATCHES, epochs=EPOCHS, shuffle=False, verbose=0)
    found = small(keras.optimizers.Adam(schedule(), gradient_accumulation_steps=BATCHES))
    found.fit(X, Y, batch_size=SMALL, epochs=EPOCHS, shuffle=False, verbose=0)
    assert (
        max(np.max(np.abs(a - b)) for a, b in zip(found.get_weights(), wanted.get_weights(), strict=True))
        > 1e-2
    )


def test_by_numpy() -> None:
    """One layer, mean squared error, SGD: each number by hand."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((5,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    kernel, bias = model.get_weights()
    for _ in range(EPOCHS):
        for first in range(0, ROWS, SMALL * BATCHES):
            x, y = X[first : first + SMALL * BATCHES], Y[first : first + SMALL * BATCHES]
            wrong = 2 * (x @ kernel + bias - y) / len(x)
            kernel, bias = kernel - 0.1 * x.T @ wrong, bias - 0.1 * wrong.sum(axis=0)
    fit(model, Arrays(X, Y), None, settings("chunk"))
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-5, atol=1e-6)


def embedded() -> keras.Model:
    keras.utils.set_random_seed(5)
    words = layers.Input((3,), dtype="int32")
    model = keras.Model(words, layers.Dense(1)(layers.Flatten()(layers.Embedding(6, 4)(words))))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_an_embedding() -> None:
    wanted, found = embedded(), embedded()
    wanted.fit(WORDS, Y, batch_size=SMALL * BATCHES, epochs=EPOCHS, shuffle=False, verbose=0)
    fit(found, Arrays(WORDS, Y), None, settings("chunk"))
    assert_same(found, wanted)


class Twice(keras.Model):
    """Applies the gradients of a batch twice."""

    def __init__(self) -> None:
        super().__init__()
        self.last = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.last(x)

    def train_step(self, data: Any) -> Any:
        super().train_step(data)
        return super().train_step(data)


def test_a_step_that_applies_gradients_twice_is_refused() -> None:
    model = Twice()
    model.compile("sgd", "mse")
    with pytest.raises(TrainingError, match="applies gradients 2 times") as refused:
        fit(model, Arrays(X, Y), None, settings("chunk"))
    assert refused.value.where == "train.accumulate"


RECIPE: dict[str, Any] = {
    "kwb": 1,
    "name": "added",
    "seed": 1,
    "data": {"use": "diabetes", "scale": "standard"},
    "model": {
        "sequential": [{"use": "Dense", "units": 4, "activation": "tanh"}, {"use": "Dense", "units": 1}]
    },
    "train": {
        "epochs": 2,
        "batch_size": 8,
        "accumulate": 4,
        "loss": "mse",
        "optimizer": {"use": "Adam", "learning_rate": 0.1},
        "checkpoint_seconds": 0.0,
        "watch": "all",
    },
}


class Training:
    """A session, stopped behind the first checkpoint that holds accumulated gradients where that is asked for."""

    def __init__(
        self,
        catalog: Catalog,
        folder: Path,
        *,
        stop: bool = False,
        resume: RunFolder | None = None,
        **train: Any,
    ) -> None:
        self.heard: list[events.Event] = []
        self._stop = stop
        document = parse(to_yaml({**RECIPE, "train": {**RECIPE["train"], **train}}))
        self.session = Session(document, catalog, self.take, runs_folder=folder, resume=resume)
        self.status = self.session.run().status
        self.run = RunFolder(Path(self.of(events.RunStarted)[0].folder))

    def take(self, event: events.Event, line: str) -> None:
        self.heard.append(event)
        if self._stop and isinstance(event, events.Checkpoint) and event.step % 4:
            self.session.control.stop()

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.heard if isinstance(each, kind)]

    def arrays(self) -> dict[str, np.ndarray]:
        found = checkpoints.newest(self.run.checkpoints)
        assert found is not None
        return found[2]


@pytest.mark.parametrize("engine", ["plain", "chunk", "chunk-xla"])
def test_resumed_in_the_middle_of_an_accumulation(catalog: Catalog, tmp_path: Path, engine: str) -> None:
    whole = Training(catalog, tmp_path / "whole", engine=engine)
    first = Training(catalog, tmp_path / "parts", engine=engine, stop=True)
    assert first.status == "stopped"
    kept = first.arrays()
    added = [name for name in kept if name.startswith(PREFIX)]
    assert len(added) == 5, "four weights and the rows"
    assert kept[f"{PREFIX}optimizer/rows"] in (8.0, 16.0, 24.0)
    second = Training(catalog, tmp_path / "parts", engine=engine, resume=first.run)
    assert second.status == "done"
    mine, its = second.arrays(), whole.arrays()
    assert mine.keys() == its.keys()
    assert all(np.array_equal(mine[name], its[name]) for name in its)


def test_as_a_recipe_with_larger_batches(catalog: Catalog, tmp_path: Path) -> None:
    """Rows in another order each epoch, and how far a step moves the weights."""
    found = Training(catalog, tmp_path / "added", checkpoint_seconds=100.0)
    wanted = Training(catalog, tmp_path / "large", checkpoint_seconds=100.0, accumulate=1, batch_size=32)
    mine, its = found.arrays(), wanted.arrays()
    assert mine.keys() == its.keys()
    for name in its:
        np.testing.assert_allclose(mine[name], its[name], rtol=1e-4, atol=1e-5, err_msg=name)
    for one, other in zip(found.of(events.Internals), wanted.of(events.Internals), strict=True):
        assert one.updates.keys() == other.updates.keys()
        for layer in one.updates:  # of a sample of the steps, other ones in each
            assert one.updates[layer] == pytest.approx(other.updates[layer], rel=0.5)


@pytest.mark.parametrize(
    ("train", "where", "why"),
    [
        (
            {"optimizer": {"use": "SGD", "gradient_accumulation_steps": 4}},
            "train.optimizer",
            "added up already",
        ),
        ({"on_nan": "skip"}, "train.on_nan", "cannot be left out"),
        ({"loss": {"use": "MeanSquaredError", "reduction": "sum"}}, "train.loss", "grows with the rows"),
    ],
)
def test_refused_by_name(
    catalog: Catalog, tmp_path: Path, train: dict[str, Any], where: str, why: str
) -> None:
    with pytest.raises(RecipeError, match=why) as refused:
        Training(catalog, tmp_path, **train)
    assert refused.value.where.endswith(where)
    assert not list(tmp_path.iterdir())
