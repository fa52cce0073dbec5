"""A training that fails has its weights: in a checkpoint, to make a file of, and to go on from with a mended recipe."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench import events
from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.errors import FileError, RecipeError, WorkbenchError
from workbench.recipe.document import parse, to_yaml
from workbench.storage.ownership import own
from workbench.storage.run_folder import RunFolder
from workbench.training.exporting import export, kept_in
from workbench.training.model_files import save_run
from workbench.training.preparing import prepare
from workbench.training.session import Session

X = np.random.default_rng(2).normal(size=(24, 2)).astype("float32")
Y = (X @ [[2.0], [-1.0]]).astype("float32")


class Breaks(keras.callbacks.Callback):
    """Fails at the end of an epoch, or in a step of the next."""

    def __init__(self, epoch: int, in_step: bool = False) -> None:
        super().__init__()
        self.epoch, self.in_step, self.now = epoch, in_step, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch + 1
        if epoch + 1 == self.epoch and not self.in_step:
            raise ValueError("broken on purpose")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.in_step and self.now == self.epoch and batch == 1:
            raise ValueError("broken on purpose")


class NoConfig(keras.Model):
    """Plain Keras cannot rebuild it from its configuration."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.out = keras.layers.Dense(units)

    def build(self, shape: Any) -> None:
        self.out.build(shape)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.out(inputs)


@pytest.fixture(scope="module")
def these(catalog: Catalog) -> Catalog:
    from dataclasses import replace

    entries = tuple(
        Entry(kind, cls.__name__, f"{__name__}:{cls.__name__}", plugin="breaking", distribution="breaking")
        for kind, cls in ((Kind.CALLBACK, Breaks), (Kind.MODEL, NoConfig))
    )
    plugin = replace(catalog.plugins[0], name="breaking", distribution="breaking", error="", entries=entries)
    return Catalog((*catalog.plugins, plugin))


def recipe(folder: Path, callbacks: list[Any], model: Any = None, **train: Any) -> Any:
    np.savez(folder / "data.npz", x=X, y=Y)
    content = {
        "kwb": 1,
        "name": "kept",
        "data": {"use": "npz", "path": "data.npz", "inputs": {"x": "x"}, "targets": {"y": "y"}},
        "model": model or {"sequential": [{"use": "Dense", "units": 1}]},
        "train": {
            "epochs": 9,
            "batch_size": 8,
            "loss": "mse",
            "engine": "plain",
            "watch": "none",
            "callbacks": callbacks,
            "optimizer": {"use": "SGD", "learning_rate": 0.05},
            **train,
        },
    }
    return parse(to_yaml(content), name="r.yaml", folder=folder)


def run(
    document: Any, catalog: Catalog, folder: Path, resume: RunFolder | None = None, fence: int = 0
) -> tuple[RunFolder, list[Any], WorkbenchError | None]:
    heard: list[Any] = []
    session = Session(
        document,
        catalog,
        lambda event, line: heard.append(event),
        runs_folder=folder / "runs",
        resume=resume,
        fence=fence,
    )
    failed = None
    try:
        session.run()
    except WorkbenchError as error:
        failed = error
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    return RunFolder(Path(started.folder)), heard, failed


def epochs_of(heard: list[Any]) -> list[tuple[int, float]]:
    return [(event.epoch, event.logs["loss"]) for event in heard if isinstance(event, events.Epoch)]


def kernel_after(document: Any, catalog: Catalog, epochs: int, steps: int = 0) -> np.ndarray:
    """The weights of plain Keras, on the rows in the recipe's order."""
    content = document.resolved()
    content["train"]["callbacks"] = []
    prepared_run = prepare(parse(to_yaml(content), name="r", folder=document.folder), catalog)
    part = prepared_run.prepared.train
    for epoch in range(epochs + (steps > 0)):
        order = np.random.default_rng([0, epoch]).permutation(part.rows)
        count = steps if epoch == epochs else 3
        for step in range(count):
            rows = order[step * 8 : step * 8 + 8]
            prepared_run.model.train_on_batch(part.inputs["x"][rows], part.targets["y"][rows])
    return np.asarray(prepared_run.model.layers[0].kernel)


