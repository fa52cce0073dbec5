"""One live training: its child, its events in bounded memory, and what can be asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import events
from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.worker.client import Worker

TimedEvent = tuple[events.Event, float]

BATCH_SECONDS = 0.05  # events are handed on together; 20 paints a second are enough for an eye
MOST_STEPS = 20_000  # step events kept; when there are more, every second one goes, and of what comes too


class TrainingState(StrEnum):
    """How a training stands."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    FINISHED = "finished"
    FAILED = "failed"
    DETACHED = "detached"

    @property
    def live(self) -> bool:
        """Whether its child still works for this app."""
        return self in _LIVE


_LIVE = (TrainingState.STARTING, TrainingState.RUNNING, TrainingState.PAUSED, TrainingState.STOPPING)


class Training:
    """A training that this app started.

    Attributes:
        name: the recipe's.
        state: how it stands.
        run_folder: known once `run_started` has come.
        history: everything so far, in order; step events are thinned out when there are very many.
        fault: why it failed.
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
        self.fault: WorkbenchError | None = None
        self.ended = asyncio.Event()
        self.worker: Worker | None = None
        self._on_events = on_events
        self._on_change = on_change
        self._rest: list[TimedEvent] = []
        self._steps: list[TimedEvent] = []
        self._stride = 1
        self._seen = 0
        self._last_step: list[TimedEvent] = []
        self._waiting: list[TimedEvent] = []
        self._flush: asyncio.TimerHandle | None = None

    @property
    def history(self) -> list[TimedEvent]:
        """All events kept, in the order of their moments."""
        kept = [
            *self._rest,
            *self._steps,
            *(timed for timed in self._last_step if timed not in self._steps[-1:]),
        ]
        return sorted(kept, key=lambda timed: timed[1])

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
        if isinstance(event, events.Step):
            self._keep_step((event, moment))
        else:
            self._rest.append((event, moment))
        self._waiting.append((event, moment))
        if isinstance(event, events.RunStarted):
            self.run_folder = Path(event.folder)
            self.change(TrainingState.RUNNING)
        elif isinstance(event, events.Paused):
            self.change(TrainingState.PAUSED)
        elif isinstance(event, events.Resumed) and self.state is TrainingState.PAUSED:
            self.change(TrainingState.RUNNING)
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Hand on what waits."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        batch, self._waiting = self._waiting, []
        if batch:
            self._on_events(self, batch)

    def change(self, state: TrainingState, fault: WorkbenchError | None = None) -> None:
        """Take another state and tell it, after the events that led to it."""
        if state is self.state:
            return
        self.flush()
        self.state = state
        self.fault = fault or self.fault
        if not state.live:
            self.ended.set()
        self._on_change(self)

    def _keep_step(self, step: TimedEvent) -> None:
        self._last_step = [step]
        if self._seen % self._stride == 0:
            self._steps.append(step)
        self._seen += 1
        if len(self._steps) > MOST_STEPS:
            del self._steps[1::2]
            self._stride *= 2
