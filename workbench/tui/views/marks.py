"""The marks that stand beside words for how something is, so that colour is never the only signal.

One state has one mark, on every screen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.storage.runs import RunSummary

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
PRUNED = "▽"
BEST = "★"
FAILED = "✗"

NOT_LEARNED = "not learned"
"""Instead of done, of a training whose model is no better than a constant guess."""

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

TRIALS = {
    "waiting": OFF,
    "running": RUNNING,
    "pruned": PRUNED,
    "done": DONE,
    "stopped": STOPPED,
    "failed": FAILED,
}
"""By `workbench.search.state.TrialState`."""

CHECKS = {
    "passed": DONE,
    "failed": FAILED,
    "xfail": "~",
    "warning": WARNING,
    "skipped": "?",
    "not_applicable": "-",
    "running": RUNNING,
    "waiting": OFF,
}
"""By the state of a check (`workbench.tui.views.check_states`); `kwb check` prints the same signs."""

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


def run_mark(run: RunSummary) -> str:
    """The mark of a run; `?` for a status that a newer version wrote."""
    return WARNING if run.no_better else RUNS.get(run.status, "?")


def run_state(run: RunSummary) -> str:
    """The mark of a run, and its status in a word: `✓ done`. Not `done` where nothing was learned."""
    return f"{run_mark(run)} {NOT_LEARNED if run.no_better else run.status}"
