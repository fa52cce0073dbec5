"""Write the state of Python objects as JSON and arrays. Unlike a pickle, reading it back runs no code.

A value becomes a record, its arrays go beside it by name. Values that hold others (lists, dicts, objects) may be nested
and may share or contain one another. Existing variables and objects get their content back, functions the values that
they use from an enclosing function. Classes and Keras' own objects stay the ones that the recipe made. Values that
cannot be kept are reported with their path.
"""

from __future__ import annotations

import base64
import collections
import datetime
import enum
import functools
import itertools
import logging
import pathlib
import random
import threading
import types
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.keras_private import own_trainable_variables
from workbench.training.state_types import (
    FACTORIES,
    PLAIN,
    TEXTS,
    attributes_of,
    dict_kind,
    enclosed,
    is_of_a_framework,
    list_kind,
    value_of,
    variables_of,
)

DEPTH = 40
SAME = {"t": "same"}  # the value in the resumed training is right already

_UNMOVED = (
    *(type, types.BuiltinFunctionType, types.ModuleType, property),
    *(
        weakref.ref,
        logging.Logger,
        type(threading.Lock()),
        type(threading.RLock()),
        threading.Event,
        threading.Thread,
    ),
)


@dataclass
class Encoder:
    """Turns values into records.

    Args:
        known: ids of the variables that are kept elsewhere.
        names: the path of each weight by its id, to say what an optimizer was built for.

    Attributes:
        arrays: the arrays of all records so far, by name.
        lost: path and kind of what could not be kept.
    """

    known: frozenset[int] = frozenset()
    names: Mapping[int, str] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    _numbers: dict[int, int] = field(default_factory=dict)
    _count: itertools.count[int] = field(default_factory=itertools.count)
    _alive: list[Any] = field(default_factory=list)  # an id is of one object only while that lives

    def encode(self, value: Any, path: str, depth: int = DEPTH) -> Any:
        """The record of a value. `path` is used in reports and as the name of its arrays."""
        if type(value) in PLAIN:
            return value
        if (simple := self._simple(value, path)) is not None:
            return simple
        if id(value) in self._numbers:
            return {"t": "again", "of": self._numbers[id(value)]}
        if depth == 0:
            return self._lose(value, path)
        number = self._numbers[id(value)] = next(self._count)
        self._alive.append(value)
        record = self._nested(value, path, depth - 1)
        if record["t"] in ("same", "lost"):  # nothing is made of it that another record could refer to
            del self._numbers[id(value)]
            return record
        return {**record, "id": number}

    def _simple(self, value: Any, path: str) -> Any:
        """Values that hold no others."""
        if isinstance(value, np.generic | np.ndarray) and value.dtype != object:
            return self._array("scalar" if isinstance(value, np.generic) else "array", value, path)
        if isinstance(value, keras.Variable | tf.Variable):
            return SAME if self._is_known(value) else self._array("variable", value, path)
        if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
            return self._array("tensor", value, path)
        if isinstance(value, bytes | bytearray):
            kind = type(value).__name__
            return {"t": kind, "v": base64.b64encode(bytes(value)).decode()}
        if isinstance(value, complex):
            return {"t": "complex", "v": [value.real, value.imag]}
        if (kind := type(value).__name__) in TEXTS and type(value) is TEXTS[kind][0]:
            return {"t": "text", "kind": kind, "v": TEXTS[kind][1](value)}
        if isinstance(value, pathlib.PurePath):
            return {"t": "path", "v": str(value)}
        if isinstance(value, range) or (isinstance(value, slice) and _is_plain_slice(value)):
            return {"t": type(value).__name__, "v": [value.start, value.stop, value.step]}
        if isinstance(value, datetime.timedelta):
            return {"t": "timedelta", "v": [value.days, value.seconds, value.microseconds]}
        if isinstance(value, enum.Enum):
            return {"t": "enum", "class": type(value).__qualname__, "v": value.name}
        if (
            value is keras.ops.less or value is keras.ops.greater
        ):  # Keras' callbacks choose one at the first epoch's end
            return {"t": "comparison", "v": value.__name__}
        if isinstance(value, _UNMOVED):
            return SAME
        return None

    def _nested(self, value: Any, path: str, depth: int) -> dict[str, Any]:
        if (kind := list_kind(value)) is not None:
            record: dict[str, Any] = {"t": kind, "v": self._items(value, path, depth)}
            if isinstance(value, collections.deque):
                record["maxlen"] = value.maxlen
            return record
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {
                "t": "named",
                "class": type(value).__qualname__,
                "v": self._items(value, path, depth),
            }
        if dict_kind(value) is not None:
            return self._dict(value, path, depth)
        if isinstance(value, np.ndarray):
            items = self._items(value.reshape(-1).tolist(), path, depth)
            return {"t": "objects", "shape": list(value.shape), "v": items}
        if isinstance(value, np.random.Generator):
            return {"t": "generator", "v": self.encode(value.bit_generator.state, f"{path}.state", depth)}
        if isinstance(value, np.random.RandomState):
            return {"t": "randomstate", "v": self.encode(value.get_state(), f"{path}.state", depth)}
        if isinstance(value, random.Random):
            return {"t": "random", "v": self.encode(value.getstate(), f"{path}.state", depth)}
        if (variables := variables_of(value)) is not None:
            return self._variables(value, variables, path)
        if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
            return self._function(value, path, depth)
        if is_of_a_framework(value):
            return SAME
        return self._object(value, path, depth)

    def _dict(self, value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
        pairs: list[Any] = []
        for at, (key, item) in enumerate(value.items()):
            shown = f"{path}[{key!r}]" if isinstance(key, PLAIN) else f"{path}[key {at}]"
            pairs.append([self.encode(key, f"{shown}.key", depth), self.encode(item, shown, depth)])
        record: dict[str, Any] = {"t": dict_kind(value), "v": pairs}
        if isinstance(value, collections.defaultdict):
            factory = getattr(value.default_factory, "__name__", "")
            record["factory"] = factory if FACTORIES.get(factory) is value.default_factory else None
        return record

    def _variables(self, owner: Any, variables: list[Any], path: str) -> dict[str, Any]:
        own = {at: variable for at, variable in enumerate(variables) if not self._is_known(variable)}
        if not own:
            return SAME
        for at, variable in own.items():
            self.arrays[f"{path}/{at:05d}"] = value_of(variable)
        record: dict[str, Any] = {"t": "variables", "key": path, "at": list(own)}
        if isinstance(owner, keras.optimizers.Optimizer):
            record["over"] = [self.names.get(id(v), "") for v in own_trainable_variables(owner)]
        return record

    def _function(self, value: Any, path: str, depth: int) -> dict[str, Any]:
        """What a function has beside its code: values of an enclosing function, its object, arguments put in before."""
        if isinstance(value, functools.partial):
            held = [self.encode(each, path, depth) for each in (value.func, value.args, value.keywords)]
            return {"t": "partial", "v": held}
        if isinstance(value, types.MethodType):
            owner = value.__self__
            if isinstance(owner, type | types.ModuleType | keras.callbacks.Callback) or is_of_a_framework(
                owner
            ):
                return SAME  # a callback is kept by itself
            if variables_of(owner) is not None:
                return SAME
            return {"t": "method", "v": self.encode(owner, path, depth)}
        if is_of_a_framework(value):
            return SAME
        cells = enclosed(value)
        records = {name: self.encode(item, f"{path}.{name}", depth) for name, item in cells.items()}
        return {"t": "function", "v": records} if any(record != SAME for record in records.values()) else SAME

    def _object(self, value: Any, path: str, depth: int) -> dict[str, Any]:
        """An object of a class written in Python: its attributes."""
        attributes = attributes_of(value)
        if attributes is None:
            return self._lose(value, path)
        kept = {name: self.encode(item, f"{path}.{name}", depth) for name, item in attributes.items()}
        return {"t": "object", "class": type(value).__qualname__, "v": kept}

    def _items(self, values: Iterable[Any], path: str, depth: int) -> list[Any]:
        return [self.encode(item, f"{path}[{at}]", depth) for at, item in enumerate(values)]

    def _array(self, kind: str, value: Any, path: str) -> dict[str, Any]:
        self.arrays[path] = value_of(value)
        return {"t": kind, "key": path}

    def _is_known(self, variable: Any) -> bool:
        inner = getattr(variable, "value", None)
        return id(variable) in self.known or (not callable(inner) and id(inner) in self.known)

    def _lose(self, value: Any, path: str) -> dict[str, Any]:
        self.lost[path] = type(value).__name__
        return {"t": "lost"}


def _is_plain_slice(value: slice) -> bool:
    return all(type(bound) in PLAIN for bound in (value.start, value.stop, value.step))
