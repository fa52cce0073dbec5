"""Reports of trainings that forget when they are resumed, or that change with the number of epochs, in every engine."""

from __future__ import annotations

import collections
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.training.engine_cases import ENGINES as EVERY_ENGINE
from tests.training.resuming import Pair
from tests.whole import whole
from workbench import events
from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import Document, parse
from workbench.storage.run_folder import RunFolder
from workbench.training.preparing import prepare
from workbench.training.session import Session

ENGINES = ("auto", *EVERY_ENGINE) if whole("engines") else ("chunk",)
ROWS, PARTS = 24, (2, 3, 6)  # epochs after which the training is broken off
X = np.random.default_rng(0).normal(size=(ROWS, 2)).astype("float32")


def _hidden_penalty() -> type:
    """A model whose step counts in a variable that nothing holds but the functions around it."""
    passed = tf.Variable(0.0, trainable=False)
    more = {"slow": [tf.Variable(0.0, trainable=False)]}

    class Enclosed(keras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.out = keras.layers.Dense(1)

        def build(self, shape: Any) -> None:
            self.out.build(shape)
            self.built = True

        def call(self, inputs: Any) -> Any:
            return self.out(inputs)

        def train_step(self, data: Any) -> Any:
            passed.assign_add(1.0)
            more["slow"][0].assign_add(0.5)
            return super().train_step(data)

        def compute_loss(self, x: Any, y: Any, y_pred: Any, weight: Any = None, training: bool = True) -> Any:
            plain = super().compute_loss(x, y, y_pred, weight, training)
            return plain + tf.reduce_mean(y_pred**2) / (1 + passed + more["slow"][0])

    variables = (passed, more["slow"][0])
    begin_again = staticmethod(lambda: [variable.assign(0.0) for variable in variables])
    Enclosed.begin_again = begin_again  # type: ignore[attr-defined]  # for the test
    return Enclosed


class Counting(keras.Model):
    """A penalty that falls with a counter in a variable of TensorFlow, which Keras does not see."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.out = keras.layers.Dense(1)
        self.counter = tf.Variable(0.0, trainable=False)

    def build(self, shape: Any) -> None:
        self.out.build(shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.out(inputs)

    def train_step(self, data: Any) -> Any:
        self.counter.assign_add(1.0)
        return super().train_step(data)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, weight: Any = None, training: bool = True) -> Any:
        plain = super().compute_loss(x, y, y_pred, weight, training)
        return plain + tf.reduce_mean(y_pred**2) / (1 + self.counter)


class Remembers(keras.callbacks.Callback):
    """A rate that comes of a deque, a tuple and a dict with whole numbers as keys."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Any = collections.deque(maxlen=3)
        self.best: Any = (0, float("inf"))
        self.by_epoch: dict[int, float] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        loss = float((logs or {})["loss"])
        self.last.append(loss)
        self.best = min(self.best, (epoch, loss), key=lambda pair: pair[1])
        self.by_epoch[epoch] = loss
        self.model.optimizer.learning_rate = 0.1 / (1 + sum(self.last) + self.best[0] + len(self.by_epoch))


class Noisy(keras.layers.Layer):
    """Draws with TensorFlow's own generator, whose state nobody can read."""

    def call(self, inputs: Any) -> Any:
        return inputs + 0.1 * tf.random.normal(tf.shape(inputs))


Enclosed = _hidden_penalty()
STACK = "{sequential: [{use: Dense, units: 3, activation: tanh}, {use: Dense, units: 1}]}"
AVERAGED = "{use: Adam, learning_rate: 0.02, use_ema: true, ema_momentum: 0.8}"
CASES = {
    "two optimizers": ("Pair", "{use: Adam, learning_rate: 0.01}", "[]"),
    "a variable of the model": ("Counting", "{use: SGD, learning_rate: 0.05}", "[]"),
    "a variable that only functions enclose": ("Enclosed", "{use: SGD, learning_rate: 0.05}", "[]"),
    "collections of a callback": (STACK, "{use: Adam, learning_rate: 0.01}", "[Remembers]"),
    "averaged weights swapped each epoch": (STACK, AVERAGED, "[{use: SwapEMAWeights, swap_on_epoch: true}]"),
}


@pytest.fixture(scope="module")
def these(catalog: Catalog) -> Catalog:
    kinds = {Pair: Kind.MODEL, Counting: Kind.MODEL, Enclosed: Kind.MODEL, Remembers: Kind.CALLBACK}
    kinds[Noisy] = Kind.LAYER
    entries = tuple(
        Entry(kind, cls.__name__, f"{cls.__module__}:{cls.__name__}", plugin="own", distribution="own")
        for cls, kind in kinds.items()
    )
    csv_logger = Entry(
        Kind.CALLBACK, "CSVLogger", "keras.callbacks:CSVLogger", plugin="own", distribution="own"
    )
    entries = (*entries, csv_logger)
    own = replace(catalog.plugins[0], name="own", distribution="own", error="", entries=entries)
    return Catalog((*catalog.plugins, own))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / "d.npz", x=X, y=X[:, :1] * 2 - X[:, 1:])
    return tmp_path


