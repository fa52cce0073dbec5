"""Targets that are learned scaled: the numbers of scikit-learn and plain Keras by hand, in the targets' own units."""

from __future__ import annotations

import csv
import json

import keras
import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from workbench import events
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog
from workbench.catalog.single_file import scan
from workbench.errors import DataError, RecipeError
from workbench.recipe.document import parse
from workbench.storage.run_folder import RunFolder
from workbench.training.prediction_table import predict, prediction_table
from workbench.training.preparing import prepare
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session

ROWS, TRAIN, VALIDATION = 150, 90, 30  # the rest is the test part

RECIPE = """
kwb: 1
name: scaled
seed: 3
data:
  use: csv
  path: houses.csv
  targets: [price]
  ignore: [tax, kind]
  split: {validation: 0.2, test: 0.2, shuffle: false}
  scale_targets: standard
model: {sequential: [{use: Dense, units: 4, activation: tanh}, {use: Dense, units: 1}]}
train:
  {epochs: 3, batch_size: 32, shuffle: false, engine: plain, loss: mse, metrics: [mae, {use: RootMeanSquaredError}]}
save: [model.keras, model.h5]
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Prices around 340,000; the test rows are far from the training rows, so that a leak would show."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(5)
    area, rooms = random.normal(size=ROWS), random.normal(size=ROWS)
    price = np.exp(12.7 + 0.3 * area + 0.1 * rooms)
    price[TRAIN + VALIDATION :] *= 3
    tax = 2000 + 5 * rooms
    with open("houses.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["area", "rooms", "price", "tax", "kind"])
        kinds = np.where(area > 0, "big", "small")
        writer.writerows(zip(*(column.tolist() for column in (area, rooms, price, tax, kinds)), strict=True))
    return np.stack([area, rooms], axis=1), price[:, None], tax[:, None]


def run(text: str, catalog, folder) -> list[events.Event]:
    heard: list[events.Event] = []
    Session(
        parse(text, folder=folder),
        catalog,
        lambda event, line: heard.append(event),
        runs_folder=folder / "runs",
    ).run()
    return heard


def finished(heard) -> events.Finished:
    return next(event for event in heard if isinstance(event, events.Finished))


def by_hand(text, catalog, folder, x, scaled):
    """The same training in plain Keras, on numbers that scikit-learn has scaled; the model, and the losses by epoch."""
    prepared_run = prepare(parse(text, folder=folder), catalog)
    model = keras.models.clone_model(prepared_run.model)
    model.set_weights(prepared_run.model.get_weights())
    model.compile(keras.optimizers.Adam(), "mse")
    ends = TRAIN, TRAIN + VALIDATION
    history = model.fit(
        x[: ends[0]].astype("float32"),
        scaled[: ends[0]].astype("float32"),
        validation_data=(x[ends[0] : ends[1]].astype("float32"), scaled[ends[0] : ends[1]].astype("float32")),
        epochs=3,
        batch_size=32,
        shuffle=False,
        verbose=0,
    )
    return model, history.history


class Logarithms(StandardScaler):
    def fit(self, x):
        return super().fit(np.log(x))

    def transform(self, x):
        return super().transform(np.log(x))

    def inverse_transform(self, x):
        return np.exp(super().inverse_transform(x))


@pytest.mark.parametrize(
    ("kind", "scaler"), [("standard", StandardScaler), ("minmax", MinMaxScaler), ("log", Logarithms)]
)
def test_a_training_on_scaled_targets_is_that_of_scikit_learn_and_plain_keras(
    kind, scaler, table, catalog, tmp_path
):
    x, price, _ = table
    text = RECIPE.replace("scale_targets: standard", f"scale_targets: {kind}")
    heard = run(text, catalog, tmp_path)
    fitted = scaler().fit(price[:TRAIN])
    model, history = by_hand(text, catalog, tmp_path, x, fitted.transform(price))

    epochs = [event for event in heard if isinstance(event, events.Epoch)]
    assert [event.logs["loss"] for event in epochs] == pytest.approx(history["loss"], rel=1e-6)
    assert [event.logs["val_loss"] for event in epochs] == pytest.approx(history["val_loss"], rel=1e-6)
    validation = slice(TRAIN, TRAIN + VALIDATION)
    predicted = fitted.inverse_transform(model.predict(x.astype("float32"), verbose=0).astype(float))
    error = (predicted - price)[validation]
    assert epochs[-1].logs["val_mae"] == pytest.approx(np.abs(error).mean(), rel=1e-6)
    rmse = epochs[-1].logs["val_root_mean_squared_error"]
    assert rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-6)

    test = slice(TRAIN + VALIDATION, None)
    evaluation = finished(heard).evaluation
    mae = np.abs((predicted - price)[test]).mean()
    assert evaluation["mae"] == pytest.approx(mae, rel=1e-6)
    assert evaluation["loss"] == pytest.approx(
        float(((fitted.transform(predicted) - fitted.transform(price))[test] ** 2).mean()), rel=1e-5
    )
    for name in ("model.keras", "model.h5"):
        saved = SavedModel.open(tmp_path / name, catalog)
        rows = saved.read(str(tmp_path / "houses.csv"), catalog, with_targets=True)
        columns = prediction_table(saved, predict(saved, lambda _, rows=rows: rows)).columns
        assert columns["price"] == pytest.approx(predicted[:, 0], rel=1e-6)
        np.testing.assert_array_equal(columns["true price"], price[:, 0])  # to the last digit
        error = np.abs(predicted - price).mean()
        assert saved.evaluate(rows)["mae"] == pytest.approx(error, rel=1e-6)


def test_every_engine_and_a_stream_give_the_same_numbers(table, catalog, tmp_path):
    plain = RECIPE.replace("save: [model.keras, model.h5]", "")
    texts = [plain.replace("engine: plain", f"engine: {name}") for name in ("steps", "chunk", "chunk-xla")]
    texts.append(plain.replace("path: houses.csv", "path: houses.csv\n  stream: true"))

    def results(text):
        heard = run(text, catalog, tmp_path)
        return [event.logs for event in heard if isinstance(event, events.Epoch)] + [
            finished(heard).evaluation
        ]

    wanted = results(plain)
    for text in texts:
        for found, one in zip(results(text), wanted, strict=True):
            assert found == pytest.approx(one, rel=1e-5)


def test_streamed_targets_are_scaled_by_the_training_rows_alone(table, catalog, tmp_path):
    text = RECIPE.replace("path: houses.csv", "path: houses.csv\n  stream: true")
    prepared_run = prepare(parse(text, folder=tmp_path), catalog)
    part = prepared_run.prepared.train.read_all()
    scale = prepared_run.prepared.preparation.scales()["price"]
    fitted = StandardScaler().fit(part.targets["price"])
    assert (scale.center[0], scale.factor[0]) == pytest.approx((fitted.mean_[0], fitted.scale_[0]), rel=1e-12)
    given = next(prepared_run.feed(prepared_run.prepared.train).batches(0, 0, 1)).y
    np.testing.assert_allclose(given, fitted.transform(part.targets["price"][:32]), rtol=1e-6, atol=1e-6)


def test_several_targets_are_scaled_each_in_its_own_way_and_classes_not_at_all(table, catalog, tmp_path):
    _, price, tax = table
    text = """
