"""The lowest and the highest value of each log of a run, over all of its epochs: its best, in either direction."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from workbench import events
from workbench.storage.event_stream import EventReader
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary, more_is_better

BEST, LOWEST, HIGHEST = "best_", "lowest_", "highest_"
PREFIXES = (BEST, LOWEST, HIGHEST)
"""Before the name of a log: `best_val_loss` is the lowest, `best_val_accuracy` the highest."""

_USED = re.compile(rf"\b(?:{'|'.join(PREFIXES)})", re.I)


class RunExtremes:
    """The extremes of one run, read from its folder as it grows.

    Attributes:
        found: by the name of the log the lowest and the highest finite value.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._begin()

    def _begin(self) -> None:
        self._reader = EventReader(self._run.events)
        self._last = 0
        self.found: Mapping[str, tuple[float, float]] = {}

    def catch_up(self) -> None:
        """Read what is new.

        Raises:
            FileError: the run cannot be read.
        """
        new = self._read()
        epochs = [event.epoch for event in new]
        if any(epoch <= before for before, epoch in zip([self._last, *epochs], epochs, strict=False)):
            # A resumed run repeats epochs: what it had reached in them before does not count.
            self._begin()
            by_epoch: dict[int, events.Epoch] = {}
            for event in self._read():
                by_epoch = {epoch: one for epoch, one in by_epoch.items() if epoch < event.epoch}
                by_epoch[event.epoch] = event
            new = list(by_epoch.values())
        if not new:
            return
        self._last = new[-1].epoch
        found = dict(self.found)
        for event in new:
            for name, value in event.logs.items():
                if math.isfinite(value):
                    low, high = found.get(name, (value, value))
                    found[name] = min(low, value), max(high, value)
        self.found = found

    def _read(self) -> list[events.Epoch]:
        new = self._reader.read_rest(kind=events.Epoch.kind)
        return [event for event, _, _ in new if isinstance(event, events.Epoch)]


def with_extremes(runs: Iterable[RunSummary]) -> list[RunSummary]:
    """The runs with their extremes, which a listing leaves out: they take the reading of every epoch.

    Raises:
        FileError: a run cannot be read.
    """
    found = []
    for run in runs:
        extremes = RunExtremes(run.folder)
        extremes.catch_up()
        found.append(replace(run, extremes=extremes.found))
    return found


def uses_extremes(*texts: str) -> bool:
    """True if a filter, an order or the name of a column may ask for an extreme."""
    return any(_USED.search(text) for text in texts)


def extreme_of(run: RunSummary, name: str) -> float | None:
    """The value of `best_val_loss`, `lowest_loss`, `highest_mae`; None where the run has none, or was not read."""
    prefix = next((prefix for prefix in PREFIXES if name.startswith(prefix)), "")
    log = name.removeprefix(prefix)
    if not prefix or log not in run.extremes:
        return None
    low, high = run.extremes[log]
    if prefix == BEST:
        return high if more_is_better(log) else low
    return high if prefix == HIGHEST else low
