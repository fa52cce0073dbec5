"""Leave the app, after asking about everything that would be lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.tui.context import TrainingState
from workbench.tui.views.formatting import listed
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog

if TYPE_CHECKING:
    from workbench.tui.context import AppContext


async def may_leave(app: AppContext) -> bool:
    """Ask about unsaved changes and a running training; do what is answered. Needs a worker's context."""
    return await keep_changes(app, "Leave") and await _settle_training(app)


async def keep_changes(app: AppContext, what: str) -> bool:
    """Ask what to do with unsaved changes of the open recipe, and do it.

    Args:
        app: the app.
        what: what the user is about to do, for the buttons.

    Returns:
        False if the user would rather stay.
    """
    editor = app.editor
    if editor is None or not editor.dirty:
        return True
    answer = await app.push_screen_wait(
        ConfirmDialog(
            f"'{editor.name}' has changes that are not saved.",
            choices=[
                Choice("save", "Save", "s"),
                Choice("drop", f"{what} without", "w"),
                Choice("stay", "Stay", "escape"),
            ],
            unexpected=True,
        )
    )
    if answer == "save":
        return await app.save_recipe() or not editor.dirty  # or what is on disk was taken instead
    return answer == "drop"


async def _settle_training(app: AppContext) -> bool:
    """Ask what becomes of the trainings of the app and of the queue, and do it."""
    live = app.worker.live
    if not live:
        return True
    stopping = [training for training in live if training.state is TrainingState.STOPPING]
    names = listed([f"'{training.name}'" for training in live])
    text = "Let it run on: it goes on without the app; `kwb watch` shows it, `kwb stop` ends it."
    if app.queue.waiting:
        text += f"\n\n{app.queue.waiting} more in the queue: `kwb queue run` trains them without the app."
    if len(stopping) == len(live):
        choices = [
            Choice("wait", "Wait until it is saved", "w"),
            Choice("kill", "Leave now, unsaved", "k"),
            Choice("stay", "Stay", "escape"),
        ]
    else:
        with_queue = [Choice("queue", "And the queue", "q")] if app.queue.goes_on else []
        choices = [
            Choice("detach", "Let it run on", "d"),
            *with_queue,
            Choice("stop", "Stop and save", "s"),
            Choice("stay", "Stay", "escape"),
        ]
    answer = await app.push_screen_wait(
        ConfirmDialog(f"{names} {'is' if len(live) == 1 else 'are'} being trained.", text, choices)
    )
    if answer in (None, "stay"):
        return False
    app.queue.close()
    try:
        if answer in ("detach", "queue"):
            await let_run_on(app, answer == "queue")
        elif answer == "stop":
            app.notice("stopping after this batch, then saving.", "information")
            await asyncio.gather(*(each.control("stop") for each in live if each not in stopping))
        elif answer == "kill":
            for training in live:
                if training.worker is not None:
                    training.worker.kill()
        for training in live:
            await training.ended.wait()
        await app.queue.settle()
    except WorkbenchError as error:
        if any(training.state.live for training in live):
            app.queue.open()
            app.notice(error)
            return False
    return True


async def let_run_on(app: AppContext, with_queue: bool) -> None:
    """Let the trainings of the app go on without it, and after them those of the queue, if that is wanted.

    Raises:
        WorkbenchError: a training cannot be left to itself.
    """
    live = app.worker.live
    for training in live:
        try:
            await training.detach()
        except WorkbenchError:
            if training.state.live:
                raise
    runs = [training.run_folder.name for training in live if training.run_folder is not None]
    await app.queue.settle()
    if with_queue:
        try:
            app.last_words.append(app.queue.hand_over(runs))
        except WorkbenchError as error:  # what waits is on disk
            app.last_words.append(f"the queue waits: {error}")
    app.last_words.extend(f"kwb watch {run}" for run in runs)
