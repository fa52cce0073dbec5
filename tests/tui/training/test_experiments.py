"""Runs as a table of experiments, through the real app: tags, notes, terms, any order, groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from textual.events import Paste
from textual.widgets import OptionList

from tests.tui.conftest import settle, shown, until
from tests.tui.training.runs import names_listed, under_cursor
from workbench import events
from workbench.storage.event_stream import EventLog
from workbench.storage.labels import read_labels
from workbench.storage.runs import create_run
from workbench.tui.chart.bands import texture_of
from workbench.tui.screens.runs.groups_table import GroupsTable
from workbench.tui.screens.runs.overlay import OverlayChart
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


@pytest.fixture
def six(working_directory: Path) -> dict[str, list[list[float]]]:
    """Six runs: the validation losses of each epoch, by the value of their learning rate. One stopped early."""
    random = np.random.default_rng(7)
    made: dict[str, list[list[float]]] = {"0.01": [], "0.1": []}
    for number in range(6):
        rate = (0.1, 0.01)[number % 2]
        losses = [float(v) for v in 4.0 * rate + np.exp(-np.arange(8) / 3) + random.normal(0, 0.05, 8)]
        losses = losses[:5] if number == 5 else losses
        run = create_run(
            working_directory / "saved" / "runs", f"r{number}", recipe="kwb: 1\n", environment={}
        )
        recipe = {"name": "r", "train": {"optimizer": {"learning_rate": rate}, "batch_size": 16}}
        with EventLog(run) as log:
            log.append(events.RunStarted(str(run.path), recipe, {}), 1_760_000_000.0 + number)
            for epoch, loss in enumerate(losses, 1):
                logs = {"loss": 2 * loss, "val_loss": loss}
                log.append(events.Epoch(epoch, 8, logs, 1.0, 10.0, rate), 1_760_000_000.0 + number)
            log.append(events.Finished("done", {}, {}, 1.0), 1_760_000_001.0 + number)
        made[str(rate)].append(losses)
    return made


def table_of(losses: list[list[float]]) -> pd.DataFrame:
    """A row for each run, a column for each epoch."""
    return pd.DataFrame([pd.Series(run) for run in losses])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_groups_of_runs_with_their_bands(open_app, six, size) -> None:
    async with open_app(mode="runs", size=size) as pilot:
        runs = await names_listed(pilot)
        while pilot.app.screen.selection.metric != "val_loss":
            await pilot.press("m")
        await pilot.press("g", *"learning_rate", "enter")
        await until(lambda: "6 runs by learning_rate" in shown(pilot.app), what="the groups are shown")
        await settle(pilot)
        table, chart = pilot.app.screen.query_one(GroupsTable), pilot.app.screen.query_one(OverlayChart)
        assert table.has_focus
        assert list(chart.series) == ["0.01", "0.1"]
        for value, losses in six.items():
            frame = table_of(losses)
            curve = chart._curves[value]
            np.testing.assert_allclose(curve.series.mean, frame.mean(), rtol=1e-12)
            np.testing.assert_allclose(curve.edges.lower.mean, frame.mean() - frame.std(ddof=1), rtol=1e-12)
            np.testing.assert_allclose(curve.edges.upper.mean, frame.mean() + frame.std(ddof=1), rtol=1e-12)
            last = pd.Series([each[-1] for each in losses])
            assert f"{last.mean():.4g} ± {last.std(ddof=1):.2g}" in shown(pilot.app)
            assert f"{texture_of(curve.colour)} learning_rate {value}" in shown(pilot.app)
        # without a mark, the group under the cursor; a mark has the next one beside it
        await pilot.press("space")
        await settle(pilot)
        assert list(chart.series) == ["0.1"]
        await pilot.press("a", "home")
        await settle(pilot)
        assert list(chart.series) == ["0.01"]
        await pilot.press("m")
        await settle(pilot)
        np.testing.assert_allclose(chart.series["0.01"].mean, 2 * table_of(six["0.01"]).mean(), rtol=1e-12)
        # what acts on runs is not offered; a filter is, and acts on the groups
        for key in ("s", "x", "l", "e"):
            await pilot.press(key)
        assert pilot.app.screen.query_one(GroupsTable).has_focus
        await pilot.press("slash", *"r1", "enter")
        await until(lambda: "1 run by learning_rate" in shown(pilot.app), what="only one is left")
        assert table.has_focus
        await pilot.press("escape")
        assert await names_listed(pilot) == [name for name in runs if name.startswith("r1")]
        await pilot.press("escape")
        assert await names_listed(pilot) == runs
        # the runs of a group
        await pilot.press("g", *"learning_rate", "enter")
        await until(lambda: table.has_focus, what="the groups again")
        await pilot.press("end", "enter")
        assert await names_listed(pilot) == [name for name in runs if name[1] in "024"]
        assert "3 of 6 shown" in shown(pilot.app)


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


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_columns_are_chosen_by_key_and_kept(open_app, six, size) -> None:
    async with open_app(mode="runs", size=size) as pilot:
        runs = await names_listed(pilot)
        before = pilot.app.screen.query_one(RunsTable)._columns_shown
        # as they are, nothing is chosen
        await pilot.press("c", "enter")
        await settle(pilot)
        assert pilot.app.screen.selection.columns == []
        # only the best value, and behind it the learning rate
        await pilot.press("c")
        dialog = pilot.app.screen
        while dialog._chosen:
            await pilot.press("space", "home")
        listing = dialog.query_one(OptionList)
        for name in ("learning_rate", "best_val_loss"):
            listing.highlighted = dialog._names.index(name)
            await pilot.press("space")
        listing.highlighted = 1
        await pilot.press("minus")
        assert dialog._chosen == ["best_val_loss", "learning_rate"]
        await pilot.press("plus", "minus", "enter")
        await settle(pilot)
        table = pilot.app.screen.query_one(RunsTable)
        await until(
            lambda: all(run.extremes for run in pilot.app.screen.selection.runs), what="they are read"
        )
        await settle(pilot)
        assert [column.title for column in table._columns_shown] == [
            "",
            "run",
            "best_val_loss",
            "learning_rate",
        ]
        best = {
            name: min(six[rate][int(name[1]) // 2])
            for name, rate in zip(sorted(runs), ["0.1", "0.01"] * 3, strict=True)
        }
        for name, value in best.items():
            assert table.get_cell(name, "best_val_loss").plain == f"{value:.4g}"
        await pilot.press("b", *"lowest best_val_loss", "enter")
        assert await names_listed(pilot) == sorted(best, key=best.get)
        await pilot.press("slash", *"best_val_loss<0.3", "enter")
        assert set(await names_listed(pilot)) == {name for name, value in best.items() if value < 0.3}
        await pilot.press("escape", "g", *"learning_rate", "enter")
        await settle(pilot)
        lows = pd.Series([min(losses) for losses in six["0.01"]])
        assert f"{lows.mean():.4g} ± {lows.std(ddof=1):.2g}" in shown(pilot.app)
        assert "val_loss" not in shown(pilot.app).replace("best_val_loss", "")
        await pilot.press("escape")
        pilot.app.state.save()  # as when it ends
    async with open_app(mode="runs", size=size) as pilot:  # the next start
        await settle(pilot)
        assert pilot.app.screen.selection.columns == ["best_val_loss", "learning_rate"]
        await pilot.press("c", "escape", "c", "r")
        await settle(pilot)
        table = pilot.app.screen.query_one(RunsTable)
        assert [column.title for column in table._columns_shown] == [column.title for column in before]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_wide_table_goes_sideways_and_the_name_stays(open_app, six, size, working_directory) -> None:
    run = create_run(working_directory / "saved" / "runs", "many", recipe="kwb: 1\n", environment={})
    logs = {"loss": 1.0} | {f"metric_{letter}": float(at) for at, letter in enumerate("abcdefghijkl")}
    with EventLog(run) as log:
        log.append(events.RunStarted(str(run.path), {"name": "many"}, {}), 1_760_000_900.0)
        log.append(events.Epoch(1, 1, logs, 1.0, 10.0, 0.1), 1_760_000_901.0)
    async with open_app(mode="runs", size=size) as pilot:
        await under_cursor(pilot, run.name)
        table = pilot.app.screen.query_one(RunsTable)
        titles = [column.title for column in table._columns_shown]
        assert table.max_scroll_x > 0

        def visible() -> list[str]:
            (line,) = (line for line in shown(pilot.app).splitlines() if line.split()[:1] == ["run"])
            return [title for title in titles[1:] if f" {title} " in f" {line} "]

        seen = set(visible())
        for _ in titles:
            await pilot.press("right")
            await settle(pilot)
            assert visible()[0] == "run"  # its column is always there
            assert any("many" in line and "□" in line for line in shown(pilot.app).splitlines())
            seen |= set(visible())
        assert seen == set(titles[1:])
        assert table.scroll_x == table.max_scroll_x
        assert table.name_under_cursor == run.name
        for _ in titles:
            await pilot.press("left")
        assert table.scroll_x == 0
