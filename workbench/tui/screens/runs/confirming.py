"""Rename and delete runs, after asking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import RunSummary
from workbench.tui.context import AppContext
from workbench.tui.screens.runs import file_operations
from workbench.tui.views.formatting import counted
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog


async def rename_run(app: AppContext, run: RunSummary) -> list[RunFolder]:
    """Rename a run as the user says. Needs a worker's context.

    Returns:
        The run whose folder is gone; none where it stays.
    """
    name = await _new_name(app, run)
    return (
        await _change(app, "renamed", [run], lambda folder: file_operations.rename(folder, name))
        if name
        else []
    )


async def delete_runs(app: AppContext, runs: Sequence[RunSummary]) -> list[RunFolder]:
    """Delete runs if the user wants it. Needs a worker's context.

    Returns:
        The runs that are gone.
    """
    return await _change(app, "deleted", runs, file_operations.delete) if await _may_delete(app, runs) else []


async def _change(
    app: AppContext, done: str, runs: Sequence[RunSummary], change: Callable[[RunFolder], object]
) -> list[RunFolder]:
    changed = []
    for folder in [run.folder for run in runs]:
        try:
            await asyncio.to_thread(change, folder)
        except WorkbenchError as error:
            app.notice(error)
            continue
        changed.append(folder)
        app.notice(f"{folder.name} {done}.", "information")
    return changed


async def _new_name(app: AppContext, run: RunSummary) -> str | None:
    """Another name for a run; None if it stays. Needs a worker's context."""
    if not _may_change(app, [run]):
        return None
    name = await app.push_screen_wait(
        PromptDialog(
            "Rename the run",
            run.folder.name,
            check=lambda name: file_operations.name_error(run.folder, name),
        )
    )
    return name if name and name != run.folder.name else None


async def _may_delete(app: AppContext, runs: Sequence[RunSummary]) -> bool:
    """True if the user wants the runs deleted. Needs a worker's context."""
    if not runs or not _may_change(app, runs):
        return False
    names = "\n".join(run.folder.name for run in runs)
    what = f"Delete {counted(len(runs), 'run')}?" if len(runs) > 1 else "Delete this run?"
    answer = await app.push_screen_wait(
        ConfirmDialog(
            what, f"{names}\n\nWith its checkpoints and its model. Files saved elsewhere stay.",
            [Choice("no", "Keep", "k"), Choice("yes", "Delete", "d", "error")],
        )
    )  # fmt: skip
    return answer == "yes"


def _may_change(app: AppContext, runs: Sequence[RunSummary]) -> bool:
    """True if none of them is running; else a notice says which one is."""
    for run in runs:
        if run.status == "running":
            app.notice(
                WorkbenchError(
                    "it is running.", where=run.folder.name, hint="Stop it first (o), or let it end."
                ),
                "warning",
            )
            return False
    return True