kwb: 1
seed: 3
data:
  use: csv
  path: houses.csv
  targets: {money: [price, tax], kind: [kind]}
  classes: [kind]
  split: {validation: 0.2, test: 0.2, shuffle: false}
  scale_targets: standard
model:
  inputs: {features: [2]}
  graph:
    - h = Dense(4, activation="tanh")(features)
    - money = Dense(2)(h)
    - kind = Dense(2, activation="softmax")(h)
  outputs: [money, kind]
train:
  epochs: 1
  loss: {money: mse, kind: sparse_categorical_crossentropy}
  metrics: {money: [mae], kind: [accuracy]}
save: [model.keras]
"""
    heard = run(text, catalog, tmp_path)
    saved = SavedModel.open(tmp_path / "model.keras", catalog)
    table_ = prediction_table(
        saved, predict(saved, lambda _: saved.read("houses.csv", catalog, with_targets=True))
    )
    test = slice(TRAIN + VALIDATION, None)
    error = np.abs(
        np.stack([table_.columns["error price"], table_.columns["error tax"]], axis=1)[test]
    ).mean()
    evaluation = finished(heard).evaluation
    assert evaluation["money_mae"] == pytest.approx(error, rel=1e-5)
    assert evaluation["kind_accuracy"] == pytest.approx(table_.columns["right kind"][test].mean())
    fitted = StandardScaler().fit(np.concatenate([price, tax], axis=1)[:TRAIN])
    output = saved.model.predict(
        saved.read("houses.csv", catalog, with_targets=False).inputs["features"], verbose=0
    )
    money = output["money"] if isinstance(output, dict) else output[0]
    np.testing.assert_allclose(
        np.stack([table_.columns["price"], table_.columns["tax"]], axis=1),
        fitted.inverse_transform(money.astype(float)),
        rtol=1e-6,
    )
    (assembled,) = (event for event in heard if isinstance(event, events.Assembled))
    assert tuple(assembled.scaled_targets) == ("money",)


def test_sample_weights_weigh_errors_in_the_own_units(table, catalog, tmp_path):
    tax = table[2]
    text = RECIPE.replace("ignore: [tax, kind]", "ignore: [kind]\n  sample_weight: tax")
    text = text.replace(
        "loss: mse,", "loss: mse, weighted_metrics: [{use: MeanAbsoluteError, name: weighted}],"
    )
    evaluation = finished(run(text, catalog, tmp_path)).evaluation
    saved = SavedModel.open(tmp_path / "model.keras", catalog)
    columns = prediction_table(
        saved, predict(saved, lambda _: saved.read("houses.csv", catalog, with_targets=True))
    ).columns
    test = slice(TRAIN + VALIDATION, None)
    error = np.abs(columns["error price"][test])
    assert evaluation["mae"] == pytest.approx(error.mean(), rel=1e-5)
    assert evaluation["weighted"] == pytest.approx(np.average(error, weights=tax[test, 0]), rel=1e-5)


def test_a_fresh_process_predicts_and_evaluates_in_own_units(table, catalog, tmp_path, kwb):
    """And plain Keras opens the file: it predicts the scaled numbers."""
    x, price, _ = table
    evaluation = finished(run(RECIPE, catalog, tmp_path)).evaluation
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    found = json.loads(kwb("evaluate", "model.keras", "--data", "recipe.yaml", "--json", cwd=tmp_path).stdout)
    assert found == pytest.approx(evaluation, rel=1e-6)
    shown = kwb("evaluate", "model.keras", "--data", "recipe.yaml", cwd=tmp_path).stdout
    assert "loss (of scaled targets)" in shown
    lines = kwb("predict", "model.h5", "--data", "houses.csv", cwd=tmp_path).stdout.splitlines()
    predicted = np.array([float(row["price"]) for row in csv.DictReader(lines)])
    plain = keras.saving.load_model(tmp_path / "model.keras")
    scaled = plain.predict(x.astype("float32"), verbose=0).astype(float)
    fitted = StandardScaler().fit(price[:TRAIN])
    assert predicted == pytest.approx(fitted.inverse_transform(scaled)[:, 0], rel=1e-6)


def test_a_run_that_goes_on_keeps_the_units(table, catalog, tmp_path):
    text = RECIPE.replace("epochs: 3", "epochs: 6")
    whole = [event for event in run(text, catalog, tmp_path) if isinstance(event, events.Epoch)]
    run(RECIPE.replace("name: scaled", "name: part"), catalog, tmp_path)
    heard: list[events.Event] = []
    Session(
        parse(text.replace("name: scaled", "name: part"), folder=tmp_path),
        catalog,
        lambda event, line: heard.append(event),
        runs_folder=tmp_path / "runs",
        resume=RunFolder(max((tmp_path / "runs").glob("part-*"))),
    ).run()
    later = [event for event in heard if isinstance(event, events.Epoch)]
    assert [event.epoch for event in later] == [4, 5, 6]
    assert later[-1].logs == whole[-1].logs


def test_what_cannot_be_scaled_is_refused_where_it_stands(table, catalog, tmp_path):
    def error(text):
        with pytest.raises((DataError, RecipeError)) as caught:
            prepare(parse(text, folder=tmp_path), catalog)
        return str(caught.value)

    logarithm = RECIPE.replace("targets: [price]", "targets: [area]").replace("[tax, kind]", "[kind]")
    below = int(np.flatnonzero(table[0][:, 0] <= 0)[0]) + 2
    message = error(logarithm.replace("scale_targets: standard", "scale_targets: log"))
    assert "has no logarithm" in message
    assert f"houses.csv:{below}" in message
    by_name = RECIPE.replace("scale_targets: standard", "scale_targets: {prise: log}")
    assert "Did you mean 'price'?" in error(by_name)
    classes = RECIPE.replace("targets: [price]", "targets: [kind]\n  classes: [kind]").replace(
        "ignore: [tax, kind]", "ignore: [tax, price]"
    )
    assert "holds classes" in error(classes.replace("scale_targets: standard", "scale_targets: {kind: log}"))
    labels = RECIPE.replace("loss: mse", "loss: sparse_categorical_crossentropy")
    assert "expects labels, and the target 'price' is scaled" in error(labels)


def test_a_large_target_that_is_not_scaled_is_warned_of_with_the_key(table, catalog, tmp_path):
    plain = RECIPE.replace("  scale_targets: standard\n", "")
    (warning,) = prepare(parse(plain, folder=tmp_path), catalog).warnings
    assert "`scale_targets: standard` under `data`" in str(warning)
    assert not prepare(parse(RECIPE, folder=tmp_path), catalog).warnings


def test_a_loaded_model_that_has_learned_in_other_units_is_warned_of(table, catalog, tmp_path):
    run(RECIPE.replace("epochs: 3", "epochs: 1"), catalog, tmp_path)
    layers = "{sequential: [{use: Dense, units: 4, activation: tanh}, {use: Dense, units: 1}]}"
    again = RECIPE.replace(layers, "{load: model.keras}")
    assert not prepare(parse(again, folder=tmp_path), catalog).warnings
    for change in ("scale_targets: none", "scale_targets: log"):
        other = again.replace("scale_targets: standard", change)
        (warning,) = prepare(parse(other, folder=tmp_path), catalog).warnings
        assert "model.keras has learned 'price' scaled (standard: " in str(warning)


OWN = '''
import keras

@keras.saving.register_keras_serializable("units")
def spread(y_true, y_pred):
    mean, log = y_pred[:, :1], y_pred[:, 1:]
    return keras.ops.mean(log + keras.ops.square(y_true - mean) * keras.ops.exp(-2 * log), axis=-1)

@keras.saving.register_keras_serializable("units")
class Stepper(keras.Model):
    """A step of its own, with a term of its own, that updates the metrics in the way of Keras' guide."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(4, activation="tanh")
        self.last = keras.layers.Dense(1)

    def call(self, x):
        hidden = self.hidden(x)
        self.add_loss(1e-3 * keras.ops.mean(hidden**2))
        return self.last(hidden)

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            predicted = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=predicted)
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, predicted)
        return {metric.name: metric.result() for metric in self.metrics}
