"""A training by several processes of this machine, as `training.session.Session` is one by this process."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench import events
from workbench.errors import ExitCode, TrainingError, WorkbenchError
from workbench.group.world import Heard, World
from workbench.recipe.document import Document, to_yaml
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder
from workbench.training.control import Control
from workbench.training.worker_checks import check_recipe

OnEvent = Callable[[events.Event, str], None]

LOOK_EVERY = 0.05  # seconds between two looks at what the user asks for
SILENT = 15.0  # seconds without a sign of life, after which a process is taken for lost
EXPLAIN = 3.0  # seconds in which the process that has caused another one's error is seen to be gone


@dataclass(frozen=True)
class PluginChoice:
    """What the catalog of each process is made with."""

    files: Sequence[Path] = ()
    blocked: Sequence[str] = ()


class LostProcessError(TrainingError):
    """A process of a training has ended, or does not answer any more."""


class GroupSession:
    """Runs one recipe in `train.workers` processes; see `Session`.

    Args:
        plugins: of the catalog.
        logs: the folder for what the processes print while they run.
        retraining: where a run is trained once more to compare, how it was trained: see `retrain`.
        on_receipt: called with each record of the receipt of that.
    """

    def __init__(
        self,
        document: Document,
        plugins: PluginChoice,
        on_event: OnEvent,
        *,
        runs_folder: Path,
        logs: Path,
        resume: RunFolder | None = None,
        fence: int = 0,
        retraining: Mapping[str, Any] | None = None,
        on_receipt: Callable[[Mapping[str, Any]], None] = lambda record: None,
    ) -> None:
        self.document = document
        self.control = Control()
        self._plugins = plugins
        self._on_event = on_event
        self._runs_folder = runs_folder
        self._logs = logs
        self._fence = fence
        self._elastic = document.recipe.train.elastic and retraining is None
        self._retraining = retraining
        self._on_receipt = on_receipt
        self._size = document.recipe.train.workers
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
            except LostProcessError as lost:
                if not self._elastic or self._size == 1 or not self._run:
                    raise
                self._size -= 1
                text = f"{lost.what} {self._size} of {self._size + 1} go on from the last checkpoint"
                message = events.Message("warning", text)
                with EventLog(RunFolder(Path(self._run))) as log:  # its processes have ended
                    line = log.append(message)
                self._on_event(message, line)

    def _train(self) -> events.Finished:
        """As `run`, until a process is lost.

        Raises:
            LostProcessError: that.
        """
        self._paused = self._stopped = False
        with _world(self._size, self._plugins, self._logs) as world:
            world.begin(self._training())
            while True:
                heard = world.hear(LOOK_EVERY)
                self._hand_on_requests(world)
                if heard is not None and (finished := self._take(heard, world)) is not None:
                    return finished
                if (silent := world.silent(SILENT)) is not None:
                    raise self._lost(world, silent, f"has not been heard of for {SILENT:g} s")

    def _training(self) -> dict[str, Any]:
        """What each process is to train."""
        resolved = self.document.resolved()
        return {
            "text": to_yaml({**resolved, "train": {**resolved["train"], "workers": self._size}}),
            "name": self.document.name,
            "folder": str(self.document.folder.absolute()),
            "runs": str(self._runs_folder),
            "resume": self._run or None,
            "fence": self._fence,
            "hold_after": list(self.control.holds),
            "retraining": self._retraining,
        }

    def _take(self, heard: Heard, world: World) -> events.Finished | None:
        """What a process has sent. The event of the end, once it has come and the chief has answered."""
        record = heard.record
        if record is None:
            raise self._lost(world, heard.rank, world.how_it_ended(heard.rank))
        if heard.rank == 0 and "run_steps" in record:
            world.send_steps(record)
        elif "event" in record:
            self._event(record)
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

    def _event(self, record: Mapping[str, Any]) -> None:
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
                raise self._lost(world, heard.rank, world.how_it_ended(heard.rank))
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
                self._event(heard.record)
            else:
                yield heard

    def _lost(self, world: World, rank: int, why: str) -> LostProcessError:
        epoch = f" after epoch {self._epoch}" if self._epoch else ""
        last = world.last_line(rank)
        return LostProcessError(
            f"process {rank + 1} of {world.size} {why}{epoch}.{f' Its last line was: {last}' if last else ''}",
            where=self.document.name,
            hint=f"`kwb --batch {self._run}` goes on from the last checkpoint, with as many processes as you like "
            "(`--workers N`)."
            if self._run
            else "",
        )

    def _of_another(self, world: World, error: WorkbenchError, rank: int) -> WorkbenchError:
        """An error of a process that the user knows nothing of: that of the chief, where it fails as well."""
        for heard in self._later(world):
            if heard.rank == 0 and heard.record is not None and "error" in heard.record:
                return self._own_place(_error_of(heard.record["error"]))
        where = self.document.name if error.where == "follow" else error.where
        what = f"process {rank + 1} of {world.size} failed: {error.what}"
        return TrainingError(what, where=where, hint=error.hint, origin=error.origin)

    def _own_place(self, error: WorkbenchError) -> WorkbenchError:
        """The error with the line of the recipe as the user wrote it; a process has it with all defaults."""
        found = re.fullmatch(rf"{re.escape(self.document.name)}:\d+: (.*)", error.where, re.DOTALL)
        return error.at(self.document.place(found[1])) if found else error


def _error_of(record: Mapping[str, Any]) -> WorkbenchError:
    """The error of an answer, with its exit code."""
    failed = record.get("exit_code") == ExitCode.FAILED
    return TrainingError.from_record(record) if failed else WorkbenchError.from_record(record)


@contextmanager
def _world(size: int, plugins: PluginChoice, logs: Path) -> Iterator[World]:
    """The processes; when the block is left, none of them is left."""
    arguments = [part for path in plugins.files for part in ("--plugin", str(Path(path).absolute()))]
    arguments += [part for name in plugins.blocked for part in ("--no-plugin", name)]
    world = World(size, arguments, logs, open_ports=os.environ.get("KWB_OPEN_PORTS") == "1")
    try:
        yield world
    finally:
        world.close()
