"""Which callback ended a training is said; what cannot work is refused before it begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from workbench import events
from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.recipe.document import parse
from workbench.storage.runs import list_runs
from workbench.training.preparing import prepare
from workbench.training.session import Session

RECIPE = """
kwb: 1
name: r
data: {{use: csv, path: rows.csv, targets: {targets}, split: {split}{data}}}
model: {model}
train: {{epochs: {epochs}, batch_size: 8, engine: {engine}, loss: {loss}, {more}}}
"""
LINE = "{sequential: [{use: Dense, units: 1}]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    x = np.linspace(-1.0, 1.0, 40)
    rows = "\n".join(f"{a:.4f},{2 * a:.4f},{n % 4 + 1},{n % 2 + 1}" for n, a in enumerate(x))
    (tmp_path / "rows.csv").write_text(f"x,y,k,two\n{rows}\n")
    return tmp_path


def document(
    folder, *, model=LINE, targets="[y]", split="{validation: 0.2}", loss="mse", more="", epochs=1,
    engine="plain", data=", inputs: {features: [x]}",
):  # fmt: skip
    text = RECIPE.format(
        model=model,
        targets=targets,
        split=split,
        loss=loss,
        more=more,
        epochs=epochs,
        engine=engine,
        data=data,
    )
    return parse(text, name="r.yaml", folder=folder)


def refused(catalog, folder, **parts) -> str:
    with pytest.raises(RecipeError) as caught:
        prepare(document(folder, **parts), catalog)
    return str(caught.value)


@pytest.mark.parametrize("engine", ["plain", "chunk"])
def test_early_stopping_says_what_it_watched_and_for_how_long(catalog, folder, engine):
    more = (
        "optimizer: {use: SGD, learning_rate: 0.0}, "
        "callbacks: [TerminateOnNaN, {use: EarlyStopping, patience: 3, restore_best_weights: true}]"
    )
    heard: list[events.Event] = []
    session = Session(
        document(folder, more=more, epochs=50, engine=engine), catalog,
        lambda event, line: heard.append(event), runs_folder=folder / "runs",
    )  # fmt: skip
    finished = session.run()
    assert finished.status == "done"
    assert sum(isinstance(event, events.Epoch) for event in heard) == 4
    assert finished.reason == (
        "EarlyStopping: val_loss did not improve for 3 epochs, the weights of epoch 1 are put back"
    )


HOOKS = ("train_batch_begin", "train_batch_end", "batch_end", "epoch_end", "test_batch_end", "test_end")


class StopsAt(keras.callbacks.Callback):
    """Ends the training in its second epoch, at one hook."""

    def __init__(self, hook: str) -> None:
        super().__init__()
        self.now = 0
        setattr(self, f"on_{hook}", self.stop)

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch + 1

    def stop(self, at=None, logs=None):
        self.model.stop_training = self.model.stop_training or self.now == 2


class Looks(StopsAt):
    """Sees every hook and ends nothing."""

    def __init__(self) -> None:
        super().__init__("epoch_end")
        for hook in HOOKS:
            setattr(self, f"on_{hook}", self.look)

    def look(self, at=None, logs=None):
        assert self.model is not None


@pytest.mark.parametrize("hook", HOOKS)
def test_whichever_hook_a_callback_ends_it_in_that_callback_is_named(catalog, folder, hook):
    entries = tuple(
        Entry(Kind.CALLBACK, cls.__name__, f"{__name__}:{cls.__name__}", plugin="ends", distribution="ends")
        for cls in (StopsAt, Looks)
    )
    ends = replace(catalog.plugins[0], name="ends", distribution="ends", error="", entries=entries)
    more = f"callbacks: [Looks, {{use: StopsAt, hook: {hook}}}, Looks]"
    heard: list[events.Event] = []
    session = Session(
        document(folder, more=more, epochs=5, engine="chunk"), Catalog((*catalog.plugins, ends)),
        lambda event, line: heard.append(event), runs_folder=folder / "runs",
    )  # fmt: skip
    finished = session.run()
    assert finished.status == "done"
    assert sum(isinstance(event, events.Epoch) for event in heard) == 2
    assert finished.reason == "StopsAt ended it in epoch 2"


def test_a_training_that_comes_to_its_end_has_no_such_reason(catalog, folder):
    session = Session(
        document(folder, more="callbacks: [EarlyStopping]", epochs=1), catalog,
        lambda event, line: None, runs_folder=folder / "runs",
    )  # fmt: skip
    assert session.run().reason == ""


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (
            {"more": "callbacks: [{use: EarlyStopping, monitor: val_los}]"},
            "EarlyStopping watches 'val_los', which is not logged. Did you mean 'val_loss'?",
        ),
        (
            {"more": "metrics: [mae], callbacks: [{use: ReduceLROnPlateau, monitor: val_mse}]"},
            "ReduceLROnPlateau watches 'val_mse', which is not logged.",
        ),
        (
            {"more": "metrics: [mae], callbacks: [{use: EarlyStopping, monitor: zebra}]"},
            "There will be: loss, mae, val_loss, val_mae, learning_rate.",
        ),
        (
            {"more": "callbacks: [{use: EarlyStopping}]", "split": "{}"},
            "EarlyStopping watches 'val_loss', and there is no validation part. Give one "
            "(`split: {validation: 0.2}` under `data`), or watch a value of training: `monitor: loss`.",
        ),
        (
            {"targets": "[k]", "loss": "sparse_categorical_crossentropy",
             "model": "{sequential: [{use: Dense, units: 4, activation: softmax}]}"},
            "the labels go from 1 to 4, and 4 units stand for the labels 0 to 3. Name the target's column in "
            "`data.classes`",
        ),
        (
            {"targets": "[k]", "loss": "sparse_categorical_crossentropy",
             "data": ", inputs: {features: [x]}, classes: [k]",
             "model": "{sequential: [{use: Dense, units: 4, activation: softmax}]}",
             "more": "metrics: [accuracy, {use: F1Score, average: macro}]"},
            "train.metrics[1]: F1Score expects a column for each class; the target is one class number per row.",
        ),
        (
            {"more": "callbacks: [{use: ReduceLROnPlateau, monitor: learning_rate}]"},
            "watches 'learning_rate', and Keras does not know whether less or more of it is better. Say so: `mode: ",
        ),
        (
            {"targets": "{価格: [y], other: [k]}",
             "model": "{inputs: {features: [1]}, graph: ['a = Dense(1)(features)', 'b = Dense(1)(features)'], "
                      "outputs: [a, b]}".replace("[a, b]", "[価格, other]").replace("a =", "価格 =")
                      .replace("b =", "other =")},
            "TensorFlow accepts no output with the name '価格'.",
        ),
    ],
)  # fmt: skip
def test_refused_before_training(catalog, folder, parts, says):
    assert says in refused(catalog, folder, **parts)


@pytest.mark.parametrize(
    "more",
    [
        "metrics: [mae], callbacks: [{use: EarlyStopping, monitor: val_mae}]",
        "metrics: [{use: RootMeanSquaredError, name: far}], callbacks: [{use: EarlyStopping, monitor: val_far}]",
        "metrics: [{use: MeanAbsoluteError}], callbacks: [{use: EarlyStopping, monitor: mean_absolute_error}]",
        "metrics: [mae], weighted_metrics: [mae], "
        "callbacks: [{use: EarlyStopping, monitor: val_weighted_mae, mode: min}]",
        "callbacks: [{use: ReduceLROnPlateau}, {use: EarlyStopping, monitor: learning_rate, mode: min}]",
        "weighted_metrics: [mae], callbacks: [{use: EarlyStopping, monitor: val_mae}]",
        "metrics: [mape], callbacks: [{use: EarlyStopping, monitor: val_mape}]",
    ],
)
def test_what_will_be_logged_is_watched(catalog, folder, more):
    """Held against what Keras logs: the callback finds its value, and Keras does not warn."""
    heard: list[events.Event] = []
    session = Session(
        document(folder, more=more, epochs=1), catalog, lambda event, line: heard.append(event),
        runs_folder=folder / "runs",
    )  # fmt: skip
    session.run()
    (epoch,) = [event for event in heard if isinstance(event, events.Epoch)]
    assert more.rpartition("monitor: ")[2].rstrip("}]").split(",")[0] in epoch.logs


def test_labels_of_a_stream_are_held_against_the_units(catalog, folder):
    """Of all rows: only the last ones have the label that is too high."""
    rows = "\n".join(f"{n / 5000},{4 if n > 4990 else n % 4}" for n in range(5000))
    (folder / "rows.csv").write_text(f"x,k\n{rows}\n")
    parts = {
        "targets": "[k]",
        "split": "{}",
        "loss": "sparse_categorical_crossentropy",
        "data": ", inputs: {features: [x]}, stream: true",
    }
    reported = refused(
        catalog, folder, **parts, model="{sequential: [{use: Dense, units: 4, activation: softmax}]}"
    )
    assert "the labels go from 0 to 4, and 4 units stand for the labels 0 to 3" in reported
    prepare(
        document(folder, **parts, model="{sequential: [{use: Dense, units: 5, activation: softmax}]}"),
        catalog,
    )


def test_labels_from_1_are_a_warning_with_binary_crossentropy(catalog, folder):
    model = "{sequential: [{use: Dense, units: 1, activation: sigmoid}]}"
    prepared_run = prepare(
        document(folder, targets="[two]", loss="binary_crossentropy", model=model), catalog
    )
    assert [
        c.what
        for c in prepared_run.warnings
        if "expects labels from 0 to 1; the target has numbers from 1 to 2" in c.what
    ]


def test_a_learning_rate_that_a_schedule_sets_is_not_set_by_hand_and_training_goes_on(catalog, folder):
    heard: list[events.Event] = []
    more = "optimizer: {use: SGD, learning_rate: {use: CosineDecay, initial_learning_rate: 0.01, decay_steps: 9}}"
    session = Session(
        document(folder, more=more),
        catalog,
        lambda event, line: heard.append(event),
        runs_folder=folder / "runs",
    )
    session.control.set_learning_rate(0.5)
    assert session.run().status == "done"
    reported = [
        event.text for event in heard if isinstance(event, events.Message) and event.level == "warning"
    ]
    assert "the learning rate cannot be set: it follows CosineDecay." in reported


@pytest.mark.parametrize(
    ("target", "rate", "learned"), [("k", 1e-9, False), ("k", 0.05, True)], ids=["nothing", "something"]
)
def test_a_model_that_only_equals_a_constant_guess_is_no_success(catalog, folder, target, rate, learned):
    more = f"metrics: [mae], optimizer: {{use: Adam, learning_rate: {rate}}}"
    parts = document(
        folder, targets=f"[{target}]", split="{test: 0.5}", epochs=150 if learned else 1, more=more,
        data=", inputs: {features: [two, y]}",
    )  # fmt: skip
    finished = Session(parts, catalog, lambda event, line: None, runs_folder=folder / "runs").run()
    assert (finished.no_better == "") == learned
    assert learned or "where always guessing the mean gives" in finished.no_better
    assert [run.no_better for run in list_runs(folder / "runs")] == [finished.no_better]
