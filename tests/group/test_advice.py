"""What several processes are expected to gain is measured before the first step, and leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.conftest import Kwb
from tests.group.test_equality import MSE, Case, table, write_recipe
from tests.group.trainings import needs_networks
from tests.whole import part
from workbench.training.engines.builder import Builder
from workbench.training.engines.data import Arrays, ArraySource
from workbench.training.engines.shares import Share
from workbench.training.group.advice import LoneStep, SpeedUp, expected

__all__ = ["table"]

X = np.random.default_rng(1).normal(size=(96, 6)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def made() -> tuple[keras.Model, ArraySource, Builder]:
    """A model with all that a step changes: weights, moving averages, seeds, metrics, the state of an optimizer."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dropout(0.4), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    model(X[:1])
    model.optimizer.build(model.trainable_variables)
    source = ArraySource(Arrays(X, Y), 32, shuffle=True, seed=3)
    builder = Builder(model, "train", model.train_step, source, 1)
    builder.build("chunk")
    return model, source, builder


def state(model: keras.Model) -> list[bytes]:
    every = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    every += [each.state for layer in model.layers for each in getattr(layer, "_seed_generators", [])]
    return [np.asarray(keras.ops.convert_to_numpy(each)).tobytes() for each in every]


def test_measuring_changes_no_bit_of_what_is_trained() -> None:
    model, source, builder = made()
    builder.build("chunk").run(0, 0, 2)  # so that nothing is zero any more
    before = state(model)
    found = expected(LoneStep(model, model.train_step, source), source.whole_batch(0, 0), Share(0, 2), 0.001)
    assert found is not None
    assert found.alone > 0.0
    assert found.share > 0.0
    assert state(model) == before
    drawn = keras.random.uniform((3,)).numpy().tolist(), tf.random.uniform((3,)).numpy().tolist()
    builder.build("chunk").run(0, 2, 1)

    other, _, builder = made()
    builder.build("chunk").run(0, 0, 2)
    assert drawn == (keras.random.uniform((3,)).numpy().tolist(), tf.random.uniform((3,)).numpy().tolist())
    builder.build("chunk").run(0, 2, 1)
    assert state(other) == state(model), "the step after it draws and learns the same"


def test_the_batch_that_is_measured_has_the_rows_of_all() -> None:
    source = ArraySource(Arrays(X, Y), 32, shuffle=True, seed=3, share=Share(1, 2))
    x, y = source.whole_batch(0, 0)
    order = np.random.default_rng([3, 0]).permutation(96)
    np.testing.assert_array_equal(x, X[order[:32]])
    np.testing.assert_array_equal(y, Y[order[:32]])


def test_a_step_that_acts_outside_of_the_graph_is_not_tried_out() -> None:
    model, source, _ = made()
    seen: list[int] = []

    def noting(data):
        tf.numpy_function(lambda x: seen.append(len(x)), [data[0]], [])
        return model.train_step(data)

    lone = LoneStep(model, noting, source)
    assert not lone.repeatable
    assert expected(lone, source.whole_batch(0, 0), Share(0, 2), 0.001) is None
    assert seen == []


@pytest.mark.parametrize(
    ("alone", "share", "sums", "times", "level"),
    [
        (0.08, 0.04, 0.01, 1.6, "info"),
        (0.08, 0.05, 0.03, 1.0, "warning"),
        (0.001, 0.0009, 0.002, 0.34, "warning"),
    ],
)
def test_a_gain_below_a_tenth_is_warned_of(
    alone: float, share: float, sums: float, times: float, level: str
) -> None:
    found = SpeedUp(2, alone, share, sums)
    assert found.times == pytest.approx(times, abs=0.01)
    message = found.message()
    assert message.level == level
    assert f"{times:.2g} times as fast as one of them alone" in message.text
    assert ("Use one process (`workers: 1`), or a larger batch." in message.text) is (level == "warning")


@pytest.mark.slow
@needs_networks
@pytest.mark.parametrize("data", part("processes", ["", ", stream: true"], [""]))
def test_it_is_said_before_the_first_epoch_ends(kwb: Kwb, table: Path, data: str) -> None:
    case = Case("{sequential: [{use: Dense, units: 1}]}", f"{MSE}, batch_size: 32, epochs: 2", data=data)
    result = kwb("--batch", write_recipe(table, case), "--json", "--workers", "2", cwd=table, timeout=300)
    assert result.returncode == 0, result.stderr
    happened = [json.loads(line) for line in result.stdout.splitlines()]
    said = [
        index
        for index, each in enumerate(happened)
        if "2 processes are expected to train" in each.get("text", "")
    ]
    assert len(said) == 1
    assert said[0] < min(index for index, each in enumerate(happened) if each["event"] == "epoch")
    measured = [each for each in happened if each["event"] == "processes"]
    times = measured[-1]["expected_speed_up"]
    assert f"{times:.2g} times as fast as one" in happened[said[0]]["text"]
    assert (happened[said[0]]["level"] == "warning") is (times < 1.1)
    assert measured[-1]["speed_up"] > 0.0
