"""The trials of a search as lines through its keys and its goal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from workbench.recipe.options.search import Range
from workbench.search import reporting
from workbench.search.importance import with_values
from workbench.search.state import Trial, TrialState
from workbench.tui.chart.parallel import CURSOR, GOOD, MARKED, OTHERS, Axis, TrialLine
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.screens.searches.rows import best_of
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import BEST

_GOOD_SHARE = 10  # one of so many trials is drawn as a whole line
_WIDE = 100.0  # the goal's axis is logarithmic where the highest value is so many times the lowest

_Place = Callable[[Any], float | None]


def coordinates_of(search: SearchSummary, under_cursor: int | None) -> tuple[list[Axis], list[TrialLine]]:
    """The axes (the keys in their order, then the goal), and a line for each trial that has a value, pruned ones too.

    Args:
        under_cursor: the number of the trial under the cursor.
    """
    if search.base is None or search.goal is None:
        return [], []
    shown = [
        trial
        for trial in search.trials
        if trial.value is not None and math.isfinite(trial.value) and trial.state is not TrialState.FAILED
    ]
    if not shown:
        return [], []
    names = reporting.names_of(search.base.over)
    keys = [(key, *_axis_of(names[key], values)) for key, values in search.base.over.items()]
    goal_axis, goal_place = _goal_axis(search.goal.name, [float(trial.value or 0.0) for trial in shown])
    sign = search.goal.sign
    over = sorted(with_values(search.trials), key=lambda trial: sign * (trial.value or 0.0))
    good = {trial.number for trial in over[: max(len(over) // _GOOD_SHARE, 1)]}
    winner = best_of(search)

    def line(trial: Trial) -> TrialLine:
        places = [place(trial.settings.get(key)) for key, _, place in keys]
        code, mark = (GOOD if trial.number in good else OTHERS), ""
        if winner is not None and trial.number == winner.number:
            code, mark = MARKED, BEST
        elif trial.number == under_cursor:
            code, mark = CURSOR, "●"
        return TrialLine((*places, goal_place(trial.value)), code, mark)

    return [*(axis for _, axis, _ in keys), goal_axis], [line(trial) for trial in shown]


def _axis_of(name: str, values: Any) -> tuple[Axis, _Place]:
    if isinstance(values, Range):
        low, high = float(values.start), float(values.to)
        labels = [(0.0, number(low)), (1.0, number(high))]
        if values.log:
            middle = math.sqrt(low * high)
            return Axis(f"log {name}", [*labels, (0.5, number(middle))]), _number_place(low, high, log=True)
        return Axis(name, [*labels, (0.5, number((low + high) / 2))]), _number_place(low, high, log=False)
    texts = [reporting.value_in_words(value) for value in values]
    last = max(len(texts) - 1, 1)
    places = {text: at / last if len(texts) > 1 else 0.5 for at, text in enumerate(texts)}
    ends = [(places[text], text) for text in dict.fromkeys((texts[0], texts[-1], *texts))]
    known: dict[str, float | None] = {}  # to write a value as text takes long, and there are few choices

    def place(value: Any) -> float | None:
        if (key := repr(value)) not in known:
            known[key] = places.get(reporting.value_in_words(value))
        return known[key]

    return Axis(name, ends), place


def _goal_axis(name: str, values: Sequence[float]) -> tuple[Axis, _Place]:
    low, high = min(values), max(values)
    if low == high:
        return Axis(name, [(0.5, number(low))]), lambda value: 0.5
    log = low > 0 and high / low > _WIDE
    return Axis(f"log {name}" if log else name, [(0.0, number(low)), (1.0, number(high))]), _number_place(
        low, high, log=log
    )


def _number_place(low: float, high: float, *, log: bool) -> _Place:
    if log:
        low, high = math.log(low), math.log(high)

    def place(value: Any) -> float | None:
        if not isinstance(value, int | float) or not math.isfinite(value) or (log and value <= 0):
            return None
        at = ((math.log(value) if log else value) - low) / (high - low)
        return min(max(at, 0.0), 1.0)

    return place
