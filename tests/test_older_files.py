"""Files that an older kwb wrote (see `tests/older/README.md`) open, load, go on and show as they did."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from workbench import events
from workbench.catalog.resolve import Resolver
from workbench.recipe.lookup import open_recipe
from workbench.storage import formats
from workbench.storage.event_stream import EventReader
from workbench.storage.inspect import inspect_file, read_weight, same_weights
from workbench.storage.layer_paths import weights_by_path
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import find_run, summary_of
from workbench.training.preparing import prepare
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session
from workbench.tui.views.record import TrainingRecord
from workbench.tui.views.training_view import Stage

OLDER = Path(__file__).parent / "older"
MODELS = ["old.keras", "old.h5", "old.weights.h5"]
WEIGHTS = {"block/hidden/0/kernel", "block/hidden/0/bias", "last/kernel", "last/bias"}
CLOSE = 1e-4  # another processor rounds sums in another way; 500 steps add it up


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """The interrupted run, to write into."""
    return RunFolder(shutil.copytree(OLDER / "runs" / "old-run", tmp_path / "runs" / "old-run"))


def record_of(run: RunFolder) -> TrainingRecord:
    record, reader = TrainingRecord(), EventReader(run.events)
    while batch := reader.read_new():
        for event, moment, _ in batch:
            record.take(event, moment)
    return record


@pytest.mark.parametrize("name", MODELS)
def test_a_file_can_be_inspected(name):
    found = inspect_file(OLDER / name, installed=["kwb"])
    assert {weight.path for weight in found.weights} == WEIGHTS
    assert [(row.name, row.layer_class) for row in found.layers if row.layer_class != "InputLayer"] == [
        ("block", "ResidualBlock"),
        ("block/hidden/0", "Dense"),
        ("dropout", "Dropout"),
        ("last", "Dense"),
    ]
    assert (found.parameters, found.refusal, found.kwb["kwb"]) == (121, "", "0.1.0")
    assert all(need.installed for need in found.needs)
    assert same_weights(OLDER / name, OLDER / "old.keras")


@pytest.mark.parametrize("name", ["old.keras", "old.h5"])
def test_a_file_loads_and_predicts_the_same(name, catalog):
    saved = SavedModel.open(OLDER / name, catalog)
    assert saved.warnings == ()
    assert int(saved.model.optimizer.iterations) == 6 * 266
    part = saved.read(str(OLDER / "old.yaml"), catalog, with_targets=True)
    (predicted,) = saved.predict(part).values()
    with open(OLDER / "predictions.csv") as file:
        expected = [float(row["progression"]) for row in csv.DictReader(file)]
    assert all(np.isclose(predicted, value, rtol=1e-5).sum() == 1 for value in expected)
    evaluation = json.loads((OLDER / "expected.json").read_text())["evaluation"]
    assert saved.evaluate(part) == pytest.approx(evaluation, rel=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_new_model_is_given_the_weights_of_a_file(name, catalog):
    model = prepare(open_recipe(str(OLDER / "old.yaml"), catalog), catalog).model
    assert formats.load_weights(model, OLDER / name) == ()
    assert set(weights_by_path(model)) == WEIGHTS
    for path, weight in weights_by_path(model).items():
        assert np.array_equal(np.asarray(weight), read_weight(OLDER / name, path))


def test_a_file_is_saved_again_with_the_same_weights(catalog, tmp_path):
    loaded = formats.load(OLDER / "old.h5", Resolver(catalog))
    formats.save(loaded.model, tmp_path / "new.keras", {}, resolver=Resolver(catalog))
    assert same_weights(tmp_path / "new.keras", OLDER / "old.h5")


def test_a_run_is_listed_and_shown(run):
    assert find_run("old-run", run.path.parent) == run
    found = summary_of(run)
    assert (found.status, found.epoch, found.epochs) == ("interrupted", 3, 6)
    record = record_of(run)
    view = record.view
    assert (view.stage, view.status, view.done, view.epochs) == (Stage.FINISHED, "interrupted", 3, 6)
    assert view.resumable
    assert set(record.curves.shown) == {"loss", "mae"}
    assert "block/hidden1" in record.curves.internals["gradients"].series  # the name of then


def test_a_run_goes_on_as_the_older_version_went_on(run, catalog, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    heard: list[events.Event] = []
    document = open_recipe(str(run.recipe), catalog)
    session = Session(
        document, catalog, lambda event, _: heard.append(event), runs_folder=run.path.parent, resume=run
    )
    assert session.run().status == "done"
    expected = json.loads((OLDER / "expected.json").read_text())
    epochs = [event for event in heard if isinstance(event, events.Epoch)]
    assert [event.epoch for event in epochs] == [row["epoch"] for row in expected["epochs"]] == [3, 4, 5, 6]
    for event, row in zip(epochs, expected["epochs"], strict=True):
        logs = {**event.logs, "learning_rate": event.learning_rate, "epoch": event.epoch}
        assert logs == pytest.approx(row, rel=CLOSE)
    assert heard[-1].evaluation == pytest.approx(expected["evaluation"], rel=CLOSE)
    warnings = [
        event.text for event in heard if isinstance(event, events.Message) and event.level == "warning"
    ]
    assert not [text for text in warnings if "--resume" in text]
    for path in WEIGHTS:
        ours, theirs = (read_weight(folder / "old.keras", path) for folder in (tmp_path, OLDER))
        assert np.allclose(ours, theirs, rtol=CLOSE * 10, atol=CLOSE)
    record = record_of(run)  # what both versions wrote is one curve for each layer
    gradients = record.curves.internals["gradients"].series
    assert list(gradients) == ["global", "block/hidden/0", "last"]
    assert {*gradients["block/hidden/0"].x} == {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}
    assert set(record.distributions.weights) == WEIGHTS
