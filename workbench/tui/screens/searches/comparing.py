"""Compare two trials of a search: the values that differ, what they came to, and their curves over each other."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.storage.run_folder import RunFolder
from workbench.tui.actions.difference import compare_runs
from workbench.tui.context import AppContext
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.screens.searches.rows import TrialRow, kind_of
from workbench.tui.services.histories import RunHistory
from workbench.tui.views.compare import Difference
from workbench.tui.views.formatting import ABSENT


async def compare_trials(app: AppContext, search: SearchSummary, left: TrialRow, right: TrialRow) -> None:
    """Show two trials side by side. What is in the way is shown. Needs a worker's context."""
    kind = kind_of(search)
    runs = RunFolder(Path(left.run)), RunFolder(Path(right.run))
    for row, run in zip((left, right), runs, strict=True):
        if not row.run or not run.events.is_file():
            app.notice(
                f"{kind} {row.number} has no run on this machine, so there is nothing to compare.", "warning"
            )
            return
    histories = RunHistory(runs[0]), RunHistory(runs[1])
    goal = search.goal.name if search.goal is not None else "loss"
    names = [f"{kind} {row.number}" for row in (left, right)]
    tried = ("tried", differing_values(left, right), "the same values")
    first = [tried] if search.goal is not None else []
    try:
        await compare_runs(app, runs, histories, goal, names, first, f"Two {kind}s")
    except WorkbenchError as error:
        app.notice(error, "warning")


def differing_values(left: TrialRow, right: TrialRow) -> list[Difference]:
    """The keys of the search whose values differ."""
    keys = dict.fromkeys([*left.values, *right.values])
    pairs = [Difference(key, left.values.get(key, ABSENT), right.values.get(key, ABSENT)) for key in keys]
    return [pair for pair in pairs if pair.left != pair.right]
