"""How the values of predictions are written: shares in percent, errors with their sign, what is right with a mark."""

from __future__ import annotations

import math
from typing import Any

from workbench.tui.chart.grid import printable
from workbench.tui.chart.scale import number

RIGHT, WRONG = "✓", "✗"


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


def cell_text(kind: str, value: Any) -> str:
    """A value of a column of predictions; see `PredictionTable.kinds`."""
    if kind == "right":
        return RIGHT if value else WRONG
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float):
        if kind in ("share", "confidence"):
            return share_text(value)
        text = number(value)
        return f"+{text}" if kind == "error" and value > 0 else text
    return printable(str(value))
