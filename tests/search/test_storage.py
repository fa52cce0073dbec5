"""Searches whose journal is in a database: machines without a shared folder, and a database that goes away.

KWB_WHOLE=search stops it for 20 seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.postgres import PASSWORD, PostgresServer, postgres_server
from tests.search.agents import finish, start
from tests.search.bases import RECIPE, recipe
from tests.search.undisturbed import undisturbed as values_of
from tests.whole import part, whole
from workbench.catalog.lookup import Catalog
from workbench.errors import RecipeError, WorkbenchError
from workbench.search import state as records
from workbench.search.journal import JournalUnreachable
from workbench.search.opening import open_search
from workbench.search.sql_journal import SqlJournal
from workbench.search.state import SearchState, TrialState

OVER = {
    "train.optimizer.learning_rate": {"from": 0.001, "to": 0.1, "log": True},
    "model.sequential[0].units": [4, 16],
}
AWAY = 20.0 if whole("search") else 5.0  # seconds that the database is away
ADDING = """
import sys
from workbench.search import state as records
from workbench.search.sql_journal import SqlJournal
journal = SqlJournal(sys.argv[1], "many")
for _ in range(40):
    def decide(state):
        number = len(state.trials)
        return [records.new_trial({"seed": number}, 1), records.begun(sys.argv[2], number, 0)]
    journal.update(decide)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'searches.db'}"
    url: str = request.getfixturevalue("server").url()
    return url


def trial(seed: int) -> list[records.Record]:
    return [records.new_trial({"seed": seed}, 1)]


def test_three_processes_at_once(storage: str) -> None:
    others = [subprocess.Popen([sys.executable, "-c", ADDING, storage, name]) for name in "abc"]
    assert [each.wait(120) for each in others] == [0, 0, 0]
    state = SqlJournal(storage, "many").read()
    assert [trial.settings["seed"] for trial in state.trials] == list(range(120))
    owners = [trial.repetitions[0].owner for trial in state.trials]
    assert [owners.count(name) for name in "abc"] == [40, 40, 40]


def test_searches_of_one_database_are_apart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'searches.db'}"
    assert SqlJournal(url, "a").read() == SearchState()
    SqlJournal(url, "a").update(lambda _: trial(1))
    SqlJournal(url, "b").update(lambda _: [*trial(2), *trial(float("nan"))])  # type: ignore[arg-type]
    assert [each.settings["seed"] for each in SqlJournal(url, "a").read().trials] == [1]
    assert [str(each.settings["seed"]) for each in SqlJournal(url, "b").read().trials] == ["2", "nan"]


@pytest.mark.parametrize("arrives", [True, False])
def test_an_answer_that_is_lost(storage: str, arrives: bool) -> None:
    """Whether the records arrived or not: tried again, they are there once, and others may add in between."""
    mine, other = SqlJournal(storage, f"lost {arrives}"), SqlJournal(storage, f"lost {arrives}")
    mine.update(lambda _: trial(0))

    def lose(connection: Any) -> None:
        sqlalchemy.event.remove(mine._engine, "commit", lose)
        if arrives:
            connection.connection.dbapi_connection.commit()
        raise sqlalchemy.exc.OperationalError("COMMIT", {}, OSError("the connection is lost"))

    sqlalchemy.event.listen(mine._engine, "commit", lose)
    decide = lambda state: trial(len(state.trials))  # noqa: E731
    with pytest.raises(JournalUnreachable):
        mine.update(decide)
    other.update(lambda state: trial(len(state.trials)))
    mine.update(lambda state: trial(len(state.trials)))
    state = mine.update(decide)
    assert [each.settings["seed"] for each in state.trials] == [0, 1, 2, 3]
    assert other.read().trials == state.trials


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("nonsense", "is no address of a database"),
        ("oracle+nothing://me:hunter2@host/db", "is no address of a database"),
        ("sqlite:////nowhere/at/all.db", "the database cannot be reached: unable to open database file"),
        ("postgresql://me:hunter2@127.0.0.1:1/db", "the database cannot be reached: "),
    ],
)
def test_what_cannot_be_reached(url: str, what: str) -> None:
    if url.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
    with pytest.raises(WorkbenchError) as caught:
        SqlJournal(url, "small").update(lambda _: trial(0))
    assert what in caught.value.what
    assert "hunter2" not in str(caught.value)


def test_a_driver_that_is_not_installed() -> None:
    with pytest.raises(RecipeError, match=r"the driver 'pg8000' .* pip install 'pg8000'"):
        SqlJournal("postgresql+pg8000://me@host/db", "small")


# ---------------------------------------------------------------------- real trainings


def write(folder: Path, epochs: int = 6, **search: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"over": OVER, "method": "random", "trials": 4, **search}
    train = {**RECIPE["train"], "epochs": epochs, "checkpoint_seconds": 1.0}
    (folder / "r.yaml").write_text(recipe(search=asked, train=train))


