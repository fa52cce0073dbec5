"""How much each key of a search matters: Optuna's fANOVA, on the trials that have ended with a value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.errors import RecipeError
from workbench.search import sampling
from workbench.search.space import Base
from workbench.search.state import Trial, TrialState

LEAST = 10  # trials: of fewer the shares are chance
_TREES, _FEWER_TREES, _MANY = 64, 16, 100  # the time is trees times trials


@dataclass(frozen=True)
class KeyImportance:
    """What each key explains of the differences in the goal.

    Attributes:
        trials: how many it was worked out from.
        shares: by key, the most important first; they add up to 1.
    """

    trials: int
    shares: Mapping[str, float]


def with_values(trials: Sequence[Trial]) -> list[Trial]:
    """Those that came to their end with a finite value. One that was pruned did not, and would be judged too early."""
    over = (TrialState.DONE, TrialState.STOPPED)
    return [
        trial
        for trial in trials
        if trial.state in over and trial.value is not None and math.isfinite(trial.value)
    ]


def importance_of(base: Base, trials: Sequence[Trial]) -> KeyImportance:
    """The importance of each key.

    Raises:
        RecipeError: there are too few trials, their values are all alike, it is no search, or Optuna is missing.
    """
    where = base.document.name
    if base.search is None:
        raise RecipeError("repeats try no values, so no key is more important.", where=where)
    used = with_values(trials)
    if len(used) < LEAST:
        raise RecipeError(
            f"{len(used)} of {LEAST} trials have ended: too few to say which key matters.", where=where
        )
    values = [float(trial.value or 0.0) for trial in used]
    if min(values) == max(values):
        raise RecipeError(f"all {len(used)} trials have the same value: no key matters.", where=where)
    try:
        import optuna
    except ImportError:
        raise RecipeError(
            "the importance of keys is worked out by Optuna, which is not installed.",
            where=where,
            hint="Install it: pip install 'kwb[search]'.",
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {key: sampling.distribution(optuna, over) for key, over in base.over.items()}
    study = optuna.create_study()
    for trial, value in zip(used, values, strict=True):
        params = {key: sampling.param(base.over[key], tried) for key, tried in trial.settings.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
    trees = _TREES if len(used) <= _MANY else _FEWER_TREES
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=trees, seed=0)
    found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    shares = {**dict.fromkeys(base.over, 0.0), **{key: float(share) for key, share in found.items()}}
    return KeyImportance(len(used), dict(sorted(shares.items(), key=lambda item: -item[1])))
