"""Errors that users of Keras reported, replayed in recipes; the right value is computed with stock Keras or NumPy."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.engine_cases import BATCH, ONE_INPUT, VALIDATION, part, settings
from tests.training.engine_cases import ENGINES as EVERY_ENGINE
from tests.whole import whole
from workbench import events
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.document import Document, parse
from workbench.training.engines import fit
from workbench.training.preparing import prepare
from workbench.training.session import Session

# All engines with KWB_WHOLE=engines; between these two lie the others, which share their parts.
ENGINES = EVERY_ENGINE if whole("engines") else ("plain", "chunk-xla")
ROWS = 60
rng = np.random.default_rng(5)
X = rng.normal(size=(ROWS, 2))
NUMBER = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
LABELS, ANIMALS, WEIGHTS = (
    np.array([3, 5, 7])[NUMBER],
    np.array(["cat", "dog", "eel"])[NUMBER],
    np.array([0, 1, 5])[np.arange(ROWS) % 3],
)

CLASSIFIER = """
model: {sequential: [{use: Dense, units: 6, activation: tanh}, {use: Dense, units: 3, activation: softmax}]}
train: {epochs: 2, batch_size: 16, shuffle: false, watch: none, loss: sparse_categorical_crossentropy, %s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "label", "animal", "weight"])
        writer.writerows(zip(X[:, 0], X[:, 1], LABELS, ANIMALS, WEIGHTS, strict=True))
    return tmp_path


def recipe(folder: Path, data: str, rest: str, engine: str = "plain") -> Document:
    text = f"kwb: 1\ndata: {{use: csv, path: a.csv, {data}}}\n{rest}"
    return parse(text.replace("train: {", f"train: {{engine: {engine}, "), folder=folder)


def logs_of(document: Document, catalog: Catalog, folder: Path) -> dict[str, list[float]]:
    """The logs of every epoch, by name, as the event stream has them."""
    found: dict[str, list[float]] = {}

    def hear(event: events.Event, line: str) -> None:
        if isinstance(event, events.Epoch):
            for name, value in event.logs.items():
                found.setdefault(name, []).append(value)

    Session(document, catalog, hear, runs_folder=folder / "runs").run()
    return found


def stock_logs(document: Document, catalog: Catalog, **weighting: Any) -> dict[str, list[float]]:
    """The same training with stock `fit`, of the same rows from the same weights."""
    prepared_run = prepare(document, catalog)
    train = prepared_run.arrays(prepared_run.prepared.train)
    validation = None
    if prepared_run.prepared.validation is not None:
        other = prepared_run.arrays(prepared_run.prepared.validation)
        validation = (
            (other.x, other.y) if other.sample_weight is None else (other.x, other.y, other.sample_weight)
        )
    history = prepared_run.model.fit(
        train.x, train.y, sample_weight=train.sample_weight, validation_data=validation,
        batch_size=16, epochs=2, shuffle=False, verbose=0, **weighting,
    )  # fmt: skip
    return dict(history.history)


def assert_close(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-7, err_msg=name)


# --- 4: class weights by name -------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("data", "named", "numbered"),
    [
        ("targets: [label], classes: [label], inputs: {f: [a, b]}", "{3: 1, 5: 1, 7: 20}", {0: 1, 1: 1, 2: 20}),
        ("targets: [animal], classes: [animal], inputs: {f: [a, b]}", "{dog: 20}", {1: 20}),
    ],
)  # fmt: skip
def test_a_class_weight_goes_to_the_class_of_that_name(
    data: str, named: str, numbered: dict[int, float], engine: str, folder: Path, catalog: Catalog
) -> None:
    text = CLASSIFIER % f"class_weight: {named}, weighted_metrics: [accuracy]"
    wanted = stock_logs(recipe(folder, data, text), catalog, class_weight=numbered)
    assert_close(logs_of(recipe(folder, data, text, engine), catalog, folder), wanted)


