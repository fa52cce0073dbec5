"""A run whose loss is nan, replayed in the app: `p` under Runs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.probing.test_replay import LAYERS, PLANTED, train
from tests.training.test_changed_since import MENDED, fading
from tests.training.test_changed_since import train as train_fading
from tests.tui.conftest import at_work, settle, shown, until
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.views.training_view import Stage
from workbench.tui.widgets.replay_dialog import ReplayDialog


@pytest.fixture
def failed(working_directory: Path, kwb: Kwb) -> subprocess.CompletedProcess[str]:
    return train(working_directory, kwb, PLANTED["log of 0"])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_operation_and_its_line_are_shown(open_app, failed, size) -> None:
    async with open_app(mode="runs", size=size, plugin_files=[LAYERS]) as pilot:
        await settle(pilot)
        await pilot.press("p")
        await until(lambda: isinstance(pilot.app.screen, ReplayDialog))
        dialog = pilot.app.screen
        await until(lambda: "Log" in dialog.copy_text(), 60)
        await pilot.pause()
        text = shown(pilot.app)
        assert "the result of Log, in the call of 'log_of_zero'" in text
        assert "Replay of" in text
        assert "It is trained again" not in text
        assert "nan_layers.py:" in text
        assert "return ops.log(ops.relu(x))" in text
        assert "Hint: The logarithm of 0" in dialog.copy_text()
        await pilot.press("escape")
        assert not pilot.app.screen.is_modal


async def test_once_the_layer_is_mended_the_run_trains_on(open_app, working_directory, kwb) -> None:
    folder = fading(working_directory)
    assert train_fading(folder, kwb)[0] == 1
    file = folder / "fading.py"
    async with open_app(mode="runs", warm=True, plugin_files=[file]) as pilot:
        app = pilot.app
        await until(lambda: any(entry.name == "Fading" for entry in app.catalog.entries), 120)
        await settle(pilot)
        await pilot.press("p")
        await until(lambda: isinstance(app.screen, ReplayDialog))
        await until(lambda: "in step 2 of epoch 3" in app.screen.copy_text(), 60)
        file.write_text(MENDED)
        await until(lambda: "fading.py changed, loaded again" in shown(app), 60)
        await pilot.press("u")
        screen = await until(lambda: isinstance(app.screen, TrainScreen) and app.screen)
        await until(lambda: screen.record.view.stage is Stage.FINISHED, 120)
        assert screen.record.view.epoch == 4
        assert "the file fading.py changed" in " ".join(note.text for note in screen.record.view.messages)


async def test_left_while_it_is_replayed_the_child_ends(open_app, failed) -> None:
    async with open_app(mode="runs", plugin_files=[LAYERS]) as pilot:
        await settle(pilot)
        await pilot.press("p")
        await until(lambda: isinstance(pilot.app.screen, ReplayDialog))
        await pilot.press("escape")
        await settle(pilot)
        assert "residual" not in shown(pilot.app)
        assert not at_work(pilot.app)


async def test_what_is_in_the_way_is_shown(open_app, failed) -> None:
    async with open_app(mode="runs") as pilot:  # without the file of the layers
        await settle(pilot)
        await pilot.press("p")
        await until(lambda: isinstance(pilot.app.screen, ReplayDialog))
        await until(lambda: "no layer 'LogOfZero'" in pilot.app.screen.copy_text(), 60)


async def test_a_run_that_is_finite_has_no_such_key(open_app, working_directory, kwb) -> None:
    from dataclasses import replace

    train(working_directory, kwb, replace(PLANTED["exploding rate"], train="loss: mse"))
    async with open_app(mode="runs") as pilot:
        await settle(pilot)
        await pilot.press("p")
        await settle(pilot)
        assert not pilot.app.screen.is_modal
