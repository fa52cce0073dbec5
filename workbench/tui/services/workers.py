"""The worker's children in the app: one is always ready for assembling, and each training has its own.

Where children can be forked (see `workbench.worker.fork_server`), a training has a child of its own, which is started
before it is needed and has done nothing yet.
Elsewhere it uses the warm child: the next one is started when it is wanted, and a child that has finished a training
becomes the warm one again if there is no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from workbench.children import Start
from workbench.errors import TrainingError, WorkbenchError
from workbench.spawning import CAN_FORK, ForkServer
from workbench.tui.context import LiveTraining, TrainableRecipe, TrainingState, WorkerState
from workbench.tui.messages import (
    SharedMessage,
    TrainingChanged,
    TrainingEvents,
    TrainingStarted,
    WorkerChanged,
)
from workbench.tui.services.training import Training
from workbench.worker.client import Worker, WorkerDied
from workbench.worker.starting import WorkerStarter

LAST_ANSWER = 3600.0  # seconds that a child in whose place another was put has for what it was asked before


class WorkerService:
    """Children and trainings.

    Args:
        post: takes `WorkerChanged`, `TrainingStarted`, `TrainingEvents`, `TrainingChanged`.
        log_folder: where each child's log is written.
        working_directory: the children's current folder.
        runs_folder: where run folders are made.
        plugin_files, blocked: as for the catalog.
        fork_server: forks the children, and is its owner's to close; None for one of the service's own.
    """

    def __init__(
        self,
        post: Callable[[SharedMessage], None],
        *,
        log_folder: Path,
        working_directory: Path,
        runs_folder: Path,
        plugin_files: Sequence[Path] = (),
        blocked: Sequence[str] = (),
        fork_server: ForkServer | None = None,
    ) -> None:
        self._post = post
        self._runs_folder = runs_folder
        self._starter = WorkerStarter(
            log_folder,
            plugin_files=plugin_files,
            blocked=blocked,
            folder=working_directory,
            fork_server=fork_server,
        )
        self._warm: Worker | None = None
        self._next: Worker | None = None  # for the next training
        self._starting: asyncio.Task[None] | None = None
        self._closed = False
        self._calls = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self.state = WorkerState.OFF
        self.error: WorkbenchError | None = None
        self.versions: dict[str, Any] = {}
        self.training: LiveTraining | None = None  # shown on the train screen
        self.trainings: list[Training] = []

    # ------------------------------------------------------------------ the warm child

    def warm_up(self) -> None:
        """Start the warm child in the background, if there is none."""
        self._spawn(self._warm_up())

    async def call(self, command: str, **arguments: Any) -> Any:
        """Ask the warm child; wait for it to be ready first.

        See `workbench.worker.commands`: examine, describe, scan, load, evaluate, predict ...

        Raises:
            WorkbenchError: what the child answered. `WorkerDied` where it ended: another is started, and what was
                asked is not asked again, for it may be what ended it.
        """
        worker = await self._ready()
        self._calls += 1
        self._show(WorkerState.BUSY)
        try:
            return await worker.call(command, **arguments)
        finally:
            self._calls -= 1
            if not self._calls and worker is self._warm and worker.alive:
                self._show(WorkerState.READY)

    async def call_apart(self, command: str, **arguments: Any) -> Any:
        """Ask a child of its own, for what lasts: the warm one stays free. A caller that is cancelled ends the child.

        Raises:
            WorkbenchError: what the child answered; `WorkerDied` where it ended.
        """
        async with self.child_apart() as worker:
            return await worker.call(command, **arguments)

    @asynccontextmanager
    async def child_apart(self) -> AsyncIterator[Worker]:
        """A child of its own, for several questions about what it keeps; it ends with the block.

        Raises:
            WorkbenchError: it cannot be started.
        """
        worker = await self._new_child()
        try:
            await worker.ready
            yield worker
        finally:
            worker.kill()
            await worker.gone()

    def start_child(self) -> Start:
        """How a child is started that is none of a training: as those are, forked where that is possible."""
        return self._starter.start_child()

    async def restart(self) -> None:
        """End the warm child and start another, for instance after a plugin file was edited."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        if (worker := self._warm) is not None:
            self._warm = None
            worker.kill()
            await worker.gone()
        self._show(WorkerState.OFF)
        await self._warm_up()

    async def renew(self) -> None:
        """Start another warm child, which reads the plugin files again. The one before ends when it has answered what
        it was asked."""
        if self._starting is not None:
            await asyncio.wait([self._starting])
        before, self._warm = self._warm, None
        if before is not None and before.alive:
            if self._calls:
                self._spawn(before.quit(grace=LAST_ANSWER))
            else:  # it has nothing to answer; what it is at may never end
                before.kill()
        await self._warm_up()

    async def _warm_up(self) -> None:
        with suppress(WorkbenchError):  # reported by the state, and by the next call
            await self._ready()

    async def _ready(self) -> Worker:
        """The warm child, once it has imported TensorFlow.

        What is waited for is shielded: one caller may be cancelled while others wait for the same child.
        """
        while True:
            if self._warm is None or not self._warm.alive:
                if self._starting is None:
                    self._starting = asyncio.create_task(self._start())
                    self._starting.add_done_callback(_seen)
                await asyncio.shield(self._starting)
            worker = self._warm
            if worker is None:
                continue
            self.versions = await asyncio.shield(worker.ready)
            if worker is self._warm:  # a training may have taken it meanwhile
                if self.state is WorkerState.STARTING:
                    self._show(WorkerState.READY)
                return worker

    async def _start(self) -> None:
        self._show(WorkerState.STARTING)
        try:
            self._warm = await self._new_child()
        except WorkbenchError as error:
            self._show(WorkerState.DEAD, error)
            raise
        finally:
            self._starting = None
        self._spawn(self._attend(self._warm))
        if CAN_FORK and self._next is None:
            self._spawn(self._have_next())

    async def _have_next(self) -> None:
        """Fork the child of the next training; without one, the training forks it itself."""
        with suppress(WorkbenchError):
            self._next = await self._new_child()

    async def _new_child(self) -> Worker:
        try:
            return await self._starter.start(lambda event, moment, run: None)
        except OSError as error:
            raise TrainingError(f"the worker process cannot be started: {error}.") from error

    async def _attend(self, worker: Worker) -> None:
        """Wait for a child's end. If it was the warm one and had been ready, another is started."""
        error = await asyncio.shield(worker.died)
        if worker is not self._warm:
            return
        self._warm = None
        was_ready = worker.ready.done() and not worker.ready.exception()
        self._show(WorkerState.DEAD, error or WorkerDied("the worker process has ended."))
        if was_ready:
            await self._warm_up()

    def _show(self, state: WorkerState, error: WorkbenchError | None = None) -> None:
        self.error = error
        if state is not self.state:
            self.state = state
            self._post(WorkerChanged(state))

    def log_tail(self) -> str:
        """The last lines that the warm child printed."""
        return self._warm.log_tail() if self._warm is not None else ""

    # ------------------------------------------------------------------ training

    def train(self, recipe: TrainableRecipe, *, show: bool = True, **arguments: Any) -> Training:
        """Start training a recipe; what becomes of it comes as messages.

        Args:
            recipe: the open recipe.
            show: have the train screen show it.
            arguments: more for the `train` command.
        """
        training = Training(
            recipe.name,
            on_events=lambda training, batch: self._post(TrainingEvents(training, batch)),
            on_change=lambda training: self._post(TrainingChanged(training)),
        )
        self.trainings = [*self.live, training]
        order = {"text": recipe.text, "name": recipe.name, "folder": str(recipe.folder)} | arguments
        order["runs"] = str(self._runs_folder)
        # A child that is there has its order before the screen is drawn, which holds up the loop.
        worker, self._next = self._next, None
        reply = self._order(training, worker, order) if worker is not None and worker.alive else None
        self._spawn(self._train(training, order, reply))
        if show:
            self.show(training)
        elif self.training is None or not self.training.state.live:
            self.training = training
        return training

    @property
    def live(self) -> list[Training]:
        """The trainings of this app that have not ended."""
        return [training for training in self.trainings if training.state.live]

    def show(self, training: LiveTraining) -> None:
        """Make a training the one that the train screen shows."""
        self.training = training
        self._post(TrainingStarted(training))

    def _order(self, training: Training, worker: Worker, order: dict[str, Any]) -> asyncio.Future[Any]:
        training.worker, training.log = worker, worker.log
        worker.on_event = lambda event, moment, run: training.take(event, moment)
        return worker.send("train", **order)

    async def _train(
        self, training: Training, order: dict[str, Any], reply: asyncio.Future[Any] | None
    ) -> None:
        try:
            await (reply or self._order(training, await self._child_for_training(), order))
        except WorkbenchError as error:
            if training.state is not TrainingState.DETACHED:
                training.change(TrainingState.FAILED, error)
        else:
            training.change(TrainingState.FINISHED)
        finally:
            self._hand_back(training)

    async def _child_for_training(self) -> Worker:
        if CAN_FORK:
            return await self._new_child()
        worker = await self._ready()
        self._warm = None
        self._show(WorkerState.OFF)
        return worker

    def _hand_back(self, training: Training) -> None:
        """After a training its child, with TensorFlow loaded, is the warm one again, or it is not needed."""
        worker = training.worker
        if CAN_FORK and self._next is None and not self._closed:
            self._spawn(self._have_next())
        if worker is None or training.state is TrainingState.DETACHED:
            return
        if self._warm is None and worker.alive and not CAN_FORK:
            worker.on_event = lambda event, moment, run: None
            self._warm = worker
            self._show(WorkerState.READY)
        elif worker.alive:
            self._spawn(worker.quit())
        elif not CAN_FORK:
            self.warm_up()

    # ------------------------------------------------------------------ the end

    async def close(self) -> None:
        """End every child. A training that still runs here is stopped after its batch and saved."""
        self._closed = True
        idle = [worker for worker in (self._warm, self._next) if worker is not None]
        self._warm = self._next = None
        for worker in idle:
            worker.kill()  # it holds nothing that could be lost
            await worker.gone()
        working = [training.worker for training in self.live if training.worker is not None]
        await asyncio.gather(*(worker.quit(grace=60.0) for worker in working))
        self._starter.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _seen(task: asyncio.Task[None]) -> None:
    """Look at a task's end: when the app is left while a child starts, nobody else does, and Python says so."""
    if not task.cancelled():
        task.exception()
