"""`L`: look inside the layers of the open recipe, of a run, of a saved file."""

from __future__ import annotations

import pytest

from tests.probing.test_edits import GATE
from tests.probing.test_edits import RECIPE as GATED
from tests.tui.conftest import settle, shown, until
from tests.worker.conftest import recipe
from workbench.tui.widgets.probe_dialog import ProbeDialog
from workbench.tui.widgets.wide_table import WideTable


@pytest.fixture
def small(working_directory):
    path = working_directory / "small.yaml"
    path.write_text(recipe() + "save: [saved/small.keras]\n")
    return path


async def opened_dialog(pilot) -> ProbeDialog:
    await pilot.press("L")
    await until(lambda: isinstance(pilot.app.screen, ProbeDialog))
    dialog = pilot.app.screen
    await until(lambda: "weight kernel" in dialog.copy_text(), 60)
    await pilot.pause()
    return dialog


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_layers_of_the_open_recipe_and_their_tensors(open_app, small, size) -> None:
    async with open_app(recipe=str(small), mode="assemble", size=size) as pilot:
        await until(lambda: pilot.app.screen.examination.total is not None, 60)
        for key in ("home", "down", "down"):  # the second layer
            await pilot.press(key)
        dialog = await opened_dialog(pilot)
        text = shown(pilot.app)
        assert "new weights, a batch of 32 rows, loss" in text
        assert "(32, 4)" in text
        table = dialog.query_one(WideTable)
        assert str(table.get_row_at(table.cursor_row)[0]) == "dense_1"
        assert "weight kernel: float32 (4, 1)" in dialog.copy_text()
        await pilot.press("up")
        await until(lambda: "weight kernel: float32 (10, 4)" in dialog.copy_text())
        assert "gradient of the loss with respect to kernel: float32 (10, 4)" in dialog.copy_text()
        await pilot.press("c")
        await until(lambda: "a step" in dialog.copy_text(), 60)
        assert "(update)" in dialog.copy_text()
        await pilot.press("escape")
        assert not pilot.app.screen.is_modal


async def test_of_a_run_and_of_a_file(open_app, small, working_directory, kwb) -> None:
    assert kwb("--batch", str(small), cwd=working_directory).returncode in (0, 1)
    async with open_app(mode="runs") as pilot:
        await settle(pilot)
        dialog = await opened_dialog(pilot)
        assert "the weights of epoch 2" in shown(pilot.app)
        of_run = dialog.copy_text()
        await pilot.press("escape", "6")
        await until(lambda: "small.keras" in shown(pilot.app))
        await settle(pilot)
        dialog = await opened_dialog(pilot)
        assert "the weights of the file" in shown(pilot.app)

        def kernel(text: str) -> str:
            return next(line for line in text.splitlines() if line.startswith("weight kernel"))

        assert kernel(dialog.copy_text()) == kernel(of_run)


async def test_a_recipe_that_cannot_be_built_says_why(open_app, small) -> None:
    small.write_text(small.read_text().replace("units: 4", "units: -4"))
    async with open_app(recipe=str(small), mode="assemble") as pilot:
        await settle(pilot)
        await pilot.press("L")
        await until(lambda: isinstance(pilot.app.screen, ProbeDialog))
        await until(lambda: "✗" in shown(pilot.app) and "units" in shown(pilot.app), 60)
        await pilot.press("q")
        assert not pilot.app.screen.is_modal


async def test_without_a_recipe_there_is_nothing(open_app) -> None:
    async with open_app(mode="recipes") as pilot:
        await settle(pilot)
        await pilot.press("L")
        await settle(pilot)
        assert not pilot.app.screen.is_modal
        assert "nothing to look into" in shown(pilot.app)


async def test_after_an_edit_it_says_what_has_changed(open_app, working_directory) -> None:
    gate = working_directory / "gate.py"
    gate.write_text(GATE)
    recipe_file = working_directory / "gated.yaml"
    recipe_file.write_text(GATED)
    async with open_app(recipe=str(recipe_file), mode="assemble", plugin_files=[gate]) as pilot:
        await until(lambda: pilot.app.screen.examination.total is not None, 60)
        await settle(pilot)
        dialog = await opened_dialog(pilot)
        await pilot.press("tab")
        focused = dialog.focused
        assert focused is not dialog.query_one(WideTable)
        gate.write_text(GATE.replace("ops.tanh(x)", "ops.sin(x)"))
        await until(lambda: "What the edit has changed" in dialog.copy_text(), 60)
        text = dialog.copy_text()
        assert "the first output that differs:" in text
        assert "  gate: by " in text
        assert dialog.focused is focused  # what a person types goes where it went
        # A broken file: what was seen stays, and the next good one is compared with it.
        gate.write_text(GATE.replace("def call(self, x):", "def call(self, x:"))
        await until(lambda: "gate.py:" in shown(pilot.app) and "✗" in shown(pilot.app), 60)
        assert dialog.query_one(WideTable).row_count == 3
        gate.write_text(GATE.replace("ops.tanh(x)", "ops.sin(x)").replace("strength=0.5", "strength=0.25"))
        await until(lambda: "~ gate.strength: 0.5 → 0.25" in dialog.copy_text(), 60)
