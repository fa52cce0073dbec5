"""Which training comes next. Decided inside a transaction of the journal, by its state alone."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from workbench.search.pruning import is_short, to_thaw
from workbench.search.sampling import Sampler
from workbench.search.space import Base
from workbench.search.state import Record, Repetition, SearchState, Trial, TrialState, begun, new_trial


@dataclass(frozen=True)
class Assignment:
    """A training to do.

    Attributes:
        run: the folder of its run, to go on with; "" for a new one.
        fence: the number with which it is begun; a later one has a larger number.
    """

    trial: int
    repetition: int
    run: str = ""
    fence: int = 1


class Scheduler:
    """Finds the next training for an agent.

    Args:
        base: the recipe.
        sampler: proposes the values of new trials.
        agent: whose scheduler it is.
        dead: says of an agent whether it works no more.
        out_of_time: whether no trial is to be begun any more.
    """

    def __init__(
        self,
        base: Base,
        sampler: Sampler,
        agent: str,
        dead: Callable[[str, SearchState], bool],
        out_of_time: Callable[[SearchState], bool],
    ) -> None:
        self._base = base
        self._sampler = sampler
        self._agent = agent
        self._dead = dead
        self._out_of_time = out_of_time

    def next(
        self, state: SearchState, mine: Collection[tuple[int, int]]
    ) -> tuple[Assignment | None, list[Record]]:
        """The next training, and the records that say that this agent does it.

        Args:
            mine: the trainings that this agent is at.
        """
        for trial in state.trials:
            for index, repetition in enumerate(trial.repetitions):
                if self._left_behind(repetition, state, (trial.number, index) in mine):
                    return self._begin(_next(trial, index))
        if (found := self._waiting(state)) is not None:
            return self._begin(found)
        if len(state.trials) < self._sampler.trials and not self._out_of_time(state):
            number = len(state.trials)
            made = new_trial(self._sampler.propose(state), self._base.repetitions)
            return self._begin(Assignment(number, 0), made)
        return None, []

    def finished(self, state: SearchState) -> bool:
        """True if nothing is left to do, for anybody."""
        if len(state.trials) < self._sampler.trials and not self._out_of_time(state):
            return False
        running = any(
            repetition.state is TrialState.RUNNING
            for trial in state.trials
            for repetition in trial.repetitions
        )
        return not running and self._waiting(state) is None

    def _begin(self, found: Assignment, *before: Record) -> tuple[Assignment, list[Record]]:
        return found, [*before, begun(self._agent, found.trial, found.repetition)]

    def _left_behind(self, repetition: Repetition, state: SearchState, at_it: bool) -> bool:
        if repetition.state is not TrialState.RUNNING or at_it:
            return False
        return repetition.owner == self._agent or self._dead(repetition.owner, state)

    def _waiting(self, state: SearchState) -> Assignment | None:
        search = self._base.search
        if search is not None:
            thawed = to_thaw(state.trials, search.prune, self._base.epochs, search.goal.sign)
            if thawed is not None:
                return _next(thawed, 0)
        for trial in state.trials:
            epochs = self._base.epochs(trial.settings)
            first = trial.repetitions[0]
            # The repetitions of a trial that may be pruned wait until its first one has come to its end.
            alone = search is not None and search.prune is not None
            alone = alone and (not first.state.over or is_short(first, epochs))
            if first.pruned_by_hand:
                continue
            for index, repetition in enumerate(trial.repetitions):
                waits = repetition.state is TrialState.WAITING or (
                    (index > 0 or search is None) and is_short(repetition, epochs)
                )
                if waits and not (alone and index):
                    return _next(trial, index)
        return None


def _next(trial: Trial, repetition: int) -> Assignment:
    before = trial.repetitions[repetition]
    return Assignment(trial.number, repetition, before.run, before.begun + 1)
