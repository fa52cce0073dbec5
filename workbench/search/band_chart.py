"""A chart of means with bands as lines of text, for a terminal and for a log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LOG_FROM = 20.0  # how many times the lowest value the highest is, where the axis becomes logarithmic
WIDEST = 6  # columns of one epoch
_BAND, _BOTH, _MEAN = "░▒", "▓", "●○"


@dataclass(frozen=True)
class Band:
    """The values of several trainings by epoch.

    Attributes:
        name: what they are of.
        mean: by epoch. spread: the standard deviation of a sample, 0 of one value.
    """

    name: str
    mean: np.ndarray
    spread: np.ndarray


def band_of(name: str, series: Sequence[Sequence[float]]) -> Band | None:
    """Mean and spread at each epoch of several trainings, of those that came so far; None where there is none."""
    epochs = max(map(len, series), default=0)
    if not epochs:
        return None
    columns = [
        [each[at] for each in series if len(each) > at and math.isfinite(each[at])] for at in range(epochs)
    ]
    mean = np.array([np.mean(each) if each else np.nan for each in columns])
    spread = np.array([np.std(each, ddof=1) if len(each) > 1 else 0.0 for each in columns])
    return Band(name, mean, spread)


def draw_bands(bands: Sequence[Band], title: str, *, width: int = 64, height: int = 14) -> list[str]:
    """Two bands at most: the mean ● and its band ░, the mean ○ and its band ▒, ▓ where bands lie over each other."""
    epochs = max(len(band.mean) for band in bands)
    ends = np.concatenate(
        [each for band in bands for each in (band.mean - band.spread, band.mean + band.spread)]
    )
    means = np.concatenate([band.mean for band in bands])
    if not np.isfinite(means).any():
        return []
    logarithmic = bool(np.nanmin(means) > 0 and np.nanmax(means) > LOG_FROM * np.nanmin(means))
    floor = np.nanmin(means) / 2 if logarithmic else -math.inf  # a band below zero has no logarithm

    def scaled(values: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(values, floor)) if logarithmic else values

    low, high = float(np.nanmin(scaled(ends))), float(np.nanmax(scaled(ends)))
    high = high if high > low else low + (abs(low) or 1.0)
    each = min(max(width // epochs, 1), WIDEST)  # columns of an epoch
    width = min(width, each * epochs)
    picture = [[" "] * width for _ in range(height)]

    def row(value: float) -> int:
        return round((height - 1) * (high - value) / (high - low))

    columns = np.linspace(0, epochs, width, endpoint=False).astype(int)  # the epoch of each
    for at, epoch in enumerate(columns):
        for mark, band in zip(_BAND, bands, strict=False):
            if epoch < len(band.mean) and np.isfinite(band.mean[epoch]):
                middle, half = band.mean[epoch], band.spread[epoch]
                edges = scaled(np.array([middle + half, middle - half]))
                for line in range(row(float(edges[0])), row(float(edges[1])) + 1):
                    picture[line][at] = mark if picture[line][at] == " " else _BOTH
    for at, epoch in enumerate(columns):
        for mark, band in zip(_MEAN, bands, strict=False):
            if epoch < len(band.mean) and np.isfinite(band.mean[epoch]):
                picture[row(float(scaled(band.mean[epoch : epoch + 1])[0]))][at] = mark
    return [
        f"{title}{', logarithmic' if logarithmic else ''}, by epoch: mean and standard deviation",
        *_with_labels(["".join(line).rstrip() for line in picture], low, high, logarithmic=logarithmic),
        f"{'':10} └{'─' * len(columns)}",
        f"{'':12}{'1':<{max(len(columns) - len(str(epochs)), 1)}}{epochs}",
        "   ".join(
            f"{mean}{band} {each.name}" for mean, band, each in zip(_MEAN, _BAND, bands, strict=False)
        ),
    ]


def _with_labels(lines: Sequence[str], low: float, high: float, *, logarithmic: bool) -> list[str]:
    labels = {}
    for at in (0, len(lines) // 2, len(lines) - 1):
        value = high - (high - low) * at / (len(lines) - 1)
        labels[at] = f"{10**value if logarithmic else value:.4g}"
    return [f"{labels.get(at, ''):>10} {'┤' if at in labels else '│'}{line}" for at, line in enumerate(lines)]
