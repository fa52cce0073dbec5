"""The journal of a search: a file of JSON lines, to which several processes and machines add.

Adding is one transaction: under the lock what is new is read, the caller decides by the state that results, and what
it decided is written and flushed. So no two agents take one trial, and what was decided is there after a crash. A line
that a crash left torn is cut off by the next one who adds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from workbench import events
from workbench.atomic import file_error
from workbench.errors import FileError
from workbench.escaping import to_json
from workbench.search.state import Record, SearchState

Decide = Callable[[SearchState], Sequence[Record]]

FORMAT = 1
NAME = "journal.jsonl"


class Journal:
    """A journal file, and the state that it adds up to so far.

    Args:
        path: the file; it is made by the first `update`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = SearchState()
        self._read_to = 0

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
            FileError: the file cannot be read or written.
        """
        with self._locked() as descriptor:
            self._take(descriptor)
            moment = time.time()
            records = [{"v": FORMAT, "time": moment, **record} for record in decide(self.state)]
            if records:
                lines = "".join(f"{to_json(events.plain(record))}\n" for record in records).encode()
                os.ftruncate(descriptor, self._read_to)
                os.pwrite(descriptor, lines, self._read_to)
                os.fsync(descriptor)
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
            raise file_error(error, self.path) from error

    def _take(self, descriptor: int) -> None:
        """Read the whole lines that are new."""
        size = os.fstat(descriptor).st_size
        if size <= self._read_to:
            return
        content = os.pread(descriptor, size - self._read_to, self._read_to)
        whole = content[: content.rfind(b"\n") + 1]
        try:
            records = [json.loads(line) for line in whole.splitlines()]
            self.state.add(records)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise FileError(
                f"is no journal of a search: {error!r}.",
                where=str(self.path),
                hint="Move it away to begin the search again.",
            ) from None
        self._read_to += len(whole)
