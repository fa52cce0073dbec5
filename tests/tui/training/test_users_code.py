"""The app shows where a plugin's own code failed, the traceback one key away; and why a plugin file does not load."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Log

from tests.coroutines import until
from tests.tui.conftest import settle, shown
from workbench.recipe.editing import Editor
from workbench.tui.palette import show_plugins
from workbench.tui.screens.train.output import Messages, OutputPane
from workbench.tui.screens.train.screen import TrainScreen
from workbench.tui.views.training_view import Stage
from workbench.tui.widgets.dialogs import DetailsDialog
from workbench.tui.widgets.notices import NoticesDialog

pytestmark = pytest.mark.slow

GATE = """import keras


class Gate(keras.layers.Layer):
    def call(self, x, training=False):
        if training:
            raise RuntimeError("boom in [call]")
        return x
"""
RECIPE = """
kwb: 1
name: gated
data: {use: diabetes}
model: {sequential: [Gate, {use: Dense, units: 1}]}
train: {epochs: 2, engine: plain, loss: mse}
"""


async def test_the_line_of_the_layer_and_the_whole_traceback(open_app, working_directory: Path) -> None:
    file = working_directory / "gate.py"
    file.write_text(GATE)
    async with open_app(mode="train", warm=True, plugin_files=[file], size=(120, 24)) as pilot:
        app = pilot.app
        await until(lambda: any(entry.name == "Gate" for entry in app.catalog.entries), 120)
        app.set_editor(Editor(RECIPE, name="gated.yaml", folder=working_directory))
        await pilot.press("t")
        screen = await until(lambda: isinstance(app.screen, TrainScreen) and app.screen)
        await until(lambda: screen.record.view.stage is Stage.FAILED, 120)
        text = await until(lambda: "gate.py:7" in (text := shown(app)) and text)
        assert "code   RuntimeError at gate.py:7 in call" in text
        assert 'raise RuntimeError("boom in [call]")' in text
        assert "o the whole traceback" in text
        await pilot.press("o")
        messages = await until(lambda: "Traceback" in (t := str(screen.query_one("#messages").visual)) and t)
        assert f'File "{file}", line 7, in call' in messages
        assert app.screen.query_one(OutputPane).copy_text().startswith("Traceback (most recent call last)")
        # Its last lines, the user's own, are in sight; the first can be scrolled to by keyboard, and back.
        await until(lambda: "Arguments received by Gate.call()" in shown(app))
        await until(lambda: isinstance(app.focused, Messages))
        await pilot.press("home")
        await until(lambda: "Traceback (most recent call last)" in shown(app))
        assert "Arguments received by Gate.call()" not in shown(app), "it is long, or the test shows nothing"
        await pilot.press("end")
        await until(lambda: "Arguments received by Gate.call()" in shown(app))
        pane, log = screen.query_one(OutputPane), screen.query_one(Log)
        pane.clear()
        await settle(pilot)
        assert "output of the process: none yet" in shown(app)
        assert not log.region.height, "an empty log takes no room from the messages"
        pane.add_output(["from the layer"])
        await until(lambda: log.region.height and "from the layer" in shown(app))
        assert "none yet" not in shown(app)
        await pilot.press("f2")
        await until(lambda: isinstance(app.screen, NoticesDialog))
        await settle(pilot)
        whole = app.screen.copy_text()
        assert "RuntimeError at gate.py:7 in call" in whole
        assert f'File "{file}", line 7, in call' in whole
        await pilot.press("escape")

        # The file no longer loads: the app says so, not that there is no such layer.
        await until(lambda: isinstance(app.screen, TrainScreen))
        file.write_text(GATE.replace("return x\n", "return (x\n"))
        await until(
            lambda: any(plugin.name == "gate" and plugin.error for plugin in app.catalog.plugins), 120
        )
        await pilot.press("t")
        message = await until(
            lambda: [error for _, error in app.notices if "no layer 'Gate', and the plugin" in error.what]
        )
        assert "the plugin file 'gate' is not loaded: " in message[-1].what
        assert "SyntaxError: '(' was never closed" in message[-1].what
        assert message[-1].origin.lines[0] == "SyntaxError at gate.py:8"
        show_plugins(app)
        dialog = await until(lambda: isinstance(app.screen, DetailsDialog) and app.screen, 120)
        listed = dialog.copy_text()
        assert "✗ gate" in listed
        assert "SyntaxError at gate.py:8\n        return (x\n               ^" in listed
