"""Check before training that losses, outputs and targets fit together; errors are in the words of the recipe.

Keras finds out in the first step, with the shapes of unnamed tensors, or not at all: a column of prices is
broadcast over three units, and logits are taken for probabilities. Only Keras' own losses are checked here; only the
author of another loss knows what it accepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from workbench.errors import RecipeError, RecipeWarning
from workbench.keras_private import origin_of_tensor

_SPARSE = ("sparse_categorical_crossentropy",)
_ONE_HOT = ("categorical_crossentropy", "categorical_focal_crossentropy")
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
_ELEMENTWISE = (
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "log_cosh",
    "poisson",
    "hinge",
    "squared_hinge",
    "cosine_similarity",
)
_IN_UNITS = ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh")  # losses of plain distances
_NOT_BELOW_0 = ("poisson", "mean_squared_logarithmic_error", "mean_absolute_percentage_error")
_LARGE = 100.0


@dataclass(frozen=True)
class TargetSpec:
    """One target: its shape without the batch axis, how many classes its numbers stand for (0: none), how large its
    numbers are on the mean (0: not known, or not needed), its lowest and highest value, where they are known and
    it is one number a row, and how the model learns it scaled ("": as it is)."""

    shape: tuple[int | None, ...]
    classes: int = 0
    size: float = 0.0
    labels: tuple[float, float] | None = None
    scaled: str = ""


@dataclass(frozen=True)
class _Meeting:
    """A loss with the output and the target that it compares."""

    where: str
    loss: str
    from_logits: bool
    output: Any
    name: str
    target: TargetSpec

    @property
    def units(self) -> tuple[int | None, ...]:
        """The output's shape without the batch axis."""
        return tuple(self.output.shape[1:])

    @property
    def width(self) -> int | None:
        return self.units[-1] if self.units else None

    def error(self, what: str, hint: str) -> RecipeError:
        return RecipeError(what, where=self.where, hint=hint)


def check_losses(
    loss: Any, outputs: Mapping[str, Any], targets: Mapping[str, TargetSpec], *, named: bool
) -> list[RecipeWarning]:
    """Hold what is known of a compiled model's losses against its outputs and targets.

    Args:
        loss: the model's compiled loss: one, or several by output name or in the outputs' order.
        outputs: the model's outputs by name, symbolic.
        targets: the data's targets by name; with several outputs, the same names.
        named: whether the recipe names a loss for each output.

    Returns:
        What can be trained and is likely not meant.

    Raises:
        RecipeError: they cannot be trained together.
    """
    warnings: list[RecipeWarning] = []
    for meeting in _meetings(loss, outputs, targets, named=named):
        if meeting.target.classes and not meeting.target.shape:
            _check_classes(meeting)
        else:
            _check_numbers(meeting)
            warnings += _about_scaled(meeting) if meeting.target.scaled else _about_labels(meeting)
        warnings += _about_logits(meeting)
        warnings += _about_size(meeting)
    return warnings


def check_metrics(
    metrics: Any, outputs: Mapping[str, Any], targets: Mapping[str, TargetSpec], *, named: bool
) -> None:
    """Refuse a metric that expects a column for each class where the target is a class number.

    Args:
        metrics: as they are compiled: a list, or lists by output name or in the outputs' order.
        outputs, targets, named: see `check_losses`; `named` of the metrics.

    Raises:
        RecipeError: naming the metric.
    """
    if not isinstance(metrics, Mapping):
        several = len(outputs) > 1 and isinstance(metrics, list | tuple)
        metrics = dict(zip(outputs, metrics if several else [metrics], strict=False))
    if len(outputs) == len(targets) == 1:
        targets = dict.fromkeys(outputs, next(iter(targets.values())))
    for output, group in metrics.items():
        target = targets.get(output)
        for index, metric in enumerate(group if isinstance(group, list | tuple) else [group]):
            by_column = isinstance(metric, keras.metrics.FBetaScore)  # F1Score is one
            if by_column and target is not None and target.classes and not target.shape:
                raise RecipeError(
                    f"{type(metric).__name__} expects a column for each class; the target is one class number per row.",
                    where=f"train.metrics{f'.{output}' if named else ''}[{index}]",
                    hint="`accuracy` accepts class numbers. For this one, give the data a column of 0 and 1 for each "
                    "class as its target, with categorical_crossentropy.",
                )


