"""Format the values of tables: shares in percent, errors with their sign, correct classes with a mark."""

from __future__ import annotations

from typing import Any

from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import number, share_text
from workbench.tui.views.marks import DONE, FAILED

RIGHT, WRONG = DONE, FAILED
MISSING = "·"


def cell_text(kind: str, value: Any) -> str:
    """A value of a column; see `PredictionTable.kinds`. A value of the data that is missing is a point."""
    if value is None:  # the truth, where it is not known yet, has no mark
        return MISSING if kind == "value" else ""
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