'''


@pytest.fixture
def own(catalog, tmp_path):
    file = tmp_path / "own_units.py"
    file.write_text(OWN)
    return Catalog((*catalog.plugins, Plugin("own_units", str(file), "", PluginState.LOADED, scan(file))))


def test_a_step_of_its_own_measures_in_own_units(table, own, tmp_path):
    layers = "{sequential: [{use: Dense, units: 4, activation: tanh}, {use: Dense, units: 1}]}"
    text = RECIPE.replace(layers, "{use: Stepper}").replace(
        "metrics: [mae, {use: RootMeanSquaredError}]", "metrics: [mae]"
    )
    heard = run(text.replace("save: [model.keras, model.h5]", "save: [model.keras]"), own, tmp_path)
    saved = SavedModel.open(tmp_path / "model.keras", own)
    columns = prediction_table(
        saved, predict(saved, lambda _: saved.read("houses.csv", own, with_targets=True))
    ).columns
    error = np.abs(columns["error price"])
    logs = [event for event in heard if isinstance(event, events.Epoch)][-1].logs
    assert logs["val_mae"] == pytest.approx(error[TRAIN : TRAIN + VALIDATION].mean(), rel=1e-5)
    assert 10_000 < logs["mae"] < 400_000  # the mean over an epoch in which the weights change


def test_an_output_of_other_numbers_than_its_target_stays_as_it_is(table, own, tmp_path):
    """A loss of one's own may read a mean and a deviation from it: only its author knows the units."""
    text = RECIPE.replace("{use: Dense, units: 1}]", "{use: Dense, units: 2}]").replace(
        "loss: mse", "loss: spread"
    )
    text = text.replace(", metrics: [mae, {use: RootMeanSquaredError}]", "")
    (warning,) = prepare(parse(text, folder=tmp_path), own).warnings
    assert "its metrics and predictions stay in scaled units" in str(warning)
    run(text, own, tmp_path)
    saved = SavedModel.open(tmp_path / "model.keras", own)
    rows = saved.read("houses.csv", own, with_targets=False)
    raw = saved.model.predict(rows.inputs["features"], verbose=0)
    np.testing.assert_array_equal(saved.predict(rows)["price"], raw)
