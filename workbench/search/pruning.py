"""Asynchronous successive halving: which trials go on.

After `after` epochs, and again after 1/`keep` times as many, a trial is compared with all that have come so far: it
goes on if it is among the best share of `keep`. One that is not is pruned, and goes on later if it is among them then,
for more trials have come. See Li et al., A System for Massively Parallel Hyperparameter Tuning (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.recipe.options.search import Prune
from workbench.search.state import Trial, TrialState


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
    values = {
        trial.number: sign * value if math.isfinite(value) else math.inf
        for trial in trials
        if (value := trial.repetitions[0].compared.get(epoch)) is not None
    }
    order = sorted(values, key=lambda each: (values[each], each))
    return number in order[: max(1, math.floor(len(order) * prune.keep))] and math.isfinite(values[number])


def to_thaw(trials: Sequence[Trial], prune: Prune | None, epochs: int, sign: int) -> Trial | None:
    """The pruned trial that has come farthest, of those that may go on now."""
    pruned = [trial for trial in trials if trial.repetitions[0].state is TrialState.PRUNED]
    wanted = set(comparisons(prune, epochs))

    def may(trial: Trial) -> bool:
        at = max(trial.repetitions[0].compared)
        return prune is None or at not in wanted or goes_on(trials, trial.number, at, prune, sign)

    return max(
        filter(may, pruned), key=lambda trial: (trial.repetitions[0].epoch, -trial.number), default=None
    )
