"""A tensor as rows of numbers that can be drawn: a line, a matrix, or its channels side by side."""

from __future__ import annotations

import math

import numpy as np

WIDEST = 64  # numbers in a row, and rows; of a larger tensor, means of neighbours
MOST_CHANNELS = 16


def picture(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """A part of a tensor as rows of numbers, `WIDEST` by `WIDEST` at most.

    Args:
        values: of any shape. One axis is a line. The last of three axes are channels, of which the first
            `MOST_CHANNELS` stand side by side; of more axes the first place of each is taken.

    Returns:
        Rows of numbers, nan where there is none.
    """
    array = np.asarray(values, np.float64)
    while array.ndim > 3:
        array = array[0]
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0:
        array = array.reshape(1, 1)
    elif array.ndim == 1:
        array = _wrapped(array)
    elif array.ndim == 3:
        array = _tiled(array[..., :MOST_CHANNELS])
    return tuple(tuple(map(float, row)) for row in _reduced(array))


def _wrapped(line: np.ndarray) -> np.ndarray:
    """A line of numbers, broken where it is too long to be drawn."""
    if len(line) <= WIDEST or len(line) > WIDEST * WIDEST:
        return line.reshape(1, -1)
    rows = math.ceil(len(line) / WIDEST)
    return np.pad(line, (0, rows * WIDEST - len(line)), constant_values=np.nan).reshape(rows, WIDEST)


def _tiled(array: np.ndarray) -> np.ndarray:
    """Channels (height, width, channels) beside and below one another, a gap of nan between them."""
    height, width, channels = array.shape
    across = math.ceil(math.sqrt(channels))
    down = math.ceil(channels / across)
    canvas = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for channel in range(channels):
        top, left = channel // across * (height + 1), channel % across * (width + 1)
        canvas[top : top + height, left : left + width] = array[..., channel]
    return canvas


def _reduced(array: np.ndarray) -> np.ndarray:
    """Means of neighbours, where there are too many numbers."""
    for axis in (0, 1):
        length = array.shape[axis]
        if length > WIDEST:
            starts = np.linspace(0, length, WIDEST, endpoint=False).astype(int)
            sizes = np.diff(np.append(starts, length))
            shape = (-1, 1) if axis == 0 else (1, -1)
            array = np.add.reduceat(array, starts, axis=axis) / sizes.reshape(shape)
    return array
