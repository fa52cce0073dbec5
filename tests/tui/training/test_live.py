"""Training for real: the app with its children, and runs that another process is writing."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.coroutines import until
from tests.tui.conftest import settle, shown
from tests.tui.training.conftest import batch, endless, run_in, wait_for_epochs
from workbench import events
from workbench.recipe.editing import Editor
from workbench.storage.event_stream import read_events
from workbench.storage.ownership import owner
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import summary_of
from workbench.tui.screens.train.run_controls import NEEDS
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.views.training_view import Stage
from workbench.tui.widgets.dialogs import PromptDialog

pytestmark = pytest.mark.slow

RECIPE = """
kwb: 1
name: price
data: {use: diabetes, split: {validation: 0.2, test: 0.1}, scale: standard}
model: {sequential: [{use: Dense, units: 16, activation: relu}, {use: Dense, units: 1}]}
train: {epochs: 100000, engine: chunk, loss: mse, metrics: [mae], optimizer: {use: Adam, learning_rate: 1.0e-3},
  callbacks: [Unhurried]}
"""
PLUGIN = Path(__file__).with_name("unhurried.py")
UNHURRIED = ("--plugin", str(PLUGIN), "--set", "train.callbacks=[Unhurried]")


def opened(app, text: str = RECIPE, name: str = "price") -> None:
    app.set_editor(Editor(text, name=name, folder=app.working_directory))


async def training(pilot, stage: Stage = Stage.RUNNING, epochs: int = 3) -> TrainScreen:
    """Until a training runs and has ended some epochs."""
    await until(lambda: isinstance(pilot.app.screen, TrainScreen))
    screen = pilot.app.screen
    await until(lambda: screen.record.view.stage is stage and screen.record.view.done >= epochs, 120,
                f"stage {stage} and {epochs} epochs")  # fmt: skip
    return screen


def kinds(run: Path) -> list[str]:
    return [event.kind for event, *_ in read_events(RunFolder(run).events)]


async def shows(pilot, words: str) -> str:
    """Wait until the screen shows the words: it is drawn some times a second, not at every event. The screen's text."""
    return await until(lambda: words in (text := shown(pilot.app)) and text, what=f"'{words}' is shown")


async def test_a_screen_shown_in_mid_training_has_the_whole_history_and_goes_on(open_app) -> None:
    async with open_app(mode="recipes", warm=True, plugin_files=[PLUGIN]) as pilot:
        app = pilot.app
        opened(app)
        started = app.worker.train(app.editor)
        await until(lambda: started.run_folder is not None, 120)
        log = RunFolder(started.run_folder).events
        await until(lambda: kinds(started.run_folder).count("epoch") > 20, 60)
        await pilot.press("4")
        screen = await training(pilot, epochs=40)
        await started.control("stop")
        await until(lambda: screen.record.view.stage is Stage.FINISHED, 60)
        reported = [event.epoch for event, *_ in read_events(log) if isinstance(event, events.Epoch)]
        assert list(screen.record.epochs.epochs) == reported


async def test_a_training_from_one_key_to_saved_files(open_app) -> None:
    """Start, pause, go on, another learning rate, stop: everything is saved, the app showed it all."""
    async with open_app(mode="train", warm=True, plugin_files=[PLUGIN]) as pilot:
        opened(pilot.app)
        await pilot.press("t")
        screen = await training(pilot)
        charts = await until(lambda: screen.query_one("#charts").charts)
        await until(lambda: len(charts[0].series["training"]) >= 3)
        assert screen.query_one("StatusLines").memory >= 0

        await pilot.press("space")
        await until(lambda: screen.record.view.stage is Stage.PAUSED)
        at = screen.record.view.done
        await asyncio.sleep(0.5)
        assert screen.record.view.done == at
        await pilot.press("asterisk")
        await settle(pilot)
        await pilot.press("space")
        await until(lambda: screen.record.view.learning_rate == pytest.approx(2e-3))
        await pilot.press("r")
        await until(lambda: isinstance(pilot.app.screen, PromptDialog) and pilot.app.focused)
        await pilot.press(*["backspace"] * 8, *"5e-4", "enter")
        await until(lambda: screen.record.view.learning_rate == pytest.approx(5e-4))
        assert [mark.kind for mark in screen.record.curves.marks if mark.kind == "learning_rate"] == [
            "learning_rate"
        ] * 2

        await pilot.press("x")
        await until(lambda: screen.record.view.stage is Stage.FINISHED, 60)
        assert screen.record.view.status == "stopped"
        text = await shows(pilot, "✓ Stopped after")
        assert "On the test part: loss" in text
        run = screen.record.view.folder
    assert kinds(Path(run))[-1] == "finished"
    assert RunFolder(Path(run)).model.is_file()


