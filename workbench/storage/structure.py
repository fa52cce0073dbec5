"""What a model holds besides its named layers and weights: optimizer variables, states, and what Keras does not see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import starmap
from types import FunctionType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.storage.layer_paths import attributes, join, layers_by_path


def optimizer_variables(model: Any) -> list[Any]:
    """The optimizer's step count, learning rate and slots, in its order; none for a model not compiled."""
    optimizer = getattr(model, "optimizer", None)
    return list(optimizer.variables) if optimizer is not None and optimizer.built else []


def untracked(model: Any) -> Iterator[tuple[str, Any]]:
    """Layers and variables hung where Keras does not look, with their path: never trained, never saved."""
    tracked = {id(layer) for layer in layers_by_path(model).values()}
    tracked |= {id(variable) for variable in model.variables}
    tracked |= {id(variable.value) for variable in model.variables}  # TensorFlow's own variable behind Keras'
    tracked |= {id(variable.value) for variable in model.variables}  # TensorFlow's own variable behind Keras'
    tracked |= {id(state) for state in states(model)}
    tracked |= {id(v) for layer in layers_by_path(model).values() for v in layer.metrics_variables}
    for path, layer in layers_by_path(model).items():
        seen: set[int] = set()
        for name, value in attributes(layer):
            yield from _hidden(value, join(path, name), tracked, seen, depth=4)


def _closed_over(function: FunctionType) -> list[tuple[str, Any]]:
    """What a function refers to from around it, by name."""
    found = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # one that is not set yet
            found.append((name, cell.cell_contents))
    return found


def hidden_text(path: str, item: Any) -> str:
    """What Keras does not see, for people: `box/items/0 (Dense)`."""
    kind = "tf.Variable" if _is_raw(item) else type(item).__name__
    return f"{path} ({kind})"


def hidden_hint(items: Sequence[Any]) -> str:
    """What to do about it."""
    if all(map(_is_raw, items)):
        return "Make it with self.add_weight(): Keras neither trains nor saves a bare tf.Variable."
    return "Hang it on an attribute, or in a list or dict that is one."


def not_seen(hidden: Sequence[tuple[str, Any]]) -> str:
    """What training and files leave out, in words.

    Args:
        hidden: what `untracked` yields.
    """
    named = ", ".join(starmap(hidden_text, hidden))
    return f"not trained and not saved, for Keras does not see it: {named}"


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
    elif isinstance(value, FunctionType) and value.__closure__:
        inside = iter(_closed_over(value))
    elif not type(value).__module__.startswith(("keras.", "tensorflow.", "numpy.")) and hasattr(
        value, "__dict__"
    ):
        inside = iter(list(vars(value).items()))
    else:
        return
    for name, item in inside:
        yield from _hidden(item, join(path, name), tracked, seen, depth - 1)
