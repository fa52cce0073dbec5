"""Asynchronous successive halving: which trials go on.

After `after` epochs, and again after 1/`keep` times as many, a trial is compared with all that have come so far: it
goes on if it is among the best share of `keep`. One that is not is pruned, and goes on later if it is among them then,
for more trials have come. See Li et al., A System for Massively Parallel Hyperparameter Tuning (2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from workbench.recipe.options.search import Prune
from workbench.search.space import Settings
from workbench.search.state import Repetition, Trial, TrialState


def comparisons(prune: Prune | None, epochs: int) -> tuple[int, ...]:
    """The epochs (counted from 1) after which a trial is compared, all before the last."""
    if prune is None:
        return ()
    found: list[int] = []
    epoch = float(prune.after)
    while (at := round(epoch)) < epochs:
        if at not in found[-1:]:
            found.append(at)
        epoch = max(epoch / prune.keep, at + 1)
    return tuple(found)


def goes_on(trials: Sequence[Trial], number: int, epoch: int, prune: Prune, sign: int) -> bool:
    """True if a trial is among the best of all that have come to this epoch.

    Args:
        sign: what a value is multiplied by, so that lower is better.
    """
    return number in _best_at(trials, epoch, prune, sign)


def _best_at(trials: Sequence[Trial], epoch: int, prune: Prune, sign: int) -> frozenset[int]:
    """The numbers of the trials that go on, of all that have come to this epoch."""
    values = [
        (sign * value if math.isfinite(value) else math.inf, trial.number)
        for trial in trials
        if (value := trial.repetitions[0].compared.get(epoch)) is not None
    ]
    best = sorted(values)[: max(1, math.floor(len(values) * prune.keep))]
    return frozenset(number for value, number in best if math.isfinite(value))


def to_thaw(
    trials: Sequence[Trial], prune: Prune | None, epochs: Callable[[Settings], int], sign: int
) -> Trial | None:
    """The trial that has come farthest, of those that have stopped before the last epoch and may go on now.

    They were pruned; or they were done, and have more epochs to do since.

    Args:
        epochs: how many a trial of these settings has.
    """
    short = [trial for trial in trials if is_short(trial.repetitions[0], epochs(trial.settings))]
    order = sorted(_valued(trials), key=lambda trial: (sign * (trial.value or 0.0), trial.number))
    kept = order if prune is None else order[: max(1, math.floor(len(order) * prune.keep))]
    best = {trial.number for trial in kept}
    best_at: dict[int, frozenset[int]] = {}  # of each epoch that somebody has stopped at

    def may(trial: Trial) -> bool:
        if prune is None:
            return True
        if trial.state is TrialState.DONE:
            return trial.number in best
        at = max(trial.repetitions[0].compared, default=0)
        if at not in comparisons(prune, epochs(trial.settings)):
            return True
        if at not in best_at:
            best_at[at] = _best_at(trials, at, prune, sign)
        return trial.number in best_at[at]

    return max(
        filter(may, short), key=lambda trial: (trial.repetitions[0].epoch, -trial.number), default=None
    )


def is_short(repetition: Repetition, epochs: int) -> bool:
    """True if a training has stopped before its last epoch, and can go on."""
    if repetition.state is TrialState.DONE:
        return repetition.epoch < epochs and not repetition.early
    return repetition.state is TrialState.PRUNED and not repetition.pruned_by_hand


def _valued(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that are done, or pruned, with a value."""
    ended = [trial for trial in trials if trial.state in (TrialState.DONE, TrialState.PRUNED)]
    return [trial for trial in ended if trial.value is not None]
