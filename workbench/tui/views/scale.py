"""Axes: the range of values, and round ticks with their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.tui.views.formatting import number, short_exponent

LARGEST = 1e300  # beyond it the difference of two values may overflow
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """A y axis: `low` and `high` in the units of the data (log10 of them where `log`), low < high."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, low: float, high: float, *, log: bool = False) -> Scale:
        """The scale that shows low … high with a little air. Both positive where `log`.

        A single value gets room above and below it; no finite value at all (low > high) gives 0 … 1 (1 … 10).
        """
        if not low <= high:
            return cls(0.0, 1.0, log)
        if log:
            # A little inside the powers of ten that are floats, so that air may be added and ticks computed.
            low, high = (min(max(math.log10(value), -306.5), 307.5) for value in (low, high))
            air = max((high - low) * 0.02, 1e-9)
            if high - low < 1e-9:
                air = 0.5
            return cls(max(low - air, -307.0), min(high + air, 308.0), True)
        low, high = (min(max(value, -LARGEST), LARGEST) for value in (low, high))
        largest = max(abs(low), abs(high))
        air = (high - low) * 0.02
        if high - low <= largest * 1e-9:
            air = largest * 0.1 if low == high else largest * 1e-9
        return cls(low - (air or 1.0), high + (air or 1.0))

    def place(self, value: float) -> float:
        """Where a value is: 0 at the bottom, 1 at the top. Raises ValueError for log of a value ≤ 0."""
        return ((math.log10(value) if self.log else value) - self.low) / (self.high - self.low)

    def ticks(self, count: int) -> list[tuple[float, str]]:
        """About `count` round values inside, each with its label."""
        if not self.log:
            values = linear_ticks(self.low, self.high, count)
            return list(zip(values, tick_labels(values), strict=True))
        values = log_ticks(self.low, self.high, count)
        return [(value, number(value)) for value in values]


def linear_ticks(low: float, high: float, count: int, smallest_step: float = 0.0) -> list[float]:
    """Multiples of a round step in low … high, at most about `count` of them."""
    rough = max((high - low) / max(count, 1), smallest_step)
    if not 0.0 < rough < math.inf:
        return []
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next((factor * magnitude for factor in STEPS if factor * magnitude >= rough * 0.999), rough)
    if smallest_step:
        step = max(math.ceil(step / smallest_step), 1) * smallest_step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """Round values between 10**low and 10**high: decades, or 1-2-5, or round values within less than a decade."""
    count = max(count, 1)
    decades = range(math.ceil(low), math.floor(high) + 1)
    if len(decades) >= 3:
        stride = next(n for n in (1, 2, 3, 5, 10, 20, 50, 100, 1000) if n * count >= len(decades) - 1)
        return [10.0**decade for decade in decades if decade % stride == 0]
    for mantissas in ((1, 2, 5), (1, 2, 3, 4, 5, 6, 7, 8, 9)):
        values = [
            float(f"{mantissa}e{decade}")
            for decade in range(math.floor(low), math.ceil(high) + 1)
            for mantissa in mantissas
            if low <= math.log10(mantissa) + decade <= high
        ]
        if len(values) >= 2:
            return values if len(values) <= count + 1 else values[:: math.ceil(len(values) / count)]
    return linear_ticks(10.0**low, 10.0**high, count)


def tick_labels(values: Sequence[float]) -> list[str]:
    """Ticks of one linear axis as text: all with the digits that make neighbours differ."""
    if not values:
        return []
    largest = max(abs(value) for value in values)
    step = values[1] - values[0] if len(values) > 1 else largest
    if largest == 0.0 or step <= 0.0:
        return [number(value) for value in values]
    if 1e-4 <= largest < 1e6 and step >= 1e-7:
        decimals = next((d for d in range(10) if abs(round(step, d) - step) <= step * 1e-6), 9)
        return [f"{value + 0.0:.{decimals}f}" if value else "0" for value in values]
    exponent = math.floor(math.log10(largest))
    digits = (
        next(
            (
                d
                for d in range(10)
                if abs(round(step / 10.0**exponent, d) - step / 10.0**exponent)
                <= step / 10.0**exponent * 1e-3
            ),
            3,
        )
        if exponent > -300
        else 3
    )
    return [short_exponent(f"{value:.{digits}e}") if abs(value) > step * 1e-6 else "0" for value in values]


def x_labels(values: Sequence[float]) -> list[str]:
    """Ticks of the x axis: steps and epochs are whole numbers, thousands as k, millions as M."""
    if not values or any(value != math.floor(value) for value in values):
        return tick_labels(values)
    largest = max(abs(value) for value in values)
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if largest >= 10 * unit and all(value % (unit / 10) == 0 for value in values):
            decimals = 0 if all(value % unit == 0 for value in values) else 1
            return [f"{value / unit:.{decimals}f}{suffix}" if value else "0" for value in values]
    return [f"{value:.0f}" for value in values] if largest < 1e12 else [number(value) for value in values]
