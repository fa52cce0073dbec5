"""Configurations that would run code, or that are without measure, are refused before Keras sees them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.storage.guarded_files import (
    Config,
    edited,
    members_of,
    refusal,
    with_hdf5,
    zipped,
)
from workbench.errors import FileError
from workbench.storage.formats import KerasRegistry, load


def function(name: str, module: str | None = "builtins", registered: str | None = "function") -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def lambda_layer(function: Any, **arguments: Any) -> Config:
    config = {"name": "evil", "function": function, "arguments": {}, **arguments}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}


def keras_layer(class_name: str, module: str | None = "keras.layers", **config: Any) -> Config:
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "evil", **config},
        "registered_name": None,
    }


BYTECODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}

LAYERS: dict[str, tuple[Config, str]] = {
    "bytecode": (lambda_layer(BYTECODE), "is a Python lambda kept as code"),
    "a Keras function": (lambda_layer(function("get_file", "keras.utils")), "evil' calls 'get_file'"),
    "an exported function": (lambda_layer(function("exp", "keras.ops")), "evil' calls 'exp'"),
    "a builtin": (lambda_layer(function("eval")), "evil' calls 'eval'"),
    "a name alone": (lambda_layer("exp"), "evil' calls 'exp'"),
    "a function for the shape": (
        lambda_layer(function("acme-layers>softsquare"), output_shape=function("load_model", "keras.models")),
        "evil' calls 'load_model'",
    ),
    "nothing": (lambda_layer(None), "evil' calls 'None'"),
    "a module of another program": (
        keras_layer("Popen", "subprocess", args="sh"),
        "neither Keras' nor registered",
    ),
    "a module of Keras' insides": (keras_layer("Thing", "keras.src.utils.file_utils"), "neither Keras' nor"),
    "a function of Keras as a class": (keras_layer("get_file", "keras.utils"), "neither Keras' nor"),
    "a function among the layers": (keras_layer("deserialize", "keras.layers"), "neither Keras' nor"),
    "the same without a module": ({"class_name": "deserialize", "config": {}}, "neither Keras' nor"),
    "something of keras itself": (keras_layer("Variable", "keras"), "neither Keras' nor"),
    "a SavedModel": (keras_layer("TFSMLayer", filepath="/tmp/x"), "runs a SavedModel"),
    "a pickle": (keras_layer("TorchModuleWrapper", weights="x"), "unpickles"),
    "a vocabulary elsewhere": (keras_layer("StringLookup", vocabulary="/etc/passwd"), "from another file"),
    "a class by number": ({"class_name": 7, "config": {}}, "something else than a string"),
    "a typespec": (
        {"class_name": "__typespec__", "config": [], "spec_name": "TensorSpec", "module": "tensorflow"},
        "neither Keras' nor",
    ),
    "a legacy typespec": (
        {"class_name": "TypeSpec", "type_spec": "x", "serialized": []},
        "makes a type of TensorFlow",
    ),
    "an unregistered class": (keras_layer("MyOwn", "my_module"), "neither Keras' nor registered"),
    "a hidden activation": (
        keras_layer("Dense", units=1, activation=function("get_file", "keras.utils")),
        "calls the function 'get_file' of keras.utils",
    ),
    "a deserializer": (keras_layer("Dense", units=1, activation=function("deserialize")), "'deserialize'"),
    "deep inside": (
        keras_layer("Bidirectional", layer=keras_layer("RNN", cell=keras_layer("Evil", "os"))),
        "'Evil' of os",
    ),
    "a wide layer": (keras_layer("Dense", units=2_000_000_000), "declares units=2000000000"),
    "a wide table": (keras_layer("Embedding", input_dim=60_000_000, output_dim=60), "weights up to it"),
    "a wide layer of a plugin": (
        keras_layer("MyDense", "kwb_custom.layers", units=10**12) | {"registered_name": "kwb>MyDense"},
        "declares units=1000000000000",
    ),
    "a square": (
        keras_layer("Dense", units=50_000) | {"build_config": {"input_shape": [None, 50_000]}},
        "weights up to it",
    ),
}


@pytest.mark.parametrize("attack", LAYERS)
def test_hostile_configurations(attack: str, good: dict[str, Path], tmp_path: Path) -> None:
    evil, words = LAYERS[attack]
    path = edited(good["keras"], tmp_path / "m.keras", lambda config: config["config"]["layers"].append(evil))
    assert words in refusal(path).what
    with pytest.raises(FileError):
        load(path, KerasRegistry())


@pytest.mark.parametrize("attack", LAYERS)
def test_hostile_configurations_in_the_legacy_format(
    attack: str, good: dict[str, Path], tmp_path: Path
) -> None:
    evil, words = LAYERS[attack]

    def edit(file: Any) -> None:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].append(evil)
        file.attrs["model_config"] = json.dumps(config)

    assert words in refusal(with_hdf5(good["plain.h5"], tmp_path / "m.h5", edit)).what


@pytest.mark.parametrize("attack", LAYERS)
def test_hostile_configurations_in_our_hdf5(attack: str, good: dict[str, Path], tmp_path: Path) -> None:
    evil, words = LAYERS[attack]

    def edit(file: Any) -> None:
        config = json.loads(file["kwb/config.json"][()].tobytes())
        config["config"]["layers"].append(evil)
        del file["kwb/config.json"]
        file["kwb/config.json"] = np.frombuffer(json.dumps(config).encode(), np.uint8)

    assert words in refusal(with_hdf5(good["weights.h5"], tmp_path / "m.weights.h5", edit)).what


def test_a_registered_function_where_a_class_stands_is_refused(good: dict[str, Path], tmp_path: Path) -> None:
    """Keras would call it with arguments from the file."""

    def edit(config: Config) -> None:
        evil = {"module": None, "class_name": "softsquare", "config": {"x": "/etc/passwd"}}
        config["config"]["layers"].append(evil | {"registered_name": "acme-layers>softsquare"})

    path = edited(good["keras"], tmp_path / "m.keras", edit)
    with pytest.raises(FileError, match="as something else than a function"):
        load(path, KerasRegistry())


def test_nesting_without_end(good: dict[str, Path], tmp_path: Path) -> None:
    for depth in (300, 100_000):
        members = members_of(good["keras"])
        members["config.json"] = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
        assert "nested deeper" in refusal(zipped(tmp_path / "m.keras", members)).what


def test_a_configuration_without_measure(good: dict[str, Path], tmp_path: Path) -> None:
    members = members_of(good["keras"]) | {"config.json": b'{"a": "' + b"x" * (33 << 20) + b'"}'}
    assert "larger than 32 MB" in refusal(zipped(tmp_path / "m.keras", members)).what
    members["config.json"] = b"[1, 2]"
    assert "not a JSON object" in refusal(zipped(tmp_path / "m.keras", members)).what
    members["config.json"] = b"{'a': 1}"
    assert "not JSON" in refusal(zipped(tmp_path / "m.keras", members)).what


# Plugins that are missing