@pytest.mark.parametrize(
    ("data", "weights", "message"),
    [
        ("targets: [animal], classes: [animal]", "{catt: 2}", "no class 'catt'. Did you mean 'cat'"),
        ("targets: [label], classes: [label]", "{1: 2}", "no class '1'. Its classes are: 3, 5, 7"),
        ("targets: [label]", "{99: 2}", "no class '99'"),
        ("targets: [label]", "{cat: 2}", "no class 'cat'"),
        ("targets: [a]", "{0: 2}", "has no classes to weigh"),
    ],
)
def test_a_class_weight_of_no_class_is_refused(
    data: str, weights: str, message: str, folder: Path, catalog: Catalog
) -> None:
    inputs = "inputs: {f: [weight]}"
    document = recipe(folder, f"{data}, {inputs}", CLASSIFIER % f"class_weight: {weights}")
    with pytest.raises(RecipeError, match="class_weight") as refused:
        prepare(document, catalog)
    assert message in str(refused.value)


# --- 7: losses of the model's own, no targets ---------------------------------------------------------------------

OWN_LOSSES = """
import keras
import tensorflow as tf


class AddsLoss(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs):
        outputs = self.dense(inputs)
        self.add_loss(keras.ops.mean(keras.ops.square(outputs - inputs)))
        return outputs


class OwnStep(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)
        self.error = keras.metrics.Mean(name="error")

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        inputs = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(inputs) - inputs))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        self.error.update_state(loss)
        return {"error": self.error.result()}


class Decay(keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(keras.ops.mean(keras.ops.square(inputs)))
        return inputs


class Nothing(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)
"""


@pytest.fixture(scope="module")
def own_losses(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    path = tmp_path_factory.mktemp("plugin") / "own.py"
    path.write_text(OWN_LOSSES)
    return Catalog(discover([path], scan=single_file.scan))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("targets", ["[]", "[weight]"] if whole("engines") else ["[]"])
@pytest.mark.parametrize("model", ["AddsLoss", "OwnStep", "{sequential: [{use: Dense, units: 2}, Decay]}"])
def test_a_model_may_bring_its_own_loss(
    model: str, targets: str, engine: str, folder: Path, own_losses: Catalog
) -> None:
    data = f"targets: {targets}, inputs: {{f: [a, b]}}"
    rest = f"model: {model}\ntrain: {{epochs: 2, batch_size: 16, shuffle: false, watch: none}}"
    wanted = stock_logs(recipe(folder, data, rest), own_losses)
    assert_close(logs_of(recipe(folder, data, rest, engine), own_losses, folder), wanted)


def test_a_model_without_any_loss_is_refused(folder: Path, own_losses: Catalog) -> None:
    document = recipe(folder, "targets: [], inputs: {f: [a, b]}", "model: Nothing\ntrain: {epochs: 2}")
    with pytest.raises(RecipeError, match="a loss is missing"):
        prepare(document, own_losses)


# --- 17: a number for each class ----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_a_metric_of_every_class_is_shown_by_class_and_can_be_watched(
    engine: str, folder: Path, catalog: Catalog
) -> None:
    data = "targets: {y: [x, z]}, inputs: {f: [a, b]}, split: {validation: 0.3, shuffle: false}"
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "x", "z"])
        writer.writerows(zip(X[:, 0], X[:, 1], X[:, 0] > 0, X[:, 1] > 0.5, strict=True))
    text = (folder / "a.csv").read_text().replace("True", "1").replace("False", "0")
    (folder / "a.csv").write_text(text)
    rest = """
model: {sequential: [{use: Dense, units: 2, activation: sigmoid}]}
train: {epochs: 2, batch_size: 16, shuffle: false, watch: none, loss: binary_crossentropy,
  metrics: [{use: F1Score, threshold: 0.5}],
  callbacks: [{use: EarlyStopping, monitor: val_f1_score, mode: max, patience: 5}]}
"""
    wanted = stock_logs(recipe(folder, data, rest), catalog)
    found = logs_of(recipe(folder, data, rest, engine), catalog, folder)
    for name in ("f1_score", "val_f1_score"):
        both = np.asarray(wanted.pop(name))
        wanted |= {name: both.mean(axis=1), f"{name}_x": both[:, 0], f"{name}_z": both[:, 1]}
    assert_close(found, wanted)


