"""`N` on the Train screen: a training goes on, or begins again, with the code of a plugin file as it is now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.conftest import shown, until
from workbench.recipe.editing import Editor
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.views.training_view import Stage
from workbench.tui.widgets.dialogs import ConfirmDialog

pytestmark = pytest.mark.slow

GATE = """import keras


class Gate(keras.layers.Layer):
    def call(self, x):
        return 1.0 * x
"""
RECIPE = """
kwb: 1
name: gated
data: {use: diabetes}
model: {sequential: [Gate, {use: Dense, units: 1}]}
train: {epochs: 100000, engine: plain, loss: mse, watch: []}
"""


@pytest.mark.parametrize("key", ["g", "s"])
async def test_on_from_here_or_from_the_start(open_app, working_directory: Path, key: str) -> None:
    file = working_directory / "gate.py"
    file.write_text(GATE)
    async with open_app(mode="train", warm=True, plugin_files=[file], size=(80, 24)) as pilot:
        app = pilot.app
        await until(lambda: any(entry.name == "Gate" for entry in app.catalog.entries), 120)
        app.set_editor(Editor(RECIPE, name="gated.yaml", folder=working_directory))
        await pilot.press("t")
        screen = await until(lambda: isinstance(app.screen, TrainScreen) and app.screen)
        await until(lambda: screen.record.view.stage is Stage.RUNNING and screen.record.view.epoch > 1, 120)
        first = app.training
        file.write_text(GATE.replace("1.0", "2.0"))
        await until(lambda: "gate.py changed, loaded again" in shown(app), 60)
        assert first.state.live
        await pilot.press("N")
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await until(lambda: "Go on from here g" in shown(app))
        await pilot.press(key)
        await until(lambda: app.training is not first, 120, "another training was begun")
        view = lambda: screen.record.view  # noqa: E731
        await until(lambda: view().stage is Stage.RUNNING and view().epoch > 0, 120)
        texts = [note.text for note in view().messages if note.text.startswith("goes on with")]
        if key == "g":
            assert app.training.run_folder == first.run_folder
            assert view().epoch > 1
            assert ["the file gate.py changed (sha256 " in text for text in texts] == [True]
        else:
            assert app.training.run_folder != first.run_folder
            assert not texts
        await pilot.press("x")
        await until(lambda: view().stage.ended, 60)
