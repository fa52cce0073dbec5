"""Run folders: what a training run leaves on disk, who owns it while it runs, and how it ended.

saved/runs/<name>-<stamp>/
    recipe.yaml        the recipe as resolved
    environment.json   versions, plugins, seed, git revision
    events.jsonl       the event stream, a line an event; its last line may be torn by a crash
    checkpoints/       generations of the run's state
    model.keras        the trained model
    .lock              held by the process that owns the run
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench import events
from workbench.errors import FileError
from workbench.storage.atomic import file_error, write_bytes

TimedEvent = tuple[events.Event, float, str]

_TAIL = 1 << 20  # bytes read at the end of a stream to find how a run stands
_LOCK_PATIENCE = 0.5  # seconds; one who only looks whether a run is owned holds the lock for a moment


@dataclass(frozen=True)
class RunFolder:
    """The places of one run."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"


@dataclass(frozen=True)
class RunSummary:
    """How a run stands. `status` is running, done, stopped, interrupted, failed, or crashed: ended without
    a word. `started` and `last_event` are seconds since the epoch, 0 where there is no event.
    """

    folder: RunFolder
    status: str
    started: float = 0.0
    last_event: float = 0.0
    epoch: int = 0
    epochs: int = 0
    logs: Mapping[str, float] = field(default_factory=dict)


def create_run(
    root: str | os.PathLike[str], name: str, *, recipe: str, environment: Mapping[str, Any]
) -> RunFolder:
    """Make a new run folder below `root`, named by recipe and time, never an existing one.

    Args:
        recipe: the text of the resolved recipe.
        environment: JSON data.

    Raises:
        FileError: it cannot be made.
    """
    stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S")
    try:
        Path(root).mkdir(parents=True, exist_ok=True)
        folder = _new_folder(Path(root), f"{stem[:100]}-{stamp}")
        run = RunFolder(folder)
        run.checkpoints.mkdir()
    except OSError as fault:
        raise file_error(fault, root) from fault
    write_bytes(run.recipe, recipe.encode())
    content = json.dumps(events.plain(environment), indent=2, allow_nan=False)
    write_bytes(run.environment, f"{content}\n".encode())
    return run


def open_run(path: str | os.PathLike[str]) -> RunFolder:
    """An existing run folder.

    Raises:
        FileError: there is none.
    """
    run = RunFolder(Path(path))
    if not run.recipe.is_file():
        raise FileError(
            "is not a run's folder: it has no recipe.yaml.",
            where=os.fspath(path),
            hint="Runs lie in saved/runs, a folder each.",
        )
    return run


def list_runs(root: str | os.PathLike[str]) -> list[RunSummary]:
    """All runs below a folder, the newest first."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = [RunFolder(Path(entry.path)) for entry in os.scandir(root) if entry.is_dir()]
        summaries = [summary_of(run) for run in found if run.recipe.is_file()]
        return sorted(summaries, key=lambda s: (s.started, s.folder.name), reverse=True)
    return []


def summary_of(run: RunFolder) -> RunSummary:
    """How the run stands, from the first and the last lines of its events and from its lock."""
    first, last = _ends(run.events)
    epoch, epochs, logs, status = 0, 0, {}, ""
    for event, _, _ in reversed(last):
        if not status and isinstance(event, events.Finished):
            status = event.status
        elif not status and isinstance(event, events.Failed):
            status = "failed"
        status = status or "open"
        if isinstance(event, events.Epoch):
            epoch, epochs, logs = event.epoch, event.epochs, dict(event.logs)
            break
    if owner(run) is not None:
        status = "running"
    elif status in ("", "open"):
        status = "crashed"
    ends = [moment for _, moment, _ in first + last]
    return RunSummary(run, status, *((ends[0], ends[-1]) if ends else (0.0, 0.0)), epoch, epochs, logs)


class EventLog:
    """The event stream of a run, open for adding. Each event is with the operating system before the next.

    A line that a crash left torn is cut off first.
    """

    def __init__(self, run: RunFolder, name: str = "") -> None:
        self.run_name = name or run.name
        try:
            _cut_torn_line(run.events)
            self._file = open(run.events, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError as fault:
            raise file_error(fault, run.events) from fault
        self.path = run.events

    def append(self, event: events.Event, moment: float | None = None) -> str:
        """Add an event and return its line.

        Raises:
            FileError: it cannot be written.
        """
        line = events.to_json(event, self.run_name, moment)
        try:
            self._file.write(f"{line}\n")
        except OSError as fault:
            raise file_error(fault, self.path) from fault
        return line

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what a full disk refused was reported when it was written
            self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventReader:
    """Reads an event stream as it grows. Torn and foreign lines are passed over."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.offset = 0

    def read_new(self, limit: int = 8 << 20) -> list[TimedEvent]:
        """The events since the last call, at most about `limit` bytes of them; whole lines only.

        Raises:
            FileError: the stream cannot be read. One that is not there yet is empty.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                content = file.read(limit)
                if content and b"\n" not in content and len(content) == limit:
                    content += file.readline()
        except FileNotFoundError:
            return []
        except OSError as fault:
            raise file_error(fault, self.path, "read") from fault
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        return _parse(whole)


def read_events(path: str | os.PathLike[str]) -> Iterator[TimedEvent]:
    """All events of a stream, a part at a time.

    Raises:
        FileError: it cannot be read.
    """
    reader, before = EventReader(path), -1
    while reader.offset > before:
        before = reader.offset
        yield from reader.read_new()


@contextlib.contextmanager
def own(run: RunFolder) -> Iterator[None]:
    """Own a run for the time of the block: no other process trains it meanwhile.

    The lock is the operating system's, so it ends with the process however that ends.

    Raises:
        FileError: another process owns it, or the folder cannot be written.
    """
    try:
        file = open(run.lock, "a+", encoding="utf-8")  # noqa: SIM115
    except OSError as fault:
        raise file_error(fault, run.lock) from fault
    with file:
        if not _lock(file):
            file.seek(0)
            raise FileError(
                f"another process is working on this run ({file.read().strip() or 'unknown'}).",
                where=str(run.path),
                hint="Watch it with: kwb watch, or wait for its end.",
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {os.uname().nodename}\n")
        file.flush()
        yield


def owner(run: RunFolder) -> str | None:
    """Who owns the run now, in words; None if nobody does."""
    try:
        with open(run.lock, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or "unknown"
    except OSError:
        return None
    return None


def _lock(file: Any) -> bool:
    until = time.monotonic() + _LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)


def _new_folder(root: Path, name: str) -> Path:
    number = 1
    while True:
        folder = root / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def _cut_torn_line(path: Path) -> None:
    if not path.exists():
        return
    with open(path, "r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(end - 65536, 0)
            file.seek(start)
            place = file.read(end - start).rfind(b"\n")
            if place >= 0:
                end = start + place + 1
                break
            end = start
        file.truncate(end)


def _ends(path: Path) -> tuple[list[TimedEvent], list[TimedEvent]]:
    """The first event of a stream, and those in its last part."""
    try:
        with open(path, "rb") as file:
            first = file.readline()
            size = file.seek(0, os.SEEK_END)
            start = max(size - _TAIL, 0)
            file.seek(start)
            if start:
                file.readline()
            return _parse(first), _parse(file.read())
    except OSError:
        return [], []


def _parse(content: bytes) -> list[TimedEvent]:
    found = []
    for line in content.split(b"\n"):
        with contextlib.suppress(ValueError):  # torn by a crash, or not ours; also bad UTF-8
            if line and (parsed := events.from_json(line.decode())):
                found.append(parsed)
    return found
