"""The curves of several runs, read from their folders and kept up to date while they run."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

from workbench.storage.event_stream import EventReader
from workbench.storage.run_folder import RunFolder
from workbench.tui.services.follow import PART
from workbench.tui.views.curves import TRAINING, VALIDATION
from workbench.tui.views.record import TrainingRecord
from workbench.tui.views.series import Series

MOST_KEPT = 16


class RunHistory:
    """One run as far as it was read. Events are parsed in a thread and taken in the event loop, a part at a time."""

    def __init__(self, run: RunFolder) -> None:
        self.record = TrainingRecord()
        self._reader = EventReader(run.events)
        self._reading: asyncio.Task[None] | None = None

    async def catch_up(self) -> None:
        """Read what is new. One who stops waiting does not stop the reading.

        Raises:
            FileError: the run cannot be read.
        """
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        while batch := await asyncio.to_thread(self._reader.read_new, PART):
            for event, moment, _ in batch:
                self.record.take(event, moment)

    def series(self, metric: str) -> Series | None:
        """The curve of a metric over the epochs: `mae`, `val_mae`; None if the run has none."""
        validation = metric.startswith("val_")
        panel = self.record.curves.panels.get(metric[4:] if validation else metric)
        return panel.series.get(VALIDATION if validation else TRAINING) if panel else None


class Histories:
    """The histories that were shown lately."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Path, RunHistory] = OrderedDict()

    def of(self, run: RunFolder) -> RunHistory:
        """The run's history, as far as it was read."""
        history = self._kept.pop(run.path, None) or RunHistory(run)
        self._kept[run.path] = history
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return history

    def forget(self, run: RunFolder) -> None:
        """Forget a run that is gone."""
        self._kept.pop(run.path, None)
