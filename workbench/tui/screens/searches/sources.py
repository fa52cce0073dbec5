"""Where the journal of a listed search is read from: its file, or a database, which may take its time to answer."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Protocol

from workbench.errors import WorkbenchError
from workbench.search import journal
from workbench.search.journal import Journal, SearchJournal
from workbench.search.kept_elsewhere import journal_in, storage_of
from workbench.search.sql_journal import without_password
from workbench.search.state import SearchState

Stamp = tuple[int, int, int]  # when it changed, its size, which file it is

FIRST_WAIT, WAIT = 1.0, 0.2  # seconds that a list waits for the answer of a database
TRY_AGAIN = 10.0  # seconds after an error of a database


class JournalSource(Protocol):
    """A journal that is read as it grows."""

    storage: str
    """The database, "" of a file."""

    def stamp(self) -> Stamp:
        """Another one whenever the journal has changed."""

    def read(self) -> SearchState:
        """The state as it is now.

        Raises:
            WorkbenchError: it cannot be read.
        """

    def begin_again(self) -> None:
        """Read it from its beginning the next time."""


def source_of(folder: Path) -> JournalSource:
    """The source of the search of a folder."""
    return JournalFile(folder) if (folder / journal.NAME).is_file() else JournalDatabase(folder)


class JournalFile:
    """A journal file."""

    storage = ""

    def __init__(self, folder: Path) -> None:
        self._path = folder / journal.NAME
        self._stamp: Stamp | None = None
        self.begin_again()

    def begin_again(self) -> None:
        self._journal = Journal(self._path)

    def stamp(self) -> Stamp:
        before, now = self._stamp, (0, 0, 0)
        try:
            found = os.stat(self._path)
            now = found.st_mtime_ns, found.st_size, found.st_ino
        except OSError:
            pass
        if before is not None and (now[1] < before[1] or now[2] != before[2]):
            self.begin_again()  # another search of the same name
        self._stamp = now
        return now

    def read(self) -> SearchState:
        return self._journal.read()


class JournalDatabase:
    """A journal in a database. A thread reads it; what it has come to by then is the state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.storage = storage_of(folder)
        if "@" in self.storage:
            self.storage = without_password(self.storage)
        self._journal: SearchJournal | None = None
        self._thread: threading.Thread | None = None
        self._state: SearchState | None = None
        self._error: WorkbenchError | None = None
        self._not_before = 0.0

    def begin_again(self) -> None:
        self._journal = None

    def stamp(self) -> Stamp:
        if self._thread is None and time.monotonic() >= self._not_before:
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
        if (thread := self._thread) is not None:
            thread.join(WAIT if self._state is not None or self._error is not None else FIRST_WAIT)
            if not thread.is_alive():
                self._thread = None
        state = self._state
        if self._error is not None or state is None:
            return (0, 0, 1 if self._error is not None else 0)
        return int(state.newest * 1e9), state.count, 2

    def _read(self) -> None:
        try:
            if self._journal is None:
                self._journal = journal_in(self._folder)
            if self._journal is None:
                raise WorkbenchError("the note of its database cannot be read.", where=str(self._folder))
            self._state, self._error = self._journal.read().copy(), None
        except WorkbenchError as error:
            self._journal, self._error = None, error
            self._not_before = time.monotonic() + TRY_AGAIN

    def read(self) -> SearchState:
        if self._error is not None:
            raise self._error
        if self._state is None:
            raise WorkbenchError("the database has not answered yet.")
        return self._state
