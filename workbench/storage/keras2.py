"""Files of Keras 2 (`.h5`): translate arguments that Keras 3 renamed or dropped, or name those that cannot be
translated."""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from workbench.storage.limits import Refused

# Arguments that say how something was computed, not what: any value may go.
_OF_SPEED = frozenset(
    {"implementation", "fused", "jit_compile", "is_legacy_optimizer", "ragged", "sparse", "optional"}
)
# What Keras 2 wrote of a layer's shapes, which a graph or stack repeats.
_SHAPES = frozenset({"query_shape", "key_shape", "value_shape"})
_RENAMED = {"lr": "learning_rate", "batch_input_shape": "batch_shape"}
# Values that leave an argument without effect.
_HARMLESS: tuple[Any, ...] = (None, False, 0, 1, [], {})
_PLACES = frozenset({"layers", "layer", "backward_layer", "forward_layer", "cell", "cells"})
# Written by a class that it inherits from, and never used.
_UNUSED = {
    name: frozenset({"kernel_initializer", "kernel_regularizer", "kernel_constraint"})
    for name in ("SeparableConv1D", "SeparableConv2D", "DepthwiseConv1D", "DepthwiseConv2D")
}
_OF_EVERY_LAYER = frozenset(
    {
        "name",
        "dtype",
        "trainable",
        "autocast",
        "activity_regularizer",
        "input_shape",
        "batch_input_shape",
        "batch_shape",
    }
)


def translated_training(config: Mapping[str, Any]) -> dict[str, Any]:
    """A `training_config` in the words of Keras 3: its optimizer's class and arguments."""
    optimizer = config.get("optimizer_config")
    if not isinstance(optimizer, Mapping) or not isinstance(optimizer.get("config"), Mapping):
        return dict(config)
    name = str(optimizer.get("class_name", "")).removeprefix("Custom>")
    given = {
        _RENAMED.get(key, key): value for key, value in optimizer["config"].items() if key not in _OF_SPEED
    }
    if not given.get("decay", 1.0):
        given.pop("decay")
    return {**config, "optimizer_config": {**optimizer, "class_name": name, "config": given}}


def translated(config: Mapping[str, Any]) -> dict[str, Any]:
    """A model's configuration in the words of Keras 3.

    Args:
        config: of a legacy file; it was judged before.

    Raises:
        Refused: an argument has a value that Keras 3 has no word for.
    """
    return dict(_translated(config, ""))


@contextmanager
def with_config(path: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Path]:
    """A legacy file with another configuration, for the time of the block; itself where nothing changes."""
    if new == old:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kwb-") as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(new)
        yield copy


def _translated(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return [_translated(item, key) for item in value]
    if not isinstance(value, Mapping):
        return value
    translated = {name: _translated(item, name) for name, item in value.items()}
    inner = translated.get("config")
    cls = _layer_class(translated)
    if cls is None or not isinstance(inner, dict):
        return translated
    translated["config"] = _arguments(cls, inner)
    if (
        key in _PLACES and "module" not in translated
    ):  # without it, Keras reads texts as functions of that name
        translated |= {"module": "keras.layers", "registered_name": None}
    return translated


def _layer_class(config: Mapping[str, Any]) -> type | None:
    """The layer of Keras that a configuration names; None for a model or anything else."""
    import keras

    name = config.get("class_name")
    found = (
        getattr(keras.layers, name, None)
        if isinstance(name, str) and not config.get("registered_name")
        else None
    )
    return found if inspect.isclass(found) else None


def _arguments(cls: type, given: dict[str, Any]) -> dict[str, Any]:
    name = cls.__name__
    if name == "InputLayer":
        renamed = {_RENAMED.get(key, key): value for key, value in given.items()}
        return {key: value for key, value in renamed.items() if key not in ("ragged", "optional")}
    known = _accepted(cls)
    kept = {}
    for key, value in given.items():
        if key in known or key in _OF_EVERY_LAYER:
            kept[key] = value
        elif key not in _OF_SPEED | _SHAPES | _UNUSED.get(name, frozenset()) and not _is_harmless(value):
            raise Refused(
                f"is of Keras 2, and its layer '{given.get('name', name)}' ({name}) has {key}={value!r}, "
                "which Keras 3 does not have.",
                "Build the model in Keras 3 without it, and load this file as its weights.",
            )
    if name == "BatchNormalization" and isinstance(axis := kept.get("axis"), list) and len(axis) == 1:
        kept["axis"] = axis[0]
    return kept


def _is_harmless(value: Any) -> bool:
    return any(type(value) is type(other) and value == other for other in _HARMLESS)


def _accepted(cls: type) -> frozenset[str]:
    """The arguments of a class, with those that it passes on; all that it wrote itself, where it reads them."""
    import keras

    found: set[str] = set()
    for each in cls.__mro__:
        if (init := vars(each).get("__init__")) is None or each in (keras.Layer, object):
            continue
        parameters = list(inspect.signature(init).parameters.values())[1:]
        found |= {parameter.name for parameter in parameters}
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    # Taken out of **kwargs by name.
    return frozenset(found | {"alpha", "input_length", "weights", "input_dim", "output_padding"})
