"""Compare two sets of values in pairs: the mean of the differences, its interval, an exact test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LEVEL = 0.05  # of the test: a difference is shown where `p` is not above it
MOST_EXACT = (
    16  # pairs up to which every exchange within pairs is tried; of more a sample of 2^16, by a fixed seed
)


@dataclass(frozen=True)
class PairedDifference:
    """The differences of pairs, the first value less the second.

    Attributes:
        pairs: how many there are.
        mean: of the differences.
        low: the lower end of the 95 % confidence interval of the mean, by Student's t; `high`: the upper.
        p: of the paired permutation test of the mean, two-sided; exact up to 16 pairs.
        lower: in how many pairs the first value is the lower one; `higher`: the higher one.
    """

    pairs: int
    mean: float
    low: float
    high: float
    p: float
    lower: int
    higher: int

    @property
    def is_shown(self) -> bool:
        return self.p <= LEVEL

    def as_record(self) -> dict[str, Any]:
        return dict(vars(self))


def smallest_p(pairs: int) -> float:
    """The lowest `p` that so many pairs can give: all of them differ in one direction."""
    return 2.0 ** (1 - pairs)


def least_pairs() -> int:
    """How many pairs are needed before a difference can be shown at all."""
    return next(pairs for pairs in range(1, 64) if smallest_p(pairs) <= LEVEL)


def compare_pairs(first: Sequence[float], second: Sequence[float]) -> PairedDifference:
    """Compare finite values in pairs.

    Raises:
        ValueError: the lengths differ, or there are no two pairs.
    """
    from scipy import stats

    if len(first) != len(second) or len(first) < 2:
        raise ValueError("two pairs at least are needed")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean, error = float(differences.mean()), float(stats.sem(differences))
    half = error * float(stats.t.ppf(0.975, len(differences) - 1))
    p = 1.0
    if np.any(differences):
        found = stats.permutation_test(
            (differences,),
            np.mean,
            permutation_type="samples",
            n_resamples=2**MOST_EXACT if len(differences) > MOST_EXACT else math.inf,
            rng=np.random.default_rng(0),
            vectorized=True,
        )
        p = float(found.pvalue)
    return PairedDifference(
        len(differences),
        mean,
        mean - half,
        mean + half,
        p,
        int((differences < 0).sum()),
        int((differences > 0).sum()),
    )
