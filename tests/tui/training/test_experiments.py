"""Runs as a table of experiments, through the real app: tags, notes, terms, any order, groups."""

from __future__ import annotations

import statistics

import pytest
from textual.events import Paste

from tests.tui.conftest import shown, until
from tests.tui.training.runs import names_listed, under_cursor
from workbench.storage.labels import Labels, read_labels, write_labels
from workbench.tui.screens.runs.table import RunsTable
from workbench.tui.widgets.dialogs import PromptDialog


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_tags_notes_terms_and_any_order(open_app, three, size) -> None:
    async with open_app(mode="runs", size=size) as pilot:
        await under_cursor(pilot, "price-one")
        await pilot.press("l", *"base lr-test", "enter")
        await until(lambda: read_labels(three[0]).tags == ("base", "lr-test"), what="the tags are written")
        await pilot.press("i", *"the first one", "enter")
        await until(lambda: read_labels(three[0]).note == "the first one", what="the note is written")
        await until(lambda: "#base #lr-test the first one" in shown(pilot.app), what="they are shown")
        # a word that is no tag stays in the field
        await pilot.press("l", *" two/words", "enter")
        assert isinstance(pilot.app.screen, PromptDialog)
        assert "a tag is one word" in shown(pilot.app)
        await pilot.press("escape")
        assert read_labels(three[0]).tags == ("base", "lr-test")
        # terms; what is wrong with one is said, and the rows stay
        await pilot.press("slash", *"tag:base status:done", "enter")
        assert await names_listed(pilot) == ["price-one"]
        await pilot.press("escape", "slash")
        pilot.app.post_message(Paste("lrr<0.1"))
        await until(lambda: "there is no key 'lrr'" in shown(pilot.app), what="the error is shown")
        assert len(await names_listed(pilot)) == 3
        await pilot.press("escape")
        # several runs at once: the tags that both have are changed
        await under_cursor(pilot, "price-one")
        await pilot.press("space")
        await under_cursor(pilot, "price-two")
        await pilot.press("space", "l", *"both", "enter")
        await until(lambda: read_labels(three[1]).tags == ("both",), what="the second has it")
        assert read_labels(three[0]).tags == ("base", "both", "lr-test")
        # any order, from a list
        await pilot.press("a", "b", *"highest epoch", "escape")
        await pilot.press("b", *"highest loss", "enter")
        await until(lambda: pilot.app.screen.selection.order == "-loss", what="the order is another")
        assert "highest loss first" in shown(pilot.app)
        losses = [run.logs.get("loss", -1.0) for run in pilot.app.screen.selection.shown]
        assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_runs_are_grouped_by_a_key(open_app, three, size) -> None:
    for run in three[:2]:
        write_labels(run, Labels(("base",)))
    async with open_app(mode="runs", size=size) as pilot:
        runs = await names_listed(pilot)
        losses = [
            run.logs["val_loss"] for run in pilot.app.screen.selection.runs if "price" in run.folder.name
        ]
        assert len(runs) == 3
        await pilot.press("g", *"tag", "enter")
        await until(lambda: "3 runs by tag" in shown(pilot.app), what="the groups are shown")
        line = next(line for line in shown(pilot.app).splitlines() if " base " in line and "±" in line)
        mean, spread = statistics.fmean(losses), statistics.stdev(losses)
        assert f"2  {mean:.4g} ± {spread:.2g}" in " ".join(line.replace("│", "").split(" ")).replace(
            "   ", "  "
        )
        await pilot.press("escape")
        assert await names_listed(pilot) == runs


async def test_the_rows_stand_in_the_order_and_the_cursor_stays_on_its_run(open_app, three) -> None:
    async with open_app(mode="runs") as pilot:
        await under_cursor(pilot, "price-one")
        table = pilot.app.screen.query_one(RunsTable)
        for _ in range(7):
            await pilot.press("s")
            names = await names_listed(pilot)
            assert table.names == names
            assert table.name_under_cursor == "price-one"
            rows = [line for line in shown(pilot.app).splitlines() if "price-" in line or "failing" in line]
            assert [next(name for name in names if name in row) for row in rows[:3]] == names
