"""Show the queue, and what is chosen in it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.queue.store import QueueState
from workbench.tui.actions.reopen import open_as_new, show_run
from workbench.tui.widgets.queue_dialog import QueueDialog

if TYPE_CHECKING:
    from workbench.queue.entries import TrainingOrder
    from workbench.tui.context import AppContext


async def show_queue(app: AppContext) -> None:
    """Show the queue. What is chosen in it is shown: a training with its panels, one that waits as a new recipe.
    Needs a worker's context."""
    chosen = await app.push_screen_wait(QueueDialog())
    if chosen is None:
        return
    training = chosen.training
    if chosen.row is not None:
        training = app.queue.claimed.get(chosen.row.training.number)
    if training is not None:
        app.watched = None
        app.worker.show(training)
        app.go("train")
    elif chosen.row is not None and chosen.row.training.run and chosen.row.state is not QueueState.WAITING:
        show_run(app, Path(chosen.row.training.run))
    elif chosen.row is not None:
        await open_as_new(app, partial(_recipe, chosen.row.training.order), "reading the recipe")


def _recipe(order: TrainingOrder) -> TrainingOrder:
    """The recipe of a training that waits, with the values that were set for it."""
    from workbench.recipe.assignments import assign, values_of
    from workbench.recipe.editing import Editor

    editor = Editor(order.text, name=order.name, folder=order.folder)
    assign(editor, values_of(order.overrides))
    return replace(order, text=editor.text, overrides=())
