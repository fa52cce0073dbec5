"""Name every layer and variable of a model by a path that is the same in every process, and in every place.

Rows of the app, monitors, checkpoints, saved files and errors all take their names from here.

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

from workbench.keras_private import children

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


def inner_layers(model: Any) -> dict[str, Any]:
    """Each layer inside the model that computes something: neither the model itself nor its inputs."""
    return {
        path: layer
        for path, layer in layers_by_path(model).items()
        if path and not isinstance(layer, keras.layers.InputLayer)
    }


def labelled_layers(model: Any) -> dict[str, Any]:
    """As `inner_layers`, with the model itself first, by its name: for lists and charts, where no name may be empty."""
    inner = inner_layers(model)
    return {_unused(model.name, inner): model, **inner}


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
        below = {id(v) for child in children(layer) for v in child.variables}
        for variable in layer.variables:
            if id(variable) not in seen and id(variable) not in below:
                seen.add(id(variable))
                found[_unused(join(path, _own_name(variable)), found)] = variable
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


def weight_paths(model: Any) -> dict[int, str]:
    """From the id() of a weight to its path."""
    return {id(weight): path for path, weight in weights_by_path(model).items()}


def path_of(model: Any, weight: Any) -> str:
    """The path of a weight; its own name for one that the model does not hold."""
    return weight_paths(model).get(id(weight), str(weight.name))


def owners(layers: Mapping[str, Any]) -> dict[int, str]:
    """From the id() of a weight to the path of the innermost layer that holds it."""
    return {id(weight): path for path, layer in layers.items() for weight in layer.weights}


def attributes(layer: Any) -> list[tuple[str, Any]]:
    """The attributes that the layer's author set; TensorFlow's own tracking (`_self_…`) left out."""
    return [(k, v) for k, v in vars(layer).items() if k not in _OF_KERAS and not k.startswith("_self_")]


def join(path: str, name: str) -> str:
    """A name below a path."""
    return f"{path}/{name}" if path else name


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
    for child in children(layer):
        name = child.name if by_name else names.get(id(child), child.name)
        _collect_layers(child, join(path, name), found, seen)


def _attribute_names(layer: Any) -> dict[int, str]:
    names: dict[int, str] = {}
    for attribute, value in attributes(layer):
        for path, item in _items(value, attribute):
            names.setdefault(id(item), path)
    return names


def _items(value: Any, path: str, depth: int = 4) -> Iterator[tuple[str, Any]]:
    """Layers in a value: itself, or inside lists, tuples, sets and dicts."""
    if isinstance(value, keras.Layer):
        yield path, value
    elif depth and isinstance(value, Mapping):
        for key, item in value.items():
            yield from _items(item, join(path, str(key)), depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _items(item, join(path, str(index)), depth - 1)


def _unused(path: str, taken: Mapping[str, Any]) -> str:
    if path not in taken:
        return path
    return next(f"{path}_{n}" for n in itertools.count(1) if f"{path}_{n}" not in taken)
