"""A training whose loss is not a number has failed: it ends, says where, and writes no file."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from workbench import events
from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.errors import ExitCode
from workbench.recipe.document import parse
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import summary_of
from workbench.training.finite import NotFiniteError, first_bad
from workbench.training.session import Session

ENGINES = ["plain", "steps", "chunk", "chunk-xla", "auto"]
ROWS, BATCH, BAD_ROW = 160, 8, 83
BAD_STEP = BAD_ROW // BATCH + 1

LAYERS = """
import keras


class Log(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.log(inputs)


class OwnStep(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        x, y = data
        logs = super().train_step((x, y))
        return {"own_loss": logs["loss"]}


class NanMetric(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.share = keras.metrics.Mean(name="share")

    def call(self, inputs):
        self.share.update_state(keras.ops.sum(inputs) * float("nan"))
        return inputs
"""

RECIPE = """
kwb: 1
name: watched
data: {{use: csv, path: rows.csv, targets: [y], split: {split}}}
model: {model}
train:
  epochs: 3
  batch_size: 8
  shuffle: false
  loss: mse
  engine: {engine}
  checkpoint_seconds: 0
  {more}
save: [out.keras]
"""


def write_rows(path: Path, *, bad: int | None = BAD_ROW) -> None:
    x = np.linspace(0.5, 1.5, ROWS)
    if bad is not None:
        x[bad] = -1.0
    rows = "\n".join(f"{a:.6f},{2 * abs(a):.6f}" for a in x)
    path.write_text(f"x,y\n{rows}\n")


_number = itertools.count()

LOG_MODEL = "{sequential: [Log, {use: Dense, units: 1}]}"


class Heard:
    """One training in this process, and what it said."""

    def __init__(self, folder: Path, model=LOG_MODEL, engine="plain", more="", split="{}", resume=None):
        file = folder / f"layers_{next(_number)}.py"  # a class of each name is registered once in a process
        file.write_text(LAYERS)
        text = RECIPE.format(model=model, engine=engine, more=more, split=split)
        (folder / "r.yaml").write_text(text)
        catalog = Catalog(discover([file], scan=single_file.scan))
        self.events: list[events.Event] = []
        self.error: NotFiniteError | None = None
        document = parse(text, name="r.yaml", folder=folder, overrides=[f"save=[{folder / 'out.keras'}]"])
        session = Session(
            document, catalog, lambda event, line: self.events.append(event), runs_folder=folder / "runs"
        )
        try:
            self.finished = session.run()
        except NotFiniteError as error:
            self.error = error
        (started,) = self.of(events.RunStarted)
        self.run = RunFolder(Path(started.folder))

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def folder(tmp_path):
    write_rows(tmp_path / "rows.csv")
    return tmp_path


@pytest.mark.parametrize("engine", ENGINES)
def test_a_nan_loss_ends_the_training_at_its_step_as_failed(folder, engine):
    (folder / "out.keras").write_bytes(b"the good model")
    heard = Heard(folder, engine=engine)
    assert heard.error is not None
    assert heard.error.exit_code == ExitCode.FAILED
    assert str(heard.error).startswith(
        f"r.yaml: training failed: the loss is nan or infinite in epoch 1, step {BAD_STEP}. A smaller learning rate"
    )
    assert "`kwb replay " in heard.error.hint
    (failed,) = heard.of(events.Failed)
    assert failed.error["nan"] == {"name": "loss", "value": "nan", "epoch": 1, "step": BAD_STEP}
    assert not heard.of(events.Finished)
    assert (folder / "out.keras").read_bytes() == b"the good model"
    assert not heard.run.model.exists()
    assert summary_of(heard.run).status == "failed"
    assert not heard.of(events.Epoch)  # it did not go on to the end of the epoch
    (step,) = heard.of(events.Step)[-1:]
    assert np.isnan(step.logs["loss"])
    json.loads(heard.run.events.read_text().splitlines()[-1])


def test_the_place_inside_the_model_is_named_where_it_is_watched(folder):
    heard = Heard(folder, more="watch: [nan]")
    assert f"First of all, the output of 'log' is nan or infinite (step {BAD_STEP})." in str(heard.error)
    (failed,) = heard.of(events.Failed)
    assert failed.error["nan"]["inside"] == {"what": "output", "layer": "log", "step": BAD_STEP}


def test_weights_that_are_not_finite_are_never_a_checkpoint(folder):
    heard = Heard(folder, engine="plain")
    last = heard.of(events.Checkpoint)[-1]
    assert (last.epoch, last.step) == (1, BAD_STEP - 1)
    assert f"The weights of epoch 1, step {BAD_STEP - 1} are kept: `kwb export-checkpoint" in heard.error.hint
    arrays = np.load(next(Path(last.path).glob("*.npz")))
    assert all(np.isfinite(arrays[name]).all() for name in arrays if name.startswith("model/"))


def test_continue_trains_on_and_a_run_that_ends_so_has_failed(folder):
    heard = Heard(folder, more="on_nan: continue")
    assert [event.epoch for event in heard.of(events.Epoch)] == [1, 2, 3]
    assert heard.error is not None
    assert heard.error.first.epoch == 1
    assert not (folder / "out.keras").exists()
    warnings = [event.text for event in heard.of(events.Message) if event.level == "warning"]
    assert sum(f"the loss is nan or infinite in epoch 1, step {BAD_STEP}" in text for text in warnings) == 1


def test_continue_with_the_best_weights_put_back_is_done(folder):
    """The weights that are saved are those of an epoch whose losses were numbers."""
    write_rows(folder / "rows.csv", bad=None)
    more = """on_nan: continue
  optimizer: {use: SGD, learning_rate: {use: PiecewiseConstantDecay, boundaries: [30], values: [0.01, 1.0e+30]}}
  callbacks: [{use: EarlyStopping, monitor: loss, patience: 9, restore_best_weights: true}]"""
    heard = Heard(folder, more=more)
    assert heard.error is None, heard.error
    assert heard.finished.status == "done"
    assert not np.isfinite(heard.of(events.Epoch)[-1].logs["loss"])
    assert (folder / "out.keras").exists()


@pytest.mark.parametrize("engine", ["plain", "chunk"])
def test_a_loss_that_overflows_to_infinity_is_named_as_that(folder, engine):
    write_rows(folder / "rows.csv", bad=None)
    heard = Heard(
        folder,
        model="{sequential: [{use: Dense, units: 1}]}",
        engine=engine,
        more="optimizer: {use: SGD, learning_rate: 1.0e+12}",
    )
    assert heard.error is not None
    # Squares of errors overflow float32 beyond 1.8e19: by hand, in the same order, with NumPy.
    assert heard.error.first.step == _first_overflow(heard.run, 1e12)
    assert not np.isfinite(heard.error.first.value)


def _first_overflow(run: RunFolder, rate: float) -> int:
    """The first step whose mean square error is no float32 any more, for a line fitted by hand from zero bias and
    any kernel: the divergence is so steep that the kernel's first value does not matter."""
    x = np.linspace(0.5, 1.5, ROWS)
    steps = []
    for kernel in (-1.7, 1.7):
        w, b = kernel, 0.0
        for step in range(ROWS // BATCH):
            rows = x[step * BATCH : (step + 1) * BATCH]
            error = w * rows + b - 2 * rows
            if np.mean(error**2) > np.finfo("float32").max:
                steps.append(step + 1)
                break
            w, b = w - rate * 2 * np.mean(error * rows), b - rate * 2 * np.mean(error)
    assert len(set(steps)) == 1
    return steps[0]


def test_a_validation_loss_alone_is_a_warning_and_at_the_end_a_failure(folder):
    write_rows(folder / "rows.csv", bad=ROWS - 1)  # unshuffled, validation has the last rows
    heard = Heard(folder, split="{validation: 0.25, shuffle: false}")
    assert [event.epoch for event in heard.of(events.Epoch)] == [1, 2, 3]
    assert heard.error is not None
    assert "the validation loss is nan or infinite in epoch 3." in str(heard.error)
    warnings = [event.text for event in heard.of(events.Message) if event.level == "warning"]
    assert [
        text
        for text in warnings
        if "validation loss is nan or infinite in epoch 1: the weights are finite" in text
    ]
    assert not (folder / "out.keras").exists()


def test_weights_that_the_last_update_has_made_nan_are_no_success(folder):
    """Nobody sees a loss of theirs any more."""
    rows = "\n".join(f"{x:.6f},{2e4 * x:.6f}" for x in np.linspace(0.5, 1.5, ROWS))
    (folder / "rows.csv").write_text(f"x,y\n{rows}\n")
    last = 3 * ROWS // BATCH - 1
    rate = f"{{use: PiecewiseConstantDecay, boundaries: [{last - 1}], values: [1.0e-6, 3.0e+38]}}"
    heard = Heard(
        folder,
        model="{sequential: [{use: Dense, units: 1}]}",
        more=f"optimizer: {{use: SGD, learning_rate: {rate}}}",
    )
    assert heard.error is not None
    assert f"weights are nan or infinite after epoch 3, step {ROWS // BATCH}." in str(heard.error)
    assert np.isfinite(heard.of(events.Epoch)[-1].logs["loss"])
    assert not (folder / "out.keras").exists()


def test_the_losses_of_a_step_of_the_models_own_count(folder):
    x = (folder / "rows.csv").read_text().replace("-1.000000,", "1.0e+38,")
    (folder / "rows.csv").write_text(x)
    heard = Heard(folder, model="{use: OwnStep}")
    assert heard.error is not None
    assert (heard.error.first.name, heard.error.first.step) == ("own_loss", BAD_STEP)


def test_a_metric_that_is_nan_fails_nothing(folder):
    write_rows(folder / "rows.csv", bad=None)
    heard = Heard(folder, model="{sequential: [NanMetric, {use: Dense, units: 1}]}")
    assert heard.error is None
    assert heard.finished.status == "done"
    assert (folder / "out.keras").exists()


@pytest.mark.parametrize(
    ("logs", "found"),
    [
        ({"loss": 1.0, "auc": np.nan}, None),
        ({"loss": np.nan, "a_loss": np.nan, "b_loss": 1.0}, "a_loss"),
        ({"loss": np.nan, "a_loss": np.nan, "b_loss": np.nan}, "loss"),
        ({"loss": 1.0, "val_loss": np.inf, "val_a_loss": np.inf, "val_b_loss": 2.0}, "val_a_loss"),
        ({"loss": np.inf, "val_loss": np.nan}, "loss"),
        ({"d_loss": np.nan, "g_loss": 1.0}, "d_loss"),
    ],
)
def test_which_loss_is_named(logs, found):
    bad = first_bad(logs)
    assert (bad and bad[0]) == found
