"""How strongly two columns go together, and how far two samples of one column are apart.

Every function takes arrays without missing values.
"""

from __future__ import annotations

import numpy as np


def pearson(first: np.ndarray, second: np.ndarray) -> float | None:
    """Pearson's r of two arrays of numbers, -1 to 1; None where one does not vary."""
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt(first @ first) * np.sqrt(second @ second))
    if not np.isfinite(scale) or scale == 0:
        return None
    return float(np.clip(first @ second / scale, -1.0, 1.0))


def spearman(first: np.ndarray, second: np.ndarray) -> float | None:
    """Spearman's rho, -1 to 1: Pearson's r of the ranks."""
    return pearson(_ranks(first), _ranks(second))


def correlation_ratio(codes: np.ndarray, values: np.ndarray) -> float | None:
    """The correlation ratio η, 0 to 1: the root of the share of the numbers' variance that lies between categories.

    Args:
        codes: each row's category, a whole number from 0.
        values: each row's number.
    """
    values = values - values.mean()
    total = float(values @ values)
    if not np.isfinite(total) or total == 0:
        return None
    counts = np.bincount(codes)
    sums = np.bincount(codes, weights=values)
    held = counts > 0
    between = float((sums[held] ** 2 / counts[held]).sum())
    return float(np.sqrt(min(between / total, 1.0)))


def cramers_v(first: np.ndarray, second: np.ndarray) -> float | None:
    """Cramér's V of two arrays of categories (whole numbers from 0), 0 to 1; None where one has one category only."""
    _, first = np.unique(first, return_inverse=True)
    _, second = np.unique(second, return_inverse=True)
    rows, columns = int(first.max(initial=0)) + 1, int(second.max(initial=0)) + 1
    if min(rows, columns) < 2:
        return None
    # Only the pairs that occur: two columns of many categories have a table that does not fit anywhere.
    pairs, counts = np.unique(first.astype(np.int64) * columns + second, return_counts=True)
    expected = np.bincount(first)[pairs // columns] / len(first) * np.bincount(second)[pairs % columns]
    chi_squared = float((counts**2 / expected).sum()) - len(first)
    return float(np.sqrt(max(chi_squared, 0.0) / len(first) / (min(rows, columns) - 1)))


def kolmogorov_smirnov(first: np.ndarray, second: np.ndarray) -> float:
    """The largest distance between two samples' distribution functions, 0 to 1."""
    first, second = np.sort(first), np.sort(second)
    both = np.concatenate([first, second])
    below = [np.searchsorted(each, both, side="right") / len(each) for each in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def total_variation(first: np.ndarray, second: np.ndarray) -> float:
    """Half the sum of the differences of two arrays of counts as shares, 0 to 1."""
    return float(np.abs(first / first.sum() - second / second.sum()).sum() / 2)


def chance_of_distance(distance: float, first: int, second: int) -> float:
    """How often two samples of one distribution are at least so far apart by Kolmogorov and Smirnov (large samples).

    Args:
        distance: as `kolmogorov_smirnov` gives it.
        first, second: the sizes of the samples.
    """
    from scipy.special import kolmogorov

    return float(kolmogorov(distance * np.sqrt(first * second / (first + second))))


def chance_of_counts(first: np.ndarray, second: np.ndarray) -> float:
    """How often two samples of one distribution have counts that differ at least so much (Pearson's chi-squared)."""
    from scipy.special import chdtrc

    table = np.stack([first, second])[:, (first + second) > 0].astype(float)
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(chdtrc(table.shape[1] - 1, ((table - expected) ** 2 / expected).sum()))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values have the mean of theirs."""
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return np.asarray((last - (counts - 1) / 2)[codes])