def _meetings(
    loss: Any, outputs: Mapping[str, Any], targets: Mapping[str, TargetSpec], *, named: bool
) -> Iterator[_Meeting]:
    if isinstance(loss, list | tuple):
        loss = dict(zip(outputs, loss, strict=False))
    if not isinstance(loss, Mapping):
        loss = dict.fromkeys(outputs, loss)
    if len(outputs) == len(targets) == 1:
        targets = dict.fromkeys(outputs, next(iter(targets.values())))
    for name, each in loss.items():
        known = _known(each)
        if known is not None and name in outputs and name in targets and hasattr(outputs[name], "shape"):
            where = f"train.loss.{name}" if named else "train.loss"
            yield _Meeting(where, *known, outputs[name], name, targets[name])


def _known(loss: Any) -> tuple[str, bool] | None:
    """Keras' own name of a loss, and True if it expects logits; None for any other loss."""
    try:
        loss = keras.losses.get(loss)
    except ValueError:
        return None
    function = getattr(loss, "fn", loss)
    if not str(getattr(function, "__module__", "")).startswith("keras."):
        return None
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    return getattr(function, "__name__", ""), bool(config.get("from_logits", False))


def _check_classes(meeting: _Meeting) -> None:
    """A target of class numbers: one whole number a row."""
    loss, width, classes = meeting.loss, meeting.width, meeting.target.classes
    judged = (*_SPARSE, *_ONE_HOT, *_BINARY, *_ELEMENTWISE)
    if loss not in judged:
        return
    if len(meeting.units) != 1:
        raise meeting.error(
            f"the output has the shape {_shape(meeting.units)}, the target one class a row.",
            "Flatten, or pool, before the last layers.",
        )
    if loss in _ONE_HOT:
        raise meeting.error(
            f"{loss} expects a column for each class; the target is one class number per row.",
            "Use sparse_categorical_crossentropy.",
        )
    if loss in _SPARSE and width is not None and width < classes:
        two = ", or 1 unit with binary_crossentropy" if classes == 2 and width == 1 else ""
        raise meeting.error(
            f"the target has {classes} classes, the output {_units(width)}.",
            f"Give the last layer {classes} units{two}.",
        )
    if loss in (*_BINARY, *_ELEMENTWISE) and width not in (1, None):
        fewer = "give the last layer 1 unit, or " if classes == 2 else ""
        hint = f"{fewer}use sparse_categorical_crossentropy."
        raise meeting.error(
            f"{loss} expects one number per row for this target; the output has {_units(width)}.",
            hint[0].upper() + hint[1:],
        )
    if loss in _BINARY and classes > 2:
        raise meeting.error(
            f"{loss} is for two classes, the target has {classes}.",
            f"Use sparse_categorical_crossentropy, and {classes} units in the last layer.",
        )


def _check_numbers(meeting: _Meeting) -> None:
    """A target of numbers: Keras would broadcast what has another shape."""
    if meeting.loss not in (*_ELEMENTWISE, *_BINARY, *_ONE_HOT):
        return
    units, shape = meeting.units, meeting.target.shape
    fits = len(units) == len(shape) and all(
        one is None or other is None or one == other for one, other in zip(units, shape, strict=True)
    )
    if fits or not shape or not units:
        return
    if len(units) > len(shape) == 1:
        hint = "Flatten, or pool, before the last layers."
    elif len(units) == len(shape) == 1:
        hint = f"Give the last layer {_units(shape[0])}."
    else:
        hint = "The last layer must give what the target holds."
    what = f"the output has the shape {_shape(units)}, the target {_shape(shape)}."
    raise meeting.error(what, hint)


