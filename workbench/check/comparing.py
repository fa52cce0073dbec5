"""Compare the outputs and the weights of two instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from workbench.check.results import CheckFailed

TOLERANCE = 1e-5


def copy_weights(source: Any, target: Any) -> None:
    """Give a layer the weights of another of the same class; where they do not fit, nothing happens.

    A check that compares the two then reports it.
    """
    if [tuple(w.shape) for w in source.weights] == [tuple(w.shape) for w in target.weights]:
        for mine, its in zip(source.weights, target.weights, strict=True):
            its.assign(mine)


def as_arrays(result: Any) -> list[np.ndarray]:
    """The tensors of a structure as arrays."""
    return [
        np.asarray(keras.ops.convert_to_numpy(item))
        for item in keras.tree.flatten(result)
        if item is not None
    ]


def compare(
    expected: Sequence[np.ndarray],
    given: Sequence[np.ndarray],
    where: str,
    *,
    tolerance: float = TOLERANCE,
    hint: str = "",
) -> None:
    """Refuse outputs that are others than expected.

    Raises:
        CheckFailed: it says where they differ.
    """
    if [array.shape for array in expected] != [array.shape for array in given]:
        raise CheckFailed(
            f"{where} it returns {shapes_of(given)}, called on a batch {shapes_of(expected)}.", hint=hint
        )
    for mine, its in zip(expected, given, strict=True):
        if mine.dtype.kind not in "fc":
            if not np.array_equal(mine, its):
                raise CheckFailed(f"{where} it returns other values.", hint=hint)
            continue
        if not np.allclose(mine, its, rtol=tolerance, atol=tolerance, equal_nan=True):
            far = float(np.nanmax(np.abs(mine.astype("float64") - its.astype("float64"))))
            raise CheckFailed(f"{where} it returns other values, by up to {far:.2g}.", hint=hint)


def equal(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    """True if `compare` finds no difference."""
    try:
        compare(some, others, "")
    except CheckFailed:
        return False
    return True


def distance(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """The largest difference between outputs of the same shapes."""
    apart = [np.abs(a.astype("float64") - b.astype("float64")) for a, b in zip(some, others, strict=True)]
    return max((float(np.nanmax(each, initial=0.0)) for each in apart), default=0.0)


def shapes_of(arrays: Sequence[np.ndarray]) -> str:
    """Their shapes, for people."""
    return " and ".join(str(array.shape) for array in arrays)
