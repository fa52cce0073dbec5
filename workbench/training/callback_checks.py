"""Check before training what callbacks watch and change.

Keras only warns of a value that is not logged, at the end of each epoch, and trains on: early stopping never stops and
no checkpoint is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras

from workbench.errors import RecipeError, RecipeWarning, did_you_mean
from workbench.keras_private import (
    all_layers,
    compiled_metrics,
    compiled_with,
    has_direction,
    learning_rate_of,
    own_metrics,
)
from workbench.recipe.names import METRIC_WORDS
from workbench.storage.optimizers import optimizers

_WATCHING = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.ModelCheckpoint,
)
_SCHEDULE = keras.optimizers.schedules.LearningRateSchedule
_METHODS = ("train_step", "test_step", "compute_metrics", "get_metrics_result")


def check_watched(callbacks: Sequence[Any], model: Any, outputs: Sequence[str], *, validates: bool) -> None:
    """Refuse a callback that watches a value that will not be logged, or whose better direction Keras cannot know.

    The first only where it is known what will be: a model with steps or metrics of its own may log anything, and so
    may a callback class of the user.

    Args:
        callbacks: the recipe's, in order.
        model: compiled.
        outputs: the names of its outputs.
        validates: whether there is a validation part.

    Raises:
        RecipeError: with the nearest name.
    """
    logs_known = True
    for index, callback in enumerate(callbacks):
        if not _is_stock(callback):
            logs_known = False  # from here on a log may have been put in by it
            continue
        if not isinstance(callback, _WATCHING):
            continue
        where = f"train.callbacks[{index}]"
        if logs_known and _needs_value(callback):
            _check_logged(callback, model, outputs, where, validates=validates)
        if callback.mode not in ("min", "max") and not _has_direction(callback.monitor, model):
            raise RecipeError(
                f"{type(callback).__name__} watches '{callback.monitor}', and Keras does not know whether less or "
                "more of it is better.",
                where=where,
                hint="Say so: `mode: min`, or `mode: max`.",
            )


def check_rates(callbacks: Sequence[Any], model: Any) -> list[RecipeWarning]:
    """Check the callbacks that set the learning rate.

    Returns:
        A warning for each that sets that of an optimizer which trains nothing.

    Raises:
        RecipeError: one sets it where a schedule does; Keras fails at its first change.
    """
    warnings = []
    used = optimizers(model)
    for at, callback in enumerate(callbacks):
        if not isinstance(
            callback, keras.callbacks.ReduceLROnPlateau | keras.callbacks.LearningRateScheduler
        ):
            continue
        if used and "optimizer" not in used:
            reason = (
                f"{type(callback).__name__} changes nothing: it sets the rate of the model's `optimizer`, and what "
                f"trains it is {', '.join(used)}."
            )
            warnings.append(RecipeWarning(reason, f"train.callbacks[{at}]"))
        elif isinstance(
            rate := learning_rate_of(model.optimizer), keras.optimizers.schedules.LearningRateSchedule
        ):
            schedule = type(rate).__name__
            raise RecipeError(
                f"{type(callback).__name__} sets the learning rate, which {schedule} of the optimizer sets too.",
                where=f"train.callbacks[{at}]",
                hint="Leave one of them out: give the optimizer a number, or take this callback away.",
            )
    return warnings


def _check_logged(callback: Any, model: Any, outputs: Sequence[str], where: str, *, validates: bool) -> None:
    name, watched = type(callback).__name__, callback.monitor
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
        return
    names = [*known, *(f"val_{each}" for each in known if validates), "learning_rate"]
    # A metric of several numbers (F1Score) is logged by class too: `f1_score_cat`.
    by_class = any(watched.startswith(f"{each}_") for each in names if not each.endswith("loss"))
    if watched not in names and not by_class:
        hint = did_you_mean(watched, names) or f"There will be: {', '.join(names)}."
        raise RecipeError(f"{name} watches '{watched}', which is not logged.", where=where, hint=hint)


def _has_direction(watched: str, model: Any) -> bool:
    """True if Keras itself knows whether less or more of a value is better, or if nobody knows.

    It fails at the end of the first epoch where it does not, also for a model with steps of its own and for a
    checkpoint that keeps more than the best. It asks the compiled metrics only, by their own names: those of several
    outputs have others in the logs, and what a model or a callback logs besides has no direction.
    """
    name = watched.removeprefix("val_")
    if name == "loss":
        return True
    try:
        tracked = list(model.metrics)
    except Exception:  # a property of the user's class, which may need a model that has trained
        return True
    groups = [each for each in tracked if hasattr(each, "metrics")]  # Keras has one for all compiled metrics
    if not groups:
        return False
    if any(each is not compiled_metrics(model) for each in groups):
        return True
    compiled = compiled_with(model) or {}
    flat = keras.tree.flatten([compiled.get(key) for key in ("metrics", "weighted_metrics")])
    return any(_directed(metric) for metric in flat if _own_name(metric) == name)


def _own_name(metric: Any) -> str | None:
    return metric if isinstance(metric, str) else getattr(metric, "name", getattr(metric, "__name__", None))


def _directed(metric: Any) -> bool:
    """Of a compiled metric. Keras makes a metric of a word in the first step, of a function one without direction."""
    if isinstance(metric, str) and metric not in METRIC_WORDS:
        metric = keras.metrics.get(metric)
    return isinstance(metric, str) or has_direction(metric)


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
    compiled = compiled_with(model) or {}
    for key in ("metrics", "weighted_metrics"):
        found = _named(compiled.get(key), outputs)
        if found is None:
            return None
        names += found
        if key == "weighted_metrics":
            names += [f"weighted_{each}" for each in found]
    return names


def _of_layers(model: Any) -> Iterator[Any]:
    for layer in all_layers(model):
        if layer is not model:
            yield from own_metrics(layer)


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
