"""A linear or logistic model of the prepared inputs: what a network must beat to be worth its trouble."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

from workbench.training.baselines.guesses import (
    OutputForm,
    as_logits,
    flattened,
    is_binary,
    is_class_numbers,
    is_one_hot,
)

MOST_FEATURES = 1_000
MOST_CELLS = 4_000_000  # rows × features to fit on: 32 MB, and about a second
ITERATIONS = 200  # of a logistic model

Predict = Callable[[Mapping[str, np.ndarray]], np.ndarray]


def features(inputs: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The inputs side by side, (rows, features); None where they are no measured numbers, or too many."""
    if not all(isinstance(array, np.ndarray) for array in inputs.values()):
        return None  # pictures that are in their files still
    arrays = [array.reshape(len(array), -1) for array in inputs.values()]
    if any(array.dtype.kind != "f" for array in arrays):
        return None  # the numbers of tokens measure nothing
    if not 0 < sum(array.shape[1] for array in arrays) <= MOST_FEATURES:
        return None
    return np.concatenate(arrays, axis=1).astype(np.float64)


def is_fittable(inputs: Mapping[str, np.ndarray], targets: np.ndarray, form: OutputForm) -> bool:
    """True if there is a linear or logistic model of such inputs and targets."""
    if len(targets) < 2 or features({name: array[:1] for name, array in inputs.items()}) is None:
        return False
    if (classes := _classes(targets, form)) is not None:
        return len(np.unique(classes[0])) > 1
    flat = flattened(targets, form.shape)
    return flat is not None and flat.ndim == 2 and not is_binary(flat)  # else several labels a row


def fitted(
    inputs: Mapping[str, np.ndarray], targets: np.ndarray, weights: np.ndarray | None, form: OutputForm
) -> Predict:
    """A model fitted on rows of the training part, whose predictions have the form of an output.

    Args:
        inputs: the prepared inputs by name, (rows, ...).
        targets, weights, form: as for `guesses`; `is_fittable` of them.
    """
    table = features(inputs)
    assert table is not None
    if (classes := _classes(targets, form)) is not None:
        return _logistic(table, *classes, weights, logits=form.logits)
    flat = flattened(targets, form.shape)
    assert flat is not None
    return _least_squares(table, flat, weights)


def _classes(targets: np.ndarray, form: OutputForm) -> tuple[np.ndarray, int] | None:
    """The class number of each row, and how many numbers the output has; None for other targets."""
    if is_class_numbers(targets, form.shape):
        if targets.size != len(targets):
            return None
        return targets.reshape(-1).astype(np.int64), int(form.shape[-1] or 0)
    flat = flattened(targets, form.shape)
    if flat is None or flat.ndim != 2:
        return None
    if is_one_hot(flat):
        return flat.argmax(axis=1), flat.shape[1]
    return (flat[:, 0].astype(np.int64), 1) if is_binary(flat) and flat.shape[1] == 1 else None


def _least_squares(table: np.ndarray, targets: np.ndarray, weights: np.ndarray | None) -> Predict:
    from sklearn.linear_model import LinearRegression

    center, factor = _scaling(table)
    model = LinearRegression().fit((table - center) / factor, targets.astype(np.float64), weights)

    def predict(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = features(inputs)
        assert rows is not None
        return np.asarray(model.predict((rows - center) / factor))

    return predict


def _logistic(
    table: np.ndarray, classes: np.ndarray, width: int, weights: np.ndarray | None, *, logits: bool
) -> Predict:
    """Args: width: 1 for one probability a row, else the number of classes."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    center, factor = _scaling(table)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=ITERATIONS).fit((table - center) / factor, classes, weights)

    def predict(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        rows = features(inputs)
        assert rows is not None
        found = model.predict_proba((rows - center) / factor)
        shares = np.zeros((len(found), max(width, 2)))
        shares[:, model.classes_] = found
        if width == 1:
            shares = shares[:, 1:]
        return as_logits(shares, several=width > 1) if logits else shares

    return predict


def _scaling(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature: the penalty of a logistic model counts them alike."""
    deviation = table.std(axis=0)
    return table.mean(axis=0), np.where(deviation > 0, deviation, 1.0)
