"""The custom layers and models of the document, as a plugin.

`from kwb_custom import MyDense` works, but importing `kwb_custom` alone does not import keras: each name is
imported at its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kwb_custom.functions import exponential, exponential_layer
    from kwb_custom.generative import GenerativeAdversarialNetwork, VariationalAutoencoder
    from kwb_custom.layers import MyDense, MyGaussianNoise, MyMultiLayer, ResidualBlock
    from kwb_custom.models import ReconstructingRegressor, ResidualRegressor

_HOME = {
    "exponential": "functions",
    "exponential_layer": "functions",
    "GenerativeAdversarialNetwork": "generative",
    "VariationalAutoencoder": "generative",
    "MyDense": "layers",
    "MyGaussianNoise": "layers",
    "MyMultiLayer": "layers",
    "ResidualBlock": "layers",
    "ReconstructingRegressor": "models",
    "ResidualRegressor": "models",
}

__all__ = [
    "GenerativeAdversarialNetwork",
    "MyDense",
    "MyGaussianNoise",
    "MyMultiLayer",
    "ReconstructingRegressor",
    "ResidualBlock",
    "ResidualRegressor",
    "VariationalAutoencoder",
    "exponential",
    "exponential_layer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
