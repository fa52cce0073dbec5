"""The state of a training beside the model's variables: written into checkpoints and restored on resume.

It has the attributes of callbacks and of the model's own classes (numbers, texts, collections, objects, nested in any
way), other optimizers, variables that Keras does not track or that belong to a module, and the states of the random
generators of Python and NumPy. A model's attribute that still has the value from its constructor is not written: the
recipe makes it again.
"""

from __future__ import annotations

import collections
import hashlib
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.errors import FileError
from workbench.keras_private import STATE_OF_CALLBACK, STATE_OF_COMPILE, backend_value
from workbench.storage import layer_paths
from workbench.training import csv_logs
from workbench.training.state_decoding import Decoder, Unplaced
from workbench.training.state_encoding import SAME, Encoder
from workbench.training.state_types import PLAIN, enclosed

_OF_COMPILE = frozenset({"optimizer", "stop_training", "stop_evaluating", "history"} | STATE_OF_COMPILE)
# Of Keras' callback, which opens its file when training begins and looks then whether there is a header.
_OF_LOGGER = ("csv_file", "writer", "append", "append_header")


@dataclass
class WrittenState:
    """The state as it is written: `record` is JSON data, `lost` the type of each value that is not kept, by path."""

    record: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)


class PythonState:
    """Reads and restores the state of one model and its callbacks. Made before a restore, to know what is new."""

    def __init__(self, model: Any, callbacks: Sequence[Any]) -> None:
        self.model = model
        self.callbacks = callbacks
        self._begun: dict[
            int, frozenset[str]
        ] = {}  # functions and the like that callbacks have from the beginning
        self._first = frozenset(
            (path, name) for path, layer in self._layers() for name, _ in layer_paths.attributes(layer)
        )
        self._fresh = {
            (path, name): _digest(*self._encoded(value, ""))
            for path, layer in self._layers()
            for name, value in self._attributes(path, layer)
        }

    def go_on(self, epoch: int) -> None:
        """The training has a past, up to `epoch`: what Keras' callbacks wrote of it is not begun again."""
        for callback in self.callbacks:
            if isinstance(callback, keras.callbacks.CSVLogger):
                csv_logs.resume(callback, epoch)

    def take(self) -> WrittenState:
        """Everything, as it is now."""
        kept = WrittenState()
        known, names = self._known(), self._names()
        layers: dict[str, dict[str, Any]] = {}
        kept.record["layers"] = layers
        for path, layer in self._layers():
            for name, value in self._attributes(path, layer):
                key = f"memory/model/{path}/{name}"
                encoder = Encoder(known, names)
                record = encoder.encode(value, key)
                kept.lost |= {_readable(at): kind for at, kind in encoder.lost.items()}
                same = _digest(*self._encoded(value, "")) == self._fresh.get((path, name))
                if record != SAME and (not same or _holds_variables(record)):
                    layers.setdefault(path, {})[name] = record
                    kept.arrays |= encoder.arrays
        kept.record["callbacks"] = [
            self._callback(number, callback, kept, known, names)
            for number, callback in enumerate(self.callbacks)
        ]
        variables = Encoder(known, names)
        kept.record["modules"] = {
            f"{module}:{name}": variables.encode(variable, f"memory/module/{module}:{name}")
            for module, name, variable in self._loose_variables()
        }
        kept.arrays |= variables.arrays
        methods = Encoder(known, names)
        kept.record["methods"] = {
            name: record
            for name, function in self._methods()
            if (record := methods.encode(function, f"memory/method/{name}")) != SAME
        }
        kept.arrays |= methods.arrays
        kept.lost |= {_readable(at): kind for at, kind in methods.lost.items()}
        generators = Encoder()
        kept.record["random"] = [
            generators.encode(random.getstate(), "memory/random/python"),
            generators.encode(np.random.get_state(), "memory/random/numpy"),
        ]
        kept.arrays |= generators.arrays
        return kept

    def restore(self, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> list[str]:
        """Give model and callbacks back what `take` kept.

        Returns:
            What does not fit them as they are now, and why.

        Raises:
            FileError: the record is damaged.
        """
        try:
            return [*self._restore(record, arrays)]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
            raise FileError(
                f"the checkpoint's memory of callbacks and model is damaged ({error!r})."
            ) from error

    def _restore(self, record: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Iterator[str]:
        weights = layer_paths.variables_by_path(self.model)
        layers = dict(self._layers())
        for path, attributes in record["layers"].items():
            layer = layers.get(path)
            for name, item in attributes.items():
                shown = f"{path}.{name}" if path else f"the model's {name}"
                if layer is None:
                    yield f"{shown}: there is no such layer"
                    continue
                decoder = Decoder(arrays, type(layer).__module__, weights)
                now = getattr(layer, name, None)
                try:
                    value = decoder.decode(item, now)
                except Unplaced as why:
                    yield f"{shown}: {why}"
                else:
                    if value is not now:
                        setattr(layer, name, value)
        for callback, kept in _paired(self.callbacks, record["callbacks"]):
            decoder = Decoder(arrays, type(callback).__module__, weights)
            for name, item in kept["memory"].items():
                if name in _not_remembered(callback):  # of a checkpoint of an older version
                    continue
                now = vars(callback).get(name)
                try:
                    vars(callback)[name] = decoder.decode(item, now)
                except Unplaced as why:
                    yield f"{type(callback).__name__}.{name}: {why}"
        loose = {f"{module}:{name}": variable for module, name, variable in self._loose_variables()}
        for name, item in record["modules"].items():
            try:
                Decoder(arrays).decode(item, loose.get(name))
            except Unplaced as why:
                yield f"{name}: {why}"
        methods, decoder = dict(self._methods()), Decoder(arrays, weights=weights)
        for name, item in record.get("methods", {}).items():
            try:
                decoder.decode(item, methods.get(name))
            except Unplaced as why:
                yield f"{name}: {why}"
        if record["random"]:
            python, numpy = (Decoder(arrays).decode(item, None) for item in record["random"])
            random.setstate(python)
            np.random.set_state(numpy)

    def _callback(
        self, number: int, callback: Any, kept: WrittenState, known: frozenset[int], names: Mapping[int, str]
    ) -> dict[str, Any]:
        kind = type(callback).__name__
        stock = type(callback).__module__.startswith("keras.")
        skipped = _not_remembered(callback)
        encoder = Encoder(known, names)
        memory = {
            name: encoder.encode(value, f"memory/callback/{number}/{kind}/{name}")
            for name, value in list(vars(callback).items())
            if name not in skipped
        }
        kept.arrays |= encoder.arrays
        if not stock:
            kept.lost |= {_readable(at): what for at, what in encoder.lost.items()}
        made = [name for name, record in memory.items() if record == SAME]
        memory = {name: record for name, record in memory.items() if record != SAME}
        begun = self._begun.setdefault(number, frozenset(made))
        if not stock:
            kept.lost |= {
                f"{kind}.{name}": type(getattr(callback, name)).__name__ for name in made if name not in begun
            }
        return {"class": kind, "memory": memory}

    def _layers(self) -> list[tuple[str, Any]]:
        return list(layer_paths.layers_by_path(self.model).items())

    def _attributes(self, path: str, layer: Any) -> list[tuple[str, Any]]:
        """The attributes that a user's code set on a layer; of Keras' own attributes only plain values."""
        found = [(name, value) for name, value in layer_paths.attributes(layer) if name not in _OF_COMPILE]
        if not type(layer).__module__.startswith("keras."):
            return found
        return [
            (name, value)
            for name, value in found
            if not name.startswith("_")
            and (type(value) in PLAIN or (path, name) not in self._first or name == "states")
        ]

    def _encoded(self, value: Any, path: str) -> tuple[Any, dict[str, np.ndarray]]:
        encoder = Encoder()
        return encoder.encode(value, path), encoder.arrays

    def _known(self) -> frozenset[int]:
        """Ids of the variables that are kept by themselves."""
        optimizer = getattr(self.model, "optimizer", None)
        variables = [
            *self.model.variables,
            *self.model.metrics_variables,
            *(optimizer.variables if optimizer is not None else ()),
        ]
        inner = [id(backend_value(v)) for v in variables if isinstance(v, keras.Variable)]
        return frozenset([*map(id, variables), *inner])

    def _names(self) -> dict[int, str]:
        return {id(variable): path for path, variable in layer_paths.variables_by_path(self.model).items()}

    def _owners(self) -> list[Any]:
        return [layer for _, layer in self._layers()] + list(self.callbacks)

    def _classes(self) -> list[type]:
        """The user's classes of layers and callbacks."""
        return list(dict.fromkeys(c for owner in self._owners() for c in type(owner).__mro__ if _is_users(c)))

    def _methods(self) -> Iterator[tuple[str, Any]]:
        """The methods of the user's classes that use values of an enclosing function."""
        for cls in self._classes():
            for name, value in list(vars(cls).items()):
                if enclosed(function := _function(value)):
                    yield f"{cls.__module__}.{cls.__qualname__}.{name}", function

    def _loose_variables(self) -> Iterator[tuple[str, str, Any]]:
        """Variables at the top of the modules, in the classes, and in what encloses the functions, of the user."""
        owners, classes = self._owners(), self._classes()
        places: dict[str, Mapping[str, Any]] = {}
        for cls in classes:
            places[cls.__module__] = vars(sys.modules.get(cls.__module__, object))
            places[f"{cls.__module__}.{cls.__qualname__}"] = vars(cls)
        for owner in owners:
            places |= _enclosed(vars(owner), f"{type(owner).__module__}.{type(owner).__qualname__}")
        for cls in classes:
            places |= _enclosed(vars(cls), f"{cls.__module__}.{cls.__qualname__}")
        known = self._known()
        for module, names in places.items():
            for name, value in list(names.items()):
                if not name.startswith("__"):
                    for path, variable in _variables_in(value, name):
                        if id(variable) not in known:
                            yield module, path, variable


def _enclosed(attributes: Mapping[str, Any], owner: str) -> dict[str, dict[str, Any]]:
    """The values that functions among the attributes of a class or an object use from enclosing functions, by name."""
    found = {}
    for name, value in list(attributes.items()):
        if held := enclosed(_function(value)):
            found[f"{owner}.{name}"] = held
    return found


def _variables_in(value: Any, path: str, depth: int = 4) -> Iterator[tuple[str, Any]]:
    """A variable itself, or those that lists and dicts hold, with their paths. Large ones are data, not variables."""
    if isinstance(value, keras.Variable | tf.Variable):
        yield path, value
    elif depth and isinstance(value, list | tuple | dict | collections.deque) and len(value) <= 1000:
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for at, (key, item) in enumerate(list(named)):
            shown = f"{path}[{key!r}]" if isinstance(key, PLAIN) else f"{path}[key {at}]"
            yield from _variables_in(item, shown, depth - 1)


def _function(attribute: Any) -> Any:
    """The function of a method, a class method, or a property; else the attribute itself."""
    return getattr(attribute, "__func__", getattr(attribute, "fget", attribute))


def _not_remembered(callback: Any) -> tuple[str, ...]:
    return (*STATE_OF_CALLBACK, *(_OF_LOGGER if isinstance(callback, keras.callbacks.CSVLogger) else ()))


def _is_users(cls: type) -> bool:
    return cls.__module__.partition(".")[0] not in ("keras", "tensorflow", "builtins", "optree")


def _digest(record: Any, arrays: Mapping[str, np.ndarray]) -> str:
    """A digest that differs for different encoded values."""
    text = json.dumps(record, sort_keys=True)
    sums = [hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest() for array in arrays.values()]
    return hashlib.sha256("\n".join([text, *sums]).encode()).hexdigest()


def _holds_variables(record: Any) -> bool:
    if isinstance(record, dict):
        return record.get("t") in ("variable", "variables") or any(map(_holds_variables, record.values()))
    return isinstance(record, list) and any(map(_holds_variables, record))


def _paired(
    callbacks: Sequence[Any], records: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Each callback with what one of its class remembered, in order: some may have come or gone since."""
    left = list(records)
    for callback in callbacks:
        found = next((record for record in left if record["class"] == type(callback).__name__), None)
        if found is not None:
            left.remove(found)
            yield callback, found


def _readable(path: str) -> str:
    """`memory/callback/0/Tracker/rows[3]` as `Tracker.rows[3]`."""
    parts = path.split("/")
    if parts[1] == "callback":
        return ".".join(parts[3:])
    if parts[1] == "method":
        return "/".join(parts[2:])
    return f"{'/'.join(parts[2:-1]) or 'model'}.{parts[-1]}"
