"""What is another when a run goes on: a training says so, for from then on it is not what it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import events
from workbench.errors import WorkbenchError
from workbench.storage.receipt_changes import ReceiptChange, changes
from workbench.storage.receipts import read_receipt
from workbench.storage.run_folder import RunFolder

MOST = 6  # changes that are named
_DIGITS = 8  # of a hash that are shown


def changed_since(run: RunFolder, now: Mapping[str, Any]) -> events.Message | None:
    """What goes into a training that goes on, compared with the start before; None for a run without a receipt.

    Args:
        run: which goes on.
        now: see `what_goes_in`.
    """
    try:
        receipt = read_receipt(run)
    except WorkbenchError:  # a damaged one: `kwb verify` says so
        return None
    if receipt is None:
        return None
    found = changes(receipt.starts[-1], now)
    if not found:
        return events.Message("info", "goes on with the code, data, recipe and versions that it had before")
    shown = [_in_words(change) for change in found[:MOST]]
    if (more := len(found) - MOST) > 0:
        shown.append(f"and {more} more")
    return events.Message(
        "warning", f"goes on with what has changed since it was trained: {'; '.join(shown)}"
    )


def _in_words(change: ReceiptChange) -> str:
    if change.kind not in ("plugin", "file"):
        return change.text
    before, after = (str(each)[:_DIGITS] if each else "nothing" for each in (change.before, change.now))
    return f"{change.text} (sha256 {before}, now {after})"
