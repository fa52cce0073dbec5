"""One live training: its child, the events that come from it, and the requests to it.

Events are passed on and not kept: the run's folder has them all, written before they are reported. Only messages that
came before there is a run are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import events
from workbench.errors import WorkbenchError
from workbench.tui.context import TimedEvent, TrainingState

if TYPE_CHECKING:
    from workbench.worker.client import Worker

BATCH_SECONDS = 0.1  # events are passed on together, the first after a pause at once


class Training:
    """A training that this app started.

    Attributes:
        name: the recipe's.
        state: its present state.
        run_folder: known once `run_started` has come.
        early: the messages that came before its run's folder was known.
        latest: the moment of the last event that came, in seconds since the epoch; 0 before the first.
        error: why it failed.
        no_better: what a constant guess reaches, where it ended without having learned anything.
        begun: done when its run's folder is known, or it has ended without one.
        ended: done when it has ended, one way or another.
    """

    def __init__(
        self,
        name: str,
        *,
        on_events: Callable[[Training, Sequence[TimedEvent]], None],
        on_change: Callable[[Training], None],
    ) -> None:
        self.name = name
        self.state = TrainingState.STARTING
        self.run_folder: Path | None = None
        self.log: Path | None = None
        self.error: WorkbenchError | None = None
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.worker: Worker | None = None
        self._on_events = on_events
        self._on_change = on_change
        self.early: list[TimedEvent] = []
        self.latest = 0.0
        self.no_better = ""
        self._waiting: list[TimedEvent] = []
        self._flush: asyncio.TimerHandle | None = None
        self._flushed = 0.0

    async def control(self, command: str, **arguments: Any) -> Any:
        """Pause, resume, stop, set_learning_rate (value), save.

        Raises:
            WorkbenchError: it is not running, or the worker refuses.
        """
        if self.worker is None or not self.state.live:
            raise WorkbenchError("nothing is being trained.", where=command)
        result = await self.worker.call(command, **arguments)
        if command == "stop":
            self.change(TrainingState.STOPPING)
        return result

    async def detach(self) -> None:
        """Let it run on by itself when the app ends; `kwb watch` shows it."""
        if self.worker is None or not self.state.live:
            raise WorkbenchError("nothing is being trained.", where="detach")
        await self.worker.detach()
        self.change(TrainingState.DETACHED)

    # ------------------------------------------------------------------ for the service

    def take(self, event: events.Event, moment: float) -> None:
        """An event has come from the child."""
        self.latest = moment
        self._waiting.append((event, moment))
        if isinstance(event, events.RunStarted):
            self.run_folder = Path(event.folder)
            self.begun.set()
            self.change(TrainingState.RUNNING)
        elif isinstance(event, events.Message) and self.run_folder is None:
            self.early.append((event, moment))
        elif isinstance(event, events.Paused):
            self.change(TrainingState.PAUSED)
        elif isinstance(event, events.Finished):
            self.no_better = event.no_better
        elif isinstance(event, events.Resumed) and self.state is TrainingState.PAUSED:
            self.change(TrainingState.RUNNING)
        if self._flush is None:
            loop = asyncio.get_running_loop()
            # At once after a pause, so that the first point of a curve does not wait.
            self._flush = loop.call_at(max(self._flushed + BATCH_SECONDS, loop.time()), self.flush)

    def flush(self) -> None:
        """Hand on what waits."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        batch, self._waiting = self._waiting, []
        self._flushed = asyncio.get_running_loop().time()
        if batch:
            self._on_events(self, batch)

    def change(self, state: TrainingState, error: WorkbenchError | None = None) -> None:
        """Change the state and report it, after the events that led to it."""
        if state is self.state:
            return
        self.flush()
        self.state = state
        self.error = error or self.error
        if not state.live:
            self.begun.set()
            self.ended.set()
        self._on_change(self)
