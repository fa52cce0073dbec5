"""Which training comes next, by the state of a search alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.search.bases import base, search
from workbench.search import state as records
from workbench.search.sampling import sampler_for
from workbench.search.scheduling import Assignment, Scheduler
from workbench.search.space import Base
from workbench.search.state import Record, SearchState, TrialState

OVER = {"train.batch_size": [8, 16, 32, 64]}


class Case:
    """A scheduler of the agent `me`, and the state it decides by."""

    def __init__(
        self, made: Base, *more: Record, dead: Sequence[str] = (), out_of_time: bool = False
    ) -> None:
        self.state = SearchState()
        self.state.add(more)
        self.scheduler = Scheduler(
            made, sampler_for(made), "me", lambda agent, _: agent in dead, lambda _: out_of_time
        )

    def next(self, mine: Sequence[tuple[int, int]] = ()) -> Assignment | None:
        found, made = self.scheduler.next(self.state, mine)
        self.state.add(made)
        return found


def made(**changes: Any) -> Base:
    return search(over=OVER, method="grid", **changes)


def begun(trial: int, agent: str = "me", repetitions: int = 1) -> list[Record]:
    settings = {"train.batch_size": OVER["train.batch_size"][trial]}
    return [records.new_trial(settings, repetitions), records.begun(agent, trial, 0)]


def test_one_trial_after_the_other_until_all_are_there() -> None:
    case = Case(made(trials=2))
    assert case.next() == Assignment(0, 0)
    assert case.next([(0, 0)]) == Assignment(1, 0)
    assert case.next([(0, 0), (1, 0)]) is None
    assert [trial.settings["train.batch_size"] for trial in case.state.trials] == [8, 16]
    assert not case.scheduler.finished(case.state)
    for number in (0, 1):
        case.state.add([records.ended("me", number, 0, TrialState.DONE, value=1.0, epoch=6)])
    assert case.scheduler.finished(case.state)


def test_what_a_dead_agent_has_left_comes_first() -> None:
    run = records.run_made("gone", 0, 0, "saved/runs/x")
    case = Case(made(), *begun(0, "gone"), run, *begun(1, "alive"), dead=["gone"])
    assert case.next() == Assignment(0, 0, "saved/runs/x", fence=2)
    assert case.state.trials[0].repetitions[0].owner == "me"
    assert case.next([(0, 0)]) == Assignment(2, 0)  # not that of the one which lives


def test_a_training_of_ones_own_that_broke_off_is_taken_up_again() -> None:
    case = Case(made(), *begun(0))
    assert case.next() == Assignment(0, 0, fence=2)
    assert case.next() == Assignment(0, 0, fence=3)
    assert case.next([(0, 0)]) == Assignment(1, 0)


def test_no_trial_is_begun_after_the_limit() -> None:
    case = Case(made(), *begun(0, "gone"), out_of_time=True, dead=["gone"])
    assert case.next() == Assignment(0, 0, fence=2)  # what has begun goes on
    assert case.next([(0, 0)]) is None
    case.state.add([records.ended("me", 0, 0, TrialState.DONE, value=1.0, epoch=6)])
    assert case.scheduler.finished(case.state)


def test_a_pruned_trial_goes_on_before_a_new_one_begins() -> None:
    values = [1.0, 2.0, 3.0]
    more: list[Record] = []
    for number, value in enumerate(values):
        more += [*begun(number), records.compared("me", number, 0, 2, value)]
    more += [
        records.run_made("me", 1, 0, "second"),
        records.ended("me", 1, 0, TrialState.PRUNED, epoch=2, value=2.0),
    ]
    case = Case(made(prune={"after": 2, "keep": 0.5}), *more)
    assert case.next([(0, 0), (2, 0)]) == Assignment(3, 0)  # of three the best one goes on
    case.state.add([records.compared("me", 3, 0, 2, 4.0)])
    assert case.next([(0, 0), (2, 0), (3, 0)]) == Assignment(1, 0, "second", fence=2)  # of four the best two


def test_repetitions_of_a_trial_that_may_be_pruned_wait_for_its_first() -> None:
    repeated = base(
        search={"over": OVER, "method": "grid", "trials": 1, "prune": {"after": 2}}, repeat={"seeds": 2}
    )
    case = Case(repeated)
    assert case.next() == Assignment(0, 0)
    assert case.next([(0, 0)]) is None
    case.state.add([records.ended("me", 0, 0, TrialState.DONE, value=1.0, epoch=6)])
    assert case.next() == Assignment(0, 1)
    together = Case(base(repeat={"seeds": 2}))
    assert [together.next(), together.next([(0, 0)])] == [Assignment(0, 0), Assignment(0, 1)]


def test_more_epochs_are_done_by_every_repetition() -> None:
    longer = base(repeat={"seeds": 2}, train={"epochs": 9, "loss": "mse"})
    case = Case(longer, records.new_trial({}, 2))
    for index in (0, 1):
        case.state.add([records.begun("me", 0, index), records.run_made("me", 0, index, f"run {index}")])
        case.state.add([records.ended("me", 0, index, TrialState.DONE, epoch=6, early=index == 1)])
    assert case.next() == Assignment(0, 0, "run 0", fence=2)
    assert case.next([(0, 0)]) is None  # a callback had ended the other
