"""The legacy `.h5` layout, which plain `keras.models.load_model` and `load_weights` read.

Writing: one group per layer of the model, its weights in Keras' legacy order. Keras reads by order and never
by name, so layers or weights of one name get a number and stay apart. The compile arguments are left out:
Keras cannot read them all back (`loss="mse"`), and loses the optimizer's slots; kwb keeps both elsewhere.

Reading: a file that plain Keras wrote is compiled here, since Keras' own way loses the optimizer's slots
and breaks the next `fit`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from workbench.keras_private import own_variables
from workbench.sentence import short_message
from workbench.storage import hdf5, keras2, layer_paths, structure


def write(target: Path, model: Any, tree: str) -> None:
    """Add the legacy groups to a file whose group `tree` holds the weights already; equal data is linked."""
    with h5py.File(target, "r+") as file:
        stored = _datasets_by_content(file[tree])
        file.attrs["keras_version"] = keras.version()
        file.attrs["backend"] = keras.backend.backend()
        if isinstance(model, keras.Sequential) or layer_paths.is_functional(model):
            file.attrs["model_config"] = json.dumps(_model_config(model))
        group = file.create_group("model_weights")
        group.attrs["keras_version"] = keras.version()
        group.attrs["backend"] = keras.backend.backend()
        names = _Names(["top_level_model_weights"])
        layers = [(names.free(layer.name), layer) for layer in model.layers]
        hdf5.write_names(group, "layer_names", [name for name, _ in layers])
        for name, layer in layers:
            weights = layer.trainable_weights + layer.non_trainable_weights
            _write_weights(group.create_group(name), weights, stored)
        kept = {id(weight) for weight in model.weights}
        own = [w for w in own_variables(model) if id(w) in kept]
        _write_weights(group.create_group("top_level_model_weights"), own, stored)


def compile_model(model: Any, path: Path) -> str:
    """Compile a model loaded from a legacy file as it was, optimizer slots included.

    Returns:
        Why the model stays uncompiled or lost its optimizer's state, or nothing.
    """
    with h5py.File(path, "r") as file:
        text = file.attrs.get("training_config")
        if text is None:
            return ""
        try:
            arguments = _compile_arguments(keras2.translated_training(json.loads(text)))
            model.compile(**arguments)
            model.optimizer.build(model.trainable_variables)
        except Exception as error:  # whatever a class named by the file raises
            model.compiled = False
            return f"loaded uncompiled: {short_message(error, typed=False)}"
    return restore_optimizer(model, path)


def restore_optimizer(model: Any, path: Path) -> str:
    """Give a compiled and built model the optimizer state of a legacy file, and say why not, if so."""
    with h5py.File(path, "r") as file:
        return _read_optimizer(file, model.optimizer)


class _Names:
    """Makes names unique, and never returns one that is a folder of another."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self.folders: set[str] = set()

    def free(self, wanted: str) -> str:
        name, number = wanted, 0
        while self._clashes(name):
            number += 1
            name = f"{wanted}_{number}"
        self.taken.add(name)
        self.folders |= set(_folders(name))
        return name

    def _clashes(self, name: str) -> bool:
        return name in self.taken or name in self.folders or any(f in self.taken for f in _folders(name))


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _model_config(model: Any) -> dict[str, Any]:
    config = keras.saving.serialize_keras_object(model)
    return {"class_name": config["registered_name"] or config["class_name"], "config": config["config"]}


def _write_weights(group: Any, weights: list[Any], stored: dict[str, list[Any]]) -> None:
    names = _Names()
    paths = [names.free(weight.path) for weight in weights]
    hdf5.write_names(group, "weight_names", paths)
    for path, weight in zip(paths, weights, strict=True):
        value = structure.value_of(weight)
        same = stored.get(_content_key(value))
        if same:
            group[path] = same.pop(0)
        else:
            known = value.dtype.kind in "fiub?"
            group.create_dataset(path, data=value if known else value.astype(np.float32))  # bfloat16


def _datasets_by_content(tree: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer/"):
            found.setdefault(_content_key(np.asarray(item)), []).append(item)

    tree.visititems(visit)
    return found


def _content_key(value: np.ndarray) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return f"{value.dtype.str}{value.shape}{digest}"


def _compile_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "optimizer": keras.optimizers.deserialize(config["optimizer_config"]),
        "loss": _each(config.get("loss"), keras.losses.get),
        "metrics": _each(config.get("metrics"), _metric),
        "weighted_metrics": _each(config.get("weighted_metrics"), _metric),
        "loss_weights": config.get("loss_weights"),
    }


def _metric(config: Any) -> Any:
    # Names stay names: "accuracy" means another metric for each kind of output, and `compile` knows which.
    return config if isinstance(config, str) else keras.metrics.get(config)


def _each(config: Any, get: Any) -> Any:
    if config is None or isinstance(config, str) or (isinstance(config, Mapping) and "class_name" in config):
        return get(config) if config is not None else None
    if isinstance(config, Mapping):
        return {name: _each(item, get) for name, item in config.items()}
    return [_each(item, get) for item in config]


def _read_optimizer(file: Any, optimizer: Any) -> str:
    if "optimizer_weights" not in file:
        return ""
    group = file["optimizer_weights"]
    values = [np.asarray(group[name]) for name in hdf5.attribute_names(group, "weight_names")]
    shapes = [tuple(variable.shape) for variable in optimizer.variables]
    if [value.shape for value in values] != shapes:
        return "the optimizer's state in the file does not fit its variables and was left out"
    for variable, value in zip(optimizer.variables, values, strict=True):
        variable.assign(value)
    return ""
