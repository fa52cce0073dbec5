"""A series of (x, y) samples in bounded memory.

New samples are kept as they are. Each time `capacity` of them have come, the older half is merged pairwise
into buckets of (first x, lowest y, highest y, mean y); those are merged again in their turn. So the older a
sample, the coarser its bucket (1, 2, 4, 8 … samples), a spike is never lost, and the number of buckets grows
with the logarithm of the number of samples: a million steps take as much as some twenty thousand.

Only the standard library is used: slices of `array` are fast enough to draw from, and importing numpy would
cost the terminal 60 ms of its start.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

NOT_A_NUMBER = 1
PLUS_INFINITY = 2
MINUS_INFINITY = 4


class Series:
    """An append-only curve. x never decreases; a smaller x rewinds the series first (see `append`).

    Args:
        name: what the legend shows. Never read as markup.
        capacity: how many samples, or buckets of one size, are kept before the older half is merged; a
            multiple of 4.

    The columns `x`, `low`, `high`, `mean` are arrays of float64 and `flags` a bytearray, one item per bucket.
    A bucket without any finite sample has low = inf, high = -inf, mean = nan, so `min(low)` and `max(high)`
    of any slice hold.
    """

    def __init__(self, name: str, capacity: int = 4096) -> None:
        if capacity < 4 or capacity % 4:
            raise ValueError(f"capacity must be a multiple of 4, not {capacity}")
        self.name = name
        self.capacity = capacity
        self.x = array("d")
        self.low = array("d")
        self.high = array("d")
        self.mean = array("d")
        self.flags = bytearray()
        # Buckets of each size, coarsest (oldest) first; the last count is of raw samples.
        self._counts = [0]
        self.lowest = math.inf
        """Lowest finite y, inf when there is none."""
        self.highest = -math.inf
        """Highest finite y, -inf when there is none."""
        self.last = math.nan
        """The y appended last, finite or not."""
        self.has_gaps = False
        """True if any sample was not finite."""
        # The moving average as far as it is computed, and its running sum and norm.
        self._smoothing = -1.0
        self._smoothed = array("d")
        self._average = (0.0, 0.0)

    def clear(self) -> None:
        """Forget every sample."""
        self.rewind(-math.inf)

    def __len__(self) -> int:
        """The number of buckets kept (not of samples seen)."""
        return len(self.x)

    # ------------------------------------------------------------------ writing

    def append(self, x: float, y: float) -> None:
        """Add a sample. O(1) on average.

        A y that is not finite is remembered as a gap. An x smaller than the last one rewinds: what a resumed
        run repeats takes the place of what it had done before.

        Raises:
            ValueError: x is not finite.
        """
        if self.x and not x >= self.x[-1]:
            if not math.isfinite(x):
                raise ValueError(f"x must be finite, not {x}")
            self.rewind(x)
        elif x - x != 0.0:
            raise ValueError(f"x must be finite, not {x}")
        self.x.append(x)
        if y - y == 0.0:  # finite, and cheaper than a call
            self.low.append(y)
            self.high.append(y)
            self.mean.append(y)
            self.flags.append(0)
            if y < self.lowest:
                self.lowest = y
            if y > self.highest:
                self.highest = y
        else:
            self.low.append(math.inf)
            self.high.append(-math.inf)
            self.mean.append(math.nan)
            self.flags.append(NOT_A_NUMBER if y != y else PLUS_INFINITY if y > 0 else MINUS_INFINITY)
            self.has_gaps = True
        self.last = y
        self._counts[-1] += 1
        if self._counts[-1] >= self.capacity:
            self._merge(len(self._counts) - 1)

    def extend(self, samples: Iterable[tuple[float, float]]) -> None:
        """Add many samples."""
        for x, y in samples:
            self.append(x, y)

    def rewind(self, x: float) -> None:
        """Drop every bucket that starts at or after `x`."""
        keep = bisect_left(self.x, x)
        surplus = len(self.x) - keep
        if not surplus:
            return
        for column in (self.x, self.low, self.high, self.mean, self.flags):
            del column[keep:]
        for size in reversed(range(len(self._counts))):
            taken = min(surplus, self._counts[size])
            self._counts[size] -= taken
            surplus -= taken
        self.lowest = min(self.low, default=math.inf)
        self.highest = max(self.high, default=-math.inf)
        self.has_gaps = any(self.flags)
        self.last = self.value(keep - 1) if keep else math.nan
        self._forget_smoothing()

    def _merge(self, size: int) -> None:
        """Merge the older half of the buckets of one size pairwise, and move them to the next size."""
        if size == 0:
            self._counts.insert(0, 0)
            size = 1
        start = sum(self._counts[:size])
        middle = start + self.capacity // 2
        even, odd = slice(start, middle, 2), slice(start + 1, middle, 2)
        both = slice(start, middle)
        self.x[both] = self.x[even]
        self.low[both] = array("d", map(min, self.low[even], self.low[odd]))
        self.high[both] = array("d", map(max, self.high[even], self.high[odd]))
        self.mean[both] = array("d", map(_mean, self.mean[even], self.mean[odd]))
        self.flags[both] = bytes(map(int.__or__, self.flags[even], self.flags[odd]))
        self._counts[size] -= self.capacity // 2
        self._counts[size - 1] += self.capacity // 4
        self._forget_smoothing()
        if self._counts[size - 1] >= self.capacity:
            self._merge(size - 1)

    # ------------------------------------------------------------------ reading

    def visible(self, left: float, right: float) -> tuple[int, int]:
        """The half-open range of buckets with left ≤ x ≤ right, by binary search."""
        return bisect_left(self.x, left), bisect_right(self.x, right)

    def nearest(self, x: float) -> int | None:
        """The index of the bucket nearest to `x`; None for an empty series."""
        if not self.x:
            return None
        after = min(bisect_left(self.x, x), len(self.x) - 1)
        if after and x - self.x[after - 1] <= self.x[after] - x:
            return after - 1
        return after

    def value(self, index: int) -> float:
        """The mean of a bucket; inf, -inf or nan where it has no finite sample."""
        mean = self.mean[index]
        if mean == mean:
            return mean
        flags = self.flags[index]
        if flags & NOT_A_NUMBER:
            return math.nan
        return math.inf if flags & PLUS_INFINITY else -math.inf

    def bucket_sizes(self) -> Iterator[int]:
        """How many samples each bucket stands for, oldest first."""
        for size, count in enumerate(self._counts):
            for _ in range(count):
                yield 1 << (len(self._counts) - 1 - size)

    def smoothed(self, weight: float) -> array[float]:
        """The exponential moving average of the means, one value per bucket, nan in the gaps.

        Args:
            weight: what stays of the average at each sample, 0 ≤ weight < 1. The average is unbiased at the
                start, and a bucket of n samples counts as n.

        The answer is kept and only prolonged by the samples that came since, until buckets are merged.
        """
        if weight != self._smoothing:
            self._forget_smoothing()
            self._smoothing = weight
        done = len(self._smoothed)
        if done == len(self.x):
            return self._smoothed
        append = self._smoothed.append
        sums, norm = self._average
        starts = list(accumulate(self._counts, initial=0))
        for size, (start, stop) in enumerate(pairwise(starts)):
            if stop <= done:
                continue
            keep = weight ** (1 << (len(self._counts) - 1 - size))
            new = 1.0 - keep
            for mean in self.mean[max(start, done) : stop]:
                if mean == mean:
                    sums = keep * sums + new * mean
                    norm = keep * norm + new
                    append(sums / norm)
                else:
                    append(mean)
        self._average = sums, norm
        return self._smoothed

    def _forget_smoothing(self) -> None:
        self._smoothing = -1.0
        self._smoothed = array("d")
        self._average = (0.0, 0.0)


def _mean(a: float, b: float) -> float:
    """The mean of two, or the one that is a number. Halved before adding: the sum might overflow."""
    if a != a:
        return b
    if b != b:
        return a
    return a * 0.5 + b * 0.5
