"""An agent: takes trainings from the journal of a search and does them, several at once, each in a process of its own.

The processes are forked from one that has loaded TensorFlow. Several agents, on one machine or many, may work on one
search: the journal decides who does what.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import events
from workbench.errors import RecipeError, TrainingError, WorkbenchError
from workbench.search import leases
from workbench.search.endings import state_at_end, state_where_left
from workbench.search.journal import JournalUnreachable, SearchJournal
from workbench.search.journal_thread import JournalThread
from workbench.search.place import Place
from workbench.search.pruning import comparisons, goes_on
from workbench.search.results import RunResult, result_of
from workbench.search.sampling import Sampler
from workbench.search.scheduling import Assignment, Scheduler
from workbench.search.space import Base, Settings
from workbench.search.state import Record, SearchState, TrialState, compared, died, ended, run_made
from workbench.search.taking_over import take_over
from workbench.search.trying import try_here, try_values
from workbench.storage.run_folder import RunFolder
from workbench.worker.client import Worker, WorkerDied

LOOK_EVERY = 0.3  # seconds between two looks for work, where there is none
LOOK_AT_LEAST_EVERY = 2.4  # the same, where nothing has happened here for a while
DEATHS = 3  # of one training, before it is given up
ALIKE = 5  # first trials that fail alike end the search
QUIT = 60.0  # seconds that a training has to end and to save when the search is interrupted

OnChange = Callable[[SearchState, int, int], None]
OnMessage = Callable[[str], None]


class Agent:
    """Works on a search until nothing is left to do.

    Args:
        base: the recipe of the search.
        journal: what was done and is being done.
        sampler: proposes values.
        place: where it works.
        workers: how many trainings at once.
        on_change: called with the state, a trial and a repetition, when that one has begun, was compared or has ended.
        on_message: called with what else a person should know.
    """

    def __init__(
        self,
        base: Base,
        journal: SearchJournal,
        sampler: Sampler,
        place: Place,
        *,
        workers: int,
        on_change: OnChange,
        on_message: OnMessage = lambda _: None,
    ) -> None:
        self._base = base
        self._journal = JournalThread(journal, on_message)
        self._place = place
        self._workers = workers
        self._on_change = on_change
        self._on_message = on_message
        self.name, record = leases.describe_agent(workers)
        self._record = {**record, "runs": str(place.runs.absolute())}
        self._leases = leases.Leases()
        self._scheduler = Scheduler(base, sampler, self.name, self._leases.dead, self._out_of_time)
        self._at: dict[tuple[int, int], Worker | None] = {}
        self._ended_here: set[tuple[int, int]] = set()
        self._starter = place.starter(self.name)
        self._stopping = False
        self._happened = asyncio.Event()

    @property
    def goal(self) -> Any:
        return self._base.search.goal if self._base.search is not None else None

    async def run(self) -> SearchState:
        """Work, and give the state at the end.

        Raises:
            WorkbenchError: the recipe cannot be trained, whatever the values; or the journal cannot be used.
        """
        self._starter.prepare()
        beside: list[asyncio.Task[None]] = []
        try:
            state = await self._journal.update(lambda _: [self._record])
            sound = next((trial for trial in state.trials if trial.state is not TrialState.FAILED), None)
            if not state.trials or (sound is not None and leases.is_new_here(self._record, state)):
                worker = await self._child(asyncio.Queue())
                try:
                    if sound is not None:
                        await try_here(self._base, worker, sound.settings)
                    else:
                        await try_values(self._base, worker)
                finally:
                    worker.kill()
                    await worker.gone()
            beside += [
                asyncio.create_task(self._journal.beat(self.name, self._leases, self._heed)),
                asyncio.create_task(self._journal.watch(self._end_all)),
            ]
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(self._work())
        except BaseExceptionGroup as errors:  # of several workers, each the error of its own
            raise errors.exceptions[0] from None
        finally:
            for task in beside:
                task.cancel()
            self._journal.lose_patience()
            with suppress(WorkbenchError):
                await self._journal.update(lambda _: [{"kind": "left", "agent": self.name}])
            self._starter.close()
            self._journal.close()
        return self._journal.state

    def stop(self) -> None:
        """End: each training stops after its batch, and can go on later."""
        self._stopping = True
        self._happened.set()
        self._journal.lose_patience()
        for worker in self._at.values():
            if worker is not None and worker.alive:
                worker.send("stop")

    # ------------------------------------------------------------------ trainings

    async def _work(self) -> None:
        try:
            await self._train_all()
        except JournalUnreachable:
            if not self._stopping:
                raise

    async def _train_all(self) -> None:
        wait = LOOK_EVERY
        while not self._stopping:
            assignment = await self._next()
            if assignment is None:
                if self._scheduler.finished(self._journal.state):
                    return
                wait = (
                    LOOK_EVERY if await self._something_happens(wait) else min(2 * wait, LOOK_AT_LEAST_EVERY)
                )
                continue
            wait = LOOK_EVERY
            key = (assignment.trial, assignment.repetition)
            try:
                await self._train(assignment)
            finally:
                self._at.pop(key, None)
                self._ended_here.discard(key)
                self._happened.set()

    async def _something_happens(self, seconds: float) -> bool:
        """Wait until a training here has changed the state; False if none does within these seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._happened.wait()
        except TimeoutError:
            return False
        self._happened.clear()
        return True

    async def _next(self) -> Assignment | None:
        found: Assignment | None = None

        def decide(state: SearchState) -> list[Record]:
            nonlocal found
            if found is not None:  # it could not be written
                self._at.pop((found.trial, found.repetition), None)
            found, records = self._scheduler.next(state, list(self._at))
            if found is not None:
                self._at[found.trial, found.repetition] = None
            return records

        if self._journal.cut_off:
            return None
        await self._journal.update(decide)
        return found

    async def _train(self, assignment: Assignment) -> None:
        trial, repetition = assignment.trial, assignment.repetition
        state = self._journal.state
        self._on_change(state, trial, repetition)
        if assignment.run and not RunFolder(Path(assignment.run)).events.is_file():
            self._on_message(
                f"trial {trial} begins again from the start: its run {assignment.run} is not on this machine"
            )
            assignment = replace(assignment, run="")
        if assignment.run:
            run_folder = RunFolder(Path(assignment.run))
            await take_over(run_folder, assignment.fence, lambda: self._stopping)
        known = result_of(assignment.run, self.goal)
        if known is None and state.trials[trial].repetitions[repetition].pruned_by_hand:
            known = RunResult()
        if (
            known is not None
            and (over := state_where_left(known, self._base, state.trials, trial, repetition)) is not None
        ):
            await self._end(trial, repetition, known, over)  # who trained it died before it could say so
            return
        settings = state.trials[trial].settings
        queue: asyncio.Queue[events.Event | None] = asyncio.Queue()
        worker = await self._child(queue)
        self._at[trial, repetition] = worker
        if self._stopping or self._journal.cut_off:
            worker.kill()
            await worker.gone()
            return
        order: dict[str, Any] = {
            "text": self._base.text,
            "name": self._base.document.name,
            "folder": str(self._base.document.folder.absolute()),
            "overrides": self._base.overrides(trial, settings, repetition),
            "runs": str(self._place.runs.absolute()),
        }
        if assignment.run:
            order["resume"] = assignment.run
        order["fence"] = assignment.fence
        compare_after = self._compare_after(settings) if repetition == 0 else ()
        order["hold_after"] = compare_after
        order["here"] = (
            True  # another agent may train at the same time, and there is one port for other machines
        )
        error: WorkbenchError | None = None
        try:
            reply = worker.send("train", **order)
            reply.add_done_callback(lambda _: queue.put_nowait(None))  # nothing more comes
            run, pruned = await self._follow(
                queue, worker, trial, repetition, run=assignment.run, compare_after=compare_after
            )
            await reply
        except WorkbenchError as raised:
            if not reply.done() or reply.exception() is not raised:
                raise
            error, run, pruned = raised, self._journal.state.trials[trial].repetitions[repetition].run, False
        finally:
            await worker.quit(QUIT)
        if self._stopping or (isinstance(error, WorkerDied) and await self._begins_again(trial, repetition)):
            return  # it is still running, as the journal has it: somebody goes on with it
        result = result_of(run, self.goal) or RunResult()
        if error is not None:
            await self._end(trial, repetition, result, TrialState.FAILED, why=error.what)
            self._on_failures(error)
        else:
            by_hand = self._journal.state.trials[trial].repetitions[repetition].pruned_by_hand
            over = state_at_end(result, pruned=pruned, by_hand=by_hand)
            await self._end(trial, repetition, result, over)

    async def _begins_again(self, trial: int, repetition: int) -> bool:
        """True if a training whose process ended by itself is to go on from its checkpoint."""
        if (trial, repetition) in self._ended_here:
            return True
        state = await self._journal.update(lambda _: [died(self.name, trial, repetition)])
        return state.trials[trial].repetitions[repetition].deaths < DEATHS

    async def _follow(
        self,
        queue: asyncio.Queue[events.Event | None],
        worker: Worker,
        trial: int,
        repetition: int,
        *,
        run: str,
        compare_after: Sequence[int],
    ) -> tuple[str, bool]:
        """Take the events of a training: the folder of its run, and whether it was pruned."""
        pruned = False
        before = result_of(run, self.goal)
        best = before.value if before is not None else None
        while True:
            event = await queue.get()
            if isinstance(event, events.RunStarted):
                run = event.folder
                await self._journal.update(lambda _, run=run: [run_made(self.name, trial, repetition, run)])  # type: ignore[misc]
            elif isinstance(event, events.Epoch) and self.goal is not None:
                best = self._better(best, event.logs)
                if event.epoch in compare_after:
                    pruned = not await self._compare(trial, repetition, event.epoch, best)
                    worker.send("stop" if pruned else "resume")
            elif event is None:
                return run, pruned

    def _compare_after(self, settings: Settings) -> tuple[int, ...]:
        prune = self._base.search.prune if self._base.search is not None else None
        return comparisons(prune, self._base.epochs(settings))

    def _better(self, best: float | None, logs: Any) -> float:
        value = logs.get(self.goal.name)
        if value is None:
            known = ", ".join(logs)
            raise RecipeError(
                f"the logs of an epoch have no '{self.goal.name}' ({known}).",
                where=self._base.document.place_of(("search", "goal")),
                hint="`val_` values need a validation part." if self.goal.name.startswith("val_") else "",
            )
        sign = self.goal.sign
        return float(value) if best is None or not sign * value >= sign * best else best

    async def _compare(self, trial: int, repetition: int, epoch: int, best: float | None) -> bool:
        """True if the trial goes on."""
        search = self._base.search
        assert search is not None
        assert search.prune is not None
        assert best is not None
        state = await self._journal.update(lambda _: [compared(self.name, trial, repetition, epoch, best)])
        self._on_change(state, trial, repetition)
        return goes_on(state.trials, trial, epoch, search.prune, search.goal.sign)

    async def _end(
        self, trial: int, repetition: int, result: RunResult, state: TrialState, *, why: str = ""
    ) -> None:
        known: dict[str, Any] = {
            "epoch": result.epoch,
            "value": result.value,
            "seconds": result.seconds,
            "early": result.ended_early,
            "why": why,
        }
        known |= {"logs": result.logs, "evaluation": result.evaluation}
        found = await self._journal.update(lambda _: [ended(self.name, trial, repetition, state, **known)])
        self._happened.set()
        self._on_change(found, trial, repetition)

    def _on_failures(self, error: WorkbenchError) -> None:
        """End a search of which nothing else is to be expected."""
        trials = self._journal.state.trials
        failed = [trial for trial in trials if trial.state is TrialState.FAILED]
        over = [trial for trial in trials if trial.state.over or trial.state is TrialState.PRUNED]
        if len(failed) >= ALIKE and len(over) == len(failed) and len({trial.why for trial in failed}) == 1:
            raise TrainingError(
                f"the first {len(failed)} trials failed alike: {error.what}",
                where=error.where,
                hint=error.hint,
            )

    # ------------------------------------------------------------------ children and the journal

    async def _child(self, queue: asyncio.Queue[events.Event | None]) -> Worker:
        return await self._starter.start(lambda event, moment, run: queue.put_nowait(event))

    def _out_of_time(self, state: SearchState) -> bool:
        limit = self._base.search.limit if self._base.search is not None else None
        return limit is not None and state.began > 0 and time.time() - state.began > limit.hours * 3600

    def _heed(self, state: SearchState) -> None:
        """End the trainings that another agent has taken over, which took this one for dead; stop those that a person
        has pruned, after their batch and saved."""
        for (trial, repetition), worker in self._at.items():
            if worker is None or not worker.alive:
                continue
            known = state.trials[trial].repetitions[repetition]
            if known.owner != self.name:
                self._ended_here.add((trial, repetition))
                worker.kill()
            elif known.pruned_by_hand:
                worker.send("stop")

    def _end_all(self) -> None:
        """End the trainings here: others take this agent for dead soon, and go on with them."""
        for key, worker in self._at.items():
            self._ended_here.add(key)
            if worker is not None:
                worker.kill()
