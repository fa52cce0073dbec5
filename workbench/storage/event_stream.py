"""The event stream of a run on disk: write it line by line, read it while it grows, read its first and last events."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import events
from workbench.atomic import file_error, may_write

if TYPE_CHECKING:
    from workbench.storage.run_folder import RunFolder

TimedEvent = tuple[events.Event, float, str]

_TAIL = 1 << 20  # bytes read at the end of a stream to find the state of a run


class EventLog:
    """The event stream of a run, open for adding. Each event reaches the operating system before the next.

    A line that a crash left torn is cut off first.
    """

    def __init__(self, run: RunFolder, name: str = "") -> None:
        self.run_name = name or run.name
        try:
            _cut_torn_line(run.events)
            self._file = open(run.events, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        except OSError as error:
            raise file_error(error, run.events) from error
        self.path = run.events

    def append(self, event: events.Event, moment: float | None = None) -> str:
        """Add an event and return its line.

        Raises:
            FileError: it cannot be written.
        """
        line = events.to_json(event, self.run_name, moment)
        may_write()
        try:
            self._file.write(f"{line}\n")
        except OSError as error:
            raise file_error(error, self.path) from error
        return line

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what a full disk refused was reported when it was written
            self._file.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventReader:
    """Reads an event stream as it grows. Incomplete and unknown lines are skipped."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.offset = 0

    def read_new(self, limit: int = 8 << 20, kind: str = "") -> list[TimedEvent]:
        """The events since the last call, at most about `limit` bytes of them; whole lines only.

        Args:
            kind: only events of this kind, which takes far less time: the lines of others are not parsed.

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
        except OSError as error:
            raise file_error(error, self.path, "read") from error
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        lines = whole.split(b"\n")
        if kind:
            mark = f'"{kind}"'.encode()
            lines = [line for line in lines if mark in line]
        return [found for found in _parsed(lines) if not kind or found[0].kind == kind]

    def read_rest(self, kind: str = "") -> Iterator[TimedEvent]:
        """All events since the last call, a part at a time. The arguments and errors are those of `read_new`."""
        before = -1
        while self.offset > before:
            before = self.offset
            yield from self.read_new(kind=kind)


def read_events(path: str | os.PathLike[str]) -> Iterator[TimedEvent]:
    """All events of a stream, a part at a time.

    Raises:
        FileError: it cannot be read.
    """
    return EventReader(path).read_rest()


def ends_of(path: Path) -> tuple[TimedEvent | None, Iterator[TimedEvent]]:
    """The first event of a stream, and those in its last part from the last on.

    A line is parsed when it is asked for: what lists thousands of runs needs few of them.
    """
    try:
        with open(path, "rb") as file:
            first = file.readline()
            size = file.seek(0, os.SEEK_END)
            start = max(size - _TAIL, 0)
            file.seek(start)
            if start:
                file.readline()
            return next(_parsed([first]), None), _parsed(reversed(file.read().split(b"\n")))
    except OSError:
        return None, iter(())


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


def _parsed(lines: Iterable[bytes]) -> Iterator[TimedEvent]:
    for line in lines:
        with contextlib.suppress(ValueError):  # torn by a crash, or not ours; also bad UTF-8
            if line and (parsed := events.from_json(line.decode())):
                yield parsed
