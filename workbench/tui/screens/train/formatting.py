"""Numbers and lists as a person reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from workbench.tui.chart.scale import number

__all__ = ["ago", "amount", "counted", "duration", "listed", "logged", "number", "speed"]


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
    """`now`, `5 min ago`, `3 h ago`, `12 days ago`."""
    if seconds < 60:
        return "now"
    for size, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            plural = "s" if unit == "day" and count > 1 else ""
            return f"{count} {unit}{plural} ago"
    return "now"


def amount(size: float) -> str:
    """Bytes as `512 MB`, `1.5 GB`."""
    for unit, factor, decimals in (("GB", 1e9, 1), ("MB", 1e6, 0), ("kB", 1e3, 0)):
        if size >= factor:
            return f"{size / factor:.{decimals}f} {unit}"
    return f"{size:.0f} B"


def speed(steps_per_second: float) -> str:
    """`1,890 steps/s`, `0.25 steps/s`."""
    if steps_per_second >= 10:
        return f"{steps_per_second:,.0f} steps/s"
    return f"{steps_per_second:.2g} steps/s"


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
