"""Whether an argument changes what a layer is and does, as far as trials show."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from workbench.catalog import Kind
from workbench.check.comparing import as_arrays, equal
from workbench.check.randomness import reseed
from workbench.check.subject import CheckedEntry
from workbench.storage import layer_paths, structure

DRAWS = 30


def matters(subject: CheckedEntry, other: Any) -> bool:
    """True if an instance made with another argument differs in its variables, or from equal weights in what it does.

    Initial values that are drawn count for nothing: they are others each time, and a reload has those of the file.

    Args:
        other: the instance, not built yet.
    """
    if subject.entry.kind not in (Kind.LAYER, Kind.MODEL):
        return True
    try:
        arguments = subject.inputs.arguments
    except Exception:  # nothing is known that it can be called on
        return True
    try:
        first, second = (_built(subject.make(), arguments, seed) for seed in (1, 2))
        _built(other, arguments, 3)
        return _differ(first, second, other) or not equal(_does(first, arguments), _does(other, arguments))
    except Exception:  # one of them works, and the other does not
        return True


def _built(layer: Any, arguments: tuple[Any, ...], seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    layer(*arguments)
    return layer


def _differ(first: Any, second: Any, other: Any) -> bool:
    """True if variables of `other` are none of `first`'s, or begin with other values where chance has no part in them.

    Gives `other` the values of `first` where not.
    """
    mine, again, its = map(layer_paths.variables_by_path, (first, second, other))
    if mine.keys() != its.keys():
        return True
    for path, variable in mine.items():
        value, repeated, theirs = (structure.value_of(each[path]) for each in (mine, again, its))
        if value.shape != theirs.shape or value.dtype != theirs.dtype:
            return True
        if np.array_equal(value, repeated) and not np.array_equal(value, theirs):
            return True
        its[path].assign(variable)
    return False


def _does(layer: Any, arguments: tuple[Any, ...]) -> list[np.ndarray]:
    """What a layer returns in inference and in training, the losses it adds, and its variables after that.

    Where it draws random numbers, one call may not show what they are drawn by: it is called more often.
    """
    found = []
    for training in (False, True):
        reseed(layer)
        calls = [_call(layer, arguments, training) for _ in range(2)]
        if not equal(*calls):
            calls += [_call(layer, arguments, training) for _ in range(DRAWS)]
        found += [array for call in calls for array in call]
    return found + [structure.value_of(each) for each in layer_paths.variables_by_path(layer).values()]


def _call(layer: Any, arguments: tuple[Any, ...], training: bool) -> list[np.ndarray]:
    return as_arrays(layer(*arguments, training=training)) + as_arrays(list(layer.losses))
