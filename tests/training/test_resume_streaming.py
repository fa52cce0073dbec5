"""A run that is resumed reads its data as it began, streamed or in memory, whatever memory is free by then."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.recipe.document import Document, parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training.checkpoints import MANIFEST, POSITION, newest, whole
from workbench.training.exporting import export
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="no limit of address space elsewhere")

ROWS, WIDTH = 2_000, 1_500  # 12 MB; read and prepared in memory they need 60

# Part of the run is trained in a process whose free memory is limited until the data has been read. TensorFlow has
# begun to work before, for it takes much address space for itself.
_CHILD = """
import resource, sys
from pathlib import Path
import psutil, pyarrow.csv
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.process import import_keras
from workbench.storage.run_folder import RunFolder
from workbench.training.resumable_runs import run_document
from workbench.training.session import Session
from workbench.recipe.document import read
import_keras()
import numpy as np, tensorflow as tf
tf.matmul(np.ones((64, 64), "float32"), np.ones((64, 64), "float32"))
start, runs, free, epochs = sys.argv[1:]
resume = RunFolder(Path(start)) if Path(start).is_dir() else None
overrides = [f"train.epochs={epochs}"]
document = run_document(resume, overrides) if resume else read(Path(start), overrides)
def set_limit(limit):
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
def heard(event, line):
    set_limit(resource.RLIM_INFINITY)
    if type(event).__name__ == "RunStarted":
        print(event.folder)
session = Session(document, Catalog(discover()), heard, runs_folder=Path(runs), resume=resume)
set_limit(psutil.Process().memory_info().vms + int(free) * 2**20)
session.run()
"""
SCARCE = 96  # MiB: half of it is less than the rows need


def in_scarce_memory(start: Path, runs: Path, epochs: int) -> RunFolder:
    """Train a recipe's file, or go on with a run's folder."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(start), str(runs), str(SCARCE), str(epochs)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return RunFolder(Path(done.stdout.split()[-1]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, WIDTH)).astype("float32")
    np.savez(made / "data.npz", x=x, y=(x[:, :1] - x[:, 1:2] + 0.3).astype("float32"))
    return made


def recipe(folder: Path, epochs: int, **data: Any) -> Document:
    content = {
        "kwb": 1,
        "name": "wide",
        "seed": 5,
        "data": {
            "use": "npz", "path": "data.npz", "inputs": {"x": "x"}, "targets": {"y": "y"}, "scale": "standard",
            "split": {"validation": 0.2, "test": 0.1}, **data,
        },
        "model": {"sequential": [{"use": "Dense", "units": 1}]},
        "train": {
            "epochs": epochs, "batch_size": 500, "loss": "mse", "engine": "steps", "watch": "none",
            "optimizer": {"use": "Adam", "learning_rate": 0.01}, "checkpoint_seconds": 0,
        },
    }  # fmt: skip
    (folder / "r.yaml").write_text(to_yaml(content))
    return parse(to_yaml(content), name="r.yaml", folder=folder)


def trained(
    document: Document, catalog: Catalog, runs: Path, resume: RunFolder | None = None
) -> tuple[RunFolder, dict[str, float]]:
    found: list[str] = []
    session = Session(
        document,
        catalog,
        lambda event, _: found.append(getattr(event, "folder", "")),
        runs_folder=runs,
        resume=resume,
    )
    evaluation = session.run().evaluation
    return RunFolder(Path(next(filter(None, found)))), dict(evaluation)


def state(run: RunFolder) -> tuple[Any, dict[str, np.ndarray]]:
    last = newest(run.checkpoints)
    assert last is not None
    return last[1]["history"], last[2]


def assert_same(run: RunFolder, other: RunFolder) -> None:
    (history, arrays), (wanted_history, wanted) = state(run), state(other)
    assert history == wanted_history
    assert arrays.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def streamed(run: RunFolder) -> list[bool | None]:
    return [position.get("streamed") for _, position in whole(run.checkpoints)]


def without_record(run: RunFolder) -> None:
    """The checkpoints as versions of kwb before this wrote them."""
    for checkpoint, position in whole(run.checkpoints):
        del position["streamed"]
        (checkpoint.path / POSITION).write_text(json.dumps(position))
        manifest = json.loads((checkpoint.path / MANIFEST).read_text())
        content = (checkpoint.path / POSITION).read_bytes()
        manifest[POSITION] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        (checkpoint.path / MANIFEST).write_text(json.dumps(manifest))


def test_begun_in_memory_resumed_where_memory_is_scarce(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    whole_run, _ = trained(recipe(folder, 4), catalog, tmp_path / "whole")
    run, _ = trained(recipe(folder, 2), catalog, tmp_path / "runs")
    assert set(streamed(run)) == {False}
    assert in_scarce_memory(run.path, tmp_path, 4) == run
    assert set(streamed(run)) == {False}
    assert_same(run, whole_run)


def test_begun_as_a_stream_resumed_where_memory_is_plenty(
    catalog: Catalog, folder: Path, tmp_path: Path
) -> None:
    recipe(folder, 2)
    run = in_scarce_memory(folder / "r.yaml", tmp_path / "runs", 2)
    assert set(streamed(run)) == {True}
    old = RunFolder(Path(shutil.copytree(run.path, tmp_path / "old" / run.name)))
    exported = SavedModel.open(export(run, catalog, tmp_path / "e.keras").path, catalog)
    assert exported.notes is not None
    _, evaluation = trained(recipe(folder, 4), catalog, tmp_path / "runs", run)
    assert set(streamed(run)) == {True}
    whole_run, wanted = trained(recipe(folder, 4, stream=True), catalog, tmp_path / "whole")
    assert_same(run, whole_run)
    assert evaluation == wanted
    straight = SavedModel.open(whole_run.model, catalog)
    assert straight.notes is not None
    assert exported.notes.preparation.inputs == straight.notes.preparation.inputs
    # A run without the record goes on too, with the data as it is read now.
    without_record(old)
    trained(recipe(folder, 4), catalog, tmp_path / "old", old)
    assert streamed(old)[-1] is False
    assert len(state(old)[0]) == 4
