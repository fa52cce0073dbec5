"""Find the number of the data that stands out in the rows which a step makes not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.probing.summaries import is_number

_TINY = float(np.finfo(np.float32).tiny)
RATIO = 1_000.0  # how many times as large as any number of the other rows


@dataclass(frozen=True)
class UnusualNumber:
    """A number that is far larger than those of the other rows.

    Attributes:
        name: of the column, the input or the target.
        row: of the batch, from 0.
        value: the number.
        usual: the largest number in size of the other rows, in that column where it has a name.
    """

    name: str
    row: int
    value: float
    usual: float


def unusual_number(
    named: Mapping[str, Any], rows: Sequence[int], features: Mapping[str, Sequence[str]]
) -> UnusualNumber | None:
    """The number in some rows of a batch that stands out most; None where none does.

    Args:
        named: arrays (rows, ...) of the batch, by the name of the input or target.
        rows: from 0; where these are all of them, none stands out. Empty for the one with the largest number.
        features: the names of the columns of an array of two axes.
    """
    found: UnusualNumber | None = None
    for name, tensor in named.items():
        array = np.asarray(tensor)
        if array.ndim == 0 or not is_number(array) or len(rows) >= len(array):
            continue
        columns = np.abs(array.astype(np.float64)).reshape(len(array), -1)
        looked_at = list(rows) or [int(columns.max(axis=1).argmax())]
        names = features.get(name, ())
        if len(names) != columns.shape[1]:
            columns, names = columns.max(axis=1, keepdims=True), (name,)
        others = np.delete(columns, looked_at, axis=0).max(axis=0, initial=0.0)
        inside = columns[looked_at]
        ratios = inside / np.maximum(others, _TINY)
        at, column = map(int, np.unravel_index(int(np.argmax(ratios)), ratios.shape))
        known = found.value / max(found.usual, _TINY) if found else RATIO
        if ratios[at, column] > known:
            found = UnusualNumber(
                names[column], looked_at[at], float(inside[at, column]), float(others[column])
            )
    return found