def test_an_error_at_the_end_of_epoch_seven(these: Catalog, tmp_path: Path) -> None:
    document = recipe(tmp_path, [{"use": "Breaks", "epoch": 7}])
    folder, _, failed = run(document, these, tmp_path)
    assert failed is not None
    assert "broken on purpose" in failed.what
    assert f"The weights of epoch 7 are kept: `kwb export-checkpoint {folder.path}`" in str(failed)

    exported = export(folder, these)
    assert (exported.path, exported.kept.epoch) == (folder.model, 7)
    model = keras.saving.load_model(exported.path)
    wanted = kernel_after(document, these, 7)
    np.testing.assert_allclose(model.layers[0].kernel, wanted, rtol=1e-5)
    for name in ("m.h5", "m.weights.h5"):
        made = export(folder, these, tmp_path / name)
        assert (made.path.exists(), made.format) == (True, name[1:])
    assert export(folder, these).path.name == "epoch-7.keras"  # what is there stays

    with pytest.raises(FileError, match="no checkpoint of epoch 3"):
        export(folder, these, epoch=3)


def test_a_run_that_still_trains_keeps_the_name_of_its_model(these: Catalog, tmp_path: Path) -> None:
    """Or `kwb save` would take the checkpoint for the model that the run ended with."""
    folder, _, _ = run(recipe(tmp_path, [{"use": "Breaks", "epoch": 7}]), these, tmp_path)
    with own(folder):
        assert export(folder, these).path.name == "epoch-7.keras"
        assert not folder.model.exists()
    assert export(folder, these).path == folder.model


def test_what_cannot_be_saved_is_said_with_what_can_be_done(these: Catalog, tmp_path: Path) -> None:
    document = recipe(tmp_path, [{"use": "Breaks", "epoch": 7}])
    folder, _, _ = run(document, these, tmp_path)
    with pytest.raises(FileError, match="did not come to its end") as kept:
        save_run(folder, these)
    assert (
        f"`kwb export-checkpoint {folder.path}` makes a file of its last checkpoint, epoch 7."
        in kept.value.hint
    )
    shutil.rmtree(folder.checkpoints)
    shutil.rmtree(folder.failed, ignore_errors=True)
    with pytest.raises(FileError, match="wrote no checkpoint") as nothing:
        save_run(folder, these)
    with pytest.raises(FileError, match="has no checkpoint") as neither:
        export(folder, these)
    said = f"`kwb --batch {folder.path}` trains it from the start."
    assert said in nothing.value.hint
    assert said in neither.value.hint
    assert "export-checkpoint" not in str(nothing.value)
    with own(folder), pytest.raises(FileError, match="still trains"):
        save_run(folder, these)
    with pytest.raises(
        WorkbenchError, match="broken on purpose"
    ):  # from the start: the same error at epoch 7
        Session(
            document, these, lambda event, line: None, runs_folder=folder.path.parent, resume=folder
        ).run()


def test_an_error_within_an_epoch_leaves_the_weights(these: Catalog, tmp_path: Path) -> None:
    document = recipe(tmp_path, [{"use": "Breaks", "epoch": 2, "in_step": True}], engine="plain")
    folder, _, failed = run(document, these, tmp_path)
    assert failed is not None
    assert "The weights of epoch 3, step " in str(failed)
    kept = kept_in(folder)[-1]
    model = keras.saving.load_model(export(folder, these).path)
    np.testing.assert_allclose(model.layers[0].kernel, kernel_after(document, these, 2, kept.step), rtol=1e-5)


def test_a_mended_recipe_goes_on(these: Catalog, tmp_path: Path) -> None:
    from workbench.training.resumable_runs import latest_run

    _, shown, _ = run(recipe(tmp_path, []), these, tmp_path / "whole")
    folder, first, _ = run(recipe(tmp_path, [{"use": "Breaks", "epoch": 7}]), these, tmp_path)
    mended = recipe(tmp_path, [])
    found = latest_run(tmp_path / "runs", mended)
    assert found is not None
    assert found.folder == folder
    _, second, failed = run(mended, these, tmp_path, folder)
    assert failed is None
    assert epochs_of(first) + epochs_of(second) == epochs_of(shown)


