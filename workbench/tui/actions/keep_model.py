"""Write the model of a stopped run to the files of its recipe, or make a model file from a checkpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.storage.run_folder import RunFolder
    from workbench.tui.context import AppContext


async def save_model(app: AppContext, run: RunFolder) -> bool:
    """Have the worker write it, and say where what was there before is now.

    Of a run that has no model, because it failed or was killed, the last checkpoint becomes a file in the run's folder.

    Returns:
        False if it was not written.
    """
    if not run.model.exists() and not run.weights.exists():
        return await _export_checkpoint(app, run)
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


async def _export_checkpoint(app: AppContext, run: RunFolder) -> bool:
    try:
        made = await app.worker.call("export_checkpoint", run=str(run.path.absolute()))
    except WorkbenchError as error:
        app.notice(error)
        return False
    step = f", step {made['step']}" if made["step"] else ""
    text = f"{made['path']} is the last checkpoint of {run.name} (epoch {made['epoch']}{step})."
    app.notice(WorkbenchError(text, hint=" ".join(made["warnings"])), "information")
    return True
