"""A training by several processes, as `training.session.Session` is one by this process."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench import events
from workbench.errors import ExitCode, TrainingError, WorkbenchError
from workbench.group.pools import Pool
from workbench.group.sameness import Sameness
from workbench.group.world import Heard, World
from workbench.recipe.document import Document, to_yaml
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import open_run
from workbench.training.control import Control
from workbench.training.kept_findings import read_states, streamed_before
from workbench.training.worker_checks import check_recipe

OnEvent = Callable[[events.Event, str], None]

LOOK_EVERY = 0.05  # seconds between two looks at what the user asks for
SILENT = 15.0  # seconds without a sign of life, after which a process is taken for lost
IDLE = 60.0  # seconds in which no process computes, after which that is said
EXPLAIN = 3.0  # seconds in which the process that has caused another one's error is seen to be gone


class LostProcessError(TrainingError):
    """A process of a training has ended, or does not answer any more.

    Attributes:
        rank: its number, from 0.
    """

    rank = 0


class _Regroup(Exception):
    """Go on from the checkpoint that was just written, with the processes that there are now."""


class GroupSession:
    """Runs one recipe in several processes; see `Session`.

    Args:
        pool: where they come from.
        retraining: where a run is trained once more to compare, how it was trained: see `retrain`.
        on_receipt: called with each record of the receipt of that.
    """

    def __init__(
        self,
        document: Document,
        pool: Pool,
        on_event: OnEvent,
        *,
        runs_folder: Path,
        resume: RunFolder | None = None,
        fence: int = 0,
        retraining: Mapping[str, Any] | None = None,
        on_receipt: Callable[[Mapping[str, Any]], None] = lambda record: None,
    ) -> None:
        self.document = document
        self.control = Control()
        self._pool = pool
        self._on_event = on_event
        self._runs_folder = runs_folder
        self._fence = fence
        self._elastic = document.recipe.train.elastic and retraining is None
        self._retraining = retraining
        self._on_receipt = on_receipt
        self._run = str(resume.path) if resume else ""
        self._epoch = 0
        self._paused = False
        self._stopped = False

    def run(self) -> events.Finished:
        """Train, evaluate, save.

        Raises:
            WorkbenchError: as `Session.run`; or a process was lost.
        """
        try:
            check_recipe(self.document.recipe)
        except WorkbenchError as error:
            raise self.document.located(error) from error
        while True:
            try:
                return self._train()
            except _Regroup:
                continue
            except LostProcessError as lost:
                if not self._elastic or not self._run or not self._pool.lose(lost.rank):
                    raise
                self._say("warning", f"{lost.what} The others go on from the last checkpoint", logged=True)

    def _train(self) -> events.Finished:
        """As `run`, until a process is lost, or others are to train.

        Raises:
            LostProcessError, _Regroup: that.
        """
        self._paused = self._stopped = self._saving = self._idle = False
        with closing(self._pool.world(self.control)) as world:
            self._sameness = Sameness(world, self.document.name)
            world.begin(self._training(world.size))
            while True:
                heard = world.hear(LOOK_EVERY)
                self._hand_on_requests(world)
                self._pool.look()
                if heard is not None and (finished := self._take(heard, world)) is not None:
                    return finished
                if (silent := world.silent(SILENT)) is not None:
                    raise self._lost(world, silent, f"has not been heard of for {SILENT:g} s")
                self._say_idle(world)

    def _training(self, size: int) -> dict[str, Any]:
        """What each process is to train."""
        resolved = self.document.resolved()
        run = open_run(self._run) if self._run else None
        return {
            "text": to_yaml({**resolved, "train": {**resolved["train"], "workers": size}}),
            "name": self.document.name,
            "folder": str(self.document.folder.absolute()),
            "runs": str(self._runs_folder),
            "resume": self._run or None,
            # Of the run that goes on, whose folder another machine does not have.
            "streamed": streamed_before(run) if run else (self._retraining or {}).get("streamed"),
            "states": read_states(run) if run else None,
            "fence": self._fence,
            "hold_after": list(self.control.holds),
            "retraining": self._retraining,
        }

    def _take(self, heard: Heard, world: World) -> events.Finished | None:
        """What a process has sent. The event of the end, once it has come and the chief has answered."""
        record = heard.record
        if record is None:
            raise self._lost(world, heard.rank, world.members[heard.rank].how_it_ended())
        if heard.rank == 0 and "run_steps" in record:
            self._sameness.send_steps(record)
        elif "goes_in" in record:
            self._sameness.take(heard.rank, record["goes_in"])
        elif "leaving" in record:
            self._leaving(world, heard.rank, record["leaving"])
        elif "event" in record:
            self._event(record, world)
        elif "receipt" in record:
            self._on_receipt(record["receipt"])
        elif "lost" in record:
            self._explain(world, heard.rank, record["lost"])
        elif "error" in record:
            error = self._own_place(_error_of(record["error"]))
            raise error if heard.rank == 0 else self._of_another(world, error, heard.rank)
        elif heard.rank == 0 and record.get("reply") == "train":
            return self._finished
        return None

    def _event(self, record: Mapping[str, Any], world: World) -> None:
        """Hand on an event of the chief; the others have none."""
        if (known := events.from_record(record)) is None:
            return
        event, moment, run = known
        match event:
            case events.RunStarted():
                self._run = event.folder
            case events.Epoch():
                self._epoch = event.epoch
            case events.Finished():
                self._finished = event
            case events.Failed():
                where = self._own_place(WorkbenchError.from_record(event.error)).where
                event = replace(event, error={**event.error, "where": where})
        self._on_event(event, events.to_json(event, run, moment))
        if isinstance(event, events.Epoch) and self._elastic and self._pool.grown:
            self._save_to_regroup(world)
        elif isinstance(event, events.Checkpoint) and self._saving:
            raise _Regroup

    def _save_to_regroup(self, world: World) -> None:
        if not self._saving and not self._stopped:
            self._saving = True
            world.send_request("save")

    def _leaving(self, world: World, rank: int, why: str) -> None:
        """A process says that it has to go: nothing is lost, if it can wait for a checkpoint."""
        if self._elastic and self._pool.lose(rank):
            self._say("warning", f"{world.name(rank)} leaves: {why}. The others go on without it")
            self._save_to_regroup(world)
        else:
            self._say("warning", f"{world.name(rank)} leaves: {why}. Stopping after this batch, saved")
            self.control.stop("interrupted")

    def _say(self, level: Any, text: str, *, logged: bool = False) -> None:
        """Say something of the processes.

        Args:
            logged: among the run's own events too; only where none of its processes is there, which write them.
        """
        message = events.Message(level, text)
        line = events.to_json(message, Path(self._run).name)
        if logged:
            with EventLog(RunFolder(Path(self._run))) as log:
                line = log.append(message)
        self._on_event(message, line)

    def _say_idle(self, world: World) -> None:
        """Say once each time that all wait: for slow data, or for a sum that one of them has not asked for."""
        idle = world.idle() > IDLE and not self._paused
        if idle and not self._idle:
            text = f"for {IDLE:g} s no process has computed anything: they wait for data, or for each other"
            self._say("warning", text)
        self._idle = idle

    def _hand_on_requests(self, world: World) -> None:
        """Hand on what the user asks for."""
        control = self.control
        if (rate := control.take_learning_rate()) is not None:
            world.send_request("set_learning_rate", value=rate)
        if control.take_save():
            world.send_request("save")
        if control.stop_requested and not self._stopped:
            self._stopped = True
            world.send_request("stop", status=control.stop_requested)
        if control.paused != self._paused and not self._stopped:
            self._paused = control.paused
            world.send_request("pause" if self._paused else "resume")

    def _explain(self, world: World, rank: int, text: str) -> None:
        """A process has found that it cannot reach another one: which of them is gone?"""
        for heard in self._later(world):
            if heard.record is None:
                raise self._lost(world, heard.rank, world.members[heard.rank].how_it_ended())
        if (silent := world.silent(2 * EXPLAIN)) is not None:
            raise self._lost(world, silent, "does not answer any more")
        raise self._lost(world, rank, f"cannot reach the others: {text}")

    def _later(self, world: World) -> Iterator[Heard]:
        """What else comes within a few seconds; events are handed on."""
        end = time.monotonic() + EXPLAIN
        while time.monotonic() < end:
            heard = world.hear(LOOK_EVERY)
            if heard is None:
                continue
            if heard.record is not None and "event" in heard.record:
                self._event(heard.record, world)
            else:
                yield heard

    def _lost(self, world: World, rank: int, why: str) -> LostProcessError:
        epoch = f" after epoch {self._epoch}" if self._epoch else ""
        last = world.members[rank].last_line()
        error = LostProcessError(
            f"{world.name(rank)} {why}{epoch}.{f' Its last line was: {last}' if last else ''}",
            where=self.document.name,
            hint=f"`kwb --batch {self._run}` goes on from the last checkpoint, with as many processes as you like "
            "(`--workers N`)."
            if self._run
            else "",
        )
        error.rank = rank
        return error

    def _of_another(self, world: World, error: WorkbenchError, rank: int) -> WorkbenchError:
        """An error of a process that the user knows nothing of: that of the chief, where it fails as well."""
        for heard in self._later(world):
            if heard.rank == 0 and heard.record is not None and "error" in heard.record:
                return self._own_place(_error_of(heard.record["error"]))
        where = self.document.name if error.where == "follow" else error.where
        what = f"{world.name(rank)} failed: {error.what}"
        return TrainingError(what, where=where, hint=error.hint, origin=error.origin)

    def _own_place(self, error: WorkbenchError) -> WorkbenchError:
        """The error with the line of the recipe as the user wrote it; a process has it with all defaults."""
        found = re.fullmatch(rf"{re.escape(self.document.name)}:\d+: (.*)", error.where, re.DOTALL)
        return error.at(self.document.place(found[1])) if found else error


def _error_of(record: Mapping[str, Any]) -> WorkbenchError:
    """The error of an answer, with its exit code."""
    failed = record.get("exit_code") == ExitCode.FAILED
    return TrainingError.from_record(record) if failed else WorkbenchError.from_record(record)
