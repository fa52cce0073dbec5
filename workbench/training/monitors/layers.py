"""The paths of a model's layers and weights, as the model's rows show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras


def layer_paths(model: keras.Model) -> dict[str, Any]:
    """Every layer by its path, `block1/hidden2`, in the order they are held; the model itself comes first, by its name.

    A layer held in two places comes once. Where two layers have one path, the second is called `path (2)`.
    """
    found: dict[str, Any] = {model.name: model}
    for path, layer in _walk(model, "", {id(model)}):
        found[distinct(path, found)] = layer
    return found


def _walk(layer: Any, prefix: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    # Keras has no public way to the layers inside a plain layer.
    for child in layer._flatten_layers(include_self=False, recursive=False):
        if id(child) in seen or isinstance(child, keras.layers.InputLayer):
            continue
        seen.add(id(child))
        path = f"{prefix}{child.name}"
        yield path, child
        yield from _walk(child, f"{path}/", seen)


def owners(layers: dict[str, Any]) -> dict[int, str]:
    """From the id() of a weight to the path of the innermost layer that holds it."""
    return {id(weight): path for path, layer in layers.items() for weight in layer.weights}


def weight_paths(model: keras.Model) -> dict[str, Any]:
    """Every weight by its path, `block1/hidden2/kernel`."""
    owner = owners(layer_paths(model))
    found: dict[str, Any] = {}
    for weight in model.weights:
        found[distinct(f"{owner[id(weight)]}/{weight.name}", found)] = weight
    return found


def distinct(name: str, taken: Any) -> str:
    """The name, or `name (2)` and so on where it is taken."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found
