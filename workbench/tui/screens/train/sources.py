"""Where the train screen's events come from: a training of this app, or the folder of any run."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import events
from workbench.errors import WorkbenchError
from workbench.storage.event_stream import EventReader
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import open_run
from workbench.tui.context import AppContext, kwb
from workbench.tui.messages import (
    SharedMessage,
    TrainingChanged,
    TrainingEvents,
    TrainingStarted,
    WorkerChanged,
)
from workbench.tui.services.follow import PART, RunFollower
from workbench.tui.views.record import TrainingRecord
from workbench.tui.views.training_view import Stage, TrainingView

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from workbench.tui.context import LiveTraining


class RunSource:
    """Keeps the record of a training up to date.

    Args:
        node: a screen or widget of the app, to reach the app.
        on_change: called when the record is to be shown again.
        on_forget: called when the record is another one: nothing of the one before is to be shown.

    Attributes:
        record: what is known of the training.
        training: the training of this app that is shown, or None.
        run: the run that is watched instead, or None.
        rate_asked: the learning rate that was asked for and is not reported yet, or None.
        catching_up: True while more of the watched run's history is to be read before it can be shown as it is now.
    """

    def __init__(
        self, node: MessagePump, *, on_change: Callable[[], None], on_forget: Callable[[], None]
    ) -> None:
        self.record = TrainingRecord()
        self.training: LiveTraining | None = None
        self.run: RunFolder | None = None
        self.rate_asked: float | None = None
        self.catching_up = False
        self.changed = on_change
        self._forgotten = on_forget
        self._node = node
        self._hidden = False
        self._reading: asyncio.Task[None] | None = None
        self._follower: RunFollower | None = None
        self._held: list[tuple[events.Event, float]] | None = None
        self._since = 0.0  # events of this app's training up to this moment are read from the run's folder

    @property
    def _app(self) -> AppContext:
        return kwb(self._node)

    def choose(self) -> None:
        """Show what the app says: the run that is watched, or its own training."""
        app = self._app
        if app.watched is not None:
            if self.run is None or self.run.path != app.watched:
                self.watch_run(app.watched)
        elif app.training is not None and app.training is not self.training:
            self._show_training(app.training)
        self.changed()

    def handle(self, message: SharedMessage) -> None:
        """Take in what a message of the app says of the training."""
        if isinstance(message, TrainingStarted):
            if message.training is not self.training:
                self._app.watched = None
                self._show_training(message.training)
        elif isinstance(message, TrainingEvents):
            if message.training is self.training:
                self._take([timed for timed in message.batch if timed[1] > self._since])
        elif isinstance(message, TrainingChanged):
            if message.training is self.training:
                self._see_state(message.training)
        elif isinstance(message, WorkerChanged):
            if self.training is not None:
                self._see_state(self.training)
        else:
            self.changed()

    def _show_training(self, training: LiveTraining) -> None:
        """Show a training of this app from its beginning."""
        self._stop_reading()
        self.training, self.run = training, None
        self.rate_asked = None
        self._since = training.latest
        self._forget(TrainingView().warming(training.name))
        self._take(training.early)
        if training.run_folder is not None:
            self._recall(RunFolder(training.run_folder), math.nextafter(self._since, math.inf), [])
        self._see_state(training)

    def _see_state(self, training: LiveTraining) -> None:
        """The state that the service knows and the events do not have."""
        view = self.record.view
        if training.state == "running" or (training.state == "starting" and training.worker is not None):
            self.record.become(view.assembling())
        elif training.state == "stopping":
            self.record.become(view.stopping())
        elif training.state == "failed":
            self.record.become(view.died(training.error))
        self.changed()

    def watch_run(self, folder: Path | RunFolder) -> None:
        """Show a run from its folder: its history and new events, from whichever process trains it."""
        self._stop_reading()
        self.training = None
        try:
            run = folder if isinstance(folder, RunFolder) else open_run(folder)
        except WorkbenchError as error:
            self._forget(TrainingView())
            self._app.notice(error)
            self.changed()
            return
        self.run = run
        self._forget(TrainingView(Stage.ASSEMBLING, name=run.name, folder=str(run.path)))
        self.catching_up = True  # until it is known how much there is to read
        self._follower = RunFollower(run)
        self._follower.hidden = self.hidden
        self._reading = asyncio.create_task(self._follow(self._follower))
        self.changed()

    async def _follow(self, follower: RunFollower) -> None:
        try:
            async for news in follower.news():
                before, self.catching_up = self.catching_up, news.behind
                self._take(news.events)
                if before and not self.catching_up:
                    self.changed()
                view = self.record.view
                if news.owner is None and not news.behind and not news.events and view.stage.alive:
                    self.record.become(view.died())
                    self.changed()
                follower.ended = self.record.view.stage.ended
        except WorkbenchError as error:
            self._app.notice(error)
            self.catching_up = False
            self.changed()

    @property
    def hidden(self) -> bool:
        """True if the run is not shown; it is read less often then."""
        return self._hidden

    @hidden.setter
    def hidden(self, hidden: bool) -> None:
        self._hidden = hidden
        if self._follower is not None:
            self._follower.hidden = hidden

    def close(self) -> None:
        """Stop reading."""
        self._stop_reading()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self.catching_up = False
        self._reading = self._follower = self._held = None

    def _forget(self, view: TrainingView) -> None:
        """Begin again with a view."""
        self.record = TrainingRecord(view)
        self._forgotten()

    def _take(self, batch: Sequence[tuple[Any, ...]]) -> None:
        if not batch:
            return
        for event, moment, *_ in batch:
            if self._held is not None:
                self._held.append((event, moment))
            elif isinstance(event, events.RunStarted) and self._goes_on(event):
                self._recall(RunFolder(Path(event.folder)), moment, [(event, moment)])
            else:
                self._take_one(event, moment)
        self.changed()

    def _goes_on(self, event: events.RunStarted) -> bool:
        """True if this app goes on with a run of which nothing is shown yet. A run that goes on by itself, without a
        process that was lost, is shown already."""
        known = event.folder == self.record.view.folder
        return self.training is not None and bool(event.resumed_from) and not known

    def _take_one(self, event: events.Event, moment: float) -> None:
        self.record.take(event, moment)
        if isinstance(event, events.Epoch):
            self.rate_asked = None

    def _recall(self, run: RunFolder, until: float, held: list[tuple[events.Event, float]]) -> None:
        """Take what the run did before a moment from its folder, then `held`; what comes meanwhile waits with it."""
        self._held = held
        self._reading = asyncio.create_task(self._read_before(run, until))

    async def _read_before(self, run: RunFolder, until: float) -> None:
        reader = EventReader(run.events)
        try:
            while part := await asyncio.to_thread(reader.read_new, PART):
                before = [(event, moment) for event, moment, _ in part if moment < until]
                for event, moment in before:
                    self._take_one(event, moment)
                self.changed()
                if len(before) < len(part):
                    break
        except WorkbenchError as error:
            self._app.notice(error, "warning")
        held, self._held = self._held or [], None
        for event, moment in held:
            self._take_one(event, moment)
        if self.training is not None:
            self._see_state(self.training)
