"""Check that a model predicts better than a constant guess: if it does not, it has learned nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.assembly.layers import has_own_classes, sublayers

LEAST_ROWS = 20  # of the test part: of fewer, chance decides
_KINDS = {
    "mse": "mse",
    "meansquarederror": "mse",
    "mae": "mae",
    "meanabsoluteerror": "mae",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "sparsecategoricalaccuracy": "accuracy",
    "binaryaccuracy": "accuracy",
    "sparsecategoricalcrossentropy": "crossentropy",
    "binarycrossentropy": "crossentropy",
}


def no_better(scores: Mapping[str, float], loss: str, known: np.ndarray, asked: np.ndarray) -> str:
    """What a constant guess reaches on the test part, where the model is not better in a single score; else "".

    Args:
        scores: of the model on the test part, by name, `loss` among them.
        loss: the name of the loss; empty where the value of `loss` holds more than that.
        known: the target in the training part: (rows,) or (rows, 1) numbers, or the numbers of classes.
        asked: the same of the test part.
    """
    if known.size != len(known) or asked.size != len(asked) or len(asked) < LEAST_ROWS:
        return ""
    guesses = _guesses(known.reshape(-1).astype(np.float64), asked.reshape(-1).astype(np.float64))
    compared = []
    for name, score in scores.items():
        kind = _KINDS.get((loss if name == "loss" else name).replace("_", "").casefold())
        if kind is None:
            continue
        guess = guesses[kind]
        if score > guess if kind == "accuracy" else score < guess:
            return ""
        compared.append((name, kind, score, guess))
    if not compared:
        return ""
    name, kind, score, guess = compared[-1]
    what = "the commonest class" if kind in ("accuracy", "crossentropy") else "the mean"
    if kind == "crossentropy":
        what = "the classes' shares"
    return f"{name} {score:.4g} on the test part, where always guessing {what} gives {guess:.4g}"


def may_add_losses(model: Any) -> bool:
    """True if the loss of a model may hold more than that of its outputs: by a regularizer, or by code of its own."""
    regularized = any(getattr(layer, "activity_regularizer", None) for layer in sublayers(model))
    return has_own_classes(model) or bool(model.losses) or regularized


def _guesses(known: np.ndarray, asked: np.ndarray) -> dict[str, float]:
    """By kind of score: what the mean of the training part, or its commonest class, or the shares of its classes
    reach."""
    away = asked - known.mean()
    values, counts = np.unique(known, return_counts=True)
    shares = dict(zip(values.tolist(), (counts / len(known)).tolist(), strict=True))
    return {
        "mse": float(np.mean(away**2)),
        "mae": float(np.mean(np.abs(away))),
        "accuracy": float(np.mean(asked == values[counts.argmax()])),
        "crossentropy": float(-np.mean([np.log(shares.get(value, 1e-7)) for value in asked.tolist()])),
    }
