"""The train screen through the real app: runs from their folders, panes, keys, one cursor for all."""

from __future__ import annotations

import pytest

from tests.tui.conftest import settle, shown, until
from workbench import events
from workbench.recipe.editing import Editor
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder
from workbench.tui.chart.widget import Chart
from workbench.tui.screens.train.chart_grid import ChartGrid
from workbench.tui.screens.train.epoch_table import EpochTable
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.screens.train.weights import WeightsPane
from workbench.tui.services.follow import PART
from workbench.tui.state import AppState
from workbench.tui.views.training_view import Stage


def screen_of(pilot) -> TrainScreen:
    assert isinstance(pilot.app.screen, TrainScreen)
    return pilot.app.screen


async def at_stage(pilot, stage: Stage) -> TrainScreen:
    screen = screen_of(pilot)
    await until(lambda: screen.record.view.stage is stage, what=f"{screen.record.view.stage} became {stage}")
    await drawn(pilot)
    return screen


async def drawn(pilot) -> str:
    """What the terminal shows, once everything taken is painted."""
    screen = pilot.app.screen
    await until(lambda: not getattr(screen, "_frame_pending", False))
    await settle(pilot)
    return shown(pilot.app)


async def shows(pilot, words: str) -> str:
    """Wait until the terminal shows the words; all it shows then."""
    return await until(lambda: words in (text := shown(pilot.app)) and text, what=f"'{words}' is shown")


def charts(screen) -> list[Chart]:
    return list(screen.query_one("#charts", ChartGrid).charts)


async def test_without_a_training_it_says_how_to_start(open_app) -> None:
    async with open_app(mode="train") as pilot:
        text = await drawn(pilot)
        assert "Nothing is being trained." in text
        assert "Choose a recipe first: 1" in text
        await pilot.press("space", "x", "k", "r", "asterisk", "u", "z", "less_than_sign")  # nothing to steer
        await settle(pilot)


