"""The values of several runs by epoch: their mean, and how far they spread around it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from workbench import events
from workbench.storage.event_stream import EventReader
from workbench.storage.run_folder import RunFolder


@dataclass(frozen=True)
class Band:
    """The values of several runs by epoch; epochs of which no run has a finite value are left out.

    Attributes:
        name: what they are of.
        epochs: counted from 1, ascending.
        mean: in each of the epochs. spread: the standard deviation of a sample, 0 of one value.
        counts: of how many runs.
    """

    name: str
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    counts: tuple[int, ...]


def band_of(name: str, runs: Iterable[Mapping[int, float]]) -> Band | None:
    """Mean and spread at each epoch, of the runs that came so far; None where none has a finite value.

    Args:
        runs: of each run its values by epoch.
    """
    by_epoch: dict[int, list[float]] = {}
    for run in runs:
        for epoch, value in run.items():
            if math.isfinite(value):
                by_epoch.setdefault(epoch, []).append(value)
    if not by_epoch:
        return None
    epochs = sorted(by_epoch)
    found = [_mean_and_spread(by_epoch[epoch]) for epoch in epochs]
    counts = tuple(len(by_epoch[epoch]) for epoch in epochs)
    return Band(name, tuple(epochs), tuple(mean for mean, _ in found), tuple(std for _, std in found), counts)


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    # The functions of `statistics` take twenty times as long, and there may be a hundred thousand values.
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


class EpochLogs:
    """What a run logged in each of its epochs, read from its folder as it grows."""

    def __init__(self, run: RunFolder) -> None:
        self._reader = EventReader(run.events)
        self._logs: dict[int, Mapping[str, float]] = {}

    def catch_up(self) -> None:
        """Read what is new.

        Raises:
            FileError: the run cannot be read.
        """
        for event, _, _ in self._reader.read_rest(kind=events.Epoch.kind):
            if isinstance(event, events.Epoch):
                self._take(event)

    def _take(self, event: events.Epoch) -> None:
        if self._logs and event.epoch <= max(self._logs):  # a resumed run repeats what was not saved
            self._logs = {epoch: logs for epoch, logs in self._logs.items() if epoch < event.epoch}
        self._logs[event.epoch] = event.logs

    def values(self, name: str) -> dict[int, float]:
        """A logged value by epoch, of the epochs that have it."""
        return {epoch: float(logs[name]) for epoch, logs in self._logs.items() if name in logs}


def band_of_runs(name: str, runs: Iterable[RunFolder], metric: str) -> Band | None:
    """Mean and spread of what several runs logged; None where none has a finite value.

    Raises:
        FileError: a run cannot be read.
    """
    every = []
    for run in runs:
        logs = EpochLogs(run)
        logs.catch_up()
        every.append(logs.values(metric))
    return band_of(name, every)