async def test_a_learning_rate_must_be_a_number(open_app) -> None:
    async with open_app(mode="train", warm=True, plugin_files=[PLUGIN]) as pilot:
        opened(pilot.app)
        await pilot.press("t")
        screen = await training(pilot)
        await pilot.press("r")
        await until(lambda: isinstance(pilot.app.screen, PromptDialog) and pilot.app.focused)
        await pilot.press(*"x", "enter")
        await pilot.pause()
        assert "✗ a number, as in 0.001 or 1e-3" in shown(pilot.app)
        await pilot.press("escape")
        assert screen.record.view.stage is Stage.RUNNING


async def test_the_child_killed_in_mid_training(open_app) -> None:
    """The app lives, says what happened and what is kept, and goes on from the checkpoint."""
    async with open_app(mode="train", warm=True, plugin_files=[PLUGIN]) as pilot:
        opened(pilot.app, name="price.yaml")
        await pilot.press("t")
        screen = await training(pilot)
        await pilot.press("k")  # keep: a checkpoint now
        await until(lambda: screen.record.view.checkpoint is not None)
        os.kill(screen.source.training.worker.pid, signal.SIGKILL)
        await until(lambda: screen.record.view.stage is Stage.LOST)
        text = await shows(pilot, "✗ The training was cut off")
        assert "killed from outside" in text
        assert "a checkpoint of epoch" in text
        kept, before = screen.record.view.checkpoint, screen.record.view.done
        await pilot.press("u")
        await training(pilot, epochs=before + 3)
        await until(lambda: screen.record.view.resumed_from)  # what was before is shown on the way there
        header = shown(pilot.app).splitlines()[0]
        assert "▶ training" in header
        assert "training price" not in header, "it is that of the open recipe"
        assert list(screen.record.epochs.epochs) == list(range(1, screen.record.view.done + 1))
        assert kept.epoch <= before + 1  # in the midst of the epoch after it
        await pilot.press("x")
        await until(lambda: screen.record.view.stage is Stage.FINISHED, 60)


async def test_a_recipe_that_cannot_be_trained(open_app) -> None:
    async with open_app(mode="train", warm=True, plugin_files=[PLUGIN]) as pilot:
        opened(pilot.app, RECIPE.replace("units: 1}", "unit: 1}"))
        await pilot.press("t")
        await until(lambda: isinstance(pilot.app.screen, TrainScreen))
        screen = pilot.app.screen
        await until(lambda: screen.record.view.stage is Stage.FAILED, 60)
        assert "✗ Training failed." in await shows(pilot, "Dense has no argument 'unit'")


