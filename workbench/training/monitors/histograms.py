"""How the weights of a model are spread."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from workbench.training.monitors.layers import weight_paths

BINS = 30


def weight_histograms(model: keras.Model) -> dict[str, dict[str, list[Any]]]:
    """For each weight of floating-point numbers by path: `BINS` counts, and one edge more. What is not finite is not
    counted; a weight of nothing else is left out."""
    found = {}
    for path, weight in weight_paths(model).items():
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        values = np.asarray(keras.ops.convert_to_numpy(weight), np.float64).ravel()
        values = values[np.isfinite(values)]
        if values.size:
            counts, edges = np.histogram(values, BINS)
            found[path] = {"edges": edges.tolist(), "counts": counts.tolist()}
    return found
