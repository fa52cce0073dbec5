"""Train with the code of plugins as it is now: a training keeps the code that it began with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import summary_of
from workbench.tui.actions.reopen import resume_run
from workbench.tui.services.run_files import read_run_recipe
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog

if TYPE_CHECKING:
    from workbench.tui.context import AppContext, LiveTraining

_TEXT = """\
{name} is trained with the code that it began with. It is stopped after its batch and saved; then it goes on from \
there, or begins again as a new run, with the code as it is now. Its messages (o) say what has changed."""


async def train_with_new_code(
    app: AppContext, training: LiveTraining, stop: Callable[[], Awaitable[None]]
) -> None:
    """Stop a training, and go on with it or begin again with the plugins' code as it is now. Asks which. Needs a
    worker's context.

    Args:
        training: of this app, under way.
        stop: asks it to stop.
    """
    answer = await app.push_screen_wait(
        ConfirmDialog(
            "Train with the code as it is now?",
            _TEXT.format(name=training.name),
            [
                Choice("on", "Go on from here", "g", "primary"),
                Choice("again", "From the start", "s"),
                Choice("no", "Cancel", "c"),
            ],
        )
    )
    if answer not in ("on", "again"):
        return
    if training.state.live:
        await stop()
        await training.ended.wait()
    if training.run_folder is None:
        app.notice("the training ended before it had a run.", "warning")
        return
    run = RunFolder(training.run_folder)
    if answer == "again":
        try:
            recipe = await asyncio.to_thread(read_run_recipe, run)
        except WorkbenchError as error:
            app.notice(error, "warning")
            return
        app.queue.train(recipe)
    elif (await asyncio.to_thread(summary_of, run)).status == "done":
        app.notice(f"{run.name} came to its end first: nothing is left to train.", "warning")
    else:
        await resume_run(app, run)
