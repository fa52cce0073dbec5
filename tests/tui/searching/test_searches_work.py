"""Searches that the app has processes work on: real trainings."""

from __future__ import annotations

import pytest

from tests.search.bases import OVER, recipe
from tests.tui.conftest import settle, shown, until
from workbench.search.journal import Journal
from workbench.search.state import TrialState
from workbench.tui.services.search_processes import SearchProcesses
from workbench.tui.widgets.dialogs import PromptDialog

pytestmark = pytest.mark.slow


def done(journal: Journal) -> int:
    return sum(trial.state is TrialState.DONE for trial in journal.read().trials)


async def test_a_search_is_begun_gone_on_with_and_stopped(open_app, place) -> None:
    file = place / "small.yaml"
    file.write_text(recipe(search={"over": OVER, "method": "random", "trials": 1}))
    journal = Journal(place / "saved" / "searches" / "small" / "journal.jsonl")
    async with open_app(recipe=str(file)) as pilot:
        await until(lambda: pilot.app.editor is not None)
        await pilot.press("7", "n")
        await until(lambda: done(journal) == 1, 120)
        await until(lambda: "the process of" in shown(pilot.app), 60)
        await pilot.press("c")
        await until(lambda: isinstance(pilot.app.screen, PromptDialog))
        await pilot.press("backspace", "0", "enter")  # fewer than there are
        assert isinstance(pilot.app.screen, PromptDialog)
        await pilot.press("backspace", *"60", "enter")
        await until(lambda: done(journal) >= 2, 120)
        await settle(pilot)
        await pilot.press("o")
        state = journal.state
        await until(lambda: journal.read().left == set(state.agents), 60)
        assert len(journal.state.trials) < 60
        assert journal.state.recipe["overrides"] == ["search.trials=60"]


async def test_what_is_in_the_way_is_said(open_app, five, place) -> None:
    file = place / "small.yaml"
    file.write_text(recipe(search={"over": OVER, "goal": "loss"}))
    async with open_app(recipe=str(file)) as pilot:
        await until(lambda: pilot.app.editor is not None)
        await pilot.press("7", "n")
        await until(lambda: "was begun with another" in str(pilot.app.notices), 120)


async def test_a_process_that_is_stopped_while_it_starts_has_no_error(tmp_path) -> None:
    (tmp_path / "small.yaml").write_text(recipe(search={"over": OVER}))
    processes, folder = SearchProcesses(), tmp_path / "saved" / "searches" / "small"
    processes.begin(folder, tmp_path, ["search", "small.yaml"])
    processes.stop(folder)
    processes.stop(folder)
    assert await until(processes.ended, 60) == [(folder, None)]
    assert not processes.works_on(folder)


async def test_a_second_stop_does_not_end_trainings_at_once(open_app, place) -> None:
    file = place / "small.yaml"
    file.write_text(recipe(search={"over": OVER, "method": "random", "trials": 40}))
    journal = Journal(place / "saved" / "searches" / "small" / "journal.jsonl")
    async with open_app(recipe=str(file)) as pilot:
        await until(lambda: pilot.app.editor is not None)
        await pilot.press("7", "n")
        await until(lambda: done(journal) >= 1, 120)
        await settle(pilot)
        await pilot.press("o", "o", "o")
        await until(lambda: journal.read().left == set(journal.state.agents), 60)
        log = (place / "saved" / "searches" / "small" / "logs" / "app.log").read_text()
        assert log.count("stopping each training") == 1
        await until(lambda: "the process of" in shown(pilot.app), 60)
        assert "goes on" in (place / "saved" / "searches" / "small" / "logs" / "app.log").read_text()
