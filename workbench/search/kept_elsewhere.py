"""Which database a search is kept in: a note in its folder, so that its name is enough to go on with it or to list it.

The password is not written down. It comes from `KWB_STORAGE`, where that is the same database, or from where the
database's own programs have it, such as `~/.pgpass`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from workbench.atomic import write_bytes
from workbench.search import journal
from workbench.search.journal import Journal, SearchJournal
from workbench.search.sql_journal import SqlJournal, without_password

NAME = "storage.json"
ADDRESS = "KWB_STORAGE"  # the variable of the environment


def note_storage(folder: Path, address: str) -> None:
    """Write down that the search of a folder is kept in a database.

    Raises:
        FileError: it cannot be written.
    """
    if address != _noted(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(folder / NAME, f"{json.dumps({'v': 1, 'storage': address})}\n".encode())


def storage_of(folder: Path) -> str:
    """The address of the database in which the search of a folder is kept; "" where it is a file, or not known."""
    if os.path.isfile(folder / journal.NAME):
        return ""
    noted = _noted(folder)
    given = os.environ.get(ADDRESS, "")
    return given if noted and given and without_password(given) == noted else noted


def journal_in(folder: Path) -> SearchJournal | None:
    """The journal of the search of a folder; None where it has none, and no note of a database.

    Raises:
        RecipeError: what the database needs is not installed.
    """
    if os.path.isfile(folder / journal.NAME):
        return Journal(folder / journal.NAME)
    storage = storage_of(folder)
    return SqlJournal(storage, folder.name) if storage else None


def is_search(folder: Path) -> bool:
    """True if a folder has a journal, or a note of a database."""
    return os.path.isfile(folder / journal.NAME) or os.path.isfile(folder / NAME)


def _noted(folder: Path) -> str:
    try:
        found = json.loads((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    address = found.get("storage") if isinstance(found, dict) else None
    return address if isinstance(address, str) else ""
