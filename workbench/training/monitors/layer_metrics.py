"""The metrics that layers own, by layer path, so that two layers may have a metric of one name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from workbench.keras_private import own_metrics
from workbench.storage.layer_paths import labelled_layers
from workbench.training.monitors.naming import distinct


def metric_values(model: keras.Model) -> dict[str, float]:
    """The present value of each, `block1/hidden/1/metric`; of a metric with several values, each by its own name."""
    found: dict[str, float] = {}
    for path, metric in _owned(model):
        for name, value in _results(metric).items():
            found[distinct(f"{path}/{name}", found)] = value
    return found


def model_metric_values(model: keras.Model) -> dict[str, float]:
    """The present value of each metric that Keras itself logs, by its name."""
    found: dict[str, float] = {}
    for metric in model.metrics:
        found |= _results(metric)
    return found


def reset_forgotten(model: keras.Model) -> None:
    """Reset what Keras does not at the start of an epoch: the metrics of a model used as a layer."""
    known = {id(metric) for metric in model.metrics}
    for _, metric in _owned(model):
        if id(metric) not in known:
            metric.reset_state()


def _owned(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """Each metric with the path of the layer that holds it."""
    seen: set[int] = set()
    for path, layer in labelled_layers(model).items():
        for metric in own_metrics(layer):
            if id(metric) not in seen:
                seen.add(id(metric))
                yield path, metric


def _results(metric: Any) -> dict[str, float]:
    try:
        result = metric.result()
        named = result if isinstance(result, dict) else {metric.name: result}
        return {name: float(keras.ops.convert_to_numpy(value)) for name, value in named.items()}
    except Exception:  # one that was never updated, or whose result is not a number, has nothing to show
        return {}
