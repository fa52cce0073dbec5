"""Monitors change nothing: not the training, not the model, not its files; and what they cannot see they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from workbench import events
from workbench.recipe.train_schema import Train
from workbench.training.engines import Arrays, FitSettings, fit
from workbench.training.monitors import Monitors


class Penalty(keras.layers.Layer):
    def call(self, inputs):
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        return inputs


class RawNoise(keras.layers.Layer):
    """Noise whose seed TensorFlow takes from the number of operations before it."""

    def call(self, inputs):
        return inputs + tf.random.normal(tf.shape(inputs), stddev=0.1)


@pytest.fixture
def data():
    x = np.random.default_rng(0).normal(size=(400, 4)).astype("float32")
    return Arrays(x, x.sum(axis=1, keepdims=True))


def rich_model(**compiled):
    keras.utils.clear_session()
    keras.utils.set_random_seed(5)
    inputs = keras.Input((4,))
    shared = keras.layers.Dense(4, activation="relu", kernel_regularizer="l2", name="shared")
    z = Penalty(name="penalty")(shared(shared(inputs)))
    z = keras.layers.BatchNormalization(name="norm")(keras.layers.Dropout(0.2, seed=1, name="drop")(z))
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="deep")], name="inner")
    model = keras.Model(inputs, keras.layers.Dense(1, name="out")(inner(z)), name="rich")
    model.compile(
        keras.optimizers.Adam(0.01, weight_decay=1e-3, clipnorm=1.0), "mse", metrics=["mae"], **compiled
    )
    return model


def train(model, data, watch, engine="chunk", epochs=2):
    seen = []
    monitors = Monitors(model, watch, steps=-(-data.rows // 16))
    settings = FitSettings(epochs=epochs, batch_size=16, engine=engine)
    history = fit(model, data, data, settings, [monitors.callback(seen.append)], wrap_step=monitors.wrap_step)
    return seen, history.history


@pytest.mark.parametrize("engine", ["plain", "steps", "chunk", "chunk-xla"])
def test_the_trained_weights_are_the_same_with_everything_watched(data, engine):
    plain, watched = rich_model(), rich_model()
    _, logs = train(plain, data, ["none"], engine)
    seen, watched_logs = train(watched, data, ["all"], engine)
    assert {type(event) for event in seen} == {events.Internals}
    for expected, found in zip(plain.get_weights(), watched.get_weights(), strict=True):
        if engine == "chunk-xla":  # XLA may take sums in another order
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        else:
            np.testing.assert_array_equal(found, expected)
    if engine != "chunk-xla":
        assert watched_logs == logs


def test_random_operations_without_a_seed_of_their_own_draw_the_same(data):
    found = []
    for watch in ("none", "all"):
        keras.utils.set_random_seed(2)
        model = keras.Sequential([keras.Input((4,)), Penalty(), RawNoise(), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        train(model, data, [watch])
        found.append(model.get_weights())
    np.testing.assert_array_equal(found[0][0], found[1][0])


def test_model_and_file_hold_nothing_of_the_monitors(data, tmp_path):
    files = []
    for watch in ("none", "all"):
        model = rich_model()
        keys = {layer: set(vars(layer)) for layer in model._flatten_layers()}
        regularizer = model.get_layer("shared").kernel.regularizer
        apply = model.optimizer.apply
        train(model, data, [watch])
        grown = {name for layer, before in keys.items() for name in set(vars(layer)) - before}
        assert not grown & {"call", "add_loss", "compute_loss", "train_step"}
        assert "apply" not in vars(model.optimizer)
        assert model.optimizer.apply == apply
        assert model.get_layer("shared").kernel.regularizer is regularizer
        path = tmp_path / f"{watch}.keras"
        model.save(path)
        with (
            zipfile.ZipFile(path) as archive,
            archive.open("model.weights.h5") as weights,
            h5py.File(weights) as file,
        ):
            names = []
            file.visit(names.append)
            # Keras writes addresses in memory there.
            config = re.sub(rb'"shared_object_id": \d+', b"", archive.read("config.json"))
            files.append((len(model.variables), len(model.optimizer.variables), config, names))
    assert files[0] == files[1]


def test_run_eagerly_shows_the_same(data):
    few = Arrays(data.x[:40], data.y[:40])
    seen, _ = train(rich_model(), few, ["all"], engine="plain")
    eager, _ = train(rich_model(run_eagerly=True), few, ["all"], engine="auto")
    for event, other in zip(seen, eager, strict=True):
        for name in ("losses", "gradients", "updates", "dead"):
            assert getattr(other, name) == pytest.approx(getattr(event, name), rel=1e-3), name


class OwnStep(keras.Model):
    """Trains two parts with two optimizers, and computes its losses by hand."""

    def __init__(self):
        super().__init__(name="pair")
        self.first = keras.layers.Dense(4, activation="relu", name="first")
        self.second = keras.layers.Dense(1, name="second")

    def compile(self, optimizer, **kwargs):
        super().compile(optimizer, **kwargs)
        self.other_optimizer = keras.optimizers.Adam(0.001)

    def call(self, inputs):
        return self.second(self.first(inputs))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            loss = ops.mean(ops.square(self(x) - y))
        for part, optimizer in ((self.first, self.optimizer), (self.second, self.other_optimizer)):
            gradients = tape.gradient(loss, part.trainable_weights)
            optimizer.apply_gradients(zip(gradients, part.trainable_weights, strict=True))
        return {"loss": loss}


class ByHand(OwnStep):
    """Moves its weights without any optimizer."""

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(self(x) - y))
        for weight, gradient in zip(
            self.trainable_weights, tape.gradient(loss, self.trainable_weights), strict=True
        ):
            weight.assign(weight - 0.01 * gradient)
        return {"loss": loss}


def test_a_train_step_with_two_optimizers_shows_both_and_says_what_is_missing(data):
    model = OwnStep()
    model(data.x)
    model.compile("adam", loss="mse")
    seen, logs = train(model, data, ["all"])
    internals = [event for event in seen if isinstance(event, events.Internals)]
    assert len(internals) == len(logs["loss"]) == 2
    for event in internals:
        assert set(event.gradients) == {"global", "first", "second"}
        assert all(value > 0 for value in event.gradients.values())
        assert set(event.updates) == {"first", "second"}
        assert set(event.dead) == {"first"}
        assert event.losses == {}
    (message,) = [event.text for event in seen if isinstance(event, events.Message)]
    assert "the main loss cannot be shown apart" in message


def test_a_train_step_without_an_optimizer_trains_on_and_says_what_is_missing(data):
    model = ByHand()
    model(data.x)
    model.compile("adam", loss="mse")
    before = model.get_weights()
    seen, _ = train(model, data, ["gradients", "updates", "nan", "dead"])
    assert all(np.any(new != old) for new, old in zip(model.get_weights(), before, strict=True))
    internals = [event for event in seen if isinstance(event, events.Internals)]
    assert [event.gradients for event in internals] == [{}, {}]
    assert internals[0].dead.keys() == {"first"}
    (message,) = [event.text for event in seen if isinstance(event, events.Message)]
    assert "gradients and updates cannot be shown" in message


def test_layers_inside_a_loop_do_not_disturb(data):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Reshape((4, 1)),
            keras.layers.LSTM(5, name="lstm"),
            keras.layers.Dense(1, name="out"),
        ]
    )
    model.compile("adam", "mse")
    (event,), _ = train(model, data, ["all"], epochs=1)
    assert set(event.gradients) == {"global", "lstm/cell", "out"}


def test_watch_takes_one_name_or_several_and_by_default_the_cheap_ones():
    assert Train().watch == ("losses", "metrics")
    assert Train(watch="all").watch == ("all",)
    assert Train(watch=["nan", "dead"]).watch == ("nan", "dead")
    with pytest.raises(ValueError, match="Input should be 'losses', 'metrics'"):
        Train(watch=["lossse"])
    with pytest.raises(ValueError, match="'none' stands alone"):
        Train(watch=["none", "nan"])


@pytest.mark.slow
def test_the_recipe_of_the_document_shows_its_reconstruction_apart(tmp_path):
    command = [sys.executable, "-c", "from workbench.cli import main; main()", "--json"]
    done = subprocess.run(
        [
            *command,
            "--batch",
            "reconstructing-regressor",
            "--set",
            "train.epochs=2",
            "--set",
            "save=[]",
            "--set",
            "train.watch=[losses, metrics]",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    for kind in ("epoch", "internals"):
        assert [record["epoch"] for record in records if record["event"] == kind] == [1, 2]
    epochs = {record["epoch"]: record["logs"] for record in records if record["event"] == "epoch"}
    for record in records:
        if record["event"] == "internals":
            assert set(record["losses"]) == {"main", "reconstructing_regressor"}
            assert sum(record["losses"].values()) == pytest.approx(epochs[record["epoch"]]["loss"], rel=1e-5)
            assert set(record["metrics"]) == {"reconstructing_regressor/reconstruction_error"}
