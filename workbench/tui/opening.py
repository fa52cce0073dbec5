"""Open a recipe, make one from data, save it, train it, or recover unsaved changes; errors are shown."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, suppress
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import WorkerCancelled

from workbench.errors import RecipeError, WorkbenchError

if TYPE_CHECKING:
    from workbench.recipe.editing import Editor
    from workbench.tui.context import AppContext


async def ask_and_open(app: AppContext, recipe: Path | str) -> bool:
    """Open a recipe by its file or name, after asking about unsaved changes of the one before. For a worker.

    Returns:
        False if it was not opened.
    """
    from workbench.tui.actions.leaving import keep_changes

    if not await keep_changes(app, "Open"):
        return False
    try:
        with app.type_ahead.kept(f"reading {Path(recipe).name}"):
            editor = await asyncio.to_thread(_editor_on, app, recipe)
    except WorkbenchError as error:
        app.notice(error)
        return False
    app.set_editor(editor)
    return True


def _editor_on(app: AppContext, recipe: Path | str) -> Editor:
    from workbench.recipe.lookup import open_editor  # imports much, in a thread

    return open_editor(recipe, app.catalog, app.working_directory)


async def new_recipe(app: AppContext, file: str = "") -> bool:
    """Make a recipe from data and open it; of a file in the working directory, if one is named. Needs a worker's
    context."""
    from workbench.tui.actions.leaving import keep_changes
    from workbench.tui.screens.recipes.new import NewRecipeDialog

    if not await keep_changes(app, "Go on"):
        return False
    editor = await app.push_screen_wait(NewRecipeDialog(file))
    if editor is not None:
        app.set_editor(editor)
    return editor is not None


def start_training(app: AppContext) -> bool:
    """Train the open recipe; it waits in the queue where another one is being trained.

    Returns:
        False if it was not begun.
    """
    editor = app.editor
    if editor is None:
        app.notice("no recipe is open: choose one first.", "warning")
        return False
    if (wrong := app.plugins.error_of(editor)) is not None:
        place = ": ".join(str(part) for part in (editor.name, wrong.line, wrong.key) if part)
        origin = wrong.error.origin if wrong.error is not None else None
        app.notice(WorkbenchError(wrong.what, where=place, hint=wrong.hint, origin=origin))
        return False
    if not app.queue.train(editor):
        return False
    app.watched = None
    return True


async def begin(app: AppContext, keys_kept: AbstractContextManager[object]) -> None:
    """List the plugins, and open what the command line names, or what was not saved the last time.

    Plugin files come last: to list one, the worker has to load Keras.

    Args:
        app: the app.
        keys_kept: ends when the first keys have what they are for.
    """
    with keys_kept:
        if not await app.plugins.list_installed():
            return
        await _open_at_start(app)
    if app.plugins.files:
        await app.plugins.load_files()
        await _open_at_start(app)
    app.plugins.report_broken()
    await app.plugins.changed(set())  # meanwhile
    await app.queue.start()


async def _open_at_start(app: AppContext) -> None:
    """Open what the command line names, if it can be found by now, or what was not saved the last time."""
    recipe = app.recipe_to_open
    if recipe is None:
        await _take_up_unsaved(app)
        return
    if app.plugins.loading and not await asyncio.to_thread(_is_known, app, recipe):
        return  # it may be a plugin file's
    app.recipe_to_open = None
    path = app.working_directory / Path(expanduser(recipe))
    if not await _take_up_unsaved(app, path):
        with suppress(WorkerCancelled):  # by Escape
            await app.open_recipe(recipe).wait()  # in here, so that no key goes to the screen that it leaves


def _is_known(app: AppContext, recipe: str) -> bool:
    from workbench.recipe.lookup import find_recipe

    try:
        return bool(find_recipe(recipe, app.catalog, app.working_directory))
    except RecipeError:
        return False


async def _take_up_unsaved(app: AppContext, path: Path | None = None) -> bool:
    """Open again what was not saved when the app ended the last time in this folder; with a path, only what belongs to
    that file."""
    from workbench.tui.services.unsaved import Unsaved

    kept = Unsaved(app.log_folder)
    if app.editor is not None:
        return False
    left = await asyncio.to_thread(kept.left)
    here = app.working_directory.resolve()
    mine = [
        each
        for each in left
        if (each.folder.resolve() == here if path is None else each.path == path.absolute())
    ]
    if left and not mine:
        text = f"'{left[0].name}' has changes that were not saved the last time; they are kept."
        hint = f"Start kwb without a recipe in {left[0].folder} to take them up."
        place = _place(left[0].path or left[0].folder)
        app.notice(WorkbenchError(text, where=place, hint=hint), "information")
    editor = await asyncio.to_thread(kept.take_up, mine[0]) if mine else None
    if editor is None or app.editor is not None:
        return False
    app.set_editor(editor)
    text = f"This is not what the file of '{editor.name}' says: changes that were not saved the last time are back."
    hint = "Undo (u) gives what the file says, saving keeps the changes."
    app.notice(WorkbenchError(text, where=_place(editor.path), hint=hint), "warning")
    if path is not None:
        app.go("assemble")
    return True


def _place(path: Path | None) -> str:
    return str(path.absolute()) if path is not None else ""
