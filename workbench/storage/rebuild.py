"""Restore weights of models that Keras rebuilds only in part: it would drop these weights silently.

Keras rebuilds a subclassed model by its `build()`. Where that does not build every layer (a `build()` that
adds a weight and leaves the rest to the first call, a layer used only in training), the file has weights for
which the model has no variables yet. Calling the model once, in inference and in training, makes them.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from workbench.errors import FileError
from workbench.storage import archive, layer_paths, layout
from workbench.storage.optimizers import optimizers


def lacks_weights(model: Any, whole: Path, names: dict[str, str]) -> bool:
    """True if the `.keras` file has weights that the model does not have.

    Args:
        names: the file's own table of weight paths, by dataset; empty for a file of plain Keras.
    """
    if names:
        return not set(names.values()) <= set(layer_paths.weights_by_path(model))
    with archive.as_weights(whole) as weights:
        return bool(layout.unplaced(model, weights))


def complete(whole: Path, names: dict[str, str], where: str, *, compile: bool) -> Any:
    """Load the model of a `.keras` file, build it by calling it, and only then load its weights.

    Raises:
        FileError: the file has weights that the model still does not have.
    """
    model = keras.saving.load_model(whole, compile=False)
    for training in (False, True):
        _call_on_zeros(model, training)
        if not lacks_weights(model, whole, names):
            break
    else:
        raise FileError(
            "has weights for which the model has no place after it was rebuilt.",
            where=where,
            hint="Build every layer in build() or __init__, also one that is used only in training.",
        )
    if compile and (arguments := _compile_config(whole)):
        model.compile_from_config(arguments)
        if model.compiled and model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)
    model.load_weights(whole)
    return model


def mark_built(model: Any) -> bool:
    """Mark a model without `call()` as built, and build its optimizer: Keras builds by a call, and so never does.

    Returns:
        Whether it has an optimizer, whose state is still to be loaded.
    """
    if type(model).call is not keras.Model.call or not model.weights:
        return False
    model.built = True
    optimizer = optimizers(model).get("optimizer") if model.compiled else None
    if optimizer is None or optimizer.built:
        return False
    optimizer.build(model.trainable_variables)
    return True


def _call_on_zeros(model: Any, training: bool) -> None:
    shapes = model.get_build_config() or {}
    if "input_shape" in shapes:
        model(_zeros(shapes["input_shape"]), training=training)
    elif "shapes_dict" in shapes:
        inputs = {name.removesuffix("_shape"): _zeros(shape) for name, shape in shapes["shapes_dict"].items()}
        model(**inputs, training=training)


def _zeros(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {name: _zeros(item) for name, item in shape.items()}
    if any(isinstance(item, list | tuple | dict) for item in shape):
        return [_zeros(item) for item in shape]
    return keras.ops.zeros([1 if size is None else size for size in shape])


def _compile_config(whole: Path) -> Any:
    with zipfile.ZipFile(whole) as file:
        return json.loads(file.read(archive.CONFIG)).get("compile_config")


def by_legacy_groups(whole: Path, file: Path, *, compile: bool) -> Any | None:
    """The model of an `.h5` file by the weight groups of the legacy format; None for a file without.

    A layer with a `save_own_variables` of its own may not read back what it wrote; the groups do not ask it.

    Args:
        whole: the file as a `.keras` file.
    """
    if archive.is_archive(file):
        return None
    with h5py.File(file, "r") as opened:
        if "model_config" not in opened.attrs:
            return None
        slots = opened.get(f"{archive.GROUP}/{archive.WEIGHT_TREE}/optimizer/vars", {})
        state = [np.asarray(slots[name]) for name in sorted(slots, key=int)]
    config = json.loads(archive.read_config(whole))
    arguments = config.pop("compile_config", None)
    model = keras.saving.deserialize_keras_object(config)
    with layout.legacy_in_order(model, file) as matched:
        model.load_weights(matched.path)
    if compile and arguments:
        model.compile_from_config(arguments)
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(model.optimizer.variables, state, strict=True):
            variable.assign(value)
    return model
