"""Resume a run, or open its recipe to train it again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder, has_checkpoint
from workbench.tui.actions.leaving import keep_changes
from workbench.tui.services.run_files import read_run_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.tui.context import AppContext, TrainableRecipe


async def resume_run(app: AppContext, run: RunFolder) -> None:
    """Go on with a run from its newest checkpoint, in this app."""
    try:
        if not has_checkpoint(run):
            raise WorkbenchError("there is no checkpoint to go on from.", where=run.name)
        with app.type_ahead.kept("reading the run's recipe"):
            recipe = await asyncio.to_thread(read_run_recipe, run)
    except WorkbenchError as error:
        app.notice(error, "warning")
        return
    if app.queue.train(recipe, run=str(run.path.absolute())):
        app.watched = None
        app.go("train")


def show_run(app: AppContext, folder: Path) -> None:
    """Show a run on the train screen; one that this app trains is shown as its own."""
    known = [app.training, *app.worker.live]
    mine = [each for each in known if each and each.run_folder and each.run_folder.name == folder.name]
    app.watched = None if mine else folder
    if mine and mine[0] is not app.training:
        app.worker.show(mine[0])
    app.go("train")


async def edit_again(app: AppContext, run: RunFolder) -> None:
    """Open a run's recipe as a new one: the run keeps its own. Unsaved changes of the open one are asked about."""
    await open_as_new(app, partial(read_run_recipe, run), "reading the run's recipe")


async def open_as_new(app: AppContext, read: Callable[[], TrainableRecipe], waits_for: str) -> None:
    """Open a recipe that has no file, in Assemble. Unsaved changes of the open one are asked about.

    Args:
        read: makes the recipe; called in a thread.
        waits_for: what keys that are typed meanwhile wait for, in words.
    """
    from workbench.recipe.editing import Editor

    if not await keep_changes(app, "Open"):
        return
    editor = app.editor
    asked_about = editor.revision if editor is not None else 0
    try:
        with app.type_ahead.kept(waits_for):
            recipe = await asyncio.to_thread(read)
    except WorkbenchError as error:
        app.notice(error, "warning")
        return
    changed = app.editor is not editor or (editor is not None and editor.revision != asked_about)
    if changed and not await keep_changes(app, "Open"):
        return
    app.set_editor(Editor(recipe.text, name=recipe.name, folder=recipe.folder))
    app.go("assemble")
