"""Give every layer and variable of a model a path that is the same in every process.

Keras numbers the names of layers it names itself (`dense_7`), so a variable's own path depends on what the
process made before. Here a layer inside a Sequential or functional model goes by its name, which the file
keeps, and a layer inside any other layer by the attribute that holds it: `block1/hidden/0/kernel`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

# Attributes of Keras' own making, where no layer of the user's hangs. (A name of its own uses up no number.)
_OF_KERAS = frozenset(dir(keras.Model)) | frozenset(vars(keras.Sequential(name="reference")))


# What Keras calls a variable made without a name: counted through the whole process.
_NUMBERED = re.compile(r"\Avariable(_\d+)?\Z")


def is_functional(layer: Any) -> bool:
    """True if the layer is a graph of layers in Keras' functional form, or a class built as one."""
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def layers_by_path(model: Any) -> dict[str, Any]:
    """Each layer of the model once, the model itself under the empty path."""
    found: dict[str, Any] = {}
    _collect_layers(model, "", found, set())
    return found


def restore_names(model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give layers of stacks and graphs the names they had when they were saved.

    A class whose config holds no `name` comes back under one that Keras numbers, and so on another path.

    Args:
        model: the reloaded model.
        rows: path and class of each of its layers, in the order of `layers_by_path`.
    """
    named = [(path, layer) for path, layer in layers_by_path(model).items() if path]
    if [type(layer).__name__ for _, layer in named] != [row.get("class") for row in rows]:
        return  # rebuilt only in part
    for (path, layer), row in zip(named, rows, strict=True):
        name = str(row.get("path")).rpartition("/")[2]
        if path.rpartition("/")[2] == layer.name != name:
            layer.name = name


def variables_by_path(model: Any) -> dict[str, Any]:
    """Each variable of `model.variables` once: weights, and state such as that of seed generators."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for path, layer in layers_by_path(model).items():
        below = {id(v) for child in _children(layer) for v in child.variables}
        for variable in layer.variables:
            if id(variable) not in seen and id(variable) not in below:
                seen.add(id(variable))
                found[_unused(_join(path, _own_name(variable)), found)] = variable
    for variable in model.variables:  # one that a layer and its child share is not the layer's own
        if id(variable) not in seen:
            seen.add(id(variable))
            found[_unused(_own_name(variable), found)] = variable
    return found


def weights_by_path(model: Any) -> dict[str, Any]:
    """The variables that Keras saves: `model.weights`."""
    weights = {id(weight) for weight in model.weights}
    return {path: v for path, v in variables_by_path(model).items() if id(v) in weights}


def state_by_path(model: Any) -> dict[str, Any]:
    """The variables that Keras does not save: seed generators and the like."""
    weights = {id(weight) for weight in model.weights}
    return {path: v for path, v in variables_by_path(model).items() if id(v) not in weights}


def optimizer_variables(model: Any) -> list[Any]:
    """The optimizer's step count, learning rate and slots, in its order; none for a model not compiled."""
    optimizer = getattr(model, "optimizer", None)
    return list(optimizer.variables) if optimizer is not None and optimizer.built else []


def untracked(model: Any) -> Iterator[tuple[str, Any]]:
    """Layers and variables hung where Keras does not look, with their path: never trained, never saved."""
    tracked = {id(layer) for layer in layers_by_path(model).values()}
    tracked |= {id(variable) for variable in model.variables}
    tracked |= {id(state) for state in states(model)}
    tracked |= {id(v) for layer in layers_by_path(model).values() for v in layer.metrics_variables}
    for path, layer in layers_by_path(model).items():
        seen: set[int] = set()
        for name, value in attributes(layer):
            yield from _hidden(value, _join(path, name), tracked, seen, depth=4)


def hidden_text(path: str, item: Any) -> str:
    """What Keras does not see, for people: `box/items/0 (Dense)`."""
    kind = "tf.Variable" if _is_raw(item) else type(item).__name__
    return f"{path} ({kind})"


def hidden_hint(items: Sequence[Any]) -> str:
    """What to do about it."""
    if all(map(_is_raw, items)):
        return "Make it with self.add_weight(): Keras neither trains nor saves a bare tf.Variable."
    return "Hang it on an attribute, or in a list or dict that is one."


def _is_raw(item: Any) -> bool:
    return isinstance(item, tf.Variable)


def states(model: Any) -> list[Any]:
    """The variables in which stateful layers remember the batch before: no weights, and in no file."""
    found: list[Any] = []
    for layer in layers_by_path(model).values():
        if getattr(layer, "stateful", False):
            found += [
                v for v in keras.tree.flatten(getattr(layer, "states", ())) if isinstance(v, keras.Variable)
            ]
    return list({id(state): state for state in found}.values())


def value_of(variable: Any) -> np.ndarray:
    """The variable's value as a numpy array."""
    return np.asarray(keras.ops.convert_to_numpy(variable))


def _own_name(variable: Any) -> str:
    """The variable's name, without the number that Keras adds where the author gave no name."""
    return _NUMBERED.sub("variable", str(variable.name))


def _collect_layers(layer: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    found[_unused(path, found)] = layer
    names = _attribute_names(layer)
    by_name = isinstance(layer, keras.Sequential) or is_functional(layer)
    for child in _children(layer):
        name = child.name if by_name else names.get(id(child), child.name)
        _collect_layers(child, _join(path, name), found, seen)


def _children(layer: Any) -> list[Any]:
    return list(layer._flatten_layers(include_self=False, recursive=False))


def _attribute_names(layer: Any) -> dict[int, str]:
    names: dict[int, str] = {}
    for attribute, value in attributes(layer):
        for path, item in _items(value, attribute):
            names.setdefault(id(item), path)
    return names


def attributes(layer: Any) -> list[tuple[str, Any]]:
    """The attributes that the layer's author set; TensorFlow's own tracking (`_self_…`) left out."""
    return [(k, v) for k, v in vars(layer).items() if k not in _OF_KERAS and not k.startswith("_self_")]


def _items(value: Any, path: str, depth: int = 4) -> Iterator[tuple[str, Any]]:
    """Layers in a value: itself, or inside lists, tuples, sets and dicts."""
    if isinstance(value, keras.Layer):
        yield path, value
    elif depth and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _items(item, _join(path, str(key)), depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _items(item, _join(path, str(index)), depth - 1)


def _hidden(
    value: Any, path: str, tracked: set[int], seen: set[int], depth: int
) -> Iterator[tuple[str, Any]]:
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, keras.Layer | keras.Variable | tf.Variable):
        if id(value) not in tracked:
            yield path, value
        return
    if depth == 0 or isinstance(value, str | bytes | int | float | np.ndarray | type):
        return
    if isinstance(value, keras.Optimizer | keras.Metric):
        return  # its variables are its own, and Keras keeps them
    inside: Iterator[tuple[str, Any]]
    if isinstance(value, Mapping):
        inside = ((str(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        inside = ((str(index), item) for index, item in enumerate(value))
    elif not type(value).__module__.startswith(("keras.", "tensorflow.", "numpy.")) and hasattr(
        value, "__dict__"
    ):
        inside = iter(list(vars(value).items()))
    else:
        return
    for name, item in inside:
        yield from _hidden(item, _join(path, name), tracked, seen, depth - 1)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _unused(path: str, taken: Mapping[str, Any]) -> str:
    if path not in taken:
        return path
    return next(f"{path}_{n}" for n in itertools.count(1) if f"{path}_{n}" not in taken)
