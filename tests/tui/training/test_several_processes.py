"""A training by several processes in the app: its keys act as on any other, and a process that is lost is reported."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.group.trainings import children, is_member, needs_networks
from tests.tui.conftest import shown, until
from workbench import events
from workbench.recipe.editing import Editor
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder
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


def members() -> list[int]:
    """The processes of a training that are not the first. They are in a network of their own, as the app is not."""
    ours = os.stat("/proc/self/ns/net").st_ino
    every = [pid for pid in children(os.getpid()) if is_member(pid)]
    return [pid for pid in every if os.stat(f"/proc/{pid}/ns/net").st_ino != ours][1:]


async def training(app: Any, pilot: Any, folder: Path, recipe: str = RECIPE) -> TrainScreen:
    app.set_editor(Editor(recipe, name="together.yaml", folder=folder))
    await pilot.press("t")
    screen = await until(lambda: isinstance(app.screen, TrainScreen) and app.screen)
    await until(lambda: screen.record.view.stage is Stage.RUNNING and screen.record.view.epoch > 1, 240)
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
        assert len(screen.record.view.processes.memory) == 2

        def memory() -> str:
            return f"memory {formatting.amount(sum(screen.record.view.processes.memory))}"

        await until(
            lambda: memory() in " ".join(shown(app).split()), 30
        )  # what is drawn may be a moment older
        await pilot.press("x")
        await until(lambda: screen.record.view.stage.ended, 60)
        assert (app.training.run_folder / "model.keras").exists()


async def test_a_lost_process_is_reported(open_app, working_directory: Path) -> None:
    async with open_app(mode="train", warm=True, size=(80, 24)) as pilot:
        app = pilot.app
        screen = await training(app, pilot, working_directory)
        (second,) = members()
        os.kill(second, signal.SIGKILL)
        await until(lambda: screen.record.view.stage.ended, 60)
        await until(lambda: "process 2 of 2 was ended by SIGKILL" in " ".join(shown(app).split()), 30)
        assert app.is_running


async def test_an_elastic_training_goes_on_by_itself(open_app, working_directory: Path) -> None:
    async with open_app(mode="train", warm=True, size=(120, 40)) as pilot:
        app = pilot.app
        elastic = RECIPE.replace("workers: 2,", "workers: 2, elastic: true, checkpoint_seconds: 0.2,")
        screen = await training(app, pilot, working_directory, elastic)
        await until(lambda: "2 processes" in shown(app), 60)
        await until(lambda: screen.record.view.checkpoint is not None, 60)
        (member,) = members()
        os.kill(member, signal.SIGKILL)
        await until(lambda: screen.record.view.resumed_from, 120)
        last = screen.record.view.epoch  # of both, maybe after the last checkpoint
        await until(lambda: screen.record.view.stage is Stage.RUNNING, 120)
        await until(lambda: screen.record.view.epoch > last + 1, 120)
        view = screen.record.view
        assert view.stage is Stage.RUNNING
        assert view.recipe["train"]["workers"] == 1
        assert view.processes is None, "one trains now"
        assert "2 processes" not in shown(app)
        lost = [note.text for note in view.messages if "was ended by SIGKILL" in note.text]
        assert len(lost) == 1
        assert "The others go on from the last checkpoint" in lost[0]
        rows = [note.text for note in view.messages if "rows:" in note.text]
        assert len(rows) == 2, "of each beginning; nothing is shown twice"
        kept = [
            each.text
            for each, *_ in read_events(RunFolder(app.training.run_folder).events)
            if isinstance(each, events.Message)
        ]
        assert lost[0] in kept, "who watches the run sees it as well"
        await pilot.press("x")
        await until(lambda: screen.record.view.stage.ended, 60)
        assert (app.training.run_folder / "model.keras").exists()