def test_a_model_without_a_configuration_gives_its_weights(these: Catalog, tmp_path: Path) -> None:
    model = {"use": "NoConfig", "units": 1}
    document = recipe(tmp_path, [{"use": "Breaks", "epoch": 2}], model)
    folder, heard, failed = run(document, these, tmp_path)
    assert "The weights of epoch 2 are kept" in str(failed)
    texts = [event.text for event in heard if isinstance(event, events.Message)]
    assert any(f"Its weights alone go to {folder.weights} at the end." in text for text in texts)
    exported = export(folder, these)
    assert exported.path.name == "model.weights.h5"
    again = NoConfig(1)
    again(X)
    again.load_weights(exported.path)
    assert np.abs(again.predict(X, verbose=0)).sum() > 0
    with pytest.raises(FileError, match=r"--out .*m\.weights\.h5"):
        export(folder, these, tmp_path / "m.keras")


def test_in_a_search_the_end_shows_that_a_model_has_no_configuration(these: Catalog, tmp_path: Path) -> None:
    document = recipe(tmp_path, [], {"use": "NoConfig", "units": 1})
    alone, heard_alone, _ = run(document, these, tmp_path / "alone")
    trial, heard, failed = run(document, these, tmp_path / "trial", fence=1)
    assert failed is None

    def said(heard: list[Any], folder: RunFolder) -> list[str]:
        texts = [event for event in heard if isinstance(event, events.Message) and event.level != "info"]
        return sorted(f"{event.level}: {event.text.replace(str(folder.path), '')}" for event in texts)

    assert said(heard, trial) == said(heard_alone, alone)
    assert trial.weights.is_file()
    assert not trial.model.is_file()
    saved = [
        [event.format for event in each if isinstance(event, events.Saved)] for each in (heard, heard_alone)
    ]
    assert saved == [[".weights.h5"], [".weights.h5"]]
    assert epochs_of(heard) == epochs_of(heard_alone)


def test_from_the_command_line(these: Catalog, tmp_path: Path, kwb: Any) -> None:
    folder, _, _ = run(recipe(tmp_path, []), these, tmp_path)
    done = kwb("export-checkpoint", str(folder.path), "--out", str(tmp_path / "m.keras"), "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert (shown["path"], shown["epoch"], shown["step"]) == (str(tmp_path / "m.keras"), 9, 0)
    mine, its = (keras.saving.load_model(path) for path in (tmp_path / "m.keras", folder.model))
    np.testing.assert_array_equal(mine.layers[0].kernel, its.layers[0].kernel)
    done = kwb("export-checkpoint", str(folder.path), "--epoch", "2")
    assert done.returncode == 3
    assert "It has those of epoch 9" in done.stderr


@pytest.mark.parametrize("callback", ["ReduceLROnPlateau"])
def test_a_callback_that_sets_the_rate_of_a_schedule(callback: str, these: Catalog, tmp_path: Path) -> None:
    schedule = {"use": "CosineDecay", "initial_learning_rate": 0.1, "decay_steps": 9}
    document = recipe(
        tmp_path, [{"use": callback, "monitor": "loss"}], optimizer={"use": "SGD", "learning_rate": schedule}
    )
    with pytest.raises(RecipeError, match="which CosineDecay of the optimizer sets too") as refused:
        prepare(document, these)
    assert "train.callbacks" in refused.value.where


def test_a_run_keeps_what_decides_its_numbers(these: Catalog, tmp_path: Path, kwb: Any) -> None:
    """Callbacks may go, of a run that did not come to its end; what else is another is named, and the way out."""
    folder, _, _ = run(recipe(tmp_path, [{"use": "Breaks", "epoch": 2}]), these, tmp_path)
    done = kwb("--batch", str(folder.path), "--set", "train.callbacks=[]", "--set", "train.batch_size=4")
    assert done.returncode == 2
    assert "a run goes on with the train.batch_size that it began with" in done.stderr
    assert "export-checkpoint" in done.stderr
    done = kwb("--batch", str(folder.path), "--set", "train.callbacks=[]", "--set", "train.epochs=3")
    assert done.returncode == 0, done.stderr
    assert folder.model.exists()
