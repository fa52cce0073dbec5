"""Leaving while something could be lost, with real children that train."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.coroutines import until
from tests.tui.conftest import OpenApp, settle, shown
from tests.worker.conftest import recipe
from workbench.recipe.editing import Editor
from workbench.storage.ownership import ask_to_stop, owner
from workbench.storage.runs import list_runs
from workbench.tui.app import KwbApp
from workbench.tui.context import TrainingState
from workbench.tui.widgets.dialogs import ConfirmDialog


def open_text(app: KwbApp, text: str, folder: Path) -> None:
    app.set_editor(Editor(text, name="small", folder=folder))


async def test_unsaved_changes_are_asked_about(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app() as pilot:
        app = pilot.app
        open_text(app, recipe(), working_directory)
        app.editor.set("train.epochs", 7)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        assert "changes that are not saved" in shown(app)
        await pilot.press("ctrl+q")  # asked already
        await pilot.press("escape")
        await settle(pilot)
        assert app.is_running
        await pilot.press("ctrl+q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("s")  # there is no file yet: it is asked for
        await until(lambda: "Save the recipe as" in shown(app))
        await pilot.press("enter")
        await until(lambda: not app.is_running)
        assert "epochs: 7" in (working_directory / "small.yaml").read_text()


async def test_without_anything_to_lose_it_just_leaves(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app() as pilot:
        open_text(pilot.app, recipe(), working_directory)
        await pilot.press("q")
        await until(lambda: not pilot.app.is_running)


@pytest.mark.slow
async def test_a_training_is_stopped_and_saved(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app() as pilot:
        app = pilot.app
        open_text(app, recipe(epochs=1_000_000), working_directory)
        app.action_train()
        await until(lambda: app.training and app.training.state is TrainingState.RUNNING, 60)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        assert "is being trained" in shown(app)
        await pilot.press("s")
        await until(lambda: not app.is_running, 60)
        (run,) = list_runs(working_directory / "saved/runs")
        assert run.status == "stopped"
        assert run.folder.model.is_file()


@pytest.mark.slow
async def test_a_training_is_left_to_run(open_app: OpenApp, working_directory: Path) -> None:
    async with open_app() as pilot:
        app = pilot.app
        open_text(app, recipe(epochs=1_000_000), working_directory)
        app.action_train()
        await until(lambda: app.training and app.training.state is TrainingState.RUNNING, 60)
        await pilot.press("q")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("d")
        await until(lambda: not app.is_running)
        assert app.last_words == [f"kwb watch {app.training.run_folder.name}"]
    (run,) = list_runs(working_directory / "saved/runs")
    assert owner(run.folder) is not None  # it goes on by itself
    ask_to_stop(run.folder)
    await until(lambda: owner(run.folder) is None, 60)
    (run,) = list_runs(working_directory / "saved/runs")
    assert run.status == "stopped"
    assert run.folder.model.is_file()
