"""Restore the values that `state_encoding` wrote, in the objects they came from."""

from __future__ import annotations

import base64
import collections
import datetime
import enum
import functools
import inspect
import math
import pathlib
import random
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.training.state_encoding import SAME
from workbench.training.state_types import FACTORIES, TEXTS, enclosed, variables_of

_LOST = {"t": "lost"}
_BIT_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


class Unplaced(Exception):
    """A stored value does not fit the object as it is now."""


@dataclass
class Decoder:
    """Makes values from records.

    Args:
        arrays: as the encoder left them.
        module: the module of the object's own class, the only one that a class is taken from.
        weights: the model's weights by path, to build optimizers for.

    Raises of its methods:
        Unplaced: the stored value does not fit the object as it is now.
        KeyError, TypeError, ValueError, IndexError, AttributeError: the record is damaged.
    """

    arrays: Mapping[str, np.ndarray]
    module: str = ""
    weights: Mapping[str, Any] = field(default_factory=dict)
    _made: dict[int, Any] = field(default_factory=dict)

    def decode(self, record: Any, current: Any) -> Any:
        """The value of a record. `current` is the present value, or None."""
        if not isinstance(record, dict):
            return record
        kind = record["t"]
        if kind in ("same", "lost"):
            return current
        if kind == "again":
            return self._made.get(
                record["of"], current
            )  # older files refer to what is the same, which has no number
        if kind in _DECODERS:
            return _DECODERS[kind](self, record, current)
        raise ValueError(f"an unknown kind of value: {kind!r}")

    def _keep(self, record: Mapping[str, Any], value: Any) -> Any:
        if "id" in record:
            self._made[record["id"]] = value
        return value

    def _array(self, record: Mapping[str, Any], current: Any) -> Any:
        array = self.arrays[record["key"]]
        if record["t"] == "scalar":
            return array[()]
        if record["t"] == "tensor":
            return tf.constant(array)
        if record["t"] == "variable":
            if not isinstance(current, keras.Variable | tf.Variable):
                raise Unplaced("there is no variable")
            current.assign(array)
            return current
        return array

    def _simple(self, record: Mapping[str, Any], current: Any) -> Any:
        kind, value = record["t"], record["v"]
        if kind == "text":
            return TEXTS[record["kind"]][2](value)
        if kind == "enum":
            return self._class(record, current, enum.Enum)[value]
        made: dict[str, Callable[[], Any]] = {
            "bytes": lambda: base64.b64decode(value),
            "bytearray": lambda: bytearray(base64.b64decode(value)),
            "complex": lambda: complex(*value),
            "path": lambda: pathlib.Path(value),
            "range": lambda: range(*value),
            "slice": lambda: slice(*value),
            "timedelta": lambda: datetime.timedelta(*value),
            "comparison": lambda: {"less": keras.ops.less, "greater": keras.ops.greater}[value],
        }
        return made[kind]()

    def _list(self, record: Mapping[str, Any], current: Any) -> Any:
        found = list(current) if isinstance(current, list | tuple | collections.deque) else []
        kind = record["t"]
        if kind in ("list", "deque"):  # may hold themselves
            made: Any = [] if kind == "list" else collections.deque(maxlen=record["maxlen"])
            self._keep(record, made)
            items = self._items(record["v"], found)
            if kind == "list" and items and len(items) == len(found) and all(map(_is_variable, items)):
                return self._keep(record, current)  # each has its value already
            made.extend(items)
            return made
        if kind == "set":
            made = self._keep(record, set())
            made.update(self._items(record["v"], []))
            return made
        items = self._items(record["v"], found)
        if kind == "named":
            cls = self._class(record, current, tuple)
            return self._keep(record, tuple.__new__(cls, items))
        return self._keep(record, frozenset(items) if kind == "frozenset" else tuple(items))

    def _items(self, records: list[Any], current: list[Any]) -> list[Any]:
        items = []
        for at, record in enumerate(records):
            if record == SAME and at >= len(current):
                raise Unplaced("it holds a function or the like that is not there")
            items.append(self.decode(record, current[at] if at < len(current) else None))
        return items

    def _dict(self, record: Mapping[str, Any], current: Any) -> Any:
        now = current if isinstance(current, Mapping) else {}
        makers: dict[str, Callable[[], Any]] = {
            "dict": dict,
            "odict": collections.OrderedDict,
            "counter": collections.Counter,
            "defaultdict": lambda: self._defaultdict(record, current),
        }
        made = self._keep(record, makers[record["t"]]())
        for key_record, item in record["v"]:
            key = self.decode(key_record, None)
            if item == SAME and key not in now:
                raise Unplaced("it holds a function or the like that is not there")
            made[key] = self.decode(item, now.get(key))
        return made

    def _defaultdict(self, record: Mapping[str, Any], current: Any) -> Any:
        if record["factory"] is not None:
            return collections.defaultdict(FACTORIES[record["factory"]])
        if isinstance(current, collections.defaultdict):
            return collections.defaultdict(current.default_factory)
        raise Unplaced("what a defaultdict makes of a new key is not known")

    def _objects(self, record: Mapping[str, Any], current: Any) -> Any:
        found = current.reshape(-1).tolist() if isinstance(current, np.ndarray) else []
        array = np.empty(math.prod(record["shape"]), dtype=object)
        for at, item in enumerate(self._items(record["v"], found)):
            array[at] = item
        return self._keep(record, array.reshape(record["shape"]))

    def _random(self, record: Mapping[str, Any], current: Any) -> Any:
        state = self.decode(record["v"], None)
        if record["t"] == "random":
            made: Any = current if isinstance(current, random.Random) else random.Random()
            made.setstate(state)
        elif record["t"] == "randomstate":
            made = current if isinstance(current, np.random.RandomState) else np.random.RandomState()
            made.set_state(state)
        else:
            bits = _BIT_GENERATORS[_BIT_GENERATORS.index(state["bit_generator"])]
            now = isinstance(current, np.random.Generator) and type(current.bit_generator).__name__
            made = current if now == bits else np.random.Generator(getattr(np.random, bits)())
            made.bit_generator.state = state
        return self._keep(record, made)

    def _variables(self, record: Mapping[str, Any], current: Any) -> Any:
        if current is None:
            raise Unplaced("the object with these variables is not there")
        over = record.get("over")
        if over is not None and not current.built:
            if not set(over) <= set(self.weights):
                raise Unplaced("the optimizer was built for other weights")
            current.build([self.weights[path] for path in over])
        variables = variables_of(current) or []
        for at in record["at"]:
            if at >= len(variables):
                raise Unplaced("it has fewer variables now")
            variables[at].assign(self.arrays[f"{record['key']}/{at:05d}"])
        return self._keep(record, current)

    def _object(self, record: Mapping[str, Any], current: Any) -> Any:
        same = current is not None and type(current).__qualname__ == record["class"]
        made = current if same else object.__new__(self._class(record, None, object))
        self._keep(record, made)
        for name, item in record["v"].items():
            now = getattr(made, name, None)
            value = self.decode(item, now)
            if value is not now or item not in (SAME, _LOST):
                object.__setattr__(made, str(name), value)
        return made

    def _function(self, record: Mapping[str, Any], current: Any) -> Any:
        if not isinstance(current, types.FunctionType):
            raise Unplaced("the function is not there")
        self._keep(record, current)
        cells = dict(zip(current.__code__.co_freevars, current.__closure__ or (), strict=True))
        now = enclosed(current)
        for name, item in record["v"].items():
            if name not in cells:
                raise Unplaced(f"the function has no '{name}'")
            value = self.decode(item, now.get(name))
            if item not in (SAME, _LOST):
                cells[name].cell_contents = value
        return current

    def _method(self, record: Mapping[str, Any], current: Any) -> Any:
        if not isinstance(current, types.MethodType):
            raise Unplaced("the method is not there")
        owner = self.decode(record["v"], current.__self__)
        made = current if owner is current.__self__ else types.MethodType(current.__func__, owner)
        return self._keep(record, made)

    def _partial(self, record: Mapping[str, Any], current: Any) -> Any:
        if not isinstance(current, functools.partial):
            raise Unplaced("the function is not there")
        function, arguments, named = (
            self.decode(item, now)
            for item, now in zip(record["v"], (current.func, current.args, current.keywords), strict=True)
        )
        return self._keep(record, functools.partial(function, *arguments, **named))

    def _class(self, record: Mapping[str, Any], current: Any, base: type) -> Any:
        """A class that the file names: the present one, or one from the module of the object's own class."""
        if current is not None and type(current).__qualname__ == record["class"]:
            return type(current)
        found: Any = sys.modules.get(self.module)
        for part in str(record["class"]).split("."):
            found = getattr(found, part, None)
        own = inspect.isclass(found) and issubclass(found, base) and found.__module__ == self.module
        if not own:
            raise Unplaced(f"there is no class '{record['class']}'")
        return found


def _is_variable(value: Any) -> bool:
    return isinstance(value, keras.Variable | tf.Variable)


_DECODERS: dict[str, Callable[[Decoder, Any, Any], Any]] = {
    **dict.fromkeys(("array", "scalar", "tensor", "variable"), Decoder._array),
    **dict.fromkeys(
        (
            "bytes",
            "bytearray",
            "complex",
            "text",
            "path",
            "range",
            "slice",
            "timedelta",
            "enum",
            "comparison",
        ),
        Decoder._simple,
    ),
    **dict.fromkeys(("list", "tuple", "set", "frozenset", "deque", "named"), Decoder._list),
    **dict.fromkeys(("dict", "odict", "counter", "defaultdict"), Decoder._dict),
    **dict.fromkeys(("generator", "randomstate", "random"), Decoder._random),
    "objects": Decoder._objects,
    "variables": Decoder._variables,
    "object": Decoder._object,
    "function": Decoder._function,
    "method": Decoder._method,
    "partial": Decoder._partial,
}
