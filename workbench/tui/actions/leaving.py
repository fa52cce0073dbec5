"""Leave the app, after asking about everything that would be lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.tui.context import TrainingState
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
    training = app.training
    if training is None or not training.state.live:
        return True
    if training.state is TrainingState.STOPPING:
        choices = [
            Choice("wait", "Wait until it is saved", "w"),
            Choice("kill", "Leave now, unsaved", "k"),
            Choice("stay", "Stay", "escape"),
        ]
    else:
        choices = [
            Choice("detach", "Let it run on", "d"),
            Choice("stop", "Stop and save", "s"),
            Choice("stay", "Stay", "escape"),
        ]
    answer = await app.push_screen_wait(
        ConfirmDialog(
            f"'{training.name}' is being trained.",
            "Let it run on: it goes on without the app; `kwb watch` shows it, `kwb stop` ends it.",
            choices,
        )
    )
    if answer in (None, "stay"):
        return False
    try:
        if answer == "detach":
            await training.detach()
            if training.run_folder is not None:
                app.last_words.append(f"kwb watch {training.run_folder.name}")
        elif answer == "stop":
            app.notice("stopping after this batch, then saving.", "information")
            await training.control("stop")
        elif answer == "kill" and training.worker is not None:
            training.worker.kill()
        if answer != "detach":
            await training.ended.wait()
    except WorkbenchError as error:
        if training.state.live:
            app.notice(error)
            return False
    return True
