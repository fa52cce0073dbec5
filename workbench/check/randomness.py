"""Compare layers that draw random numbers: under one seed, or, where a seed gives other numbers, by distribution."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from workbench.check.results import CheckFailed
from workbench.keras_private import holds_seed
from workbench.storage import layer_paths

DRAWS = 64
# Standard errors by which two means may differ: of a million outputs not one is expected to lie beyond 6.
MOST_ERRORS = 8.0

Outputs = Sequence[np.ndarray]


def reseed(layer: Any, *, python: bool = True) -> None:
    """Set every seed to one fixed value: those of Python, numpy and TensorFlow, and the layer's seed generators.

    Args:
        python: False leaves those of Python and numpy to chance: a compiled graph draws of them once, in tracing.
    """
    keras.utils.set_random_seed(0)
    if not python:
        random.seed()
        np.random.seed()
    for variable in layer_paths.state_by_path(layer).values():
        if holds_seed(variable):
            variable.assign(np.full(variable.shape, 7, variable.dtype))


def compare_draws(expected: Callable[[], Outputs], given: Callable[[], Outputs], where: str) -> None:
    """Refuse outputs that are drawn from another distribution than expected, as far as the means show.

    Raises:
        CheckFailed: a mean differs by far more than chance makes it.
    """
    keras.utils.set_random_seed(0)
    for mine, its in zip(_drawn(expected), _drawn(given), strict=True):
        if mine.dtype.kind not in "fiu" or mine.shape != its.shape:
            continue
        mine, its = mine.astype("float64"), its.astype("float64")
        apart = np.abs(mine.mean(0) - its.mean(0))
        error = np.sqrt((mine.var(0) + its.var(0)) / DRAWS) + 1e-5 * (1.0 + np.abs(mine.mean(0)))
        worst = np.nanmax(apart / error, initial=0.0)
        if worst > MOST_ERRORS:
            index = np.nanargmax(apart / error)
            raise CheckFailed(
                f"{where} the mean of {DRAWS} draws is {its.mean(0).flat[index]:.4g}, and "
                f"{mine.mean(0).flat[index]:.4g} without: {worst:.0f} standard errors apart."
            )


def _drawn(draw: Callable[[], Outputs]) -> list[np.ndarray]:
    """The outputs of all draws, each with the draws on its first axis."""
    return [np.stack(each) for each in zip(*(draw() for _ in range(DRAWS)), strict=True)]
