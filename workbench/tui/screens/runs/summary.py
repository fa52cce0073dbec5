"""What is said about the run under the cursor, below the table."""

from __future__ import annotations

from workbench.storage.runs import RunSummary
from workbench.tui.screens.runs.listing import order_in_words
from workbench.tui.screens.runs.selection import RunSelection
from workbench.tui.views.fitting import printable
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import FAILED, run_mark
from workbench.tui.views.training_view import TrainingView


def summary_lines(selection: RunSelection, run: RunSummary | None, view: TrainingView | None) -> str:
    """Two lines: the run's result, and below that beside what is reached without the model.

    Args:
        view: what was read of the run; None where it was not.
    """
    parts, compared = [], ""
    if run is not None:
        parts.append(f"{run_mark(run)} {printable(run.folder.name)}")
        compared = printable(view.compared) if view is not None else ""
        if view is not None and view.evaluation:
            tested = "  ".join(
                f"{printable(name)} {number(value)}" for name, value in view.evaluation.items()
            )
            parts.append(f"on the test part {tested}")
        if view is not None and view.error is not None:
            parts.append(printable(view.error.what))
        labels = [*(f"#{tag}" for tag in run.labels.tags), printable(run.labels.note)]
        compared = "   ".join(filter(None, [" ".join(labels).strip(), compared]))
    if selection.filter:
        parts.append(f"{len(selection.shown)} of {len(selection.runs)} shown")
    # An error behind it may be longer than the line.
    parts.insert(1, printable(order_in_words(selection.order)))
    line = "   ".join(parts)
    if (wrong := selection.wrong) is not None:
        line = f"{FAILED} {printable(wrong.what)} {printable(wrong.hint)}".rstrip()
    return f"{line}\n{compared}"
