"""Estimate how long a suggested training is, and how far from 0 a new network's outputs get in it."""

from __future__ import annotations

import math

_LARGE = 500.0  # smaller numbers are reached in any training that is one
_TRAINED = 0.7  # of the rows; the others are for validation and test


def epochs_and_batch(rows: int) -> tuple[int, int]:
    """For few rows many epochs of small batches."""
    return (60, 32) if rows < 5_000 else (30, 64) if rows < 50_000 else (10, 128)


def reach(steps: int, rate: float = 1e-3) -> float:
    """The approximate size that a new network's outputs can reach in so many steps of Adam.

    Measured in plain Keras, with two layers before the last: 600 steps learn numbers around 1,000 and not around 3,000,
    3,000 steps those around 10,000. The layers grow together, so it goes with the square.
    """
    return (1e3 * rate * steps) ** 2 / 250


def about_size(name: str, low: float, high: float, rows: int) -> str:
    """The warning for a target that the suggested training may not reach; empty if it does."""
    epochs, batch = epochs_and_batch(rows)
    steps = epochs * math.ceil(_TRAINED * rows / batch)
    if max(abs(low), abs(high)) / 2 < max(_LARGE, reach(steps)):
        return ""
    return (
        f"'{name}' is large ({low:,.0f} to {high:,.0f}): give it in larger units (thousands, millions), or raise the "
        "learning rate, or the model may never get there."
    )
