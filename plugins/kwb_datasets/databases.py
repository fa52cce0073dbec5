"""The reader of databases, through SQLAlchemy. A password is never in a recipe: it comes from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa

from kwb_datasets.extras import needed
from kwb_datasets.rows import BATCH_ROWS, batches_of_rows, source_of_rows
from workbench.plugin import (
    FileError,
    RecipeError,
    Source,
    StreamedSource,
    Streaming,
    did_you_mean,
)

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_ADDRESS = "`postgresql+psycopg://me:${DB_PASSWORD}@host/database`, or `$DATABASE_URL`"


def sql(
    url: str, table: str | None = None, query: str | None = None, stream: Streaming = "auto"
) -> Source | StreamedSource:
    """A table or a query of any database that SQLAlchemy reaches. Needs `kwb[sql]` and the database's own driver.

    Args:
        url: the database's address; `${NAME}` stands for an environment variable, as for a password:
            `postgresql+psycopg://me:${DB_PASSWORD}@host/database`.
        table: the table or view; `schema.table` for one of another schema.
        query: in its place, a SELECT.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    alchemy = needed("sqlalchemy", "sql", "sql")
    if (table is None) == (query is None):
        raise RecipeError("say either a `table` or a `query`.", where="data.query")
    address, secrets = _address(alchemy, url)
    shown = address.render_as_string(hide_password=True)
    origin = f"{address.database or shown}, {table or 'query'}"
    try:
        engine = alchemy.create_engine(address, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise RecipeError(
            f"the driver '{error.name}' of {address.drivername} is not installed.",
            where="data.url",
            hint=f"Install it: pip install {error.name}",
        ) from None
    except alchemy.exc.ArgumentError as error:
        raise RecipeError(f"{_without(secrets, error)}.", where="data.url") from None
    try:
        with closing(_connected(alchemy, engine, shown, secrets)) as connection:
            text = query or f"SELECT * FROM {_quoted(alchemy, connection, table or '')}"
            return source_of_rows(
                lambda: _batches(alchemy, connection, text, origin),
                origin=origin,
                stream=stream,
                locate=lambda row: f"{origin}, row {row + 1}",
            )
    except alchemy.exc.DBAPIError as error:
        if error.connection_invalidated:
            raise _down(shown, secrets, error) from None
        raise RecipeError(f"the query fails: {_without(secrets, error.orig)}.", where="data.query") from None
    except alchemy.exc.SQLAlchemyError as error:
        raise RecipeError(f"the query fails: {_without(secrets, error)}.", where="data.query") from None
    finally:
        engine.dispose()


def _address(alchemy: Any, url: str) -> tuple[Any, list[str]]:
    """The address with its variables filled in, and what must never be shown."""
    secrets: list[str] = []

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if name not in os.environ:
            raise RecipeError(
                f"the environment variable '{name}' is not set.",
                where="data.url",
                hint=f"Set it before kwb starts: export {name}=...",
            )
        secrets.append(os.environ[name])
        whole = found[0] == url.strip()
        return os.environ[name] if whole else _escaped(os.environ[name])

    try:
        address = alchemy.make_url(_VARIABLE.sub(value, url.strip()))
    except alchemy.exc.ArgumentError:
        raise RecipeError(
            "is no address of a database.", where="data.url", hint=f"It is as {_ADDRESS}."
        ) from None
    secrets += [str(address.password)] if address.password else []
    return address, [secret for secret in secrets if len(secret) > 2]


def _escaped(text: str) -> str:
    """A password in an address may hold `@` and `/`."""
    from urllib.parse import quote

    return quote(text, safe="")


def _without(secrets: list[str], error: object) -> str:
    """A message in one line, without what must not be shown."""
    text = " ".join(str(error).split()).rstrip(".")
    for secret in secrets:
        text = text.replace(secret, "***")
    return text[:500]


def _connected(alchemy: Any, engine: Any, shown: str, secrets: list[str]) -> Any:
    try:
        return engine.connect()
    except alchemy.exc.SQLAlchemyError as error:
        raise _down(shown, secrets, error) from None


def _down(shown: str, secrets: list[str], error: Any) -> FileError:
    return FileError(
        f"the database {shown} cannot be reached: {_without(secrets, getattr(error, 'orig', error))}.",
        where="data.url",
        hint="See whether it runs, and whether host, name, user and password are right.",
    )


def _quoted(alchemy: Any, connection: Any, name: str) -> str:
    """A table's name for a query; it is there.

    Raises:
        RecipeError: it is not.
    """
    inspector = alchemy.inspect(connection)
    schema, _, table = name.rpartition(".")
    known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
    if table not in known:
        raise RecipeError(
            f"there is no table '{name}'.",
            where="data.table",
            hint=did_you_mean(table, known) or f"The tables are: {', '.join(known[:20])}.",
        )
    quote = connection.dialect.identifier_preparer.quote
    return ".".join(quote(part) for part in (schema, table) if part)


def _batches(alchemy: Any, connection: Any, query: str, origin: str) -> Iterator[pa.RecordBatch]:
    """The rows. The transaction is rolled back, so that a query that writes changes nothing."""
    connection.rollback()  # looking for the table has begun a transaction
    with connection.begin() as transaction:
        if connection.dialect.name in ("postgresql", "mysql", "mariadb"):
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        streams = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
        result = connection.execute(alchemy.text(query.replace(":", "\\:")), execution_options=streams)
        if not result.returns_rows:
            transaction.rollback()
            raise RecipeError("the query gives no rows: it is to be a SELECT.", where="data.query")
        names = [str(name) for name in list(result.keys())]
        yield from batches_of_rows(names, result, lambda row: f"{origin}, row {row + 1}")
        result.close()
        transaction.rollback()