async def test_a_finished_run_is_shown_whole(open_app, placed, finished) -> None:
    run = placed(finished, "done")
    async with open_app(watch=run.path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        text = await drawn(pilot)
        assert "✓ Done after 8 epochs in 0:02." in text
        assert "On the test part: loss" in text
        assert "epoch 8/8" in text
        assert [chart.panel.title for chart in charts(screen)] == ["loss", "mae"]
        assert all(len(chart.series["training"]) == 8 for chart in charts(screen))
        assert all(len(chart.series["validation"]) == 8 for chart in charts(screen))


async def test_the_panes_are_chosen_by_their_letters(open_app, placed, finished) -> None:
    async with open_app(watch=placed(finished, "done").path) as pilot:
        await at_stage(pilot, Stage.FINISHED)
        await pilot.press("e")
        await shows(pilot, "val_loss")
        assert isinstance(pilot.app.focused, EpochTable)
        await pilot.press("o")
        await shows(pilot, "310 to train on")
        await pilot.press("i")
        await shows(pilot, "a adds  watch: [losses, gradients")
        await pilot.press("w")
        await shows(pilot, "a adds `watch: [histograms]`")
        await pilot.press("c")
        await shows(pilot, "mae")
        assert isinstance(pilot.app.focused, Chart)


async def test_one_cursor_for_all_charts_and_the_epochs(open_app, placed, finished) -> None:
    async with open_app(watch=placed(finished, "done").path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        await pilot.press("left", "left")
        await drawn(pilot)
        cursors = [chart.cursor for chart in charts(screen)]
        assert cursors[0] is not None
        assert cursors[0] == cursors[1] == screen.query_one(EpochTable).cursor
        await pilot.press("e", "up")
        await drawn(pilot)
        assert charts(screen)[1].cursor == screen.query_one(EpochTable).cursor == cursors[0] - 1
        await pilot.press("escape")
        await drawn(pilot)
        assert [chart.cursor for chart in charts(screen)] == [None, None]


async def test_one_window_and_one_smoothing_but_a_log_axis_each(open_app, placed, finished) -> None:
    async with open_app(watch=placed(finished, "done").path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        loss, mae = charts(screen)
        loss.focus()
        await pilot.press("plus", "f", "s", "g")
        await drawn(pilot)
        assert loss.view == mae.view
        assert not loss.view.follows
        assert loss.smoothing == mae.smoothing == 0.6
        assert (loss.log_scale, mae.log_scale) == (True, False)


async def test_how_charts_were_set_is_kept_for_the_next_time(open_app, placed, finished, tmp_path) -> None:
    run = placed(finished, "done")
    async with open_app(watch=run.path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        charts(screen)[1].focus()
        await pilot.press("g", "s")
        await drawn(pilot)
        await pilot.press("5")
        await settle(pilot)
        pilot.app.state.save()
    async with open_app(watch=run.path, state=AppState(tmp_path / "state" / "state.json")) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        assert [chart.log_scale for chart in charts(screen)] == [False, True]
        assert [chart.smoothing for chart in charts(screen)] == [0.6, 0.6]


async def test_a_chart_takes_the_whole_screen_and_gives_it_back(open_app, placed, finished) -> None:
    async with open_app(watch=placed(finished, "done").path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        chart = charts(screen)[0]
        before = chart.size.width
        await pilot.press("z")
        await drawn(pilot)
        assert chart.size.width > before * 1.5
        await pilot.press("z")
        await drawn(pilot)
        assert chart.size.width == before


@pytest.mark.parametrize("key", ["o", "e", "w"])
async def test_another_pane_is_shown_from_an_enlarged_chart(open_app, placed, finished, key) -> None:
    async with open_app(watch=placed(finished, "done").path, size=(80, 24)) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        await until(lambda: isinstance(pilot.app.focused, Chart))
        assert "z Enlarge" in await drawn(pilot)
        await pilot.press("z")
        text = await drawn(pilot)
        assert text.splitlines()[-1].startswith("z Back")  # how to leave it comes first
        assert "4 Train" in text.splitlines()[0]
        await pilot.press(key)
        text = await drawn(pilot)
        assert screen.maximized is None
        assert "Charts" in text
        await pilot.press("z")  # no hidden chart is enlarged
        await settle(pilot)
        assert screen.maximized is None or screen.maximized.is_on_screen
        await pilot.press("c")
        await until(lambda: isinstance(pilot.app.focused, Chart) and pilot.app.focused.is_on_screen)


async def test_the_keys_of_the_panes_give_way_before_their_names(open_app, placed, finished) -> None:
    names = ("Charts", "Internals", "Weights", "Epochs", "Output")
    async with open_app(watch=placed(finished, "done").path, size=(80, 24)) as pilot:
        await at_stage(pilot, Stage.FINISHED)
        line = next(line for line in (await drawn(pilot)).splitlines() if "Internals" in line)
        assert line.startswith(" Charts c  Internals i  Weights w  Epochs e  Output o")
        await pilot.resize_terminal(50, 24)
        line = next(line for line in (await drawn(pilot)).splitlines() if "Internals" in line)
        assert line.split() == list(names)
        await pilot.resize_terminal(38, 24)
        line = next(line for line in (await drawn(pilot)).splitlines() if "Inte" in line)
        assert line.split() == ["Charts", "Inte…", "Weig…", "Epoc…", "Outp…"]


async def test_capital_letters_switch_the_axes_of_all_charts_and_that_is_kept(
    open_app, placed, finished, tmp_path
) -> None:
    run = placed(finished, "done")
    async with open_app(watch=run.path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        await until(lambda: isinstance(pilot.app.focused, Chart))
        await pilot.press("v")
        assert [chart.clip for chart in charts(screen)] == [True, False]
        await pilot.press("G")
        assert [chart.log_scale for chart in charts(screen)] == [True, True]
        assert [chart.clip for chart in charts(screen)] == [True, False]  # that of the others is left alone
        assert "log · outliers cut" in await drawn(pilot)
        await pilot.press("V", "V")
        assert [chart.clip for chart in charts(screen)] == [True, True]
        await pilot.press("1")
        await settle(pilot)
        pilot.app.save_state()
    async with open_app(watch=run.path, state=AppState(tmp_path / "state" / "state.json")) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        await until(lambda: charts(screen))
        assert [chart.clip for chart in charts(screen)] == [True, True]


WATCHING = """kwb: 1
name: price
data: {use: diabetes}
model: {sequential: [{use: Dense, units: 1}]}
train: {epochs: 2, loss: mse}
"""


async def test_a_pane_that_shows_nothing_has_a_key_that_has_the_recipe_watch_it(
    open_app, placed, finished, working_directory
) -> None:
    async with open_app(watch=placed(finished, "done").path) as pilot:
        await at_stage(pilot, Stage.FINISHED)
        await pilot.press("w")
        await drawn(pilot)
        await pilot.press("a")  # no recipe is open
        editor = Editor(WATCHING, name="price", folder=working_directory)
        pilot.app.set_editor(editor)
        await drawn(pilot)
        await pilot.press("a")
        assert editor.get("train.watch") == ["losses", "metrics", "histograms"]  # the defaults stay
        assert pilot.app.notices[-1][1].what.startswith(
            "price now watches histograms, from the next training on"
        )
        assert editor.error is None  # it is valid
        await pilot.press("i", "a")
        assert editor.get("train.watch")[3:] == ["gradients", "updates", "dead"]
        said = len(pilot.app.notices)
        await pilot.press("a")  # there is nothing more to add
        assert len(pilot.app.notices) == said
        editor.set("train.watch", "none")
        await pilot.press("w", "a")
        assert editor.get("train.watch") == ["histograms"]


async def test_a_long_history_is_read_to_its_end_before_a_curve_is_drawn(
    open_app, working_directory, owned, monkeypatch
) -> None:
    """Whoever watches a run wants to know how it stands now."""
    run = RunFolder(working_directory / "saved" / "runs" / "long")
    run.path.mkdir(parents=True)
    run.recipe.write_text(WATCHING)
    logs = {f"metric_{number}": 0.5 for number in range(20)}
    with EventLog(run) as log:
        recipe = {"name": "price", "train": {"epochs": 9000}}
        log.append(events.RunStarted(folder=str(run.path), recipe=recipe, environment={}), 1_760_000_000.0)
        for epoch in range(1, 3001):
            log.append(
                events.Epoch(epoch=epoch, epochs=9000, logs={"loss": 1.0 / epoch, **logs}, seconds=0.1,
                             steps_per_second=10.0, learning_rate=0.1),
                1_760_000_000.0 + epoch,
            )  # fmt: skip
    assert run.events.stat().st_size > 8 * PART
    owned(run)
    drawn_at: list[int] = []
    update = ChartGrid.update

    def noting(grid, panels, marks) -> None:
        drawn_at.append(grid.screen.record.view.done)
        update(grid, panels, marks)

    monkeypatch.setattr(ChartGrid, "update", noting)
    async with open_app(watch=run.path, settled=False) as pilot:
        screen = screen_of(pilot)
        await until(lambda: drawn_at)
        assert drawn_at[0] == screen.record.view.done == 3000
        assert "catching up" not in await drawn(pilot)
        assert "watched" in shown(pilot.app)


async def test_a_run_that_failed_says_why_and_what_to_do(open_app, placed, failed) -> None:
    async with open_app(watch=placed(failed, "failing").path) as pilot:
        screen = await at_stage(pilot, Stage.FAILED)
        text = await drawn(pilot)
        assert "✗ Training failed" in text
        assert screen.record.view.error.what[:60] in text
        assert "strict.py:7 in call" in text
        assert 'return tf.debugging.check_numerics(x, "a value is not finite")' in text
        assert "o the whole traceback" in text


async def test_a_run_whose_process_was_killed_says_what_is_kept(open_app, placed, killed) -> None:
    run = placed(killed, "killed", until_epoch=9)
    with EventLog(run) as log:
        log.append(events.Checkpoint("checkpoints/1", "generation", 9, 10, "0" * 64), 1_760_000_100.0)
    async with open_app(watch=run.path) as pilot:
        await at_stage(pilot, Stage.LOST)
        text = await drawn(pilot)
        assert "✗ The training was cut off in epoch 9/100000." in text
        assert "it did not say why" in text
        assert "the history of 9 epochs" in text
        assert "resume from the checkpoint" in text


async def test_paused_stopping_and_going_on_are_shown(open_app, placed, owned, finished) -> None:
    run = placed(finished, "paused", until_epoch=5)
    owned(run)
    with EventLog(run) as log:
        log.append(events.Step(6, 3, 10, {"loss": 3000.0, "mae": 40.0}, 1000.0))
        log.append(events.Paused(6, 3))
        async with open_app(watch=run.path) as pilot:
            await at_stage(pilot, Stage.PAUSED)
            text = await drawn(pilot)
            assert "‖ Paused in epoch 6/8 · step 3/10" in text
            log.append(events.Resumed(6, 3))
            await at_stage(pilot, Stage.RUNNING)
            await shows(pilot, "▶ running")


async def test_a_loss_that_is_no_number_is_marked_and_reported(open_app, placed, owned, finished) -> None:
    run = placed(finished, "nan", until_epoch=5)
    owned(run)
    with EventLog(run) as log:
        log.append(events.Epoch(6, 8, {"loss": float("nan"), "mae": float("nan")}, 0.1, 100.0, 1e-3))
        log.append(events.Message("warning", "the loss is nan after epoch 6 [bold]not markup[/]"))
    async with open_app(watch=run.path) as pilot:
        screen = await at_stage(pilot, Stage.RUNNING)
        await until(lambda: screen.record.view.messages[-1].level == "warning")
        text = await drawn(pilot)
        assert "Output ▲1" in text
        assert "×" in text
        await pilot.press("o")
        await shows(pilot, "▲ the loss is nan after epoch 6 [bold]not markup[/]")
        await pilot.press("e")
        await shows(pilot, "× nan")


async def test_the_inside_of_the_model_layer_by_layer(open_app, placed, owned, finished) -> None:
    """More layers than a chart can show at once are shown eight at a time."""
    run = placed(finished, "inside", until_epoch=5)
    owned(run)
    edges = [x / 8 - 1 for x in range(17)]
    with EventLog(run) as log:
        for epoch in range(1, 6):
            log.append(
                events.Internals(
                    epoch,
                    losses={"main": 5.0 / epoch, "layer 3": 0.5},
                    gradients={f"layer {n}": n / epoch for n in range(20)},
                    histograms={
                        f"layer {n}/kernel": {"edges": edges, "counts": list(range(16))} for n in range(6)
                    },
                )
            )
    async with open_app(watch=run.path) as pilot:
        screen = await at_stage(pilot, Stage.RUNNING)
        await until(lambda: "gradients" in screen.record.curves.internals)
        await pilot.press("i")
        await shows(pilot, "terms of the loss")
        await shows(pilot, "gradient norm 1–8 of 20")
        await pilot.press("greater_than_sign")
        await shows(pilot, "gradient norm 9–16 of 20")
        await pilot.press("w")
        assert "█" in await shows(pilot, "layer 0/kernel")
        await pilot.press("down")
        await until(lambda: screen.query_one(WeightsPane)._shown[0] == "layer 1/kernel")


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (40, 12), (20, 5), (160, 48)])
async def test_every_pane_at_every_size(open_app, placed, finished, size) -> None:
    async with open_app(watch=placed(finished, "done").path, size=size) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        for key in "ciweo":
            await pilot.press(key)
            await drawn(pilot)
        await pilot.press("c")
        await pilot.resize_terminal(1, 1)
        await drawn(pilot)
        await pilot.resize_terminal(*size)
        await drawn(pilot)
        columns = screen.query_one("#charts", ChartGrid).styles.grid_size_columns
        assert columns == (1 if size[0] < 96 else 2)


async def test_a_folder_that_is_no_run_is_reported(open_app, working_directory) -> None:
    async with open_app(watch=working_directory) as pilot:
        await settle(pilot)
        assert "recipe.yaml" in pilot.app.notices[-1][1].what


async def test_the_epochs_can_be_copied(open_app, placed, finished) -> None:
    async with open_app(watch=placed(finished, "done").path) as pilot:
        await at_stage(pilot, Stage.FINISHED)
        await pilot.press("e")
        await drawn(pilot)
        lines = pilot.app.focused.copy_text().splitlines()
        assert lines[0].split("\t")[:3] == ["epoch", "loss", "mae"]
        assert len(lines) == 9


async def test_an_idle_screen_costs_nothing(open_app, placed, finished, monkeypatch) -> None:
    painted = []
    draw = Chart._draw
    monkeypatch.setattr(Chart, "_draw", lambda chart, *size: painted.append(chart) or draw(chart, *size))
    async with open_app(watch=placed(finished, "done").path) as pilot:
        screen = await at_stage(pilot, Stage.FINISHED)
        await pilot.pause(1.0)  # what the start left to do
        assert painted
        painted.clear()
        frames = screen._framed_at
        await pilot.pause(1.5)
        assert painted == []
        assert screen._framed_at == frames
