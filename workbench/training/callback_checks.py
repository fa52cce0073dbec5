"""Check before training that the value a callback monitors will be logged.

Keras only warns, at the end of each epoch, and trains on: early stopping never stops and no checkpoint is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from workbench.errors import RecipeError, did_you_mean

_WATCHING = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.ModelCheckpoint,
)
_METHODS = ("train_step", "test_step", "compute_metrics", "get_metrics_result")


def check_watched(callbacks: Sequence[Any], model: Any, outputs: Sequence[str], *, validates: bool) -> None:
    """Refuse a callback that watches a value that will not be logged.

    Only where it is known what will be: a model with steps or metrics of its own may log anything, and so may a
    callback class of the user.

    Args:
        callbacks: the recipe's, in order.
        model: compiled.
        outputs: the names of its outputs.
        validates: whether there is a validation part.

    Raises:
        RecipeError: with the nearest name.
    """
    for index, callback in enumerate(callbacks):
        if not _is_stock(callback):  # from here on a log may have been put in by it
            return
        if not isinstance(callback, _WATCHING) or not _needs_value(callback):
            continue
        where, name, watched = f"train.callbacks[{index}]", type(callback).__name__, callback.monitor
        known = _logged(model, outputs)
        if watched.startswith("val_") and not validates:
            instead = watched.removeprefix("val_")
            raise RecipeError(
                f"{name} watches '{watched}', and there is no validation part.",
                where=where,
                hint="Give one (`split: {validation: 0.2}` under `data`), or watch a value of training: "
                f"`monitor: {instead if known is None or instead in known else 'loss'}`.",
            )
        if known is None:
            continue
        names = [*known, *(f"val_{each}" for each in known if validates), "learning_rate"]
        # A metric of several numbers (F1Score) is logged by class too: `f1_score_cat`.
        by_class = any(watched.startswith(f"{each}_") for each in names if not each.endswith("loss"))
        if watched not in names and not by_class:
            hint = did_you_mean(watched, names) or f"There will be: {', '.join(names)}."
            raise RecipeError(f"{name} watches '{watched}', which is not logged.", where=where, hint=hint)
        if callback.mode not in ("min", "max") and not _has_direction(watched.removeprefix("val_"), model):
            raise RecipeError(
                f"{name} watches '{watched}', and Keras does not know whether less or more of it is better.",
                where=where,
                hint="Say so: `mode: min`, or `mode: max`.",
            )


def _has_direction(name: str, model: Any) -> bool:
    """True if Keras itself knows whether less or more of a value is better, or if nobody knows.

    It asks the compiled metrics, by their own names: those of several outputs have others in the logs.
    """
    if name == "loss":
        return True
    config = getattr(model, "_compile_config", None)
    compiled = config.config if config is not None else {}
    for metric in keras.tree.flatten([compiled.get(key) for key in ("metrics", "weighted_metrics")]):
        if _name(metric) == name:
            # A word or a function becomes a metric only in the first step.
            return not isinstance(metric, keras.Metric) or hasattr(metric, "_direction")
    return False


def _is_stock(callback: Any) -> bool:
    return type(callback).__module__.startswith("keras.")


def _needs_value(callback: Any) -> bool:
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_best_only)
    return True


def _logged(model: Any, outputs: Sequence[str]) -> list[str] | None:
    """The names of the values that training logs; None where that is not known."""
    own = any(getattr(type(model), name) is not getattr(keras.Model, name) for name in _METHODS)
    if own or not getattr(model, "compiled", False):
        return None
    names = ["loss"]
    if len(outputs) > 1:
        names += [f"{output}_loss" for output in outputs]
    metrics = list(_of_layers(model))
    for metric in metrics:
        if not type(metric).__module__.startswith("keras."):
            return None  # its result may be a dict, which is logged by its own names
    names += [metric.name for metric in metrics]
    config = getattr(model, "_compile_config", None)
    compiled = config.config if config is not None else {}
    for key in ("metrics", "weighted_metrics"):
        found = _named(compiled.get(key), outputs)
        if found is None:
            return None
        names += found
        if key == "weighted_metrics":
            names += [f"weighted_{each}" for each in found]
    return names


def _of_layers(model: Any) -> Iterator[Any]:
    for layer in model._flatten_layers(include_self=False):
        yield from layer._metrics


def _named(metrics: Any, outputs: Sequence[str]) -> list[str] | None:
    """The names of compiled metrics in the logs; None for a metric class of the user."""
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        groups = list(metrics.items())
    elif len(outputs) > 1 and isinstance(metrics, list | tuple):
        groups = list(zip(outputs, metrics, strict=False))
    else:
        groups = [("", metrics)]
    names = []
    for output, group in groups:
        for metric in group if isinstance(group, list | tuple) else [group]:
            name = _name(metric)
            if name is None:
                return None
            names += [f"{output}_{name}" if output and len(outputs) > 1 else name] if name else []
    return names


def _name(metric: Any) -> str | None:
    if metric is None:
        return ""
    if isinstance(metric, str):
        return metric
    if isinstance(metric, keras.Metric):
        return str(metric.name) if type(metric).__module__.startswith("keras.") else None
    return getattr(metric, "__name__", None)
