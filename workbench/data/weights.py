"""Class weights that make up for unequal numbers of rows."""

from __future__ import annotations

import numpy as np

from workbench.errors import DataError


def balanced_class_weights(classes: np.ndarray) -> dict[int, float]:
    """The weight of each class, so that all classes weigh the same in sum and the mean row weighs 1.

    Args:
        classes: class numbers (rows,) or (rows, 1) of the training part, or one-hot rows (rows, classes).

    Raises:
        DataError: these are no class numbers.
    """
    if classes.ndim == 2 and classes.shape[1] > 1:
        if not np.array_equal(np.sort(classes, axis=1)[:, -2:], np.tile([0, 1], (len(classes), 1))):
            raise DataError("the target has no classes to balance.", where="train.class_weight")
        classes = classes.argmax(axis=1)
    numbers = classes.reshape(-1)
    if classes.ndim > 2 or len(numbers) != len(classes) or (numbers < 0).any() or (numbers % 1 != 0).any():
        raise DataError(
            "the target has no class numbers to balance.",
            where="train.class_weight",
            hint="If the target holds class names or numbers, name it under `data.classes`.",
        )
    values, counts = np.unique(numbers, return_counts=True)
    weights = len(numbers) / (len(values) * counts)
    return {int(value): float(weight) for value, weight in zip(values, weights, strict=True)}
