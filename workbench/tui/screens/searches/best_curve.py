"""BestCurve: the best value of a search so far, over its trials."""

from __future__ import annotations

from workbench.tui.chart.widget import Chart
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.screens.searches.rows import best_so_far


class BestCurve(Chart):
    """Steps of the best value; of a repeat alone there is none, and the chart is hidden."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("", empty="no trial has ended yet", id=id)
        self._drawn: tuple[str, str, list[tuple[int, float]]] | None = None

    def show(self, search: SearchSummary) -> None:
        """Draw the curve of a search, where it is not drawn already."""
        goal = search.goal
        self.set_class(goal is None, "-unused")
        points = best_so_far(search.trials, goal.sign) if goal is not None else []
        now = search.name, goal.name if goal is not None else "", points
        if now == self._drawn:
            return
        self._drawn = now
        self.clear()
        self.title = f"best {now[1]} so far, by trial"
        if points:
            self.extend("best", points)
