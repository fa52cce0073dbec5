"""Files of plain Keras in kwb, and files of kwb in plain Keras."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest

from tests.storage.models import (
    KINDS,
    NOTES,
    Residual,
    arrays,
    cells,
    data_for,
    same,
    softsquare,
)
from workbench.errors import ExitCode, FileError
from workbench.storage.formats import KerasRegistry, load, load_weights, save


@cells
def test_plain_keras_opens_what_it_can(kind: str, format: str, trained_models: Any, tmp_path: Path) -> None:
    model = trained_models[kind]
    inputs, _ = data_for(model)
    path = tmp_path / f"m{format}"
    save(model, path, NOTES)
    expected = model.predict(inputs, verbose=0)
    fresh = KINDS[kind]()
    fresh(inputs)
    fresh.load_weights(path)
    assert same(expected, fresh.predict(inputs, verbose=0))
    if format == ".keras" or (format == ".h5" and kind != "subclassed"):
        plain = keras.models.load_model(path)
        assert same(expected, plain.predict(inputs, verbose=0))
        if format == ".keras":
            assert same(arrays(model.optimizer.variables), arrays(plain.optimizer.variables))
        if kind == "sequential":
            plain.compile("sgd", "mse")
            plain.fit(*data_for(model), verbose=0)


def plain_model(compile: bool = True) -> Any:
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((5,)), Residual(1, 5), keras.layers.Dense(1)])
    if compile:
        model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        model.fit(*data_for(model), shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("format", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_of_plain_keras_load_and_train_on(format: str, tmp_path: Path) -> None:
    model = plain_model()
    slots = arrays(model.optimizer.variables)
    config = dict(model._compile_config.config)
    model.save(tmp_path / f"plain{format}")
    model._compile_config.config.update(config)  # saving .h5 takes the optimizer out of it
    loaded = load(tmp_path / f"plain{format}", KerasRegistry())
    assert (loaded.notes, loaded.warnings) == ({}, ())
    assert same(slots, arrays(loaded.model.optimizer.variables))
    data = data_for(model)
    histories = [m.fit(*data, epochs=2, shuffle=False, verbose=0).history for m in (model, loaded.model)]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("format", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_loss_nobody_registered_leaves_the_model_uncompiled(format: str, tmp_path: Path) -> None:
    def my_own_loss(y: Any, p: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y - p))

    model = plain_model(compile=False)
    model.compile("adam", my_own_loss)
    model.save(tmp_path / f"plain{format}")
    loaded = load(tmp_path / f"plain{format}", KerasRegistry())
    assert not loaded.model.compiled
    assert "uncompiled" in loaded.warnings[0]
    assert "my_own_loss" in loaded.warnings[0]
    assert same(arrays(model.weights), arrays(loaded.model.weights))


def test_the_weights_of_plain_keras_need_a_model(tmp_path: Path) -> None:
    model = plain_model()
    model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(FileError, match="holds weights only") as refused:
        load(tmp_path / "w.weights.h5", KerasRegistry())
    assert refused.value.exit_code is ExitCode.FILE
    fresh = plain_model(compile=False)
    load_weights(fresh, tmp_path / "w.weights.h5")
    assert same(arrays(model.weights), arrays(fresh.weights))


def test_plain_keras_ignores_what_kwb_adds(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["functional"], tmp_path / "m.keras", NOTES)
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        assert json.loads(file.read("kwb.json"))["notes"] == NOTES
        assert file.testzip() is None
    assert callable(softsquare)
