"""Which trials go on: asynchronous successive halving, by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from workbench.recipe.options.search import Prune
from workbench.search.pruning import comparisons, goes_on, to_thaw
from workbench.search.state import Repetition, Trial, TrialState

HALF = Prune(after=5, keep=0.5)


@pytest.mark.parametrize(
    ("after", "keep", "epochs", "expected"),
    [
        (5, 0.5, 20, (5, 10)),
        (5, 0.5, 21, (5, 10, 20)),
        (1, 0.25, 100, (1, 4, 16, 64)),
        (3, 0.9, 6, (3, 4, 5)),
        (8, 0.5, 8, ()),
    ],
)
def test_when_trials_are_compared(after: int, keep: float, epochs: int, expected: tuple[int, ...]) -> None:
    assert comparisons(Prune(after=after, keep=keep), epochs) == expected


def trials(values: list[Mapping[int, float]], states: str = "") -> list[Trial]:
    """Trials with these values at the comparisons; a state of `p` is pruned, others run."""
    found = []
    for number, compared in enumerate(values):
        state = TrialState.PRUNED if states[number : number + 1] == "p" else TrialState.RUNNING
        repetition = Repetition(state, compared=compared, epoch=max(compared, default=0))
        found.append(Trial(number, {}, (repetition,)))
    return found


def test_the_best_share_goes_on() -> None:
    found = trials([{5: 4.0}, {5: 1.0}, {5: 3.0}, {5: 2.0}, {}])
    assert [goes_on(found, number, 5, HALF, 1) for number in range(4)] == [False, True, False, True]
    assert [goes_on(found, number, 5, HALF, -1) for number in range(4)] == [True, False, True, False]


def test_the_first_goes_on_and_what_is_not_finite_never() -> None:
    assert goes_on(trials([{5: 4.0}]), 0, 5, HALF, 1)
    assert not goes_on(trials([{5: math.nan}]), 0, 5, HALF, 1)
    assert not goes_on(trials([{5: math.inf}, {5: 1.0}]), 0, 5, HALF, 1)


def test_a_pruned_one_goes_on_when_it_is_among_the_best_of_more() -> None:
    found = trials([{5: 1.0, 10: 1.0}, {5: 2.0}], "-p")
    assert to_thaw(found, HALF, lambda _: 20, 1) is None
    found = trials([{5: 1.0, 10: 1.0}, {5: 2.0}, {5: 3.0}, {5: 4.0}], "-pp-")
    thawed = to_thaw(found, HALF, lambda _: 20, 1)
    assert thawed is not None
    assert thawed.number == 1


def test_without_comparisons_all_go_on() -> None:
    found = trials([{5: 1.0}, {5: 2.0, 10: 9.0}], "pp")
    thawed = to_thaw(found, None, lambda _: 20, 1)
    assert thawed is not None
    assert thawed.number == 1  # the one that has come farthest first


def done(*values: float, early: bool = False) -> list[Trial]:
    ended = [Repetition(TrialState.DONE, epoch=20, value=value, early=early) for value in values]
    return [Trial(number, {}, (each,)) for number, each in enumerate(ended)]


def test_trials_that_are_done_go_on_when_there_are_more_epochs() -> None:
    assert to_thaw(done(3.0, 1.0), None, lambda _: 20, 1) is None
    thawed = to_thaw(done(3.0, 1.0), None, lambda _: 40, 1)
    assert thawed is not None
    assert thawed.number == 0
    thawed = to_thaw(done(3.0, 1.0), HALF, lambda _: 40, 1)  # of several only the best
    assert thawed is not None
    assert thawed.number == 1
    assert to_thaw(done(3.0, 1.0, early=True), None, lambda _: 40, 1) is None
