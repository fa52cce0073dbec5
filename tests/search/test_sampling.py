"""The values that are proposed: TPE as Optuna proposes them by hand, random ones the same on each machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import optuna
import pytest

from tests.search.bases import OVER, search
from workbench.search import state as records
from workbench.search.sampling import sampler_for
from workbench.search.space import Base
from workbench.search.state import SearchState, TrialState

WIDTH = {"from": 4, "to": 64, "log": True}


def objective(settings: Mapping[str, Any]) -> float:
    rate = math.log10(settings["train.optimizer.learning_rate"])
    return (rate + 2) ** 2 + abs(settings["model.sequential[0].units"] - 16) / 16


def proposed(made: Base, value: Callable[[Mapping[str, Any]], float], count: int) -> list[Mapping[str, Any]]:
    """What a sampler proposes one after the other, each trial with its value before the next."""
    sampler, state = sampler_for(made), SearchState()
    for number in range(count):
        state.add([records.new_trial(sampler.propose(state), 1), records.begun("a", number, 0)])
        settings = state.trials[number].settings
        state.add([records.ended("a", number, 0, TrialState.DONE, value=value(settings))])
    return [trial.settings for trial in state.trials]


def test_tpe_finds_what_optuna_finds_by_hand() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3))

    def by_hand(trial: optuna.Trial) -> float:
        settings = {
            "train.optimizer.learning_rate": trial.suggest_float(
                "train.optimizer.learning_rate", 0.001, 0.1, log=True
            ),
            "model.sequential[0].units": [4, 16][
                trial.suggest_categorical("model.sequential[0].units", [0, 1])
            ],
        }
        return objective(settings)

    study.optimize(by_hand, n_trials=25)
    found = proposed(search(trials=25), objective, 25)
    assert len({each["train.optimizer.learning_rate"] for each in found}) == 25
    values = [objective(each) for each in found]
    assert values == [trial.value for trial in study.trials]
    assert min(values) == study.best_value


def test_a_goal_to_maximize() -> None:
    lower = proposed(search(trials=15, goal={"minimize": "x"}), objective, 15)
    higher = proposed(search(trials=15, goal={"maximize": "x"}), lambda each: -objective(each), 15)
    assert lower == higher


def test_tpe_goes_on_from_what_a_journal_says() -> None:
    """Another process has no study of its own before: it learns from the trials that are over."""
    made = search(trials=60, over={**OVER, "model.sequential[0].units": WIDTH})
    first, state = sampler_for(made), SearchState()
    for number in range(40):
        state.add([records.new_trial(first.propose(state), 1), records.begun("a", number, 0)])
        value = objective(state.trials[number].settings)
        state.add([records.ended("a", number, 0, TrialState.DONE, value=value)])
    later = sampler_for(made)
    values = []
    for number in range(40, 60):
        state.add([records.new_trial(later.propose(state), 1), records.begun("b", number, 0)])
        values.append(objective(state.trials[number].settings))
        state.add([records.ended("b", number, 0, TrialState.DONE, value=values[-1])])
    at_random = [objective(each) for each in proposed(replace_method(made, "random"), objective, 20)]
    assert sorted(values)[10] < sorted(at_random)[10]  # their medians


def replace_method(made: Base, method: str) -> Base:
    assert made.search is not None
    return replace(made, search=made.search.model_copy(update={"method": method}))


def test_trials_that_failed_or_were_pruned_or_still_run() -> None:
    sampler, state = sampler_for(search(trials=9)), SearchState()
    ends = [
        records.ended("a", 0, 0, TrialState.FAILED, why="it broke"),
        records.ended("a", 1, 0, TrialState.PRUNED, value=3.0, epoch=2),
        records.ended("a", 2, 0, TrialState.DONE, value=math.nan),
        None,
    ]
    for number, end in enumerate(ends):
        state.add([records.new_trial(sampler.propose(state), 1), records.begun("a", number, 0)])
        state.add([end] if end is not None else [])
    assert set(sampler.propose(state)) == set(OVER)


def test_random_values_are_in_their_range_and_the_same_each_time() -> None:
    over = {
        "train.optimizer.learning_rate": {"from": 1e-4, "to": 1e-1, "log": True},
        "train.batch_size": {"from": 16, "to": 64, "step": 16},
        "model.sequential[0].units": {"from": 2, "to": 33, "log": True},
        "model.sequential[1].rate": {"from": 0.0, "to": 0.5},
        "train.epochs": {"from": 1, "to": 3},
    }
    made = search(over=over, method="random", trials=400)
    found = proposed(made, lambda _: 1.0, 400)
    assert found == proposed(made, lambda _: 2.0, 400)
    rates = [each["train.optimizer.learning_rate"] for each in found]
    assert min(rates) >= 1e-4
    assert max(rates) <= 1e-1
    assert 0.4 < sum(rate < 10**-2.5 for rate in rates) / 400 < 0.6  # even in the logarithm
    assert {each["train.batch_size"] for each in found} == {16, 32, 48, 64}
    widths = {each["model.sequential[0].units"] for each in found}
    assert all(isinstance(width, int) for width in widths)
    assert {2, 33} <= widths
    assert min(widths) == 2
    assert max(widths) == 33
    assert {each["train.epochs"] for each in found} == {1, 2, 3}


@pytest.mark.parametrize(
    ("method", "trials", "count"), [("random", None, 20), ("grid", None, 4), ("grid", 3, 3)]
)
def test_how_many_trials_there_are(method: str, trials: int | None, count: int) -> None:
    over = {"train.batch_size": [8, 16], "seed": [1, 2]}
    assert sampler_for(search(over=over, method=method, trials=trials)).trials == count


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", ["tpe", "random", "grid"])
def test_a_range_that_its_steps_do_not_fill(method: str) -> None:
    over = {"train.batch_size": {"from": 16, "to": 60, "step": 16}}
    found = proposed(search(over=over, method=method, trials=3), lambda _: 1.0, 3)
    assert {each["train.batch_size"] for each in found} <= {16, 32, 48}
