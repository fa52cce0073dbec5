"""What is shown of a search: the rows of its trials in order, and the best value so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.search import reporting
from workbench.search.state import Repetition, Trial, TrialState, best
from workbench.tui.screens.searches.listing import SearchSummary
from workbench.tui.views.formatting import number
from workbench.tui.views.marks import TRIALS

ORDERS = {"value": "by value", "number": "by number", "state": "by state"}
_RANKS = (
    *(TrialState.RUNNING, TrialState.DONE, TrialState.STOPPED, TrialState.PRUNED),
    *(TrialState.WAITING, TrialState.FAILED),
)


@dataclass(frozen=True)
class TrialRow:
    """A trial; of a repeat alone, a repetition.

    Attributes:
        number: counted from 0; of a repetition its fold, or its seed.
        values: of the keys, or of a repetition's logs, as text.
        run: the folder of its run; of several, of the one that is trained, or else of the first.
        why: the error of one that failed.
        pruned_by_hand: whether a person has pruned it.
    """

    number: int
    state: TrialState
    value: float | None
    spread: float | None
    epoch: int
    values: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    is_best: bool = False
    why: str = ""
    pruned_by_hand: bool = False

    @property
    def can_be_held(self) -> bool:
        """True if it can be pruned by hand, or let go on after that."""
        return self.pruned_by_hand or self.state is TrialState.RUNNING

    @property
    def value_text(self) -> str:
        """`0.123 ± 0.01`."""
        if self.value is None:
            return "–"
        return number(self.value) + (f" ± {self.spread:.2g}" if self.spread is not None else "")


def state_text(state: TrialState) -> str:
    """The mark of a state, and the state."""
    return f"{TRIALS[state]} {state}"


def goal_text(search: SearchSummary) -> str:
    """What the search is for, in a few words."""
    if search.base is None:
        return "–"
    if search.goal is None:
        return f"{search.base.repetitions} {kind_of(search)}s"
    return f"{'lowest' if search.goal.sign > 0 else 'highest'} {search.goal.name}"


def best_of(search: SearchSummary) -> Trial | None:
    """The best trial of a search so far."""
    return best(search.trials, search.goal.sign) if search.goal is not None else None


def rows_of(search: SearchSummary, order: str) -> list[TrialRow]:
    """The rows of a search, in an order of `ORDERS`."""
    if search.base is None:
        return []
    if search.goal is None:
        first = search.base.document.recipe.seed if kind_of(search) == "seed" else 0
        repetitions = (each for trial in search.trials for each in trial.repetitions)
        rows = [_repetition_row(first + at, each) for at, each in enumerate(repetitions)]
    else:
        winner = best_of(search)
        names = reporting.names_of(search.base.over)
        texts = _ValueTexts()
        rows = [_trial_row(trial, names, texts, trial is winner) for trial in search.trials]
    sign = search.goal.sign if search.goal is not None else 1
    if order == "value":
        return sorted(rows, key=lambda row: (not row.is_best, _rank_of_value(row, sign), row.number))
    if order == "state":
        return sorted(rows, key=lambda row: (_RANKS.index(row.state), row.number))
    return rows


def _rank_of_value(row: TrialRow, sign: int) -> float:
    return sign * row.value if row.value is not None and math.isfinite(row.value) else math.inf


class _ValueTexts(dict[str, str]):
    """Values as text, each made once: of a choice there are few, and trials may be many."""

    def of(self, value: Any) -> str:
        if isinstance(value, float):
            return reporting.value_in_words(value)
        key = repr(value)
        if key not in self:
            self[key] = reporting.value_in_words(value)
        return self[key]


def _trial_row(trial: Trial, names: Mapping[str, str], texts: _ValueTexts, is_best: bool) -> TrialRow:
    repetitions = trial.repetitions
    runs = [each.run for each in repetitions if each.run]
    trained = [each.run for each in repetitions if each.run and each.state is TrialState.RUNNING]
    return TrialRow(
        trial.number,
        trial.state,
        trial.value,
        trial.spread,
        max(each.epoch for each in repetitions),
        {names.get(key, key): texts.of(value) for key, value in trial.settings.items()},
        next(iter([*trained, *runs]), ""),
        is_best,
        trial.why,
        repetitions[0].pruned_by_hand,
    )


def _repetition_row(at: int, repetition: Repetition) -> TrialRow:
    tested = {f"test {name}": value for name, value in repetition.evaluation.items()}
    values = {name: number(float(value)) for name, value in {**repetition.logs, **tested}.items()}
    return TrialRow(
        at, repetition.state, None, None, repetition.epoch, values, repetition.run, why=repetition.why
    )


def kind_of(search: SearchSummary) -> str:
    """What a row stands for."""
    if search.goal is not None or search.base is None or search.base.repeat is None:
        return "trial"
    return "seed" if search.base.repeat.seeds else "fold"


def about(search: SearchSummary, order: str) -> str:
    """A line about a search."""
    if search.base is None:
        return f"{search.name}: {search.error}"
    parts = [search.error, goal_text(search), means_text(search)]
    if (found := best_of(search)) is not None and found.value is not None:
        parts.append(f"best {number(found.value)} in trial {found.number}")
    if search.agents:
        parts.append(
            "1 process works on it" if search.agents == 1 else f"{search.agents} processes work on it"
        )
    elif any(each.state is TrialState.WAITING for trial in search.trials for each in trial.repetitions) or (
        len(search.trials) < search.wanted
    ):
        parts.append(f"to go on: kwb {reporting.command_of(search.base)} {search.name}")
    parts.append(ORDERS[order] if search.goal is not None else "")
    parts.append(f"kept in {search.storage.partition(':')[0].partition('+')[0]}" if search.storage else "")
    return "   ".join(filter(None, parts))


def about_trial(row: TrialRow) -> str:
    """A line about a trial: what was tried, or why it failed."""
    values = ", ".join(f"{name} {value}" for name, value in row.values.items())
    by_hand = ""
    if row.pruned_by_hand:
        by_hand = (
            "it stops after its batch, saved"
            if row.state is TrialState.RUNNING
            else "by hand: x lets it go on"
        )
    return "   ".join(filter(None, (state_text(row.state), by_hand, row.why or values)))


def means_text(search: SearchSummary) -> str:
    """`val_loss 0.51 ± 0.02` of each log of a repeat alone, as far as it has come."""
    if search.goal is not None or not search.trials:
        return ""
    found: dict[str, Any] = reporting.statistics_of(search.trials[0])
    return "  ".join(
        f"{name} {number(each['mean'])}" + (f" ± {each['std']:.2g}" if each["n"] > 1 else "")
        for name, each in found.items()
    )


def best_so_far(trials: Sequence[Trial], sign: int) -> list[tuple[int, float]]:
    """Steps of the best value of the trials that are over, by their numbers."""
    steps: list[tuple[int, float]] = []
    for trial in trials:
        if trial.state in (TrialState.DONE, TrialState.STOPPED) and trial.value is not None:
            before = steps[-1][1] if steps else trial.value
            now = trial.value if sign * trial.value < sign * before else before
            steps += [(trial.number, before), (trial.number, now)] if now != before else [(trial.number, now)]
    return steps
