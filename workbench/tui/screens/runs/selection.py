"""Which runs are shown, in what order, which of them are marked, and of which metric the curves are."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.errors import WorkbenchError
from workbench.storage.extremes import uses_extremes
from workbench.storage.runs import RunSummary
from workbench.tui.screens.runs.listing import ORDERS, chosen
from workbench.tui.state import AppState
from workbench.tui.views.run_cells import metrics_of

MOST_MARKED = 8  # curves that can be kept apart by eye


class RunSelection:
    """The runs of the table. The screen keeps order and metric in the app's state.

    Attributes:
        runs: all of them.
        shown: those that the filter lets through, in order.
        wrong: what is wrong with the filter.
        columns: names of the columns that the user chose, in order; none for those that tell the runs apart.
        marked: the names of the marked ones, in the order in which they were marked.
    """

    def __init__(self) -> None:
        self.runs: Sequence[RunSummary] = ()
        self.shown: list[RunSummary] = []
        self.marked: dict[str, None] = {}
        self.order = "newest"
        self.metric = "loss"
        self.columns: list[str] = []
        self.filter = ""
        self.wrong: WorkbenchError | None = None

    def restore(self, state: AppState) -> None:
        """Take order, metric and columns as they were the last time."""
        order = state.get("runs.order", "newest")
        self.order = order if isinstance(order, str) and order else "newest"
        self.metric = state.get("runs.metric", "loss")
        columns: list[str] = []
        self.columns = [name for name in state.get("runs.columns", columns) if isinstance(name, str)]

    @property
    def uses_extremes(self) -> bool:
        """True if anything of it asks for lowest or highest values of all epochs."""
        return uses_extremes(self.filter, self.order, *self.columns)

    def replace(self, runs: Sequence[RunSummary]) -> None:
        """Take other runs; the marks of those that are gone go with them."""
        self.runs = runs
        names = {run.folder.name for run in runs}
        self.marked = {name: None for name in self.marked if name in names}

    def choose(self) -> None:
        """Bring `shown` up to date."""
        try:
            self.shown, self.wrong = chosen(self.runs, self.filter, self.order), None
        except WorkbenchError as error:
            self.shown, self.wrong = chosen(self.runs, "", self.order), error

    def named(self, name: str | None) -> RunSummary | None:
        """The run of a name."""
        return next((run for run in self.runs if run.folder.name == name), None)

    def drawn(self, under_cursor: RunSummary | None) -> list[RunSummary]:
        """The marked runs, or the one under the cursor."""
        if self.marked:
            by_name = {run.folder.name: run for run in self.runs}
            return [by_name[name] for name in self.marked if name in by_name]
        return [under_cursor] if under_cursor else []

    def toggle(self, name: str) -> bool:
        """Mark a run, or take its mark away; False where too many are marked already."""
        if name in self.marked:
            del self.marked[name]
        elif len(self.marked) == MOST_MARKED:
            return False
        else:
            self.marked[name] = None
        return True

    def next_metric(self) -> bool:
        """Take the next metric that the runs logged; False where there is none."""
        names = metrics_of(self.runs)
        if names:
            at = names.index(self.metric) if self.metric in names else -1
            self.metric = names[(at + 1) % len(names)]
        return bool(names)

    def next_order(self) -> None:
        """Take the next of `ORDERS`."""
        orders = list(ORDERS)
        at = orders.index(self.order) if self.order in orders else -1
        self.order = orders[(at + 1) % len(orders)]
