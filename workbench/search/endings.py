"""How a training has ended: done, stopped, or pruned, by the others or by a person."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.search.pruning import goes_on
from workbench.search.results import RunResult
from workbench.search.space import Base
from workbench.search.state import Trial, TrialState


def state_at_end(result: RunResult, *, pruned: bool, by_hand: bool) -> TrialState:
    """The state of a training whose process has ended well.

    Args:
        pruned: by a comparison with the others. by_hand: a person has asked for it to be pruned.
    """
    if pruned:
        return TrialState.PRUNED
    if result.status == "done":
        return TrialState.DONE
    return TrialState.PRUNED if by_hand else TrialState.STOPPED


def state_where_left(
    result: RunResult, base: Base, trials: Sequence[Trial], number: int, repetition: int
) -> TrialState | None:
    """How a training ended whose agent died before it could say so; None where it goes on.

    Args:
        result: of its run.
        number: of its trial.
    """
    trial = trials[number]
    known = trial.repetitions[repetition]
    if result.status == "done":
        more = result.epoch < base.epochs(trial.settings) and not result.ended_early
        return None if more else TrialState.DONE
    if known.pruned_by_hand:
        return TrialState.PRUNED
    search = base.search
    is_compared = result.status == "stopped" and result.epoch in known.compared
    if search is None or search.prune is None or not is_compared:
        return None
    on = goes_on(trials, number, result.epoch, search.prune, search.goal.sign)
    return None if on else TrialState.PRUNED
