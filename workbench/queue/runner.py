"""`kwb queue run`: train what waits in the queue, several at once, until nothing waits any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workbench import events
from workbench.errors import TrainingError, WorkbenchError
from workbench.queue.entries import QueuedTraining
from workbench.queue.store import Claim, TrainingQueue
from workbench.storage.ownership import owner
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary, summary_of
from workbench.worker.client import Worker
from workbench.worker.starting import WorkerStarter

LOOK_EVERY = 1.0  # seconds between two looks, where others are still training or are waited for
QUIT = 60.0  # seconds that a training has to end and to save when the runner is stopped


@dataclass(frozen=True)
class QueueProgress:
    """What has happened to a training of the queue.

    Attributes:
        state: `training`, `failed`, `interrupted` (it waits again), or as its run ended: `done`, `stopped`.
        run: its run's folder, once it is known.
        error: why it failed.
        summary: of its run, where that has ended.
    """

    training: QueuedTraining
    state: str
    run: Path | None = None
    error: WorkbenchError | None = None
    summary: RunSummary | None = None


class QueueRunner:
    """Trains what waits.

    Args:
        queue: where it waits.
        starter: starts a child for each training.
        runs: where run folders are made.
        workers: trainings at once.
        on_progress: called with what happens to each training.
    """

    def __init__(
        self,
        queue: TrainingQueue,
        starter: WorkerStarter,
        runs: Path,
        *,
        workers: int,
        on_progress: Callable[[QueueProgress], None],
    ) -> None:
        self._queue = queue
        self._starter = starter
        self._runs = runs
        self._workers = workers
        self._on_progress = on_progress
        self._children: set[Worker] = set()
        self._busy = 0  # of the workers, those that train or look for a training
        self._stopped = asyncio.Event()

    async def run(self, *, after: Sequence[RunFolder] = ()) -> None:
        """Train until nothing waits any more.

        Args:
            after: runs whose end is waited for first.

        Raises:
            WorkbenchError: the queue cannot be used, or no child can be started.
        """
        try:
            while not self._stopped.is_set() and any([await asyncio.to_thread(owner, run) for run in after]):
                await self._pause()
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
        except BaseExceptionGroup as errors:  # of several, each the error of its own
            raise errors.exceptions[0] from None
        finally:
            self._starter.close()

    def stop(self) -> None:
        """End: each training stops after its batch, is saved, and waits in the queue to go on."""
        self._stopped.set()
        for worker in self._children:
            if worker.alive:
                worker.send("stop")

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), LOOK_EVERY)

    async def _work(self) -> None:
        while not self._stopped.is_set():
            self._busy += 1
            try:
                claim = await asyncio.to_thread(self._queue.take)
                if claim is not None:
                    try:
                        await self._train(claim)
                    finally:
                        claim.leave()
            finally:
                self._busy -= 1
            if claim is None:
                if not self._busy:
                    return
                await self._pause()  # more may be added while others still train

    async def _train(self, claim: Claim) -> None:
        training, run = claim.training, [claim.training.run] if claim.training.run else []

        def take(event: events.Event, moment: float, name: str) -> None:
            if isinstance(event, events.RunStarted):
                run[:] = [event.folder]
                claim.begun(Path(event.folder))
                self._on_progress(QueueProgress(training, "training", Path(event.folder)))

        try:
            worker = await self._starter.start(take)
        except OSError as error:
            raise TrainingError(f"the training process cannot be started: {error}.") from error
        self._children.add(worker)
        failure: WorkbenchError | None = None
        try:
            if not self._stopped.is_set():
                await worker.call("train", **training.order.arguments, runs=str(self._runs.absolute()))
        except WorkbenchError as error:
            failure = error
        finally:
            await worker.quit(QUIT)
            self._children.discard(worker)
        folder = Path(run[0]) if run else None
        summary = await asyncio.to_thread(summary_of, RunFolder(folder)) if folder else None
        if failure is not None:
            await asyncio.to_thread(claim.failed, failure)
            self._on_progress(QueueProgress(training, "failed", folder, failure, summary))
        elif self._stopped.is_set() and (summary is None or summary.status != "done"):
            self._on_progress(QueueProgress(training, "interrupted", folder, summary=summary))
        else:
            await asyncio.to_thread(claim.done)
            state = summary.status if summary is not None else "done"
            self._on_progress(QueueProgress(training, state, folder, summary=summary))
