"""The queue on disk: a file with the trainings in their order, and a lock for each that is being trained.

saved/queue/
    queue.json    the trainings, the next one first
    .lock         held while that file is read and written
    .lock-3       held by the process that trains number 3, as long as it does

Several processes may work on one queue: an app, `kwb queue run` in another terminal. The locks are the operating
system's and end with a process however that ends; its training then waits again, and goes on from its checkpoint.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import IO

from workbench.atomic import file_error, write_bytes
from workbench.errors import FileError, WorkbenchError
from workbench.queue.entries import QueuedTraining, TrainingOrder, from_record
from workbench.storage.ownership import hold, holder, owner
from workbench.storage.run_folder import RunFolder, has_checkpoint
from workbench.storage.runs import summary_of

FOLDER = Path("saved") / "queue"
PATIENCE = (
    10.0  # seconds for another process that reads or writes the queue, which takes it some milliseconds
)
_FILE = "queue.json"


class QueueState(StrEnum):
    """What is with a training of the queue."""

    WAITING = "waiting"
    TRAINING = "training"
    FAILED = "failed"


@dataclass(frozen=True)
class QueueRow:
    """A training of the queue as it is now.

    Attributes:
        by: the process that trains it, in words.
    """

    training: QueuedTraining
    state: QueueState
    by: str = ""


class TrainingQueue:
    """The trainings that wait. Every call reads and writes the disk: from an app, in a thread.

    Args:
        folder: where it is kept.

    Raises:
        FileError: (every call) the queue cannot be read or written.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    @property
    def file(self) -> Path:
        return self.folder / _FILE

    def rows(self) -> list[QueueRow]:
        """All trainings, in their order."""
        if not self.file.exists():
            return []
        with self._locked():
            return [self._row(training) for training in self._read()]

    def add(self, order: TrainingOrder, *, first: bool = False) -> QueuedTraining:
        """Put a training into the queue, at its end or before all that wait."""
        with self._locked():
            every = self._read()
            number = max((each.number for each in every), default=0) + 1
            made = QueuedTraining(number, order, time.time())
            self._write([made, *every] if first else [*every, made])
        return made

    def remove(self, number: int) -> QueuedTraining:
        """Take a training out.

        Raises:
            WorkbenchError: there is none of this number, or it is being trained.
        """
        with self._locked():
            every = self._read()
            found = _find(every, number)
            if (row := self._row(found)).state is QueueState.TRAINING:
                raise WorkbenchError(
                    f"{number} '{found.name}' is being trained by {row.by}.",
                    hint=f"End it with: kwb stop {Path(found.run).name}" if found.run else "Stop it there.",
                )
            self._write([each for each in every if each.number != number])
        return found

    def move(self, number: int, *, to: int | None = None, by: int = 0) -> int:
        """Move a training to a place of the queue, from 0, or by some places. The nearest place where there is none.

        Returns:
            Its place now.

        Raises:
            WorkbenchError: there is none of this number.
        """
        with self._locked():
            every = self._read()
            found = _find(every, number)
            rest = [each for each in every if each.number != number]
            place = min(max(every.index(found) + by if to is None else to, 0), len(rest))
            self._write([*rest[:place], found, *rest[place:]])
        return place

    def again(self, number: int) -> QueuedTraining:
        """Let a training that failed wait once more; it goes on from its last checkpoint, if it has one.

        Raises:
            WorkbenchError: there is none of this number, or it has not failed.
        """
        with self._locked():
            every = self._read()
            found = _find(every, number)
            if not found.error:
                raise WorkbenchError(f"{number} '{found.name}' has not failed.")
            found = replace(found, error="")
            self._write([found if each.number == number else each for each in every])
        return found

    def take(self, number: int | None = None) -> Claim | None:
        """Take the next training that waits, or that of a number, to train it in this process.

        Returns:
            None where none waits.
        """
        if not self.file.exists():
            return None
        with self._locked():
            every = self._read()
            for training in every:
                if (
                    number not in (None, training.number)
                    or self._row(training).state is not QueueState.WAITING
                ):
                    continue
                known = _as_its_run_says(training)
                if known is None:
                    every = [each for each in every if each is not training]
                    self._write(every)
                    continue
                if known is not training:
                    self._write([known if each is training else each for each in every])
                lock = hold(self._lock_of(known.number))
                if lock is not None:
                    return Claim(self, known, lock)
        return None

    # ------------------------------------------------------------------ for claims

    def _change(self, number: int, change: Callable[[QueuedTraining], QueuedTraining | None]) -> None:
        with self._locked():
            every = [change(each) if each.number == number else each for each in self._read()]
            self._write([each for each in every if each is not None])

    # ------------------------------------------------------------------ the file

    def _row(self, training: QueuedTraining) -> QueueRow:
        by = holder(self._lock_of(training.number)) or ""
        if not by and training.run:
            by = owner(RunFolder(Path(training.run))) or ""
        if by:
            return QueueRow(training, QueueState.TRAINING, by)
        return QueueRow(training, QueueState.FAILED if training.error else QueueState.WAITING)

    def _lock_of(self, number: int) -> Path:
        return self.folder / f".lock-{number}"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.folder / ".lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise file_error(error, self.folder) from error
        file = hold(path, PATIENCE)
        if file is None:
            raise FileError(
                f"the queue cannot be read: {holder(path) or 'another process'} holds it.",
                where=str(self.file),
                hint="It may have been stopped (Ctrl-Z): let it go on, or end it.",
            )
        with file:
            yield

    def _read(self) -> list[QueuedTraining]:
        try:
            data = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise file_error(error, self.file, "read") from error
        except ValueError as error:
            raise FileError(
                f"the queue cannot be read: {error}.",
                where=str(self.file),
                hint="Correct the file, or delete it: the queue is empty then.",
            ) from error
        records = data.get("trainings") if isinstance(data, dict) else None
        if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
            raise FileError(
                "is no queue: it has no list of trainings.",
                where=str(self.file),
                hint="Correct the file, or delete it: the queue is empty then.",
            )
        return [from_record(each, str(self.file)) for each in records]

    def _write(self, trainings: Sequence[QueuedTraining]) -> None:
        content = {"v": 1, "trainings": [each.as_record() for each in trainings]}
        write_bytes(self.file, f"{json.dumps(content, indent=2, allow_nan=False)}\n".encode())
        numbers = {each.number for each in trainings}
        for path in self.folder.glob(".lock-*"):
            if path.name.removeprefix(".lock-").isdecimal() and int(path.name[6:]) not in numbers:
                with suppress(OSError):
                    path.unlink()


