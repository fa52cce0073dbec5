"""What is asked before runs are renamed or deleted."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.storage.runs import RunSummary
from workbench.tui.context import AppContext
from workbench.tui.screens.runs import file_operations
from workbench.tui.views.formatting import counted
from workbench.tui.widgets.dialogs import Choice, ConfirmDialog, PromptDialog


async def new_name(app: AppContext, run: RunSummary) -> str | None:
    """Another name for a run; None if it stays. Needs a worker's context."""
    if not may_change(app, [run]):
        return None
    name = await app.push_screen_wait(
        PromptDialog(
            "Rename the run",
            run.folder.name,
            check=lambda name: file_operations.name_error(run.folder, name),
        )
    )
    return name if name and name != run.folder.name else None


async def may_delete(app: AppContext, runs: Sequence[RunSummary]) -> bool:
    """True if the user wants the runs deleted. Needs a worker's context."""
    if not runs or not may_change(app, runs):
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


def may_change(app: AppContext, runs: Sequence[RunSummary]) -> bool:
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
