"""The searches screen through the real app, on journals as `kwb search` writes them; and the pieces under it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.search.bases import OVER
from tests.tui.conftest import settle, shown, shows, until
from tests.tui.searching.conftest import MOMENT
from workbench import events
from workbench.search import state as records
from workbench.search.leases import describe_agent
from workbench.search.state import TrialState
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.difference import DifferenceDialog
from workbench.tui.chart.widget import Chart
from workbench.tui.screens.assemble.screen import AssembleScreen
from workbench.tui.screens.searches.listing import SearchLister
from workbench.tui.screens.searches.rows import best_so_far, rows_of
from workbench.tui.screens.searches.tables import TrialsTable
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.views.training_view import Stage
from workbench.tui.widgets.dialogs import ConfirmDialog

KEYS = tuple(OVER)


def numbers(pilot) -> list[int]:
    """Of the trials in the table, in order."""
    return [int(key.rpartition("/")[2]) for key in pilot.app.screen.query_one(TrialsTable).keys]


def line_with(pilot, words: str) -> str:
    """The line of the screen that has these words, with one blank between two words."""
    lines = [" ".join(line.split()) for line in shown(pilot.app).splitlines()]
    return next(line for line in lines if words in line)


async def test_trials_by_value_with_the_best_first(open_app, five) -> None:
    async with open_app(mode="searches") as pilot:
        assert numbers(pilot) == [1, 0, 4, 2, 3]
        assert line_with(pilot, "★") == "★ 1 ✓ done 0.5 3 0.03 16"
        assert "4 ▶ running 0.65 2 0.05 16" in line_with(pilot, "▶ running")  # from its run's events
        assert line_with(pilot, "small").startswith("small lowest val_loss 3/8 ▶ 1 1 ✗ 1 0.5 ")
        assert "1 process works on it" in shown(pilot.app)
        await pilot.press("s")
        await settle(pilot)
        assert numbers(pilot) == [0, 1, 2, 3, 4]
        await pilot.press("s")
        await settle(pilot)
        assert numbers(pilot) == [4, 0, 1, 2, 3]


async def test_what_is_new_is_shown_and_the_cursor_stays_on_its_trial(open_app, five, place: Path) -> None:
    async with open_app(mode="searches") as pilot:
        table = pilot.app.screen.query_one(TrialsTable)
        await pilot.press("enter", "down", "down")
        assert table.under_cursor == "small/4"
        with EventLog(RunFolder(place / "saved" / "runs" / "small-t4")) as log:
            logs = {"loss": 0.2, "val_loss": 0.4}
            log.append(events.Epoch(3, 6, logs, 1.0, 10.0, 0.01), MOMENT + 20)
        await until(lambda: "4 ▶ running 0.4 3" in line_with(pilot, "▶ running"))
        agent = five.read().trials[4].repetitions[0].owner
        ended = records.ended(agent, 4, 0, TrialState.DONE, epoch=6, value=0.4, logs=logs)
        new = records.new_trial(dict(zip(KEYS, (0.07, 4), strict=True)), 1)
        five.update(lambda _: [ended, new, records.begun(agent, 5, 0)])
        await until(lambda: "★ 4 ✓ done 0.4 6" in shown_words(pilot))
        assert numbers(pilot) == [4, 1, 0, 2, 3, 5]
        assert table.under_cursor == "small/4"


def shown_words(pilot) -> str:
    return " ".join(shown(pilot.app).split())


async def test_enter_watches_the_run_of_a_trial(open_app, five) -> None:
    async with open_app(mode="searches") as pilot:
        await pilot.press("enter", "enter")
        await until(lambda: isinstance(pilot.app.screen, TrainScreen))
        await until(lambda: pilot.app.screen.record.view.stage is Stage.FINISHED)
        assert pilot.app.watched.name == "small-t1"


async def test_the_best_is_opened_as_a_recipe_of_its_own(open_app, five) -> None:
    async with open_app(mode="searches") as pilot:
        await pilot.press("b")
        await until(lambda: isinstance(pilot.app.screen, AssembleScreen))
        editor = pilot.app.editor
        assert editor.get("train.optimizer.learning_rate") == 0.03
        assert editor.get("model.sequential[0].units") == 16
        assert "search" not in editor.data
        assert editor.path is None
        assert editor.error is None


async def test_unsaved_changes_are_asked_about_before_the_best_takes_their_place(open_app, five) -> None:
    async with open_app(mode="searches", recipe="residual-regressor") as pilot:
        await until(lambda: pilot.app.editor is not None)
        mine = pilot.app.editor
        mine.set("train.epochs", 3)
        await pilot.press("7", "b")
        await until(lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await settle(pilot)
        assert pilot.app.editor is mine
        await pilot.press("b")
        await until(lambda: isinstance(pilot.app.screen, ConfirmDialog))
        await pilot.press("w")
        await until(lambda: pilot.app.editor is not mine)


async def test_a_repeat_has_its_seeds_and_their_means(open_app, repeated) -> None:
    async with open_app(mode="searches") as pilot:
        assert numbers(pilot) == [3, 4, 5]
        assert "val_loss 0.6 ± 0.14" in shown(pilot.app)
        assert line_with(pilot, "○ waiting").startswith("5 ○ waiting")  # its agent has left
        assert "kwb repeat small-3-seeds" in shown(pilot.app)
        await pilot.press("b")
        await settle(pilot)
        assert pilot.app.current_mode == "searches"


async def test_no_search_says_how_to_begin(open_app) -> None:
    async with open_app() as pilot:
        await pilot.press("7")
        await shows(pilot, "kwb search RECIPE")


async def test_a_file_that_is_no_journal_is_named_and_the_others_are_shown(
    open_app, five, place: Path
) -> None:
    odd = place / "saved" / "searches" / "odd"
    odd.mkdir()
    (odd / "journal.jsonl").write_text("[1, 2]\n")
    async with open_app(mode="searches") as pilot:
        assert "✗ unreadable" in line_with(pilot, "odd")
        assert "is no journal of a search" in shown(pilot.app)
        assert "small" in shown(pilot.app)


def test_nothing_is_read_again_while_nothing_changes(five, repeated, place: Path) -> None:
    agent = five.read().trials[4].repetitions[0].owner
    five.update(lambda _: [{"kind": "left", "agent": agent}])
    lister = SearchLister(place / "saved" / "searches")
    before = lister.refresh()
    after = lister.refresh()
    assert all(now is then for now, then in zip(after, before, strict=True))
    os.unlink(five.path)
    assert [search.name for search in lister.refresh()] == ["small-3-seeds"]


def test_a_search_begun_again_under_its_name(five, make_search, place: Path) -> None:
    lister = SearchLister(place / "saved" / "searches")
    assert len(lister.refresh()[0].trials) == 5
    os.unlink(five.path)
    make_search("small")
    assert len(lister.refresh()[0].trials) == 0


def test_the_best_so_far_rises_where_the_highest_is_best(make_search, place: Path) -> None:
    journal = make_search("high", search={"over": OVER, "goal": {"maximize": "val_accuracy"}})
    agent, record = describe_agent(1)
    made = [record]
    for number, value in enumerate([0.5, 0.4, 0.8]):
        made += [records.new_trial({}, 1), records.begun(agent, number, 0)]
        made += [records.ended(agent, number, 0, TrialState.DONE, epoch=1, value=value)]
    journal.update(lambda _: made)
    search = SearchLister(place / "saved" / "searches").refresh()[0]
    assert best_so_far(search.trials, -1) == [(0, 0.5), (1, 0.5), (2, 0.5), (2, 0.8)]
    assert [row.number for row in rows_of(search, "value")] == [2, 0, 1]
    assert search.wanted == 20


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_two_trials_are_compared(open_app, five, size) -> None:
    async with open_app(mode="searches", size=size) as pilot:
        screen = pilot.app.screen
        assert screen.check_action("difference", ()) is False  # the best with itself
        await pilot.press("enter", "down", "d")  # trial 0 with the best
        await until(lambda: isinstance(pilot.app.screen, DifferenceDialog), what="the comparison")
        await settle(pilot)
        lines = pilot.app.screen.copy_text().splitlines()
        assert lines[:2] == ["\ttrial 1\ttrial 0", "tried\t\t"]
        assert [line.split("\t")[1:] for line in lines[2:4]] == [["0.03", "0.01"], ["16", "4"]]
        assert "val_loss\t0.55\t0.6" in lines
        for words in ("Two trials", "tried", "0.03", "━━ trial 1 0.55", "╍╍ trial 0 0.6"):
            assert words in shown(pilot.app)
        chart = pilot.app.screen.query_one(Chart)
        assert list(chart.series["trial 1"].mean) == [0.8, 0.5, 0.55]
        assert list(chart.series["trial 0"].mean) == [0.9, 0.7, 0.6]
        await pilot.press("escape")
        # with a marked one
        await pilot.press("space", "down", "d")
        await until(lambda: isinstance(pilot.app.screen, DifferenceDialog), what="the comparison")
        await settle(pilot)
        assert pilot.app.screen.copy_text().startswith("\ttrial 0\ttrial 4\n")
        await pilot.press("escape")
        assert "▣" in line_with(pilot, "0.6 3 0.01")
        await pilot.press("up", "space")
        await settle(pilot)
        assert "▣" not in shown(pilot.app)


async def test_a_trial_without_a_run_is_not_compared(open_app, five) -> None:
    agent = five.read().trials[4].repetitions[0].owner
    new = records.new_trial(dict(zip(KEYS, (0.07, 4), strict=True)), 1)
    five.update(lambda _: [new, records.begun(agent, 5, 0)])
    async with open_app(mode="searches") as pilot:
        await pilot.press("enter")
        table = pilot.app.screen.query_one(TrialsTable)
        table.move_cursor(row=table.keys.index("small/5"))
        await pilot.press("d")
        await until(lambda: "trial 5 has no run" in shown(pilot.app), what="why not")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_trial_is_pruned_by_key_and_let_go_on(open_app, five, size) -> None:
    async with open_app(mode="searches", size=size) as pilot:
        screen = pilot.app.screen
        assert not screen.check_action("prune", ())  # in the list of searches
        await pilot.press("enter", "x")  # the best is done: nothing happens
        await settle(pilot)
        assert not any(trial.repetitions[0].pruned_by_hand for trial in five.read().trials)
        table = screen.query_one(TrialsTable)
        table.move_cursor(row=table.keys.index("small/4"))
        await settle(pilot)
        assert screen.check_action("prune", ())
        await pilot.press("x")
        await until(lambda: five.read().trials[4].repetitions[0].pruned_by_hand, what="the journal says it")
        await until(lambda: "▶ running it stops after its batch" in shown_words(pilot), what="it is shown")
        agent = five.state.trials[4].repetitions[0].owner
        five.update(lambda _: [records.ended(agent, 4, 0, TrialState.PRUNED, epoch=2, value=0.65)])
        await until(lambda: "▽ pruned by hand: x lets it go on" in shown_words(pilot), what="it is pruned")
        await pilot.press("x")
        await until(lambda: not five.read().trials[4].repetitions[0].pruned_by_hand, what="it may go on")
        await until(lambda: not screen.check_action("prune", ()), what="as other pruned ones")


async def test_one_that_was_left_behind_is_pruned_at_once(open_app, five) -> None:
    agent = five.read().trials[4].repetitions[0].owner
    five.update(lambda _: [records.by_hand(4, 0, True), {"kind": "left", "agent": agent}])
    async with open_app(mode="searches") as pilot:
        await until(lambda: line_with(pilot, "0.65").startswith("4 ▽ pruned"), what="nobody trains it")
