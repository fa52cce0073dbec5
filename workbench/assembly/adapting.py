"""Find layers that Keras adapts to data (`adapt()`): training does not do that, and Keras does not warn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from workbench.assembly.layers import sublayers
from workbench.errors import RecipeWarning


def not_adapted(model: Any) -> Iterator[RecipeWarning]:
    """Warnings for layers of a built model that have neither been adapted nor been given their values."""
    for layer in sublayers(model):
        if isinstance(layer, keras.layers.Normalization) and _is_identity(layer):
            yield RecipeWarning(
                f"'{layer.name}' (Normalization) changes nothing: training does not adapt it to the data. Give it "
                "`mean` and `variance`, or use `scale: standard` under `data` in its place.",
                "model",
            )
        if isinstance(layer, keras.layers.Discretization) and layer.bin_boundaries is None:
            yield RecipeWarning(
                f"'{layer.name}' (Discretization) has no boundaries, and training does not adapt it to the data. "
                "Give it `bin_boundaries`.",
                "model",
            )


def _is_identity(layer: Any) -> bool:
    if layer.input_mean is not None or not layer.built:
        return False
    return not np.any(layer.adapt_mean) and bool(np.all(np.asarray(layer.adapt_variance) == 1))
