"""Suggest a model that finds a class for each pixel: an encoder and a decoder of convolutions, joined at each size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.recipe.columns import ColumnFacts
from workbench.recipe.model_schema import OF_DATA
from workbench.recipe.suggestion.model import graph_call, variable_name
from workbench.recipe.suggestion.pictures import PICTURE

_FILTERS = (16, 32, 64, 128)  # of each size, the whole picture first
_BATCH = 8
_SMALLEST = 4  # pixels: what is halved to fewer says nothing of places
_DILATIONS = (1, 2, 4)  # of pictures that cannot be halved: steps between the pixels that a filter sees


def are_learned(inputs: Sequence[ColumnFacts], learned: Sequence[ColumnFacts]) -> bool:
    """True if masks are to be found for pictures, and nothing else."""
    return (
        len(inputs) == len(learned) == 1
        and inputs[0].kind == PICTURE
        and learned[0].pixel_classes > 0
        and inputs[0].shape[:2] == learned[0].shape[:2]
    )


def mask_model(picture: ColumnFacts, mask: ColumnFacts, reasons: list[str]) -> dict[str, Any]:
    """A graph from a picture of pixels from 0 to 255 to a probability for each pixel."""
    source, target = variable_name(picture.name), variable_name(mask.name)
    lines: list[str] = [f"x = Rescaling(scale=0.00392156862745098)({source})"]

    def add(name: str, layer: Mapping[str, Any], *inputs: str) -> None:
        lines.append(f"{name} = {graph_call(layer)}({', '.join(inputs)})")

    levels = _levels(picture.shape[0], picture.shape[1])
    if levels == 0:
        for step in _DILATIONS:
            add("x", _convolution(32) | {"dilation_rate": step}, "x")
    for level in range(levels):
        add("x", _convolution(_FILTERS[level]), "x")
        add(f"size{level}", _convolution(_FILTERS[level]), "x")
        lines.append(f"x = MaxPooling2D()(size{level})")
    if levels:
        for _ in range(2):
            add("x", _convolution(_FILTERS[levels]), "x")
    for level in reversed(range(levels)):
        lines.append("x = UpSampling2D()(x)")
        lines.append(f"x = Concatenate()(x, size{level})")
        add("x", _convolution(_FILTERS[level]), "x")
    last: dict[str, Any] = {"use": "Conv2D", "filters": 1, "kernel_size": 1, "activation": "sigmoid"}
    if mask.pixel_classes > 2:
        last |= {"filters": mask.pixel_classes, "activation": "softmax"}
    name = f"{target}_out" if target in ("x", source) else target
    add(name, last | {"name": name}, "x")
    reasons.append(
        f"'{mask.name}' has {mask.pixel_classes} classes, one for each pixel: "
        + (
            "a probability for each, so softmax."
            if mask.pixel_classes > 2
            else "the probability of the second."
        )
    )
    reasons.append(
        "Convolutions see more of the picture each time that it is halved; then it is doubled again, beside what was "
        "seen at that size."
        if levels
        else "The pictures cannot be halved evenly (a `size` of 32, 64 or 96 can): filters with gaps see further."
    )
    return {"inputs": {source: OF_DATA}, "graph": lines, "outputs": [name]}


def mask_training(mask: ColumnFacts) -> dict[str, Any]:
    """The loss, the metrics and the batches, which are small: each picture brings many pixels to learn from.

    Most pixels may be of one class: the overlap says more than how many are right.
    """
    classes, small = mask.pixel_classes, {"batch_size": _BATCH}
    if classes > 2:
        overlap: dict[str, Any] = {"use": "MeanIoU", "num_classes": classes, "sparse_y_pred": False}
        return small | {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy", overlap]}
    overlap = {"use": "BinaryIoU", "target_class_ids": [1], "threshold": 0.5}
    return small | {"loss": "binary_crossentropy", "metrics": ["accuracy", overlap]}


def _levels(height: int, width: int) -> int:
    """How often pictures can be halved evenly, and doubled to the same size again."""
    levels = 0
    while (
        levels < len(_FILTERS) - 1
        and not height % 2
        and not width % 2
        and min(height, width) >= 2 * _SMALLEST
    ):
        height, width, levels = height // 2, width // 2, levels + 1
    return levels


def _convolution(filters: int) -> dict[str, Any]:
    return {"use": "Conv2D", "filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
