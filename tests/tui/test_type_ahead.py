"""Keys typed while a recipe is still being read: a named pipe is a file that takes as long as the test wants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from textual.app import App
from textual.events import Key, Mount
from textual.message import Message

from tests.tui.conftest import MakeApp, OpenApp, settle, shown, until
from tests.worker.conftest import recipe
from workbench.recipe.editing import Editor
from workbench.tui.screens.assemble.recipe_text import RecipeText
from workbench.tui.screens.recipes.new import NewRecipeDialog
from workbench.tui.widgets.dialogs import ConfirmDialog


@contextmanager
def slow_recipe(folder: Path) -> Iterator[Path]:
    """A recipe that is read when somebody has written it, at the latest at the end of the block."""
    path = folder / "slow.yaml"
    os.mkfifo(path)
    try:
        yield path
    finally:
        with suppress(OSError):  # nobody waits for it
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


def arrive(slow: Path) -> None:
    """Write it for whoever reads it, and have it be a file like any other from then on."""
    slow.write_text(recipe())
    slow.unlink()
    slow.write_text(recipe())


async def test_they_are_for_the_recipe_that_was_opened(
    open_app: OpenApp, working_directory: Path, tmp_path: Path
) -> None:
    async with open_app() as pilot:
        app = pilot.app
        app.set_editor(Editor(recipe(), name="before", folder=working_directory))
        await settle(pilot)
        with slow_recipe(tmp_path) as slow:
            app.open_recipe(slow)
            await pilot.press("t")
            assert app.training is None
            assert app.editor.name == "before"
            arrive(slow)
            await until(lambda: app.training)
        assert app.training.name == "slow.yaml"
        await until(lambda: app.current_mode == "train")
        await until(lambda: not app.training.state.live, 60)


async def test_what_a_file_that_takes_long_is_waited_for_is_said_and_escape_gives_it_up(
    open_app: OpenApp, tmp_path: Path
) -> None:
    async with open_app() as pilot:
        app = pilot.app
        with slow_recipe(tmp_path) as slow:
            app.open_recipe(slow, then="data")
            await pilot.press("5")
            await until(lambda: "reading slow.yaml … Keys wait" in shown(app))
            assert app.current_mode == "recipes"
            await pilot.press("escape", "6")
            await until(lambda: app.current_mode == "saved")  # the 5 was for the recipe, and is gone
            assert app.editor is None
            slow.write_text(recipe())  # whoever still reads it does so for nobody
            await settle(pilot)
            assert (app.editor, app.current_mode) == (None, "saved")


async def test_keys_wait_for_a_recipe_however_long_it_takes(open_app: OpenApp, tmp_path: Path) -> None:
    async with open_app() as pilot:
        app = pilot.app
        with slow_recipe(tmp_path) as slow:
            app.open_recipe(slow, then="data")
            await pilot.press("2", "v", "end", "x")
            await until(lambda: "Keys wait for it" in shown(app))
            arrive(slow)
            await until(lambda: app.current_mode == "assemble" and isinstance(app.focused, RecipeText))
            await until(lambda: len(app.editor.text) == len(recipe()) + 1)
            assert any(line.endswith("x") for line in app.editor.text.splitlines())


async def test_a_recipe_that_cannot_be_read_leaves_the_keys_to_the_screen_before(open_app: OpenApp) -> None:
    async with open_app() as pilot:
        app = pilot.app
        app.open_recipe("nowhere.yaml")
        await pilot.press("5")
        await until(lambda: app.current_mode == "runs")
        assert "nowhere.yaml" in str(app.notices[-1][1])


async def test_keys_before_the_first_paint_are_for_the_recipe_that_the_command_line_names(
    make_app: MakeApp, tmp_path: Path
) -> None:
    with slow_recipe(tmp_path) as slow:
        app = make_app(recipe=str(slow))
        async with app.run_test(notifications=True, message_hook=KeysAtTheStart(app, "n", "5")):
            await until(lambda: "Keys wait for it" in shown(app))
            assert (app.current_mode, app.screen.is_modal) == ("recipes", False)
            arrive(slow)
            await until(lambda: app.editor is not None and app.current_mode == "runs")
            assert not app.screen.is_modal, "New recipe is on Recipes, which is not what was asked for"
            await app.worker.close()


class KeysAtTheStart:
    """Types as soon as the app is mounted, as a terminal does with what was typed before: nothing is painted yet."""

    def __init__(self, app: App[Any], *keys: str) -> None:
        self.app = app
        self.keys = keys

    def __call__(self, message: Message) -> None:
        if isinstance(message, Mount) and self.keys:
            for key in self.keys:
                self.app.post_message(Key(key, key))
            self.keys = ()


async def test_what_was_typed_for_later_is_no_answer_to_a_question_that_comes_in_between(
    open_app: OpenApp, working_directory: Path
) -> None:
    path = working_directory / "mine.yaml"
    path.write_text(recipe())
    async with open_app(recipe="mine.yaml") as pilot:
        app = pilot.app
        await until(lambda: app.editor is not None)
        await pilot.press("1")
        await until(lambda: app.current_mode == "recipes")
        app.editor.set("train.epochs", 77)
        await settle(pilot)
        for letter in "nhouses":  # of which s would save
            app.post_message(Key(letter, letter))
        await until(lambda: isinstance(app.screen, ConfirmDialog))
        await until(lambda: not app.type_ahead.closed)
        await settle(pilot)
        assert isinstance(app.screen, ConfirmDialog), "it waits for an answer"
        assert path.read_text() == recipe()
        assert "What was typed before this question" in shown(app)
        await pilot.press("w")
        await until(lambda: isinstance(app.screen, NewRecipeDialog))
        assert path.read_text() == recipe()
