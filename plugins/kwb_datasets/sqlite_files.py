"""The reader of SQLite files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.request import pathname2url

import pyarrow as pa

from kwb_datasets.rows import BATCH_ROWS, batches_of_rows, source_of_rows
from kwb_datasets.signatures import refuse_other
from workbench.plugin import (
    DataError,
    FileError,
    RecipeError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    did_you_mean,
    near,
)

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}


def sqlite(
    path: str, table: str | None = None, query: str | None = None, stream: Streaming = "auto"
) -> Source | StreamedSource:
    """A table or a query of an SQLite file, which is opened for reading only.

    Args:
        path: the file.
        table: the table or view; not needed if the file has only one.
        query: in its place, a SELECT.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    file = data_file(path)
    refuse_other(file, "sqlite")
    if table is not None and query is not None:
        raise RecipeError("`table` and `query` say different things: name one of them.", where="data.query")
    try:
        with closing(_opened(file)) as database:
            if query is None:
                query = f"SELECT * FROM {_quoted(_table(database, table, file))}"
            wanted = query
            return source_of_rows(
                lambda: _batches(database, wanted, file),
                origin=file.name,
                stream=stream,
                locate=lambda row: f"{file.name}, row {row + 1}",
            )
    except sqlite3.DatabaseError as error:
        raise _explained(error, file) from None


def _opened(file: Path) -> sqlite3.Connection:
    address = f"file:{pathname2url(str(file.absolute()))}?mode=ro"
    database = sqlite3.connect(address, uri=True, timeout=5.0)

    def allows(action: int, *_: object) -> int:
        """A query of somebody else's may read this file, and nothing more: no ATTACH of another one."""
        return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY

    database.set_authorizer(allows)
    return database


def _table(database: sqlite3.Connection, wanted: str | None, file: Path) -> str:
    found = database.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%' ORDER BY name"
    )
    names = [str(name) for (name,) in found]
    if wanted is None and len(names) == 1:
        return names[0]
    shown = f"The tables are: {', '.join(names[:20])}." if names else "It holds none."
    if wanted is None:
        raise RecipeError(
            f"{file.name} holds {len(names)} tables: say which.", where="data.table", hint=shown
        )
    if wanted not in names:
        raise RecipeError(
            f"there is no table '{wanted}' in {file.name}.",
            where="data.table",
            hint=did_you_mean(wanted, names) or shown,
        )
    return wanted


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _batches(database: sqlite3.Connection, query: str, file: Path) -> Iterator[pa.RecordBatch]:
    cursor = database.execute(query)
    if cursor.description is None:
        raise RecipeError("the query gives no rows: it is to be a SELECT.", where="data.query")
    cursor.arraysize = BATCH_ROWS
    names = [str(column[0]) for column in cursor.description]
    rows = iter(cursor.fetchone, None)
    return batches_of_rows(names, rows, lambda row: f"{file.name}, row {row + 1}")


def _explained(error: sqlite3.Error, file: Path) -> DataError | FileError | RecipeError:
    what = str(error)
    if "not authorized" in what or "prohibited" in what or "one statement" in what:
        return RecipeError("the query may only read: it is to be one SELECT.", where="data.query")
    if isinstance(error, sqlite3.OperationalError) and "locked" not in what and "disk" not in what:
        return RecipeError(f"the query fails: {what}.", where="data.query")
    hint = "Another program writes to it: try again when that is done." if "locked" in what else ""
    return FileError(f"'{near(file)}' cannot be read: {what}.", where="data.path", hint=hint)
