"""Histograms of the weights by epoch, in bounded memory."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_EPOCHS = 128
MOST_WEIGHTS = 256


@dataclass(frozen=True)
class HistogramRow:
    """The histogram of one epoch: one edge more than counts."""

    epoch: float
    edges: Sequence[float]
    counts: Sequence[float]


class Distributions:
    """Rows by the weight's path. With very many epochs, every second row of the older half is dropped; the first
    stays."""

    def __init__(self) -> None:
        self._rows: dict[str, list[HistogramRow]] = {}

    @property
    def weights(self) -> list[str]:
        """Paths of weights, in the order of the model."""
        return list(self._rows)

    def rows(self, weight: str) -> Sequence[HistogramRow]:
        return self._rows.get(weight, ())

    def rename_layers(self, rename: Callable[[str], str]) -> None:
        """Go on under other names of weights."""
        self._rows = {rename(path): rows for path, rows in self._rows.items()}

    def take(self, epoch: float, histograms: Mapping[str, Any]) -> None:
        """Add an epoch's histograms: {path: {edges, counts}}. What has another form is passed over."""
        for path, histogram in histograms.items():
            row = _row(epoch, histogram)
            if row is None or (path not in self._rows and len(self._rows) >= MOST_WEIGHTS):
                continue
            rows = self._rows.setdefault(path, [])
            del rows[bisect_left(rows, epoch, key=_epoch) :]
            rows.append(row)
            if len(rows) > MOST_EPOCHS:
                del rows[1 : MOST_EPOCHS // 2 : 2]


def _epoch(row: HistogramRow) -> float:
    return row.epoch


def _row(epoch: float, histogram: Any) -> HistogramRow | None:
    try:
        edges = array("f", [_number(edge) for edge in histogram["edges"]])
        counts = array("f", [_number(count) for count in histogram["counts"]])
    except (TypeError, KeyError, ValueError, OverflowError):
        return None
    return HistogramRow(epoch, edges, counts) if len(edges) == len(counts) + 1 else None


def _number(value: Any) -> float:
    """A number of the stream, where one that is not finite is a word."""
    number = float(value)
    return (
        number if abs(number) <= 3e38 else math.copysign(math.inf, number) if number == number else math.nan
    )
