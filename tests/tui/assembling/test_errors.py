"""What goes wrong is shown where it is, with the way out; the text and the rows are one recipe."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.coroutines import until
from tests.tui.assembling.conftest import checked, typed
from tests.tui.conftest import OpenApp, settle, shown
from workbench.tui.screens.assemble.recipe_text import RecipeText

pytestmark = pytest.mark.slow

RECIPE = """\
kwb: 1
data: {use: diabetes}
model:
  sequential:
    - {use: MyDense, units: 30}   # wide
    - {use: ResidualBlock, n_layers: 2, n_neurons: 30}
    - {use: Dense, units: 1}
train: {loss: mse}
"""


@pytest.fixture
def recipe(working_directory: Path) -> str:
    (working_directory / "mine.yaml").write_text(RECIPE)
    return "mine.yaml"


async def test_a_wrong_argument_and_shapes_that_do_not_fit(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        assert screen.examination.total == 330 + 2 * 930 + 31
        # what cannot be is refused at the field, and the recipe stays as it is
        await typed(pilot, "home", "down", "enter", "backspace", "backspace")
        assert "✗ is needed" in shown(app)
        await typed(pilot, "'0'")
        assert "✗ must be >= 1" in shown(app)
        assert app.editor.get("model.sequential[0].units") in (30, 3)
        # a shape that does not fit is the error of the row that cannot take it
        await typed(pilot, "backspace", "'20'", "escape")
        await checked(pilot)
        assert screen.examination.error.key == "model.sequential[1]"
        assert "✗ 2" in shown(app)
        assert "n_neurons=30" in shown(app)
        assert "# wide" in app.editor.text
        # and undo is the way out
        await typed(pilot, "u", "u", "u", "u")
        await checked(pilot)
        assert app.editor.text == RECIPE
        assert screen.examination.error is None


async def test_the_text_is_edited_and_its_error_marked(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        await typed(pilot, "v")
        text = app.focused
        assert isinstance(text, RecipeText)
        text.move_cursor((6, 25))
        await typed(pilot, "backspace", "'x'")
        await checked(pilot)
        assert (
            app.editor.get("model.sequential[2]") == {"use": "Dense", "units": "x"} or "x" in app.editor.text
        )
        assert "line 7" in str(text.border_title)
        assert "✗ 3" in shown(app)
        await typed(pilot, "ctrl+z")
        await checked(pilot)
        assert app.editor.text == RECIPE == text.text
        # text that is no YAML at all leaves the rows as they were
        text.move_cursor((3, 13))
        await typed(pilot, "'['")
        await checked(pilot)
        assert app.editor.document is None
        assert len(screen.rows.rows) == 10
        assert "✗" in str(text.border_title)
        await typed(pilot, "escape", "d")
        assert "not valid YAML" in str(screen.query_one("#error Static", Static).content)
        await typed(pilot, "u")
        assert app.editor.text == RECIPE


async def test_edits_by_keys_show_in_the_text_and_keep_the_cursor(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        text = screen.query_one(RecipeText)
        await typed(pilot, "home", "down", "down", "d")
        assert text.text == app.editor.text
        assert text.text.count("ResidualBlock") == 2
        assert text.cursor_location[0] == 6  # at the new row
        await typed(pilot, "home", "down", "x", "x", "x", "x")
        await checked(pilot)
        assert app.editor.get("model.sequential") == []
        assert "✗" in shown(app)


async def test_a_layer_of_two_inputs_in_a_stack_and_the_way_out(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe, size=(80, 24)) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        await typed(pilot, "home", "down", "a", "'mymulti'", "enter", "escape")
        await checked(pilot)
        assert "expects 2 inputs; a layer in a stack gets 1" in " ".join(shown(app).split())
        assert "model.sequential[1]" in str(screen.rows.border_title)
        await typed(pilot, "x")
        await checked(pilot)
        assert screen.examination.error is None


async def test_a_name_that_no_plugin_offers_is_reported_before_the_worker_is_there(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "mine.yaml").write_text(RECIPE.replace("ResidualBlock", "ResidualBlok"))
    async with open_app(recipe="mine.yaml") as pilot:
        app = pilot.app
        await until(lambda: app.editor is not None and app.current_mode == "assemble")
        await settle(pilot)
        assert "no layer 'ResidualBlok'" in shown(app)
        assert "Did you mean 'ResidualBlock'" in " ".join(shown(app).split())


async def test_a_worker_that_dies_is_reported_and_the_next_question_is_answered(
    open_app: OpenApp, recipe: str
) -> None:
    async with open_app(recipe=recipe) as pilot:
        app = pilot.app
        screen = await checked(pilot)
        killed = app.worker._warm
        os.kill(killed.pid, signal.SIGKILL)
        # another may be ready between two looks at the state: it is the killed one that reports
        await until(lambda: app.worker._warm not in (None, killed))
        assert not killed.alive
        await typed(pilot, "home", "down", "d")
        await checked(pilot)
        await typed(pilot, "x")
        await checked(pilot)
        assert screen.examination.total == 330 + 2 * 930 + 31


async def test_broken_plugins_are_in_the_catalog_with_their_error(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "broken.py").write_text("import nothing_of_that_name\n")
    async with open_app(recipe="custom-stack", plugin_files=[working_directory / "broken.py"]) as pilot:
        await checked(pilot)
        await typed(pilot, "slash", "'broken'")
        assert "✗ broken" in shown(pilot.app)
        await typed(pilot, "enter")  # there is nothing to take
        assert pilot.app.editor.dirty is False


async def test_the_picture_follows_the_rows_and_the_rows_the_picture(open_app: OpenApp, recipe: str) -> None:
    async with open_app(recipe=recipe) as pilot:
        screen = await checked(pilot)
        await typed(pilot, "p", "down", "down")
        assert screen.rows.row.key == "model.sequential[2]"
        await typed(pilot, "escape", "home", "down")
        assert screen.rows.row.key == "model.sequential[0]"
        await pilot.click("#picture", offset=(8, 5))
        await settle(pilot)
        assert pilot.app.focused.id == "picture"


LOGITS = """\
kwb: 1
data: {use: iris}
model:
  sequential:
    - {use: Dense, units: 3}
train: {loss: sparse_categorical_crossentropy}
"""


async def test_what_is_likely_not_meant_is_reported_at_its_row(
    open_app: OpenApp, working_directory: Path
) -> None:
    (working_directory / "logits.yaml").write_text(LOGITS)
    async with open_app(recipe="logits.yaml") as pilot:
        app = pilot.app
        screen = await checked(pilot)
        assert [warning.where for warning in screen.examination.warnings] == ["train.loss"]
        assert "! 1 to look at" in str(screen.rows.border_title)
        (row,) = [line for line in shown(app).splitlines() if "! loss" in line]
        assert "sparse_categorical_crossentropy" in row
        assert "expects probabilities" in shown(app)
        app.editor.set("model.sequential[0].activation", "softmax")
        screen.refresh_panes()
        await checked(pilot)
        assert "! loss" not in shown(app)
        assert "to look at" not in str(screen.rows.border_title)
