"""The best that can be predicted without a look at the inputs: the same for every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MEAN, MEDIAN, COMMONEST, SHARES = "the mean", "the median", "the commonest class", "the classes' shares"
LEAST = 1e-7  # of a probability, as Keras has it
_MOST_CLASSES = 10_000


@dataclass(frozen=True)
class ConstantGuess:
    """A constant prediction.

    Attributes:
        what: in words.
        value: of the shape of an output, without the rows' axis.
    """

    what: str
    value: np.ndarray


@dataclass(frozen=True)
class OutputForm:
    """The form of an output: its shape without the rows' axis, and whether it is a logit and no probability."""

    shape: tuple[int | None, ...]
    logits: bool = False


def guesses(targets: np.ndarray, weights: np.ndarray | None, form: OutputForm) -> list[ConstantGuess]:
    """The constant predictions for an output, from the rows of the training part.

    Args:
        targets: (rows, ...) numbers, class numbers or one-hot rows.
        weights: of each row, (rows,); None where all count alike.
        form: of the output.

    Returns:
        None of them where a constant makes no sense for such targets.
    """
    shape = form.shape
    counted = np.ones(len(targets)) if weights is None else weights.astype(np.float64)
    if not counted.sum() > 0:
        return []
    if is_class_numbers(targets, shape):
        values = targets.reshape(len(targets), -1)
        each = np.repeat(counted, values.shape[1])
        shares = np.bincount(values.reshape(-1).astype(np.int64), each, minlength=int(shape[-1] or 0))
        shares = shares / shares.sum()
        steps = targets.shape[1 : len(shape)]  # class numbers in a row: of each step of it
        found = [
            ConstantGuess(what, np.broadcast_to(value, (*steps, len(value))))
            for what, value in ((COMMONEST, _one_hot(shares)), (SHARES, shares))
        ]
    else:
        flat = flattened(targets, shape)
        if flat is None or flat.dtype.kind not in "iufb":
            return []
        mean = np.average(flat, axis=0, weights=counted)
        if is_one_hot(flat):
            found = [ConstantGuess(COMMONEST, _one_hot(mean)), ConstantGuess(SHARES, mean)]
        elif is_binary(flat):
            found = [ConstantGuess(COMMONEST, (mean > 0.5).astype(np.float64)), ConstantGuess(SHARES, mean)]
        else:
            return [ConstantGuess(MEDIAN, _median(flat, weights)), ConstantGuess(MEAN, mean)]
    if form.logits:
        several = is_class_numbers(targets, shape) or is_one_hot(targets)
        found = [ConstantGuess(each.what, as_logits(each.value, several=several)) for each in found]
    return found


def is_class_numbers(targets: np.ndarray, shape: Sequence[int | None]) -> bool:
    """True if an output has a number for each class that the targets name: (rows,) for (rows, classes)."""
    classes = shape[-1] if shape else None
    if classes is None or not 1 < classes <= _MOST_CLASSES:
        return False
    rows = targets.shape[1:]
    if rows[-1:] == (1,) and len(rows) == len(shape):
        rows = rows[:-1]
    if len(rows) != len(shape) - 1 or not targets.size:
        return False
    low, high = targets.min(), targets.max()
    return bool(low >= 0 and high < classes and (targets.dtype.kind in "iu" or not (targets % 1).any()))


def flattened(targets: np.ndarray, shape: Sequence[int | None]) -> np.ndarray | None:
    """Targets of the shape of an output; None where they are of another. One number a row may have no axis."""
    rows = targets.shape[1:]
    if rows == () and tuple(shape) == (1,):
        return targets.reshape(-1, 1)
    fits = len(rows) == len(shape) and all(own in (None, size) for own, size in zip(shape, rows, strict=True))
    return targets if fits else None


def is_one_hot(targets: np.ndarray) -> bool:
    """True for rows of several numbers of which one is 1 and the others are 0."""
    if targets.ndim != 2 or targets.shape[1] < 2:
        return False
    return bool(np.isin(targets, (0, 1)).all() and (targets.sum(axis=1) == 1).all())


def is_binary(targets: np.ndarray) -> bool:
    """True if all is 0 or 1, and both occur."""
    return bool(targets.size and np.isin(targets, (0, 1)).all() and targets.min() != targets.max())


def as_logits(shares: np.ndarray, *, several: bool) -> np.ndarray:
    """Probabilities as an output without softmax (of several classes) or sigmoid would give them."""
    shares = np.clip(shares, LEAST, 1.0 - LEAST)
    return np.log(shares) if several else np.log(shares / (1.0 - shares))


def _one_hot(shares: np.ndarray) -> np.ndarray:
    values = np.zeros_like(shares, dtype=np.float64)
    values[shares.argmax()] = 1.0
    return values


def _median(values: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Along the rows; of weighted rows the lowest value that has half of the weight at or below it."""
    if weights is None:
        return np.asarray(np.median(values, axis=0))
    flat = values.reshape(len(values), -1)
    order = np.argsort(flat, axis=0, kind="stable")
    reached = np.cumsum(weights.astype(np.float64)[order], axis=0)
    at = (reached >= reached[-1] / 2).argmax(axis=0)
    columns = np.arange(flat.shape[1])
    return np.asarray(flat[order[at, columns], columns].reshape(values.shape[1:]))