def _about_labels(meeting: _Meeting) -> Iterator[RecipeWarning]:
    """Numbers that a loss uses as labels and that are not labels: in TensorFlow an error of the first steps or,
    compiled by XLA, a loss that is nan."""
    if meeting.target.labels is None:
        return
    low, high = meeting.target.labels
    width = meeting.width
    hint = "Name the target's column in `data.classes`: then its values are numbered from 0."
    if (
        meeting.loss in _SPARSE
        and width is not None
        and len(meeting.units) == 1
        and (low < 0 or high >= width)
    ):
        what = f"the labels go from {low:g} to {high:g}, and {_units(width)} stand for the labels 0 to {width - 1}."
        raise meeting.error(what, hint)
    if meeting.loss in _BINARY and (low < 0 or high > 1):
        yield RecipeWarning(
            f"{meeting.loss} expects labels from 0 to 1; the target has numbers from {low:g} to {high:g}. {hint}",
            meeting.where,
        )


def _about_scaled(meeting: _Meeting) -> Iterator[RecipeWarning]:
    """Scaled numbers are no labels, and most of them are on both sides of 0."""
    loss, scaled = meeting.loss, meeting.target.scaled
    if loss in (*_SPARSE, *_ONE_HOT) or (loss in _BINARY and scaled != "minmax"):
        raise meeting.error(
            f"{loss} expects labels, and the target '{meeting.name}' is scaled.",
            "Classes are named in `data.classes`; `scale_targets: none` leaves numbers as they are.",
        )
    if loss in _NOT_BELOW_0 and scaled != "minmax":
        yield RecipeWarning(
            f"{loss} is for numbers above 0, and the target '{meeting.name}' is scaled to numbers around 0: "
            "`scale_targets: none` leaves it as it is.",
            meeting.where,
        )


def _about_logits(meeting: _Meeting) -> Iterator[RecipeWarning]:
    if meeting.loss not in (*_SPARSE, *_ONE_HOT, *_BINARY):
        return
    activation = _activation_of(meeting.output)
    wanted = "sigmoid" if meeting.loss in _BINARY else "softmax"
    if activation == "linear" and not meeting.from_logits:
        yield RecipeWarning(
            f"{meeting.loss} expects probabilities, and the last layer has no activation: "
            f"give it `activation: {wanted}`, or the loss `from_logits: true`.",
            meeting.where,
        )
    elif activation in ("sigmoid", "softmax") and meeting.from_logits:
        yield RecipeWarning(
            f"{meeting.loss} with `from_logits: true` expects the {wanted} itself, and the last layer "
            f"has `activation: {activation}`: leave out one of the two.",
            meeting.where,
        )


def _about_size(meeting: _Meeting) -> Iterator[RecipeWarning]:
    """The outputs of a new network are about 0, and each step of an optimizer changes them only a little."""
    if meeting.target.classes or meeting.target.size < _LARGE or meeting.loss not in _IN_UNITS:
        return
    if _activation_of(meeting.output) == "linear":
        yield RecipeWarning(
            f"the values of '{meeting.name}' are around {meeting.target.size:,.0f}, and a new network begins near 0: "
            "with a usual learning rate it may never get there. `scale_targets: standard` under `data` has it learn "
            "scaled numbers; metrics and predictions stay in the target's own units.",
            meeting.where,
        )


def _activation_of(tensor: Any) -> str:
    """The name of the activation of the layer that an output comes from; empty where that is not known."""
    try:
        return str(getattr(origin_of_tensor(tensor).activation, "__name__", ""))
    except (AttributeError, IndexError, TypeError, ValueError):
        return ""


def _units(number: int | None) -> str:
    return "1 unit" if number == 1 else f"{number} units"


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *('?' if axis is None else str(axis) for axis in shape)])})"
