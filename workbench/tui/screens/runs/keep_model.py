"""Writing the model of a run to the files of its recipe, though it was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.storage.runs import RunFolder
    from workbench.tui.app import KwbApp


async def save_model(app: KwbApp, run: RunFolder) -> bool:
    """Have the worker write it, and say where what was there before is now.

    Returns:
        False if it was not written.
    """
    try:
        files = await app.worker.call("save_run", run=str(run.path.absolute()))
    except WorkbenchError as error:
        app.notice(error)
        return False
    for file in files:
        before = f"the one before is {file['replaced']}." if file["replaced"] else ""
        app.notice(
            WorkbenchError(f"{file['path']} is the model of {run.name} now.", hint=before), "information"
        )
    return True
