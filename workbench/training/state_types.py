"""The types of Python values that a checkpoint can keep; `state_encoding` and `state_decoding` both use them."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import types
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.keras_private import TrackedDict, TrackedList, TrackedSet

PLAIN = (type(None), bool, int, float, str)

LISTS: dict[type, str] = {
    list: "list",
    TrackedList: "list",
    tuple: "tuple",
    set: "set",
    TrackedSet: "set",
    frozenset: "frozenset",
    collections.deque: "deque",
}
DICTS: dict[type, str] = {
    dict: "dict",
    TrackedDict: "dict",
    collections.OrderedDict: "odict",
    collections.Counter: "counter",
    collections.defaultdict: "defaultdict",
}
FACTORIES: dict[str, type] = {
    kind.__name__: kind for kind in (int, float, bool, str, list, tuple, dict, set, collections.deque)
}
# By the name of a type: the type, to text, from text.
TEXTS: dict[str, tuple[type, Callable[[Any], str], Callable[[str], Any]]] = {
    "datetime": (datetime.datetime, datetime.datetime.isoformat, datetime.datetime.fromisoformat),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "time": (datetime.time, datetime.time.isoformat, datetime.time.fromisoformat),
    "Decimal": (decimal.Decimal, str, decimal.Decimal),
    "Fraction": (fractions.Fraction, str, fractions.Fraction),
}

_HEAP_TYPE = 1 << 9  # CPython's mark of a class that is made while a program runs


def list_kind(value: Any) -> str | None:
    """Which kind of list, tuple or set a value is, TensorFlow's wrappers of attributes included; else None."""
    return LISTS.get(type(value)) or _wrapped(value, {list: "list", tuple: "tuple"})


def dict_kind(value: Any) -> str | None:
    """Which kind of dict a value is; None for anything else."""
    return DICTS.get(type(value)) or _wrapped(value, {dict: "dict"})


def _wrapped(value: Any, kinds: dict[type, str]) -> str | None:
    if not type(value).__module__.startswith("tensorflow.python.trackable"):
        return None
    return next((kind for cls, kind in kinds.items() if isinstance(value, cls)), None)


def variables_of(value: Any) -> list[Any] | None:
    """The variables of a thing of Keras or TensorFlow that holds some, a subclass of the user's too; else None."""
    if isinstance(value, keras.Layer):
        known = list(value.variables)
        ids = {id(variable) for variable in known}
        return known + [v for v in value.metrics_variables if id(v) not in ids]
    if isinstance(value, keras.optimizers.Optimizer | keras.metrics.Metric | tf.Module):
        return list(value.variables)
    if isinstance(value, keras.random.SeedGenerator | tf.random.Generator):
        return [value.state]
    return None


def value_of(variable: Any) -> np.ndarray:
    """The value of a variable or tensor, of Keras or of TensorFlow."""
    return np.asarray(keras.ops.convert_to_numpy(variable))


def attributes_of(value: Any) -> dict[str, Any] | None:
    """The attributes of an object whose class is written in Python; None for any other."""
    classes = type(value).__mro__[:-1]
    if not all(cls.__flags__ & _HEAP_TYPE for cls in classes):
        return None
    slots = [name for cls in classes for name in _names(vars(cls).get("__slots__", ()))]
    if not hasattr(value, "__dict__") and not slots:
        return None
    found = dict(getattr(value, "__dict__", {}))
    return found | {name: getattr(value, name) for name in slots if hasattr(value, name)}


def enclosed(function: Any) -> dict[str, Any]:
    """The values that a function uses from enclosing functions, by name; nothing for what is no function."""
    cells = getattr(function, "__closure__", None)
    if not isinstance(function, types.FunctionType) or not cells:
        return {}
    names = zip(function.__code__.co_freevars, cells, strict=True)
    return {name: cell.cell_contents for name, cell in names if _is_filled(cell)}


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # its function has not come to that line, or has deleted the name
        return False


def _names(slots: Any) -> list[str]:
    names = [slots] if isinstance(slots, str) else list(slots)
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def is_of_a_framework(value: Any) -> bool:
    """True if an object is from Keras, TensorFlow or the like, whose state is in variables."""
    return _module(value).partition(".")[0] in (
        "keras",
        "tensorflow",
        "jax",
        "jaxlib",
        "torch",
        "optree",
        "workbench",  # what kwb itself puts around methods
    )


def _module(value: Any) -> str:
    """Where the class of a value is written, or the function itself."""
    written = value if isinstance(value, types.FunctionType) else type(value)
    return str(written.__module__ or "")
