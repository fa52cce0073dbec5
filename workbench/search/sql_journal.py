"""The journal of a search as rows of a database, through SQLAlchemy: for machines that share no folder.

`kwb_searches` has a row for each search, which is locked by whoever adds to it. `kwb_records` holds the lines of the
journal, numbered from 1 in the order in which they were added.
"""

from __future__ import annotations

import contextlib
import secrets
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from workbench.errors import FileError, RecipeError
from workbench.search.journal import Decide, JournalUnreachable, line_of, stamped, take_lines
from workbench.search.state import SearchState

ADDRESS = "postgresql://me:password@host/database"

_POSTGRESQL = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_LIBPQ = ("psycopg", "psycopg2")  # drivers of PostgreSQL that take its own settings
# Without these a connection whose network is gone waits for hours, and one whose process is frozen locks out others.
_SETTINGS = {
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c statement_timeout=10s -c idle_in_transaction_session_timeout=10s"
    " -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3",
}
_SQLITE_WAIT = 10.0  # seconds for the others that are at the file


def without_password(url: str) -> str:
    """The address of a database without the password in it; "" where it is none."""
    from sqlalchemy import URL, exc, make_url

    try:
        address = make_url(url.strip())
    except (exc.ArgumentError, ValueError):
        return ""
    bare = URL.create(
        _POSTGRESQL.get(address.drivername, address.drivername),
        address.username,
        host=address.host,
        port=address.port,
        database=address.database,
        query={key: value for key, value in address.query.items() if key != "password"},
    )
    return bare.render_as_string(hide_password=False)