# --- 22: metrics that count weights -------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES)
def test_weighted_metrics_count_sample_weights(engine: str, folder: Path, catalog: Catalog) -> None:
    data = (
        "targets: [animal], classes: [animal], inputs: {f: [a, b]}, sample_weight: weight,"
        " split: {validation: 0.5, shuffle: false}"
    )
    text = CLASSIFIER % "metrics: [accuracy], weighted_metrics: [accuracy]"
    found = logs_of(recipe(folder, data, text, engine), catalog, folder)
    assert_close(found, stock_logs(recipe(folder, data, text), catalog))
    prepared_run = prepare(recipe(folder, data, text), catalog)
    train, other = (
        prepared_run.arrays(prepared_run.prepared.train),
        prepared_run.arrays(prepared_run.prepared.validation),
    )
    prepared_run.model.fit(
        train.x, train.y, sample_weight=train.sample_weight,
        batch_size=16, epochs=2, shuffle=False, verbose=0,
    )  # fmt: skip
    right = prepared_run.model.predict(other.x, verbose=0).argmax(axis=1) == other.y
    assert found["val_accuracy"][-1] == pytest.approx(right.mean(), rel=1e-5)
    assert found["val_weighted_accuracy"][-1] == pytest.approx(
        np.average(right, weights=other.sample_weight), rel=1e-5
    )


# --- 23: weights of time steps ------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", EVERY_ENGINE if whole("engines") else ["plain", "chunk"])
def test_each_time_step_may_have_a_weight(engine: str, folder: Path, catalog: Catalog) -> None:
    steps = rng.normal(size=(ROWS, 4, 2)).astype("float32")
    weights = rng.uniform(0.0, 2.0, size=(ROWS, 4))
    np.savez(folder / "s.npz", x=steps, y=steps.cumsum(axis=1)[:, :, :1], w=weights)
    text = f"""
kwb: 1
data: {{use: npz, path: s.npz, targets: [y], sample_weight: w}}
model: {{sequential: [{{use: SimpleRNN, units: 3, return_sequences: true}}, {{use: Dense, units: 1}}]}}
train: {{engine: {engine}, epochs: 2, batch_size: 16, shuffle: false, watch: none, loss: mse, weighted_metrics: [mae]}}
"""
    document = parse(text, folder=folder)
    prepared_run = prepare(document, catalog)
    np.testing.assert_allclose(
        prepared_run.arrays(prepared_run.prepared.train).sample_weight, weights, rtol=1e-6
    )
    assert_close(logs_of(document, catalog, folder), stock_logs(document, catalog))


# --- 24: a metric that gives its variable -------------------------------------------------------------------------


class Worst(keras.metrics.Metric):
    """As in Keras' documentation: `result` gives the variable itself."""

    def __init__(self) -> None:
        super().__init__(name="worst")
        self.worst = self.add_variable((), "zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.worst.assign(keras.ops.maximum(self.worst, keras.ops.max(keras.ops.abs(y_true - y_pred))))

    def result(self) -> Any:
        return self.worst

    def reset_state(self) -> None:
        self.worst.assign(0.0)


@pytest.mark.parametrize("engine", ["auto", *ENGINES])
def test_a_metric_that_gives_its_variable_keeps_the_value_of_training(engine: str) -> None:
    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.05), "mse", metrics=[Worst()])
        return model

    validation = part(ONE_INPUT, VALIDATION)
    found = fit(made(), ONE_INPUT, validation, settings(engine=engine)).history["worst"]
    alone = made().fit(ONE_INPUT.x, ONE_INPUT.y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    wanted = [float(value) for value in alone.history["worst"]]
    np.testing.assert_allclose(np.asarray(found, dtype=float), wanted, rtol=1e-5)