async def test_watching_a_run_that_another_process_trains(open_app, working_directory) -> None:
    """The same numbers as in its folder, live, until it is killed; then what is left."""
    with endless(working_directory, *UNHURRIED) as process:
        run = await until(lambda: run_in(working_directory), 60, "the run has begun")
        async with open_app(watch=run.path) as pilot:
            screen = await training(pilot, epochs=5)
            first = screen.record.view.done
            await until(lambda: screen.record.view.done > first + 5, 60, "epochs come")
            await shows(pilot, "watched")
            assert [action for action in NEEDS if screen.controls.can_steer(action)] == ["stop"]
            process.kill()
            process.wait()
            await until(lambda: screen.record.view.stage is Stage.LOST)
            await shows(pilot, "it did not say why")
            reported = [event for event, *_ in read_events(run.events) if isinstance(event, events.Epoch)]
            series = screen.record.curves.panels["loss"].series
            assert series["training"].last == reported[-1].logs["loss"]
            assert series["validation"].last == reported[-1].logs["val_loss"]
            assert screen.record.view.done == reported[-1].epoch
            assert len(screen.record.epochs) == len(reported)


@pytest.mark.parametrize(("mode", "key"), [("train", "x"), ("runs", "o")])
async def test_a_run_that_another_process_trains_is_stopped_from_here(
    open_app, working_directory, mode, key
) -> None:
    with endless(working_directory, *UNHURRIED) as process:
        run = wait_for_epochs(working_directory, process, 2)
        async with open_app(**({"watch": run.path} if mode == "train" else {"mode": "runs"})) as pilot:
            if mode == "train":
                await training(pilot, epochs=2)
            screen = pilot.app.screen
            await pilot.press(key)
            await until(lambda: pilot.app.screen.is_modal)
            assert run.name in shown(pilot.app)
            await pilot.press("l")  # thought better of it
            await until(lambda: pilot.app.screen is screen)
            assert owner(run) is not None
            await pilot.press(key)
            await until(lambda: pilot.app.screen.is_modal)
            await pilot.press("s")
            end = "■ interrupted" if mode == "runs" else "interrupted"
            await until(lambda: end in shown(pilot.app), 60, "the end is shown")
            process.wait(30)
        assert run.model.is_file()


async def test_a_run_appears_in_the_list_runs_and_ends(open_app, working_directory) -> None:
    async with open_app(mode="runs") as pilot:
        await settle(pilot)
        assert "No run yet" in shown(pilot.app)
        process = batch(working_directory, "residual-regressor", "--set", "train.epochs=3000",
                        "--set", "save=[]", *UNHURRIED)  # fmt: skip
        try:
            await until(lambda: "▶ running" in shown(pilot.app), 60, "the run is listed")
            await pilot.press("x")  # a running one is never deleted
            await settle(pilot)
            assert "it is running" in pilot.app.notices[-1][1].what
            await pilot.press("enter")
            screen = await training(pilot)
            assert screen.source.run is not None
            await pilot.press("5")
            process.send_signal(signal.SIGINT)
            await until(lambda: "■ interrupted" in shown(pilot.app), 60, "the end is listed")
        finally:
            process.kill()
            process.communicate()
        run = run_in(working_directory)
        assert owner(run) is None
        assert summary_of(run).status == "interrupted"


async def test_the_end_is_seen_behind_a_dialog(open_app) -> None:
    """The header does not stay at 'training' because something lay over the screen when it ended."""
    async with open_app(mode="train", warm=True, plugin_files=[PLUGIN], size=(80, 24)) as pilot:
        opened(pilot.app)
        await pilot.press("t")
        screen = await training(pilot)
        keys = await shows(pilot, "space Pause x Stop k Keep r Rate z Enlarge")
        assert "▶ training" in keys.splitlines()[0]
        await pilot.press("f2")
        await until(lambda: pilot.app.screen is not screen)
        await screen.source.training.control("stop")
        await until(
            lambda: screen.record.view.stage is Stage.FINISHED and not screen.source.training.state.live, 60
        )
        assert "✓ trained" in (await shows(pilot, "✓ trained")).splitlines()[0]  # behind the dialog
        await pilot.press("escape")
        await until(lambda: pilot.app.screen is screen)
        await settle(pilot)
        assert "✓ trained" in shown(pilot.app).splitlines()[0]
        assert "training" not in shown(pilot.app).splitlines()[0]
