"""Estimate how far from 0 a new network's outputs get in a training."""

from __future__ import annotations


def reach(steps: int, rate: float = 1e-3) -> float:
    """The approximate size that a new network's outputs can reach in so many steps of Adam.

    Measured in plain Keras, with two layers before the last: 600 steps learn numbers around 1,000 and not around 3,000,
    3,000 steps those around 10,000. The layers grow together, so it goes with the square.
    """
    return (1e3 * rate * steps) ** 2 / 250
