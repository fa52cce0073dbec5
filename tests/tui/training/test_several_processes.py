"""A training by several processes in the app: its keys act as on any other, and a process that is lost is reported."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.group.trainings import children, needs_networks
from tests.tui.conftest import shown, until
from workbench.recipe.editing import Editor
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.views import formatting
from workbench.tui.views.training_view import Stage

pytestmark = [pytest.mark.slow, needs_networks]

RECIPE = """
kwb: 1
name: together
data: {use: diabetes}
model: {sequential: [{use: Dense, units: 1}]}
train: {epochs: 100000, workers: 2, loss: mse, watch: []}
"""


async def training(app: Any, pilot: Any, folder: Path) -> TrainScreen:
    app.set_editor(Editor(RECIPE, name="together.yaml", folder=folder))
    await pilot.press("t")
    screen = await until(lambda: isinstance(app.screen, TrainScreen) and app.screen)
    await until(lambda: screen.record.view.stage is Stage.RUNNING and screen.record.view.epoch > 1, 120)
    return screen


async def test_pause_go_on_and_stop(open_app, working_directory: Path) -> None:
    async with open_app(mode="train", warm=True, size=(80, 24)) as pilot:
        app = pilot.app
        screen = await training(app, pilot, working_directory)
        await pilot.press("space")
        await until(lambda: "paused" in shown(app))
        epoch = screen.record.view.epoch
        await pilot.press("space")
        await until(lambda: screen.record.view.epoch > epoch + 1, 60)
        assert "engine chunk" in shown(app)
        await until(lambda: "2 processes" in shown(app), 30)
        found = screen.record.view.processes
        assert len(found.memory) == 2
        assert f"memory {formatting.amount(sum(found.memory))}" in " ".join(shown(app).split())
        await pilot.press("x")
        await until(lambda: screen.record.view.stage.ended, 60)
        assert (app.training.run_folder / "model.keras").exists()


async def test_a_lost_process_is_reported(open_app, working_directory: Path) -> None:
    async with open_app(mode="train", warm=True, size=(80, 24)) as pilot:
        app = pilot.app
        screen = await training(app, pilot, working_directory)
        members = [
            pid
            for pid in children(os.getpid())
            if b"--network-of" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(members) == 1, "the second of two"
        os.kill(members[0], signal.SIGKILL)
        await until(lambda: screen.record.view.stage.ended, 60)
        await until(lambda: "process 2 of 2 was ended by SIGKILL" in " ".join(shown(app).split()), 30)
        assert app.is_running