class Claim:
    """A training of the queue that this process trains. One of `done`, `failed` and `leave` ends it.

    Attributes:
        training: as it was taken.
    """

    def __init__(self, queue: TrainingQueue, training: QueuedTraining, lock: IO[str]) -> None:
        self.training = training
        self._queue = queue
        self._lock = lock

    def begun(self, run: Path) -> None:
        """Its run has this folder: should this process die, it goes on from there."""
        self._queue._change(self.training.number, lambda training: training.with_run(str(run.absolute())))

    def done(self) -> None:
        """It has come to its end, or was stopped: it leaves the queue. Its run is among the others."""
        try:
            self._queue._change(self.training.number, lambda training: None)
        finally:
            self.leave()

    def failed(self, error: WorkbenchError) -> None:
        """It stays in the queue, with the reason, until it is removed or is to be done again."""
        why = ": ".join(part for part in (error.where, error.what) if part)
        try:
            self._queue._change(self.training.number, lambda training: replace(training, error=why))
        finally:
            self.leave()

    def leave(self) -> None:
        """Let it wait again."""
        self._lock.close()


def _find(every: Sequence[QueuedTraining], number: int) -> QueuedTraining:
    for each in every:
        if each.number == number:
            return each
    known = ", ".join(str(each.number) for each in every)
    raise WorkbenchError(
        f"there is no training {number} in the queue.",
        hint=f"There are: {known}." if known else "The queue is empty.",
    )


def _as_its_run_says(training: QueuedTraining) -> QueuedTraining | None:
    """A training that nobody is at, as its run is by now; None where it came to its end while it was in the queue."""
    if not training.run:
        return training
    run = RunFolder(Path(training.run))
    if not run.recipe.is_file() or not has_checkpoint(run):  # from the beginning
        return training.with_run("")
    summary = summary_of(run)
    return None if summary.status == "done" and summary.last_event > training.added else training
