"""Encode many rows block by block, in the order in which memory is read fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

BLOCK_ROWS = (
    32_768  # so many rows of a table stay in the processor's cache while their columns are put side by side
)


def is_worthwhile(rows: np.ndarray, columns: Mapping[str, Any]) -> bool:
    """True for many rows of columns that are in memory."""
    return len(rows) > 2 * BLOCK_ROWS and all(
        isinstance(each.values, np.ndarray) for each in columns.values()
    )


def blocks(rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows in ascending order, some at a time: the rows, and where each of them belongs.

    Args:
        rows: (rows,) positions, in any order: those of a split are drawn at random.
    """
    ascending = bool((rows[1:] > rows[:-1]).all())
    places = np.arange(len(rows)) if ascending else np.argsort(rows, kind="stable")
    for start in range(0, len(rows), BLOCK_ROWS):
        own = places[start : start + BLOCK_ROWS]
        yield rows[own], own


class Gathered:
    """Arrays that are filled block by block: by name, or a single one, or None."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._arrays: Any = None

    def put(self, places: np.ndarray, block: Any) -> None:
        """Take in the arrays of a block, whose rows belong to `places`."""
        if self._arrays is None:
            self._arrays = _mapped(lambda array: np.empty((self._rows, *array.shape[1:]), array.dtype), block)
        if isinstance(block, Mapping):
            for name, array in block.items():
                self._arrays[name][places] = array
        elif block is not None:
            self._arrays[places] = block

    @property
    def arrays(self) -> Any:
        return self._arrays


def _mapped(make: Callable[[np.ndarray], np.ndarray], block: Any) -> Any:
    if isinstance(block, Mapping):
        return {name: make(array) for name, array in block.items()}
    return None if block is None else make(block)
