"""Histograms of a model's weights."""

from __future__ import annotations

import time
from typing import Any

import keras
import numpy as np

from workbench.storage.layer_paths import weights_by_path

BINS = 30
SHARE = 0.02  # of the time of a training, at most, goes into reading histograms


class Histograms:
    """Histograms read once an epoch, or less often where an epoch is too short for that.

    To read a weight takes as long whether the epoch took 10 ms or an hour, and nobody sees fifty histograms a second.
    So after a reading as much time goes by as makes it `SHARE` of all.
    """

    def __init__(self) -> None:
        self._next = 0.0

    def read(self, model: keras.Model, *, last: bool) -> dict[str, dict[str, list[Any]]]:
        """The histograms, if it is the time. The first and the last of a training are never left out.

        Args:
            last: whether training ends here.
        """
        began = time.perf_counter()
        if began < self._next and not last:
            return {}
        found = weight_histograms(model)
        ended = time.perf_counter()
        self._next = ended + (ended - began) / SHARE
        return found


def weight_histograms(model: keras.Model) -> dict[str, dict[str, list[Any]]]:
    """For each weight of floating-point numbers by path: `BINS` counts, and one edge more. What is not finite is not
    counted; a weight of nothing else is left out."""
    found = {}
    for path, weight in weights_by_path(model).items():
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        values = np.asarray(keras.ops.convert_to_numpy(weight), np.float64).ravel()
        values = values[np.isfinite(values)]
        if values.size:
            counts, edges = np.histogram(values, BINS)
            found[path] = {"edges": edges.tolist(), "counts": counts.tolist()}
    return found