def recipe(
    folder: Path,
    model: str,
    epochs: int,
    engine: str,
    optimizer: str = "SGD",
    callbacks: str = "[]",
    more: str = "",
) -> Document:
    text = f"""
kwb: 1
seed: 4
data: {{use: npz, path: d.npz, inputs: {{x: x}}, targets: [y]}}
model: {model}
train: {{epochs: {epochs}, batch_size: 8, shuffle: false, watch: none, loss: mse, engine: {engine},
  optimizer: {optimizer}, callbacks: {callbacks}, checkpoint_seconds: 0{more}}}
"""
    return parse(text, folder=folder)


def run(document: Document, catalog: Catalog, before: RunFolder | None = None) -> tuple[RunFolder, list[Any]]:
    """One process' part: what stands in functions and modules begins again in each."""
    Enclosed.begin_again()
    heard: list[Any] = []
    Session(
        document, catalog, lambda event, line: heard.append(event), runs_folder=document.folder / "runs", resume=before
    ).run()  # fmt: skip
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    return RunFolder(Path(started.folder)), heard


def logs(heard: list[Any]) -> list[dict[str, float]]:
    own = ("learning_rate",)  # Keras logs it only where a callback does
    found = [event.logs for event in heard if isinstance(event, events.Epoch)]
    return [{name: value for name, value in each.items() if name not in own} for each in found]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_a_resumed_training_is_stock_fit_at_a_stretch(
    case: str, engine: str, folder: Path, these: Catalog
) -> None:
    model, optimizer, callbacks = CASES[case]
    found: list[dict[str, float]] = []
    before = None
    for epochs in PARTS:
        before, heard = run(recipe(folder, model, epochs, engine, optimizer, callbacks), these, before)
        reported = [e.text for e in heard if isinstance(e, events.Message)]
        assert not any("cannot keep" in text or "Skipping variable loading" in text for text in reported)
        not_in_file = [text for text in reported if "does not bring back the state of the optimizer" in text]
        assert len(not_in_file) == len({text.partition(": ")[2] for text in not_in_file})
        found += logs(heard)

    Enclosed.begin_again()
    prepared_run = prepare(recipe(folder, model, PARTS[-1], engine, optimizer, callbacks), these)
    train = prepared_run.arrays(prepared_run.prepared.train)
    history = prepared_run.model.fit(
        train.x,
        train.y,
        batch_size=8,
        epochs=PARTS[-1],
        shuffle=False,
        verbose=0,
        callbacks=list(prepared_run.callbacks),
    ).history  # fmt: skip
    assert {name for epoch in found for name in epoch} == set(history) - {"learning_rate"}
    for name in found[0]:
        np.testing.assert_allclose([epoch[name] for epoch in found], history[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("engine", ("auto", *EVERY_ENGINE) if whole("engines") else ("auto",))
def test_more_epochs_begin_as_fewer_do(engine: str, folder: Path, these: Catalog) -> None:
    """With random numbers: 30 epochs are too few for `auto` to measure anything, 60 are not."""
    noisy = (
        "{sequential: [{use: Dense, units: 3}, {use: Dropout, rate: 0.3}, {use: GaussianNoise, stddev: 0.1}, "
        "{use: Dense, units: 1}]}"
    )
    few, more, again = (logs(run(recipe(folder, noisy, n, engine), these)[1]) for n in (20, 40, 40))
    assert few == more[:20]
    assert more == again


@pytest.mark.parametrize("engine", ("auto", *EVERY_ENGINE) if whole("engines") else ("plain", "chunk"))
def test_what_no_checkpoint_can_keep_of_random_numbers_is_said(
    engine: str, folder: Path, these: Catalog
) -> None:
    heard: dict[str, list[str]] = {}
    for layer in ("Noisy", "{use: GaussianNoise, stddev: 0.1}"):
        stack = f"{{sequential: [{{use: Dense, units: 2}}, {layer}, {{use: Dense, units: 1}}]}}"
        found = run(recipe(folder, stack, 2, engine), these)[1]
        heard[layer] = [e.text for e in found if isinstance(e, events.Message) and "tf.random" in e.text]
    named, none = heard.values()
    assert named == [
        "a checkpoint cannot keep the state of tf.random (RandomStandardNormal): --resume draws other numbers. "
        "What keras.random draws is kept."
    ]
    assert none == []


def test_a_log_of_epochs_has_each_epoch_once(folder: Path, these: Catalog) -> None:
    """Rows of epochs that are trained again, and of epochs after the last checkpoint, are written again."""
    log = folder / "log.csv"
    callbacks = f"[{{use: CSVLogger, filename: {log}, separator: ';'}}]"
    before, _ = run(recipe(folder, STACK, 2, "plain", callbacks=callbacks), these)
    log.write_text(log.read_text() + "2;0.5;0.5\n3;0.25;0.25\n")  # as a killed process may leave it
    _, heard = run(recipe(folder, STACK, 4, "plain", callbacks=callbacks), these, before)
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [row["epoch"] for row in rows] == ["0", "1", "2", "3"]
    assert [float(row["loss"]) for row in rows[2:]] == pytest.approx([e["loss"] for e in logs(heard)])
