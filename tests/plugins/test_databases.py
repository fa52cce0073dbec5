"""The reader of databases, on a real PostgreSQL where Debian's is installed, and on SQLite by SQLAlchemy."""

import json
import socket
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("sqlalchemy")

from tests.postgres import PASSWORD, postgres_server
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.data.chunks import StreamedSource
from workbench.data.reading.calls import read
from workbench.errors import FileError, RecipeError, WorkbenchError
from workbench.recipe.document import parse
from workbench.recipe.schema import Data


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog(discover())


@pytest.fixture(scope="module")
def postgres() -> Iterator[int]:
    """The port of a server with a table `prices` of 500 rows, of a user with a password."""
    with postgres_server() as server:
        import psycopg

        connection = psycopg.connect(**server.login)
        with connection:
            connection.execute(
                "CREATE TABLE prices (id int, rooms numeric(4, 1), day date, town text, price float8)"
            )
            connection.execute(
                "INSERT INTO prices SELECT i, i % 7 + 0.5, date '2024-01-01' + i, 'town ' || i % 3, i * 2 "
                "FROM generate_series(1, 500) AS i"
            )
        connection.close()
        yield server.port


@pytest.mark.parametrize("stream", [False, True])
def test_a_table_and_a_query_of_postgresql(catalog, postgres, tmp_path, monkeypatch, stream: bool) -> None:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    url = f"postgresql+psycopg://me:${{DB_PASSWORD}}@127.0.0.1:{postgres}/postgres"
    for what in ({"table": "prices"}, {"query": "SELECT * FROM prices WHERE town LIKE 'town%'"}):
        source = read(
            Data.model_validate({"use": "sql", "url": url, "stream": stream, **what}), catalog, tmp_path
        )
        columns = source.sample().columns if isinstance(source, StreamedSource) else source.columns
        order = np.argsort(columns["id"])
        assert columns["price"][order].tolist() == [2.0 * row for row in range(1, 501)]
        assert columns["rooms"][order].tolist() == [row % 7 + 0.5 for row in range(1, 501)]
        assert str(columns["day"][order][0])[:10] == "2024-01-02"
        assert set(columns["town"]) == {"town 0", "town 1", "town 2"}
    whole = f"postgresql+psycopg://me:s3cr%3At%2F%40%20word@127.0.0.1:{postgres}/postgres"
    monkeypatch.setenv("DATABASE_URL", whole)
    source = read(Data(use="sql", url="$DATABASE_URL", query="SELECT 1 AS one"), catalog, tmp_path)
    assert source.columns["one"].tolist() == [1]


@pytest.mark.parametrize(
    ("section", "error", "where", "what"),
    [
        ({"table": "price"}, RecipeError, "data.table", "there is no table 'price'"),
        (
            {"query": "SELECT nothing FROM prices"},
            RecipeError,
            "data.query",
            'column "nothing" does not exist',
        ),
        ({"query": "DELETE FROM prices"}, RecipeError, "data.query", 'at or near "DELETE"'),
        (
            {"query": "INSERT INTO prices (id) VALUES (9) RETURNING id"},
            RecipeError,
            "data.query",
            'at or near "INSERT"',
        ),
        ({}, RecipeError, "data.query", "either a `table` or a `query`"),
    ],
)
def test_what_a_database_refuses(
    catalog, postgres, tmp_path, monkeypatch, section, error, where, what
) -> None:
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    url = f"postgresql+psycopg://me:${{DB_PASSWORD}}@127.0.0.1:{postgres}/postgres"
    with pytest.raises(error, match=what) as caught:
        read(Data.model_validate({"use": "sql", "url": url, **section}), catalog, tmp_path)
    assert caught.value.where == where


def _shown(error: WorkbenchError) -> str:
    context = "" if error.__suppress_context__ else error.__context__
    return f"{error} {error.hint} {error.where} {error.__cause__} {context}"


def test_a_wrong_password_is_never_shown(catalog, postgres, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2-not-it")
    url = f"postgresql+psycopg://me:${{DB_PASSWORD}}@127.0.0.1:{postgres}/postgres"
    with pytest.raises(FileError, match=r"cannot be reached.*password authentication failed") as caught:
        read(Data(use="sql", url=url, table="prices"), catalog, tmp_path)
    assert "hunter2" not in _shown(caught.value)


def test_a_database_that_is_down_is_one_clear_message(catalog, tmp_path, monkeypatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("DB_PASSWORD", PASSWORD)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"postgresql+psycopg://me:${{DB_PASSWORD}}@127.0.0.1:{nobody.getsockname()[1]}/shop"
        with pytest.raises(FileError, match=r"me:\*\*\*@127.0.0.1:\d+/shop cannot be reached") as caught:
            read(Data(use="sql", url=url, table="prices"), catalog, tmp_path)
    assert caught.value.where == "data.url"
    assert "s3cr" not in _shown(caught.value)
    monkeypatch.delenv("DB_PASSWORD")
    with pytest.raises(RecipeError, match="environment variable 'DB_PASSWORD' is not set"):
        read(Data(use="sql", url=url, table="prices"), catalog, tmp_path)
    with pytest.raises(RecipeError, match="no address of a database"):
        read(Data(use="sql", url="prices", table="prices"), catalog, tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@host/shop",
        "mysql+pymysql://me:hun%40ter2@h/s",
        "x://h/s?user=a&password=hunter2",
    ],
)
def test_a_password_in_a_recipe_is_refused_and_not_repeated(url: str) -> None:
    section = {"use": "sql", "url": url, "table": "prices"}
    recipe = {"kwb": 1, "data": section, "model": {"sequential": [{"use": "Dense", "units": 1}]}}
    with pytest.raises(RecipeError, match=r"holds a password.*\$\{DB_PASSWORD\}") as caught:
        parse(json.dumps(recipe))
    assert "ter2" not in _shown(caught.value)
