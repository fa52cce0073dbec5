"""Looking into files without Keras: the same answers as Keras gives."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.storage.models import FORMATS, KINDS, Residual, data_for
from workbench.errors import FileError
from workbench.storage import layer_paths, structure
from workbench.storage.formats import save
from workbench.storage.inspect import inspect_file, read_weight

cells = pytest.mark.parametrize(("kind", "format"), [(kind, form) for kind in KINDS for form in FORMATS])


@cells
def test_our_files_tell_all_of_the_model(kind: str, format: str, trained_models: Any, tmp_path: Path) -> None:
    model = trained_models[kind]
    save(model, tmp_path / f"m{format}", {"recipe": {"name": "price"}})
    record = inspect_file(tmp_path / f"m{format}", ["acme_layers"]).as_record()
    assert json.loads(json.dumps(record)) == record
    weights = layer_paths.weights_by_path(model)
    assert record["format"] == format
    assert record["keras_version"] == keras.__version__
    assert record["model"]["class"] == type(model).__name__
    assert record["parameters"] == model.count_params()
    assert [row["path"] for row in record["weights"]] == list(weights)
    assert [tuple(row["shape"]) for row in record["weights"]] == [tuple(w.shape) for w in weights.values()]
    assert {row["dtype"] for row in record["weights"]} == {"float32"}
    assert [row["name"] for row in record["layers"]] == [
        path for path in layer_paths.layers_by_path(model) if path
    ]
    assert record["optimizer"]["class"] == "Adam"
    assert record["kwb"] == {"recipe": {"name": "price"}}
    assert "acme-layers>Residual" in {row["registered"] for row in record["layers"]}
    assert all(need["distribution"] == "acme-layers" and need["installed"] for need in record["needs"])
    assert record["needs"]
    for path, weight in weights.items():
        found = read_weight(tmp_path / f"m{format}", path)
        assert np.array_equal(found, structure.value_of(weight))


def test_what_is_not_installed_is_said(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["subclassed"], tmp_path / "m.keras", {})
    (need,) = inspect_file(tmp_path / "m.keras", ["kwb"]).needs
    assert (need.registered, need.distribution, need.installed) == (
        "acme-layers>SharedRegressor",
        "acme-layers",
        False,
    )
    (need,) = inspect_file(tmp_path / "m.keras", ["acme-layers>SharedRegressor"]).needs
    assert need.installed


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_of_plain_keras(format: str, tmp_path: Path) -> None:
    inner = keras.Sequential([keras.layers.Dense(3, name="deep")], name="inner")
    model = keras.Sequential(
        [keras.Input((5,)), Residual(1, 5, name="block"), inner, keras.layers.Dense(1, name="out")]
    )
    model.compile("sgd", "mse")
    model.fit(*data_for(model), verbose=0)
    path = tmp_path / f"m{format}"
    if format == ".weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    found = inspect_file(path)
    assert found.kwb is None
    assert found.parameters == model.count_params()
    assert sorted(w.shape for w in found.weights) == sorted(tuple(w.shape) for w in model.weights)
    values = sorted(read_weight(path, w.path).tobytes() for w in found.weights)
    assert values == sorted(structure.value_of(w).tobytes() for w in model.weights)
    if format == ".weights.h5":
        assert (found.model, found.layers) == (None, ())
        return
    assert found.optimizer is not None
    assert found.optimizer["class"] == "SGD"
    names = {row.name: row.layer_class for row in found.layers}
    assert names["block"] == "Residual"
    assert names["inner/deep"] == "Dense"
    assert [need.registered for need in found.needs] == ["acme-layers>Residual"]
    if format == ".h5":
        assert "out/kernel" in found.weights[-2].path


def test_half_precision_weights_are_read(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, dtype="bfloat16", name="d")])
    for format in FORMATS:
        save(model, tmp_path / f"m{format}", {})
        found = inspect_file(tmp_path / f"m{format}")
        assert [w.dtype for w in found.weights] == ["bfloat16", "bfloat16"]
        kernel = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(model.layers[0].kernel, "float32")))
        assert np.array_equal(read_weight(tmp_path / f"m{format}", "d/kernel"), kernel)


def test_a_wrong_weight_name_is_answered_with_the_nearest(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["subclassed"], tmp_path / "m.keras", {})
    with pytest.raises(FileError, match="no weight 'first/kernl'") as error:
        read_weight(tmp_path / "m.keras", "first/kernl")
    assert "first/kernel" in error.value.hint


def test_what_could_not_be_loaded_can_be_looked_at(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(keras.ops.exp, name="bad")])
    model.save(tmp_path / "m.keras")
    found = inspect_file(tmp_path / "m.keras")
    assert "the Lambda layer" in found.refusal
    assert "bad" in found.refusal
    assert found.layers[-1].layer_class == "Lambda"


def test_looking_imports_neither_keras_nor_tensorflow(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["functional"], tmp_path / "m.keras", {})
    script = (
        "import sys; from workbench.storage.inspect import inspect_file, read_weight\n"
        "import workbench.storage.guard, workbench.storage.runs, workbench.atomic\n"
        "found = inspect_file(sys.argv[1]); read_weight(sys.argv[1], found.weights[0].path)\n"
        "assert found.weights; print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "m.keras")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("set()\n", "")
