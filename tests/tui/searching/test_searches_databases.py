"""Searches kept in a database, in the list of searches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.postgres import postgres_server
from tests.tui.conftest import until
from tests.tui.searching.test_searches_screen import line_with, numbers, shown_words
from workbench.search.journal import Journal
from workbench.search.kept_elsewhere import ADDRESS, note_storage
from workbench.search.sql_journal import SqlJournal
from workbench.tui.screens.searches import sources
from workbench.tui.screens.searches.tables import TrialsTable


def moved(file: Journal, storage: str) -> SqlJournal:
    """The journal with all of its records moved into a database."""
    lines = [json.loads(line) for line in file.path.read_text().splitlines()]
    made = SqlJournal(storage, "small")
    made.update(lambda _: lines)
    file.path.unlink()
    note_storage(file.path.parent, made.address)
    return made


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_its_trials_are_listed_and_pruned(open_app, five, place: Path, size, monkeypatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    kept = moved(five, f"sqlite:///{place / 'searches.db'}")
    async with open_app(mode="searches", size=size) as pilot:
        await until(lambda: numbers(pilot) == [1, 0, 4, 2, 3], what="the trials")
        assert line_with(pilot, "★") == "★ 1 ✓ done 0.5 3 0.03 16"
        assert "1 process works on it" in shown_words(pilot)
        await pilot.press("enter")
        table = pilot.app.screen.query_one(TrialsTable)
        table.move_cursor(row=table.keys.index("small/4"))
        await pilot.press("x")
        await until(lambda: kept.read().trials[4].repetitions[0].pruned_by_hand, what="the database has it")
        await until(lambda: "it stops after its batch" in shown_words(pilot), what="it is shown")


@pytest.mark.slow
async def test_a_database_that_goes_away_is_said_and_comes_back(open_app, five, monkeypatch) -> None:
    monkeypatch.setattr(sources, "TRY_AGAIN", 0.5)
    with postgres_server() as server:
        monkeypatch.setenv(ADDRESS, server.url())
        moved(five, server.url())
        async with open_app(mode="searches", size=(120, 40)) as pilot:
            await until(lambda: numbers(pilot) == [1, 0, 4, 2, 3], what="the trials")
            assert "kept in postgresql" in shown_words(pilot)
            server.stop()
            await until(
                lambda: "the database cannot be reached" in shown_words(pilot), what="that it is away"
            )
            assert numbers(pilot) == [1, 0, 4, 2, 3]  # what was known stays
            server.start()
            await until(lambda: "cannot be reached" not in shown_words(pilot), what="that it is back")
