"""Format numbers and lists for people."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

ABSENT = "–"
"""Stands where there is no value."""


def number(value: float) -> str:
    """A value with four significant digits, as short as it can be: `0.0123`, `12345`, `1.5e-30`, `nan`."""
    if not math.isfinite(value):
        return str(value)
    if 1e4 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return short_exponent(f"{value:.4g}")


def mean_and_spread(mean: float, spread: float) -> str:
    """A mean with its standard deviation, `0.3125 ± 0.021`; of one value (nan) without it."""
    return f"{number(mean)} ± {short_exponent(f'{spread:.2g}')}" if math.isfinite(spread) else number(mean)


def x_number(value: float) -> str:
    """An x under the cursor: a whole number in full."""
    if value == math.floor(value) and abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.6g}"


def short_exponent(text: str) -> str:
    """`1e-05` as `1e-5`, `1e+30` as `1e30`."""
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def share_text(value: float) -> str:
    """A share of one: `99.8 %`. What is not quite 0 or 1 never looks as if it were."""
    if not math.isfinite(value):
        return str(value)
    percent = 100 * value
    if 0 < percent < 0.05:
        return "< 0.1 %"
    if 99.95 <= percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def duration(seconds: float) -> str:
    """`0:07`, `12:30`, `3:05:00`, `2 d 03:05`."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(round(seconds), 0)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 24:
        days, hour = divmod(hours, 24)
        return f"{days} d {hour:02}:{minute:02}"
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def ago(seconds: float) -> str:
    """`just now`, `5 min ago`, `3 h ago`, `12 d ago`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return "just now"


def moment(seconds: float) -> str:
    """A moment in seconds since the epoch as local time: `05 Nov 14:30`; `–` where it is 0, for unknown."""
    return time.strftime("%d %b %H:%M", time.localtime(seconds)) if seconds else "–"


def amount(size: float) -> str:
    """Bytes as `512 MB`, `1.5 GB`."""
    for unit, factor, decimals in (("GB", 1e9, 1), ("MB", 1e6, 0), ("kB", 1e3, 0)):
        if size >= factor:
            return f"{size / factor:.{decimals}f} {unit}"
    return f"{size:.0f} B"


def speed(per_second: float, what: str = "steps") -> str:
    """`1,890 steps/s`, `0.25 steps/s`."""
    if per_second >= 10:
        return f"{per_second:,.0f} {what}/s"
    return f"{per_second:.2g} {what}/s"


def counted(count: int, noun: str) -> str:
    """`1 epoch`, `2,000 epochs`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; each once."""
    parts = list(dict.fromkeys(parts))
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def logged(logs: Mapping[str, float]) -> str:
    """`loss 0.0123  mae 0.5`."""
    return "  ".join(f"{name} {number(value)}" for name, value in logs.items())
