"""The values of the next trial: every combination, at random, or by Optuna's TPE from the trials before."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from typing import Any, Protocol

from workbench.errors import RecipeError
from workbench.recipe.options.search import Range
from workbench.search.space import Base, Settings, grid
from workbench.search.state import SearchState, Trial, TrialState

TRIALS = 20  # where the recipe does not say how many


class Sampler(Protocol):
    """Proposes values."""

    trials: int  # how many there are to be

    def propose(self, state: SearchState) -> Settings:
        """The values of the trial that comes after those of the state."""


def sampler_for(base: Base, *, workers: int = 1) -> Sampler:
    """The sampler of a recipe's search; of a repeat alone, the one trial without values.

    Raises:
        RecipeError: a grid has a range without steps, or Optuna is needed and not there.
    """
    search = base.search
    if search is None:
        return GridSampler([{}])
    if search.method == "grid":
        return GridSampler(grid(base)[: search.trials])
    trials = trials_of(base)
    if search.method == "random":
        return RandomSampler(base, trials)
    return TpeSampler(base, trials, parallel=workers > 1)


def trials_of(base: Base) -> int:
    """How many trials there are to be.

    Raises:
        RecipeError: a grid has a range without steps.
    """
    search = base.search
    if search is None:
        return 1
    return len(grid(base)[: search.trials]) if search.method == "grid" else search.trials or TRIALS


class GridSampler:
    """One combination after the other."""

    def __init__(self, combinations: list[Settings]) -> None:
        self._combinations = combinations
        self.trials = len(combinations)

    def propose(self, state: SearchState) -> Settings:
        return self._combinations[len(state.trials)]


class RandomSampler:
    """Each value by itself, from the recipe's seed and the trial's number: the same on each machine."""

    def __init__(self, base: Base, trials: int) -> None:
        self._base = base
        self.trials = trials

    def propose(self, state: SearchState) -> Settings:
        draw = random.Random(f"{self._base.document.recipe.seed}/{len(state.trials)}")
        return {key: _drawn(values, draw) for key, values in self._base.over.items()}


def _drawn(values: Any, draw: random.Random) -> Any:
    if not isinstance(values, Range):
        return draw.choice(values)
    if values.step is not None:
        return values.start + draw.randrange(values.count(values.step)) * values.step
    if values.log:
        low, high = (values.start - 0.5, values.to + 0.5) if values.whole else (values.start, values.to)
        value = math.exp(draw.uniform(math.log(low), math.log(high)))
        return min(max(round(value), values.start), values.to) if values.whole else value
    return (
        draw.randint(int(values.start), int(values.to))
        if values.whole
        else draw.uniform(values.start, values.to)
    )


class TpeSampler:
    """Optuna's tree-structured Parzen estimator. It lives as long as the search does here, and so draws what a study of
    the same seed draws; trials of other processes are added as they end."""

    def __init__(self, base: Base, trials: int, *, parallel: bool) -> None:
        try:
            import optuna
        except ImportError:
            raise RecipeError(
                "`method: tpe` is Optuna's, which is not installed.",
                where=base.document.place_of(("search", "method")),
                hint="Install it: pip install 'kwb[search]', or use `method: random`.",
            ) from None
        self._optuna = optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.trials = trials
        assert base.search is not None
        self._sign = base.search.goal.sign
        self._over = dict(base.over)
        self._distributions = {key: distribution(optuna, values) for key, values in self._over.items()}
        sampler = optuna.samplers.TPESampler(seed=base.document.recipe.seed, constant_liar=parallel)
        self._study = optuna.create_study(sampler=sampler, direction="minimize")
        self._asked: dict[int, Any] = {}
        self._known: set[int] = set()

    def propose(self, state: SearchState) -> Settings:
        for trial in state.trials:
            if trial.number not in self._known:
                self._learn(trial)
        number = len(state.trials)
        if number not in self._asked:  # it may have been asked for already, and not been written
            self._asked[number] = self._study.ask(self._distributions)
        return self._settings(self._asked[number])

    def _settings(self, asked: Any) -> Settings:
        return {key: self._setting(key, value) for key, value in asked.params.items()}

    def _learn(self, trial: Trial) -> None:
        optuna, states = self._optuna, self._optuna.trial.TrialState
        outcome = _outcome(trial, self._sign)
        if outcome is None:
            return
        self._known.add(trial.number)
        name, value = outcome
        asked = self._asked.pop(trial.number, None)
        if asked is not None and _written(self._settings(asked)) != _written(
            trial.settings
        ):  # of another machine
            self._study.tell(asked, state=states["FAIL"])
            asked = None
        if asked is not None:
            if name == "PRUNED":
                asked.report(value, trial.repetitions[0].epoch)
            self._study.tell(asked, value if name == "COMPLETE" else None, state=states[name])
            return
        params = {key: self._param(key, value) for key, value in trial.settings.items()}
        self._study.add_trial(
            optuna.trial.create_trial(
                state=states[name],
                params=params,
                distributions=self._distributions,
                value=value if name == "COMPLETE" else None,
                intermediate_values={trial.repetitions[0].epoch: value} if name == "PRUNED" else None,
            )
        )

    def _setting(self, key: str, value: Any) -> Any:
        values = self._over[key]
        return value if isinstance(values, Range) else values[value]

    def _param(self, key: str, value: Any) -> Any:
        return param(self._over[key], value)


def _outcome(trial: Trial, sign: int) -> tuple[str, float] | None:
    """What a study learns of a trial: the name of Optuna's state, and the value; None of one that is not over."""
    if trial.state is TrialState.FAILED:
        return "FAIL", math.nan
    if trial.value is None:
        return ("FAIL", math.nan) if trial.state.over else None
    if trial.state is TrialState.PRUNED:
        return "PRUNED", sign * trial.value
    return ("COMPLETE", sign * trial.value) if trial.state.over else None


def distribution(optuna: Any, values: Any) -> Any:
    """What Optuna knows the values of a key by."""
    distributions = optuna.distributions
    if not isinstance(values, Range):  # by index, for a choice may be a whole layer
        return distributions.CategoricalDistribution(range(len(values)))
    last = values.to
    if values.step is not None:  # Optuna warns of a range that the steps do not fill
        last = values.start + (values.count(values.step) - 1) * values.step
    if values.whole:
        return distributions.IntDistribution(values.start, last, log=values.log, step=values.step or 1)
    return distributions.FloatDistribution(values.start, last, log=values.log, step=values.step)


def param(values: Any, value: Any) -> Any:
    """What Optuna knows a value by: itself, or its place among the choices."""
    return value if isinstance(values, Range) else _index(values, value)


def _index(values: tuple[Any, ...], value: Any) -> int:
    written = _written(value)
    return next(number for number, each in enumerate(values) if _written(each) == written)


def _written(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