def undisturbed(folder: Path, storage: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    monkeypatch.chdir(folder)
    opened = open_search("small", catalog, storage=storage)
    return values_of(opened, catalog, range(len(opened.journal.read().trials)), folder / "alone")


def until(process: subprocess.Popen[str], storage: str, reached: Any) -> None:
    journal = SqlJournal(storage, "small")
    end = time.monotonic() + 120
    while not reached(journal.read()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


def runs(state: SearchState) -> list[str]:
    return [each.repetitions[0].run for each in state.trials]


@pytest.mark.slow
@pytest.mark.parametrize("storage", part("search", ["sqlite", "postgresql"], ["postgresql"]), indirect=True)
def test_two_machines_work_on_one_search(
    storage: str, tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with folders of its own; the second one knows no more than the name."""
    write(tmp_path / "a", epochs=150, trials=4)
    first = start(tmp_path / "a", storage, "search", "r.yaml", "--workers", "1")
    until(first, storage, lambda state: state.recipe)
    second = start(tmp_path / "b", storage, "search", "small", "--workers", "1", "--json")
    finish(first)
    out, _ = finish(second)
    state = SqlJournal(storage, "small").read()
    assert [each.state for each in state.trials] == [TrialState.DONE] * 4
    assert len({each.repetitions[0].owner for each in state.trials}) == 2
    folders = {Path(run).parents[2].name for run in runs(state)}
    assert folders == {"a", "b"}
    values = undisturbed(tmp_path / "a", storage, catalog, monkeypatch)
    assert [each.value for each in state.trials] == values
    assert json.loads(out.splitlines()[-1])["best"]["value"] == min(values)
    best, _ = finish(start(tmp_path / "c", storage, "search", "small", "--best"))
    assert "search:" not in best


@pytest.mark.slow
def test_a_training_whose_run_is_elsewhere_begins_again(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = f"sqlite:///{tmp_path / 'searches.db'}"
    write(tmp_path / "a", epochs=400, trials=1)
    first = start(tmp_path / "a", storage, "search", "r.yaml", "--workers", "1")
    until(first, storage, lambda state: any(runs(state)))
    first.kill()
    first.communicate()
    (tmp_path / "a").rename(tmp_path / "unreachable")
    _, errors = finish(start(tmp_path / "b", storage, "search", "small", "--workers", "1"))
    assert "trial 0 begins again from the start" in errors
    state = SqlJournal(storage, "small").read()
    assert [each.value for each in state.trials] == undisturbed(tmp_path / "b", storage, catalog, monkeypatch)
    assert Path(runs(state)[0]).parents[2] == tmp_path / "b"


@pytest.mark.slow
def test_a_machine_without_the_data(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'searches.db'}"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "t.csv").write_text("x,y\n" + "".join(f"{i},{i * 2}\n" for i in range(40)))
    data = {"use": "csv", "path": "t.csv", "targets": "y", "split": {"validation": 0.2}}
    (tmp_path / "a" / "r.yaml").write_text(
        recipe(data=data, search={"over": {"train.batch_size": [4, 8]}, "method": "grid"})
    )
    finish(start(tmp_path / "a", storage, "search", "r.yaml", "--workers", "1"))
    (tmp_path / "a").rename(tmp_path / "unreachable")
    more = ("--set", "search.over={train.batch_size: [4, 8]}", "--workers", "1")
    _, errors = finish(start(tmp_path / "b", storage, "search", "small", *more), 2)
    assert "there is no file 't.csv'" in errors
    assert "its data must be here too" in errors
    (tmp_path / "b" / "t.csv").write_text((tmp_path / "unreachable" / "t.csv").read_text())
    finish(start(tmp_path / "b", storage, "search", "small", *more))


@pytest.mark.slow
@pytest.mark.parametrize("cut_off", part("search", [False, True], [False]))
def test_a_database_that_goes_away(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, cut_off: bool
) -> None:
    """For a while; or, `cut_off`, for so long that agents end their trainings, and take them up again."""
    with postgres_server() as server:
        storage = server.url()
        write(tmp_path / "a", epochs=500 if cut_off else 150, trials=3)
        limits = "leases.BEAT, leases.GIVE_UP, leases.LEASE = 0.5, " + ("3, 12" if cut_off else "60, 90")
        options = {"constants": limits}
        first = start(tmp_path / "a", storage, "search", "r.yaml", "--workers", "1", **options)
        until(first, storage, lambda state: state.recipe)
        second = start(tmp_path / "b", storage, "search", "small", "--workers", "1", **options)
        until(second, storage, lambda state: len(state.agents) == 2 and any(runs(state)))
        server.stop()
        time.sleep(AWAY)
        server.start()
        said = []
        for process in (first, second):
            _, errors = finish(process)
            said.append(errors)
            assert "nothing they came to is lost" in errors
            assert "the journal can be reached again" in errors
            assert PASSWORD not in errors
        # The second one may have begun nothing yet.
        assert any("others take over" in errors for errors in said) == cut_off
        state = SqlJournal(storage, "small").read()
        assert [each.state for each in state.trials] == [TrialState.DONE] * 3
        assert [each.value for each in state.trials] == undisturbed(
            tmp_path / "a", storage, catalog, monkeypatch
        )
        made = [
            *(tmp_path / "a" / "saved" / "runs").iterdir(),
            *(tmp_path / "b" / "saved" / "runs").iterdir(),
        ]
        assert sorted(map(str, made)) == sorted(runs(state))  # no trial was trained twice
        assert all(each.repetitions[0].deaths == 0 for each in state.trials)


@pytest.mark.slow
def test_a_wrong_password(server: PostgresServer, tmp_path: Path) -> None:
    write(tmp_path)
    _, errors = finish(start(tmp_path, server.url("hunter2"), "search", "r.yaml"), 3)
    assert len(errors.splitlines()) == 1
    assert "password authentication failed" in errors
    assert "hunter2" not in errors
