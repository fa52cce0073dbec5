"""A training that was stopped leaves a good file as it is, says so, and can be saved all the same with one key."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.coroutines import until
from tests.tui.conftest import shown
from tests.tui.training.test_live import PLUGIN, RECIPE, opened, shows, training
from workbench.storage.inspect import inspect_file
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import list_runs
from workbench.tui.views.training_view import Stage

pytestmark = pytest.mark.slow

SAVING = f"{RECIPE}save: saved/price.keras\n"


def run_of(path: Path) -> str:
    """The run that wrote a file."""
    return str((inspect_file(path).kwb or {})["run"])


async def stopped(pilot: Pilot[None]) -> RunFolder:
    """Train, and stop after an epoch; the run."""
    screen = await training(pilot, epochs=1)
    await pilot.press("x")
    await until(lambda: screen.record.view.stage is Stage.FINISHED, 120)
    return RunFolder(Path(screen.record.view.folder))


async def test_a_stopped_training_says_what_it_left_and_k_saves_it(open_app, working_directory: Path) -> None:
    saved = working_directory / "saved" / "price.keras"
    async with open_app(mode="train", warm=True, plugin_files=[PLUGIN]) as pilot:
        app = pilot.app
        opened(app, SAVING.replace("epochs: 100000", "epochs: 2"))
        await pilot.press("t")
        await training(pilot, Stage.FINISHED, 2)
        good, before = run_of(saved), saved.read_bytes()

        opened(app, SAVING)
        await pilot.press("t")
        run = await stopped(pilot)
        assert saved.read_bytes() == before
        await shows(pilot, "not replaced")
        text = await shows(pilot, "writes this run's model there all the same")
        assert "saved/price.keras" in text
        await pilot.press("k")
        await until(lambda: run_of(saved) == run.name, 60)
        kept = f"the one before is {run.path.parent / good / 'model.keras'}."
        await until(
            lambda: [error.hint for _, error in app.notices if "is the model of" in error.what] == [kept]
        )
        assert (run.path.parent / good / "model.keras").is_file()
        await until(lambda: "not replaced" not in shown(app))

        # In Runs, any run that ended.
        await pilot.press("5")
        await until(lambda: app.current_mode == "runs" and app.screen._under_cursor is not None)
        runs = [summary.folder.name for summary in list_runs(run.path.parent)]
        assert runs == [run.name, good]
        await pilot.press("down")
        await until(lambda: app.screen._under_cursor.folder.name == good)
        await pilot.press("k")
        await until(lambda: run_of(saved) == good, 60)

        # One that has no model, as after a failure: its last checkpoint becomes a file.
        (run.path.parent / good / "model.keras").unlink()
        await pilot.press("k")
        made = run.path.parent / good / "model.keras"
        await until(made.is_file, 120)
        await until(lambda: any("the last checkpoint of" in error.what for _, error in app.notices))
        assert run_of(made) == good
