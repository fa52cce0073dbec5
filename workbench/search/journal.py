"""The journal of a search: a file of JSON lines, to which several processes and machines add.

Where machines share no folder, it is a table of a database instead: `sql_journal.py`. Adding is one transaction: under
the lock what is new is read, the caller decides by the state that results, and what it decided is written and flushed.
So no two agents take one trial, and what was decided is there after a crash. A line that a crash left torn is cut off
by the next one who adds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from workbench import events
from workbench.atomic import file_error
from workbench.errors import FileError
from workbench.escaping import to_json
from workbench.search.state import Record, SearchState

Decide = Callable[[SearchState], Sequence[Record]]

FORMAT = 1
# What may be over in a while: a full disk, a network disk that is away.
_FOR_A_WHILE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOLCK, errno.EAGAIN),
    *(errno.EINTR, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EREMOTEIO),
}
NAME = "journal.jsonl"


class JournalUnreachable(FileError):
    """A journal cannot be read or written at the moment; what was to be added is worth trying again."""


class SearchJournal(Protocol):
    """What is known of a search, and what it adds up to so far: a file, or a table of a database."""

    @property
    def where(self) -> str:
        """The place, for messages."""

    @property
    def address(self) -> str:
        """That of the database, without its password; "" of a file."""

    @property
    def state(self) -> SearchState:
        """The state as it was read last."""

    def read(self) -> SearchState:
        """The state as it is now.

        Raises:
            FileError: it cannot be read, or is no journal.
        """

    def update(self, decide: Decide) -> SearchState:
        """Add the records that `decide` makes of the state; nobody else adds meanwhile.

        Raises:
            JournalUnreachable: not at the moment. Called again with the same `decide`, it adds the records once, also
                where it was not known whether they had arrived.
            FileError: it cannot be read or written.
        """


def stamped(records: Sequence[Record]) -> list[Record]:
    """Records as they are kept: with the version of the format and the time."""
    moment = time.time()
    return [{"v": FORMAT, "time": moment, **record} for record in records]


def take_lines(state: SearchState, lines: Sequence[str | bytes], where: str) -> None:
    """Add the records of lines to a state.

    Raises:
        FileError: they are none of a search.
    """
    try:
        state.add([json.loads(line) for line in lines])
    except (
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise FileError(
            f"is no journal of a search: {error!r}.",
            where=where,
            hint="Move it away to begin the search again.",
        ) from None


def line_of(record: Record) -> str:
    return to_json(events.plain(record))


class Journal:
    """A journal file, and the state that it adds up to so far.

    Args:
        path: the file; it is made by the first `update`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = SearchState()
        self._read_to = 0

    @property
    def where(self) -> str:
        return str(self.path)

    @property
    def address(self) -> str:
        return ""

    def read(self) -> SearchState:
        """The state as it is now.

        Raises:
            FileError: it cannot be read, or is no journal.
        """
        try:
            with open(self.path, "rb") as file:
                self._take(file.fileno())
        except FileNotFoundError:
            pass
        except OSError as error:
            raise file_error(error, self.path, "read") from error
        return self.state

    def update(self, decide: Decide) -> SearchState:
        """Add the records that `decide` makes of the state; nobody else adds meanwhile.

        Raises:
            JournalUnreachable: not at the moment; nothing was added.
            FileError: the file cannot be read or written.
        """
        with self._locked() as descriptor:
            self._take(descriptor)
            if records := stamped(decide(self.state)):
                lines = "".join(f"{line_of(record)}\n" for record in records).encode()
                os.ftruncate(descriptor, self._read_to)
                try:
                    _write(descriptor, lines, self._read_to)
                except OSError:
                    os.ftruncate(descriptor, self._read_to)
                    raise
                self._take(descriptor)
        return self.state

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)  # Linux has it hold between machines, on NFS too
                yield descriptor
            finally:
                os.close(descriptor)
        except OSError as error:
            what = file_error(error, self.path)
            if error.errno in _FOR_A_WHILE:
                raise JournalUnreachable(what.what, where=what.where, hint=what.hint) from error
            raise what from error

    def _take(self, descriptor: int) -> None:
        """Read the whole lines that are new."""
        size = os.fstat(descriptor).st_size
        if size <= self._read_to:
            return
        content = os.pread(descriptor, size - self._read_to, self._read_to)
        whole = content[: content.rfind(b"\n") + 1]
        take_lines(self.state, whole.splitlines(), self.where)
        self._read_to += len(whole)


def _write(descriptor: int, content: bytes, place: int) -> None:
    """Write all of it, and wait until the disk has it. A disk that is almost full takes a part."""
    while content:
        written = os.pwrite(descriptor, content, place)
        content, place = content[written:], place + written
    os.fsync(descriptor)
