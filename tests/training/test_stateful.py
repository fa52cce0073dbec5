"""Stateful recurrent layers: built for the recipe's batches, trained as plain Keras does, saved, resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.training.engine_cases import ENGINES
from tests.whole import whole
from workbench import events
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.document import parse, to_yaml
from workbench.storage.run_folder import RunFolder
from workbench.training.preparing import prepare
from workbench.training.saved_model import SavedModel
from workbench.training.session import Session

SIZE, STEPS = 4, 3
RANDOM = np.random.default_rng(1)
X = RANDOM.normal(size=(24, STEPS, 2)).astype("float32")
Y = X.sum(axis=(1, 2), keepdims=False)[:, None].astype("float32")

FORMS: dict[str, Any] = {
    "sequential": {
        "sequential": [{"use": "LSTM", "units": 3, "stateful": True}, {"use": "Dense", "units": 1}]
    },
    "graph": {
        "inputs": {"x": [STEPS, 2]},
        "graph": ["h = LSTM(3, stateful=True)(x)", "y = Dense(1)(h)"],
        "outputs": ["y"],
    },
    "load": {"load": "st.keras"},
}


def recipe(folder: Path, form: str, rows: int = 24, **train: Any) -> Any:
    np.savez(folder / "data.npz", x=X[:rows], y=Y[:rows])
    if form == "load":
        keras.utils.clear_session()
        inputs = keras.Input((STEPS, 2), batch_size=SIZE, name="x")
        keras.Model(
            inputs, keras.layers.Dense(1)(keras.layers.GRU(3, stateful=True)(inputs))
        ).save(folder / "st.keras")  # fmt: skip
    content = {
        "kwb": 1,
        "name": "stateful",
        "seed": 3,
        "data": {"use": "npz", "path": "data.npz", "inputs": {"x": "x"}, "targets": {"y": "y"}},
        "model": FORMS[form],
        "train": {
            "epochs": 3,
            "batch_size": SIZE,
            "shuffle": False,
            "loss": "mse",
            "optimizer": {"use": "SGD", "learning_rate": 0.05},
            "watch": "none",
            **train,
        },
    }
    return parse(to_yaml(content), name="r.yaml", folder=folder)


def run(document: Any, catalog: Catalog, folder: Path, resume: Any = None) -> tuple[RunFolder, list[Any]]:
    heard: list[Any] = []
    take = lambda event, line: heard.append(event)  # noqa: E731
    Session(document, catalog, take, runs_folder=folder / "runs", resume=resume).run()
    started = next(event for event in heard if isinstance(event, events.RunStarted))
    return RunFolder(Path(started.folder)), heard


def losses(heard: list[Any]) -> list[float]:
    return [event.logs["loss"] for event in heard if isinstance(event, events.Epoch)]


@pytest.mark.parametrize(
    ("form", "engine"),
    [(form, engine) for form in FORMS for engine in ENGINES]
    if whole("engines")
    else [("sequential", "chunk"), ("graph", "plain"), ("load", "plain")],
)
def test_as_plain_keras_and_saved(form: str, engine: str, catalog: Catalog, tmp_path: Path) -> None:
    document = recipe(tmp_path, form, engine=engine)
    folder, heard = run(document, catalog, tmp_path)
    assert folder.model.exists()

    plain = prepare(document, catalog).model
    wanted = plain.fit(X, Y, batch_size=SIZE, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert losses(heard) == pytest.approx(wanted, rel=1e-5)

    again = keras.saving.load_model(folder.model)
    saved = SavedModel.open(folder.model, catalog)
    np.savez(tmp_path / "data.npz", x=X[:10], y=Y[:10])  # not a multiple of the batch size
    part = saved.read(str(tmp_path / "data.npz"), catalog, with_targets=False)
    (predicted,) = saved.predict(part).values()
    np.testing.assert_allclose(predicted[:8], again.predict(X[:8], batch_size=SIZE, verbose=0), rtol=1e-5)
    assert len(predicted) == 10


def test_states_go_on_after_a_resume(catalog: Catalog, tmp_path: Path) -> None:
    _, whole = run(recipe(tmp_path, "sequential", epochs=4), catalog, tmp_path / "whole")
    folder, first = run(recipe(tmp_path, "sequential", epochs=2), catalog, tmp_path)
    _, second = run(recipe(tmp_path, "sequential", epochs=4), catalog, tmp_path, folder)
    assert losses(first) + losses(second) == losses(whole)


@pytest.mark.parametrize(
    ("form", "rows", "train", "words"),
    [
        ("graph", 22, {}, "the training part has 22: the last batch would have 2"),
        ("load", 24, {"batch_size": 8}, "accepts batches of 4 rows, and the recipe's have 8"),
    ],
)
def test_refused_before_training(
    form: str, rows: int, train: dict[str, Any], words: str, catalog: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as refused:
        prepare(recipe(tmp_path, form, rows, **train), catalog)
    assert words in str(refused.value)
    assert "train.batch_size" in refused.value.where


def test_shuffled_rows_are_warned_of(catalog: Catalog, tmp_path: Path) -> None:
    prepared_run = prepare(recipe(tmp_path, "sequential", shuffle=True), catalog)
    assert any("stateful" in str(warning) for warning in prepared_run.warnings)


def test_without_its_batch_size_a_stateful_layer_is_refused_with_what_to_do(
    catalog: Catalog, tmp_path: Path
) -> None:
    with pytest.raises(WorkbenchError, match="static_batch"):
        prepare(recipe(tmp_path, "sequential", static_batch=False), catalog)
