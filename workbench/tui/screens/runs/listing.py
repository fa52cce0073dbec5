"""List the runs. Listing again costs two stat calls for each run that did not change."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.storage.extremes import BEST, RunExtremes
from workbench.storage.ownership import owner
from workbench.storage.recipe_values import differing_keys
from workbench.storage.run_folder import RunFolder, has_checkpoint
from workbench.storage.run_values import choose_runs, numbers_of, sort_runs
from workbench.storage.runs import RunSummary, summary_of
from workbench.tui.views.marks import run_state
from workbench.tui.views.run_cells import metrics_of

_OPEN = ("running", "crashed")  # a status that changes without a new event, when an owner comes or goes

Stamp = tuple[int, int, int]

ORDERS = {
    "newest": "newest first",
    "name": "by name",
    "status": "by status",
    "loss": "lowest loss first",
    "val_loss": "lowest val_loss first",
    "test": "best test result first",
}


@dataclass(frozen=True)
class _Known:
    stamp: Stamp
    summary: RunSummary
    has_extremes: bool = False


class RunLister:
    """Lists the runs below a folder. Call it in one thread at a time; nothing of it blocks for long.

    Attributes:
        reads_extremes: set it while the lowest and highest values of all epochs are asked for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads_extremes = False
        self._known: dict[Path, _Known] = {}
        self._extremes: dict[Path, RunExtremes] = {}

    def refresh(self) -> list[RunSummary]:
        """All runs, the newest first. Only those that changed are read."""
        known: dict[Path, _Known] = {}
        try:
            folders = [Path(entry.path) for entry in os.scandir(self.root) if entry.is_dir()]
        except OSError:  # no folder of runs yet
            folders = []
        for folder in folders:
            run = RunFolder(folder)
            before = self._known.get(folder)
            stamp = _stamp(run)
            if before is None or before.stamp != stamp:
                if run.recipe.is_file():
                    known[folder] = _Known(stamp, summary_of(run))
            elif before.summary.status in _OPEN:
                status = "running" if owner(run) is not None else "crashed"
                known[folder] = replace(before, summary=replace(before.summary, status=status))
            else:
                known[folder] = before
        if self.reads_extremes:
            known = {folder: self._with_extremes(folder, one) for folder, one in known.items()}
            self._extremes = {folder: own for folder, own in self._extremes.items() if folder in known}
        self._known = known
        return sorted((one.summary for one in known.values()), key=_newest)

    def _with_extremes(self, folder: Path, known: _Known) -> _Known:
        if known.has_extremes:
            return known
        extremes = self._extremes.setdefault(folder, RunExtremes(known.summary.folder))
        with contextlib.suppress(WorkbenchError):  # a run that cannot be read has no extremes
            extremes.catch_up()
        return _Known(known.stamp, replace(known.summary, extremes=extremes.found), has_extremes=True)


def _stamp(run: RunFolder) -> Stamp:
    try:
        labelled = os.stat(run.labels).st_mtime_ns
    except OSError:
        labelled = 0
    try:
        found = os.stat(run.events)
    except OSError:
        return (0, 0, labelled)
    return found.st_mtime_ns, found.st_size, labelled


def _newest(summary: RunSummary) -> tuple[float, str]:
    return -summary.started, summary.folder.name


def chosen(runs: Sequence[RunSummary], line: str, order: str) -> list[RunSummary]:
    """The runs that a filter lets through (`run_values.choose_runs`), in an order: one of `ORDERS`, or a key.

    A key alone is the lowest first, `-KEY` the highest.

    Raises:
        RecipeError: the filter names what there is not.
    """
    found = sorted(choose_runs(runs, line, run_state), key=_newest)
    if order == "name":
        return sorted(found, key=lambda run: run.folder.name)
    if order == "status":
        return sorted(found, key=lambda run: (_rank(run), *_newest(run)))
    if order == "test":
        return sorted(found, key=lambda run: (*_test_rank(run), *_newest(run)))
    if order in ("newest", ""):
        return found
    return sort_runs(found, order.removeprefix("-"), highest=order.startswith("-"))


def order_in_words(order: str) -> str:
    """`lowest loss first`."""
    if order in ORDERS:
        return ORDERS[order]
    return f"{'highest' if order.startswith('-') else 'lowest'} {order.removeprefix('-')} first"


def orders_of(runs: Sequence[RunSummary]) -> dict[str, str]:
    """Every order that there is for these runs, and its name in words: each metric, and each key that differs."""
    keys = differing_keys((run.recipe_name, run.recipe_values) for run in runs)
    numbers = dict.fromkeys(name for run in runs for name in numbers_of(run))
    metrics = metrics_of(runs)
    best = [f"{BEST}{name}" for name in metrics]
    found = dict(ORDERS)
    for name in [*metrics, *best, *(each for each in numbers if each not in metrics), *keys]:
        for order in (name, f"-{name}"):
            found.setdefault(order, order_in_words(order))
    return found


def _test_rank(run: RunSummary) -> tuple[bool, str, float]:
    """Runs that were tested first, those of one metric together."""
    if run.test is None:
        return True, "", 0.0
    value = -run.test.value if run.test.more else run.test.value
    return False, run.test.name, _known_number(value)


def _rank(run: RunSummary) -> tuple[int, bool]:
    ranks = ("running", "failed", "crashed", "interrupted", "stopped", "done")
    return ranks.index(run.status) if run.status in ranks else len(ranks), not run.no_better


def _known_number(value: float | None) -> float:
    return value if value is not None and value == value else float("inf")


def can_be_replayed(run: RunSummary) -> bool:
    """True if the run may have a number that is not finite: it has failed, or its last logs have one."""
    if run.status == "running":
        return False
    return run.status == "failed" or not all(map(math.isfinite, run.logs.values()))


def resumable(run: RunSummary) -> bool:
    """True if the run can be resumed: it has a checkpoint, and epochs left or a training cut off."""
    return run.status not in ("running", "done") and has_checkpoint(run.folder)
