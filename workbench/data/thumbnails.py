"""Small pictures of rows, for display."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.data.preparation import Part


def picture_inputs(part: Part) -> list[str]:
    """The inputs that are pictures: height, width, and 1, 3 or 4 channels; or height and width alone."""
    return [name for name, array in part.inputs.items() if _is_picture(array.shape[1:])]


def _is_picture(shape: tuple[int, ...]) -> bool:
    channels = shape[2] if len(shape) == 3 else 1
    return len(shape) in (2, 3) and channels in (1, 3, 4) and min(shape[:2]) >= 4


def is_pixels(array: Any) -> bool:
    """True if an array's numbers are pixels from 0 to 255, and not scaled ones."""
    return isinstance(array, LazyRows) and array.center is None


def thumbnail(picture: np.ndarray, most: int, *, pixels: bool) -> dict[str, Any]:
    """A picture in few pixels, as JSON-ready data.

    Args:
        picture: (height, width) or (height, width, channels) numbers.
        most: of the longer side; larger pictures are made smaller, each pixel the mean of those that it stands for.
        pixels: whether they go from 0 to 255; other numbers are stretched to that.

    Returns:
        height, width, and `pixels`: height × width × 3 bytes in base64.
    """
    shown = picture.astype(np.float64)
    shown = shown[..., None] if shown.ndim == 2 else shown
    shown = np.repeat(shown[..., :1], 3, axis=-1) if shown.shape[-1] < 3 else shown[..., :3]
    if not pixels:
        shown = np.nan_to_num(shown)
        low, high = float(shown.min()), float(shown.max())
        shown = (shown - low) * (255.0 / (high - low if high > low else 1.0))
    longest = max(shown.shape[:2])
    if longest > most:
        for axis in (0, 1):
            size = max(1, round(shown.shape[axis] * most / longest))
            edges = np.linspace(0, shown.shape[axis], size + 1).astype(int)[:-1]
            counts = np.diff([*edges, shown.shape[axis]])
            shape = [1, 1, 1]
            shape[axis] = size
            shown = np.add.reduceat(shown, edges, axis=axis) / counts.reshape(shape)
    bytes_ = np.clip(np.round(shown), 0, 255).astype(np.uint8)
    height, width, _ = bytes_.shape
    return {"height": height, "width": width, "pixels": base64.b64encode(bytes_.tobytes()).decode()}
