"""The rows of a part that baselines are found of, and what training counts each by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.data.loading import Rows
from workbench.data.preparation import Part
from workbench.data.streamed_part import StreamedPart
from workbench.data.windows import WindowedPart
from workbench.training.baselines.linear import MOST_FEATURES
from workbench.training.engines.data import weight_of_classes


def sampled(part: Rows, cells: int, *, by_inputs: bool = False) -> Part:
    """The rows of a part; of a large one so many at random that their numbers are at most `cells`."""
    if isinstance(part, WindowedPart):
        width = 1 + sum(array.size for array in part.take(slice(1)).inputs.values())
        rows = part.take(_chosen(part.rows, cells // width))
    else:
        rows = part.read_all() if isinstance(part, StreamedPart) else part
    arrays = rows.inputs if by_inputs else rows.targets
    width = max(1, sum(math.prod(array.shape[1:]) for array in arrays.values()))
    if by_inputs and width > MOST_FEATURES:
        return rows  # no model is fitted on so many
    chosen = rows if rows.rows * width <= cells else rows.take(_chosen(rows.rows, cells // width))
    targets: Mapping[str, Any] = chosen.targets
    if not any(isinstance(array, LazyRows) for array in targets.values()):
        return chosen
    return replace(chosen, targets={name: np.asarray(array) for name, array in targets.items()})


def _chosen(rows: int, most: int) -> np.ndarray:
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, max(most, 1), replace=False))


def row_weights(part: Part, class_weight: Mapping[int, float] | None) -> dict[str, np.ndarray | None]:
    """By target the weights that training counts the rows by; None for weights that are all alike."""
    found: dict[str, np.ndarray | None] = {}
    for name, target in part.targets.items():
        weights = (
            part.sample_weight.get(name) if isinstance(part.sample_weight, Mapping) else part.sample_weight
        )
        if class_weight is not None:
            weights = weight_of_classes(target, class_weight)
        if weights is not None and weights.ndim > 1:  # of time steps: their mean
            weights = weights.reshape(len(weights), -1).mean(axis=1)
        found[name] = weights
    return found
