"""The note of a search's database: it has no password, and the search's name is enough to go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres import PASSWORD, postgres_server
from tests.search.bases import recipe
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError
from workbench.search.journal import Journal
from workbench.search.kept_elsewhere import ADDRESS, NAME, journal_in, note_storage, storage_of
from workbench.search.opening import begin, open_search
from workbench.search.sql_journal import SqlJournal, without_password
from workbench.search.state import TrialState

OVER = {"model.sequential[0].units": [4, 8, 16]}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("sqlite:///searches.db", "sqlite:///searches.db"),
        ("postgresql://me:secret@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql://me@host:5433/db?password=secret&sslmode=require", "postgresql+psycopg://me@host:5433/db?sslmode=require"),
        ("no address", ""),
    ],
)  # fmt: skip
def test_the_note_has_no_password(url: str, kept: str) -> None:
    assert without_password(url) == kept


def test_the_password_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note_storage(tmp_path, "postgresql+psycopg://me@host/db")
    monkeypatch.delenv(ADDRESS, raising=False)
    assert storage_of(tmp_path) == "postgresql+psycopg://me@host/db"
    monkeypatch.setenv(ADDRESS, "postgresql://me:secret@host/db")
    assert storage_of(tmp_path) == "postgresql://me:secret@host/db"
    monkeypatch.setenv(ADDRESS, "postgresql://me:secret@other/db")
    assert storage_of(tmp_path) == "postgresql+psycopg://me@host/db"
    Journal(tmp_path / "journal.jsonl").update(lambda _: [{"kind": "beat", "agent": "a"}])
    assert storage_of(tmp_path) == ""  # a journal in the folder comes first


@pytest.mark.parametrize("content", ["", "{", "[]", '{"storage": 3}'])
def test_a_note_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    assert storage_of(tmp_path) == ""
    assert journal_in(tmp_path) is None


def test_the_name_is_enough_to_open_it_again(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    file, root = tmp_path / "r.yaml", tmp_path / "searches"
    file.write_text(recipe(search={"over": OVER, "method": "grid"}))
    storage = f"sqlite:///{tmp_path / 'searches.db'}"
    begin(open_search(str(file), catalog, root=root, storage=storage))
    assert json.loads((root / "small" / NAME).read_text()) == {"v": 1, "storage": storage}
    again = open_search("small", catalog, root=root)
    assert isinstance(again.journal, SqlJournal)
    assert again.journal.read().recipe["name"] == str(file)
    assert isinstance(open_search(str(file), catalog, root=root).journal, SqlJournal)
    with pytest.raises(RecipeError, match="no search and no recipe") as raised:
        open_search("smal", catalog, root=root)
    assert "small" in raised.value.hint


@pytest.mark.slow
def test_a_search_in_postgresql_goes_on_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(recipe(search={"over": OVER, "method": "grid", "trials": 1}))
    start = [sys.executable, "-c", "from workbench.cli import command; command()"]
    with postgres_server() as server:

        def kwb(*arguments: str, **environment: str) -> str:
            done = subprocess.run(
                [*start, *arguments],
                cwd=tmp_path,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        kwb("search", "r.yaml", "--workers", "1", "--storage", server.url())
        note = (tmp_path / "saved" / "searches" / "small" / NAME).read_text()
        assert PASSWORD not in note
        assert server.url().split(":")[2].split("@")[0] not in note
        kwb("search", "small", "--workers", "1", "--set", "search.trials=2", PGPASSWORD=PASSWORD)
        state = SqlJournal(server.url(), "small").read()
        assert [trial.state for trial in state.trials] == [TrialState.DONE] * 2
        assert not (tmp_path / "saved" / "searches" / "small" / "journal.jsonl").exists()