class SqlJournal:
    """The journal of a search in a database.

    Args:
        url: SQLAlchemy's address of it.
        name: of the search.

    Raises:
        RecipeError: it is no address, or something is not installed.
    """

    def __init__(self, url: str, name: str) -> None:
        try:
            import sqlalchemy
        except ImportError:
            raise RecipeError(
                "a database needs SQLAlchemy, which is not installed.",
                where="--storage",
                hint="Install it: pip install 'kwb[sql]'",
            ) from None
        self._alchemy: Any = sqlalchemy
        self.name = name
        self.state = SearchState()
        self._read_to = 0
        self._unsure: dict[Decide, str] = {}
        self._arrived: set[str] = set()
        self._password = ""
        self._engine = self._engine_of(url)
        weakref.finalize(self, self._engine.dispose)
        column, text, meta = sqlalchemy.Column, sqlalchemy.String, sqlalchemy.MetaData()
        name_of = text(255)
        self._searches = sqlalchemy.Table("kwb_searches", meta, column("name", name_of, primary_key=True))
        self._records = sqlalchemy.Table(
            "kwb_records",
            meta,
            column("search", name_of, primary_key=True),
            column("number", sqlalchemy.Integer, primary_key=True, autoincrement=False),
            column("added_by", text(32), nullable=False),
            column("record", sqlalchemy.Text, nullable=False),
        )

    @property
    def where(self) -> str:
        return f"{self._engine.url.render_as_string(hide_password=True)}, search '{self.name}'"

    @property
    def address(self) -> str:
        return without_password(self._engine.url.render_as_string(hide_password=False))

    def read(self) -> SearchState:
        with self._errors(), self._engine.connect() as connection:
            if self._alchemy.inspect(connection).has_table(self._records.name):
                self._take(connection)
        return self.state

    def update(self, decide: Decide) -> SearchState:
        added_by = self._unsure.setdefault(decide, secrets.token_hex(16))
        lines: list[str] = []
        with self._errors():
            self._make_tables()
            with self._engine.begin() as connection:
                self._lock(connection)
                self._take(connection)
                if added_by not in self._arrived:
                    lines = [line_of(record) for record in stamped(decide(self.state))]
                    self._add(connection, lines, added_by)
        take_lines(self.state, lines, self.where)
        self._read_to += len(lines)
        del self._unsure[decide]
        self._arrived.discard(added_by)
        return self.state

    def _lock(self, connection: Any) -> None:
        """Have this search for oneself until the transaction ends."""
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # locks the whole file
        else:
            name = self._searches.c.name
            connection.execute(self._alchemy.select(name).where(name == self.name).with_for_update())

    def _add(self, connection: Any, lines: Sequence[str], added_by: str) -> None:
        rows = [
            {"search": self.name, "number": number, "added_by": added_by, "record": line}
            for number, line in enumerate(lines, self._read_to + 1)
        ]
        if rows:
            connection.execute(self._records.insert(), rows)

    def _take(self, connection: Any) -> None:
        """Read the records that are new."""
        rows = self._records.c
        new = (
            self._alchemy.select(rows.number, rows.added_by, rows.record)
            .where(rows.search == self.name, rows.number > self._read_to)
            .order_by(rows.number)
        )
        found = connection.execute(new).all()
        if found:
            take_lines(self.state, [row.record for row in found], self.where)
            self._read_to = found[-1].number
            self._arrived |= {row.added_by for row in found}.intersection(self._unsure.values())

    def _make_tables(self) -> None:
        """Make the tables and the row of this search; another machine may be at it too."""
        if self._read_to:
            return
        known = self._alchemy.exc.IntegrityError  # what the other one made is there then
        if not self._alchemy.inspect(self._engine).has_table(self._records.name):
            for table in (self._searches, self._records):
                with contextlib.suppress(known), self._engine.begin() as connection:
                    connection.execute(self._alchemy.schema.CreateTable(table, if_not_exists=True))
        with contextlib.suppress(known), self._engine.begin() as connection:
            connection.execute(self._searches.insert().values(name=self.name))

    # ------------------------------------------------------------------ the connection

    def _engine_of(self, url: str) -> Any:
        alchemy = self._alchemy
        hint = f"It is as `{ADDRESS}`, or `sqlite:///searches.db`."
        try:
            address = alchemy.make_url(url.strip())
            address = address.set(drivername=_POSTGRESQL.get(address.drivername, address.drivername))
            self._password = str(address.password or "")
            given: dict[str, Any] = {}
            if address.get_backend_name() == "sqlite":
                given = {"timeout": _SQLITE_WAIT}
            elif address.get_driver_name() in _LIBPQ:
                given = {key: value for key, value in _SETTINGS.items() if key not in address.query}
            return alchemy.create_engine(
                address, connect_args=given, pool_pre_ping=True, hide_parameters=True
            )
        except ModuleNotFoundError as error:
            package = "psycopg[binary]" if error.name == "psycopg" else error.name
            raise RecipeError(
                f"the driver '{error.name}' of the database is not installed.",
                where="--storage",
                hint=f"Install it: pip install '{package}'",
            ) from None
        except (alchemy.exc.ArgumentError, ValueError):
            raise RecipeError("is no address of a database.", where="--storage", hint=hint) from None

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """What SQLAlchemy raises, in the user's terms."""
        errors = self._alchemy.exc
        try:
            yield
        except (errors.OperationalError, errors.InterfaceError, errors.TimeoutError) as error:
            raise JournalUnreachable(
                f"the database cannot be reached: {self._words(error)}.",
                where=self.where,
                hint="See whether it runs, and whether host, name, user and password are right.",
            ) from None
        except errors.SQLAlchemyError as error:
            if getattr(error, "connection_invalidated", False):
                raise JournalUnreachable(
                    f"the connection was lost: {self._words(error)}.", where=self.where
                ) from None
            raise FileError(
                f"the database refuses: {self._words(error)}.",
                where=self.where,
                hint="Its user must be allowed to make tables, or the tables must be there.",
            ) from None

    def _words(self, error: Any) -> str:
        text = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
        return (text.replace(self._password, "***") if len(self._password) > 2 else text)[:300]
