"""Stop a run that another process trains."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError
from workbench.storage.ownership import ask_to_stop
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog

if TYPE_CHECKING:
    from workbench.storage.run_folder import RunFolder
    from workbench.tui.context import AppContext


async def stop_run(app: AppContext, run: RunFolder) -> bool:
    """Ask the user, then the process that trains the run. Needs a worker's context.

    Returns:
        True if it was asked to stop.
    """
    answer = await app.push_screen_wait(
        ConfirmDialog(
            "Stop this run?", f"{run.name}\n\nIt ends after its batch and is saved. It can be resumed.",
            [Choice("no", "Let it run", "l"), Choice("yes", "Stop", "s", "error")],
        )
    )  # fmt: skip
    if answer != "yes":
        return False
    try:
        asked = await asyncio.to_thread(ask_to_stop, run)
    except WorkbenchError as error:
        app.notice(error, "warning")
        return False
    app.notice(f"{asked} stops after its batch, then saves.", "information")
    return True
