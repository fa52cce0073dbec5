"""Resume a run, or open its recipe to train it again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.leaving import keep_changes
from workbench.tui.services.run_files import has_checkpoint, read_run_recipe

if TYPE_CHECKING:
    from workbench.tui.context import AppContext


async def resume_run(app: AppContext, run: RunFolder) -> None:
    """Go on with a run from its newest checkpoint, in this app."""
    try:
        if not has_checkpoint(run):
            raise WorkbenchError("there is no checkpoint to go on from.", where=run.name)
        with app.type_ahead.kept("reading the run's recipe"):
            recipe = await asyncio.to_thread(read_run_recipe, run)
        app.worker.train(recipe, resume=str(run.path.absolute()))
    except WorkbenchError as error:
        app.notice(error, "warning")
        return
    app.watched = None
    app.go("train")


async def edit_again(app: AppContext, run: RunFolder) -> None:
    """Open a run's recipe as a new one: the run keeps its own. Unsaved changes of the open one are asked about."""
    from workbench.recipe.editing import Editor

    if not await keep_changes(app, "Open"):
        return
    try:
        with app.type_ahead.kept("reading the run's recipe"):
            recipe = await asyncio.to_thread(read_run_recipe, run)
    except WorkbenchError as error:
        app.notice(error, "warning")
        return
    if not await keep_changes(app, "Open"):
        return
    app.set_editor(Editor(recipe.text, name=recipe.name, folder=recipe.folder))
    app.go("assemble")
