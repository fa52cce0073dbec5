"""Suggest layers and augmentation for pictures of a size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PICTURE = "picture"  # the kind of a column of picture files
MOST_EPOCHS = 30

_SMALL = 12  # pixels: beneath it there is nothing to halve twice
_PHOTO = 32  # pixels: smaller ones are mostly signs and digits, which a mirror makes others
_FLAT = 8_192  # numbers: more of them make a dense layer behind them too large


def body(shape: Sequence[int], reasons: list[str]) -> list[dict[str, Any]]:
    """The layers before the last one, for pictures (height, width, channels) of pixels from 0 to 255."""
    height, width = shape[0], shape[1]
    layers: list[dict[str, Any]] = [{"use": "Rescaling", "scale": 0.00392156862745098}]
    if min(height, width) < _SMALL:
        filters = 32
        layers += [_convolution(filters), _convolution(2 * filters), {"use": "MaxPooling2D"}]
        height, width, filters = height // 2, width // 2, 2 * filters
    else:
        filters = 16
        while min(height, width) >= _SMALL and filters <= 128:
            filters = min(2 * filters, 128)
            layers += [_convolution(filters), {"use": "MaxPooling2D"}]
            height, width = height // 2, width // 2
            if filters == 128 and height * width * filters <= _FLAT:
                break
    flat = height * width * filters <= _FLAT
    reasons.append("Pictures: convolutions with more filters each time that their size is halved.")
    return [
        *layers,
        {"use": "Flatten" if flat else "GlobalAveragePooling2D"},
        {"use": "Dropout", "rate": 0.3},
        {"use": "Dense", "units": 64, "activation": "relu"},
    ]


def augmentation(shape: Sequence[int], reasons: list[str]) -> list[dict[str, Any]]:
    """Random layers for training batches; none for pictures so small that a pixel says much."""
    small = min(shape[0], shape[1])
    if small < _SMALL:
        return []
    mirrored = small >= _PHOTO and shape[2] == 3
    reasons.append(
        "Training batches are turned and shifted a little at random (`augment`)"
        + (", and mirrored: take RandomFlip out where left and right differ." if mirrored else ".")
    )
    return [
        *([{"use": "RandomFlip", "mode": "horizontal"}] if mirrored else []),
        {"use": "RandomTranslation", "height_factor": 0.08, "width_factor": 0.08},
        {"use": "RandomRotation", "factor": 0.03},
    ]


def _convolution(filters: int) -> dict[str, Any]:
    return {"use": "Conv2D", "filters": filters, "kernel_size": 3, "padding": "same", "activation": "relu"}
