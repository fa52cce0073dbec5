"""Several processes end with what stock Keras ends with in one process: `engine: plain` is its own `fit`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Kwb
from tests.group.trainings import assert_equal, needs_networks, trained
from tests.whole import part

pytestmark = [pytest.mark.slow, needs_networks]

ROWS = 301  # 181 to train on: with batches of 36 rows the last has one, fewer than there are processes

OWN = '''
import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("own_step")
class OwnStep(keras.Model):
    """Two losses, each of its own tape, and logs that are no metrics."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner, self.last = keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)

    def call(self, x):
        return self.last(self.inner(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            wrong = tf.reduce_mean(tf.square(self(x, training=True) - tf.cast(y, tf.float32)))
        gradients = tape.gradient(wrong, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"wrong": wrong}

    def test_step(self, data):
        x, y = data
        return {"wrong": tf.reduce_mean(tf.square(self(x) - tf.cast(y, tf.float32)))}


class Decaying(keras.layers.Layer):
    """Adds a loss, counts it as a metric, and keeps a moving average that training does not read."""

    def build(self, shape):
        self.kept = self.add_weight(shape=shape[1:], initializer="zeros", trainable=False, name="kept")
        self.size = keras.metrics.Mean(name="size")

    def call(self, x):
        self.add_loss(0.1 * tf.reduce_mean(tf.square(x)))
        self.size.update_state(tf.abs(x[:, 0]))
        self.kept.assign(0.9 * self.kept + 0.1 * tf.reduce_mean(x, axis=0))
        return x
'''


@dataclass(frozen=True)
class Case:
    """A recipe's parts.

    Attributes:
        model, train: of the recipe; data: what is added to its data section.
        processes: how many train.
        within, logs_within: the largest difference, as part of a number's size.
    """

    model: str
    train: str
    data: str = ""
    processes: int = 2
    within: float = 1e-5
    logs_within: float = 0.0
    targets: str = "[y]"
    plugin: bool = field(default=False)


DENSE = "{sequential: [{use: Dense, units: 8, activation: tanh}, {use: Dense, units: 1}]}"
MSE = "loss: mse, metrics: [mae]"

BUILT_IN = ("reconstructing-regressor", "multi-inputs", "residual-regressor")
CASES = {
    "last batch of one row": Case(DENSE, f"{MSE}, batch_size: 36"),
    "three processes, uneven": Case(
        DENSE, f"{MSE}, batch_size: 32, optimizer: {{use: AdamW, clipnorm: 0.5}}", processes=3
    ),
    "regularizer, accumulation": Case(
        "{sequential: [{use: Dense, units: 8, kernel_regularizer: {use: L2, l2: 0.01}}, {use: Dense, units: 1}]}",
        f"{MSE}, batch_size: 32, optimizer: {{use: SGD, learning_rate: 0.01, gradient_accumulation_steps: 2}}",
    ),
    "a schedule": Case(
        DENSE,
        f"{MSE}, batch_size: 8, optimizer: {{use: Adam, learning_rate: {{use: ExponentialDecay, "
        "initial_learning_rate: 0.01, decay_steps: 20, decay_rate: 0.7}}",
    ),
    "a column of weights": Case(DENSE, f"{MSE}, batch_size: 32, optimizer: SGD", data=", sample_weight: weight"),
    "average of the weights": Case(
        DENSE, f"{MSE}, batch_size: 32, optimizer: {{use: Adam, use_ema: true, ema_momentum: 0.9}}"
    ),
    "batch normalization, synchronized": Case(
        # A bias in front of it has a gradient of rounding alone, which Adam makes as large as any other.
        "{sequential: [{use: Dense, units: 8, use_bias: false}, {use: BatchNormalization, synchronized: true}, "
        "{use: Dense, units: 1}]}",
        f"{MSE}, batch_size: 32",
        processes=3,
        within=2e-5,
    ),
    "two outputs, weights": Case(
        "{inputs: {all: [4]}, graph: ['h = Dense(8)(all)', 'y = Dense(1, name=\"y\")(h)', "
        "'z = Dense(1, name=\"z\")(h)'], outputs: [y, z]}",
        "loss: mse, loss_weights: {y: 1.0, z: 0.3}, batch_size: 32",
        logs_within=5e-3,  # Keras counts the loss of each output by batches, not by rows, and the last one is uneven
        data=", inputs: {all: [a, b, c, d]}",
        targets="{y: [y], z: [z]}",
    ),
    "classes with weights": Case(
        "{sequential: [{use: Dense, units: 3, activation: softmax}]}",
        "loss: sparse_categorical_crossentropy, metrics: [accuracy], class_weight: balanced, batch_size: 32",
        targets="[kind]",
    ),
    "an embedding, whose rows a batch meets several times": Case(
        "{inputs: {kind: [1], features: [4]}, graph: ['e = Embedding(9, 4)(kind)', 'e = Flatten()(e)', "
        "'h = Concatenate()(e, features)', 'last = Dense(1)(h)'], outputs: [last]}",
        "loss: mse, batch_size: 2, optimizer: {use: Adam, learning_rate: 0.01}",
        data=", embed: [kind]",
        within=1e-4,
    ),
    "callbacks": Case(
        DENSE,
        f"{MSE}, batch_size: 32, epochs: 9, optimizer: {{use: Adam, learning_rate: 0.05}}, callbacks: "
        "[{use: ReduceLROnPlateau, monitor: loss, factor: 0.5, patience: 0, min_delta: 0.2}, "
        "{use: EarlyStopping, monitor: loss, min_delta: 0.3, patience: 1, restore_best_weights: true}]",
        within=1e-4,
    ),
    "a step of its own": Case("{use: OwnStep}", "loss: mse, batch_size: 32", plugin=True),
    "added loss, metric and state of a layer": Case(
        "{sequential: [{use: Dense, units: 4}, {use: Decaying}, {use: Dense, units: 1}]}",
        f"{MSE}, batch_size: 36",
        plugin=True,
        within=2e-5,
    ),
}  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write_table(tmp_path)


def write_table(folder: Path) -> Path:
    """The data of all cases, and the plugin of some, in a folder."""
    draws = np.random.default_rng(5)
    numbers = draws.normal(size=(ROWS, 4))
    targets = numbers @ [2.0, -1.0, 0.5, 0.0] + 0.3 * numbers[:, 0] ** 2
    lines = ["a,b,c,d,y,z,weight,kind"]
    for row, target in zip(numbers, targets, strict=True):
        kind = ("low", "middle", "high")[int(np.digitize(target, [-1.0, 1.5]))]
        lines.append(
            ",".join(
                [
                    *(f"{each:.6f}" for each in row),
                    f"{target:.6f}",
                    f"{target * row[3]:.6f}",
                    f"{1 + row[0] ** 2:.4f}",
                    kind,
                ]
            )
        )
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    (folder / "own.py").write_text(OWN)
    return folder


def write_recipe(folder: Path, case: Case, name: str = "r") -> str:
    classes = ", classes: [kind]" if case.targets == "[kind]" else ""
    ignored = [each for each in ("y", "z", "weight", "kind") if each not in case.targets + case.data]
    train = case.train if "epochs:" in case.train else f"epochs: 3, {case.train}"
    (folder / f"{name}.yaml").write_text(
        f"kwb: 1\nname: {name}\nseed: 4\ndata: {{use: csv, path: table.csv, targets: {case.targets}, "
        f"ignore: [{', '.join(ignored)}]{classes}, split: {{validation: 0.2, test: 0.2}}{case.data}}}\n"
        f"model: {case.model}\ntrain: {{{train}}}\n"
    )
    return f"{name}.yaml"


EVERY_DAY = (
    "three processes, uneven",
    "batch normalization, synchronized",
    "two outputs, weights",
    "an embedding, whose rows a batch meets several times",
    "added loss, metric and state of a layer",
)  # the others with KWB_WHOLE=processes


@pytest.mark.parametrize("name", part("processes", CASES, EVERY_DAY))
def test_as_stock_keras_in_one_process(name: str, kwb: Kwb, table: Path) -> None:
    case = CASES[name]
    recipe = write_recipe(table, case)
    plugin = ("--plugin", "own.py") if case.plugin else ()
    wanted = trained(kwb, table, recipe, "--set", "train.engine=plain", *plugin)
    found = trained(kwb, table, recipe, "--workers", str(case.processes), *plugin)
    assert_equal(found, wanted, within=case.within, logs_within=case.logs_within or case.within)


@pytest.mark.parametrize("recipe", part("processes", ["vae", "gan"], ["gan"]))
def test_built_in_recipes_that_draw_numbers(recipe: str, kwb: Kwb, tmp_path: Path) -> None:
    """Also in a test of the model, where metrics are others each time, and no less sums for that; and with optimizers
    beside that of Keras."""
    alone, several = (
        trained(kwb, tmp_path, recipe, "--workers", workers, "--set", "train.epochs=3")
        for workers in ("1", "2")
    )
    assert several.weights.keys() == alone.weights.keys()
    for name, value in alone.logs[-1].items():
        assert several.logs[-1][name] == pytest.approx(value, rel=0.25), name


@pytest.mark.parametrize("recipe", part("processes", BUILT_IN, BUILT_IN[:1]))
def test_built_in_recipes(recipe: str, kwb: Kwb, tmp_path: Path) -> None:
    wanted = trained(kwb, tmp_path, recipe, "--set", "train.engine=plain", "--set", "train.epochs=3")
    found = trained(kwb, tmp_path, recipe, "--workers", "2", "--set", "train.epochs=3")
    assert_equal(found, wanted)
