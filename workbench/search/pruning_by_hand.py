"""Prune a trial by hand, and let it go on: a record in the journal, which the agent that trains it reads.

It is then as any other pruned trial: it counts, it keeps its checkpoint, and it goes on from there. But not by itself:
only when somebody lets it, or asks for more trials or epochs.
"""

from __future__ import annotations

from workbench.errors import RecipeError
from workbench.search.journal import SearchJournal
from workbench.search.state import Record, SearchState, Trial, TrialState, by_hand


def may_be_pruned(trial: Trial) -> bool:
    """True if a trial is trained, or was left in the middle: it can be pruned."""
    states = {each.state for each in trial.repetitions}
    return TrialState.RUNNING in states and not trial.repetitions[0].pruned_by_hand


def may_be_released(trial: Trial) -> bool:
    """True if a person has pruned a trial: it can go on."""
    return trial.repetitions[0].pruned_by_hand


def prune_by_hand(journal: SearchJournal, number: int, *, pruned: bool) -> SearchState:
    """Prune a trial, or let one that was pruned so go on.

    Raises:
        RecipeError: there is no such trial, or it is not trained, or was not pruned by hand.
        FileError: the journal cannot be used.
    """

    def decide(state: SearchState) -> list[Record]:
        if number >= len(state.trials):
            count = len(state.trials)
            raise RecipeError(
                f"there is no trial {number}: there are {count}, counted from 0.", where=journal.where
            )
        trial = state.trials[number]
        if pruned and not may_be_pruned(trial):
            raise RecipeError(
                f"trial {number} is {trial.state}.",
                where=journal.where,
                hint="One that is trained can be pruned.",
            )
        if not pruned and not may_be_released(trial):
            raise RecipeError(
                f"trial {number} was not pruned by hand.",
                where=journal.where,
                hint="Others go on by themselves, where more trials, epochs or another `prune` let them.",
            )
        return [by_hand(number, index, pruned) for index in range(len(trial.repetitions))]

    return journal.update(decide)
