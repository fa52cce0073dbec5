"""The marks that stand beside words for how something is, so that colour is never the only signal.

One state has one mark, on every screen.
"""

from __future__ import annotations

OFF = "○"
STARTING = "◌"
READY = "●"
BUSY = "◐"
RUNNING = "▶"
PAUSED = "‖"
STOPPED = "■"
SAVING = "◆"
DETACHED = "⇱"
DONE = "✓"
WARNING = "▲"
FAILED = "✗"

NOTICES = {"information": DONE, "warning": WARNING, "error": FAILED}

WORKERS = {"off": OFF, "starting": STARTING, "ready": READY, "busy": BUSY, "dead": FAILED}
"""By `WorkerState`."""

RUNS = {
    "running": RUNNING,
    "done": DONE,
    "stopped": STOPPED,
    "interrupted": STOPPED,
    "failed": FAILED,
    "crashed": FAILED,
}
"""By the status of a run (`workbench.storage.runs.RunSummary`)."""

TRAININGS = {
    "starting": STARTING,
    "running": RUNNING,
    "paused": PAUSED,
    "stopping": STOPPED,
    "finished": DONE,
    "failed": FAILED,
    "detached": DETACHED,
}
"""By `TrainingState`."""


def run_mark(status: str) -> str:
    """The mark of a run; `?` for a status that a newer version wrote."""
    return RUNS.get(status, "?")
