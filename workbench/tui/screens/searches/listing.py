"""List the searches. Listing again costs one stat call for each that did not change and of which nothing is trained."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench import events
from workbench.errors import WorkbenchError
from workbench.recipe.options.search import Goal
from workbench.search.journal import JournalUnreachable
from workbench.search.kept_elsewhere import is_search
from workbench.search.leases import Leases
from workbench.search.opening import base_of
from workbench.search.sampling import trials_of
from workbench.search.space import Base
from workbench.search.state import Repetition, SearchState, Trial, TrialState
from workbench.storage.event_stream import EventReader
from workbench.storage.run_folder import RunFolder
from workbench.tui.screens.searches.sources import Stamp, source_of


@dataclass(frozen=True)
class SearchSummary:
    """The state of a search.

    Attributes:
        base: its recipe; None where `error` says why there is none.
        trials: as the journal has them; those that are trained with what their runs say, and those whose agent has died
            as waiting.
        wanted: how many trials there are to be.
        agents: how many work on it.
        changed: the moment of its last record, in seconds since the epoch.
        error: why it cannot be read; where it could be before, the rest is as it was then.
        storage: the database in which it is kept; "" of a file.
    """

    folder: Path
    base: Base | None
    trials: tuple[Trial, ...]
    wanted: int
    agents: int
    changed: float
    error: str = ""
    storage: str = ""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def goal(self) -> Goal | None:
        """None of a repeat alone."""
        return self.base.search.goal if self.base is not None and self.base.search is not None else None

    @property
    def states(self) -> Mapping[TrialState, int]:
        """How many trials there are of each state; of a repeat alone, how many repetitions."""
        repeated = self.base is not None and self.goal is None
        parts: Iterable[Trial | Repetition] = (
            (repetition for trial in self.trials for repetition in trial.repetitions)
            if repeated
            else self.trials
        )
        counts = dict.fromkeys(TrialState, 0)
        for part in parts:
            counts[part.state] += 1
        return counts


class SearchLister:
    """Lists the searches below a folder. Call it in one thread at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[Path, FollowedSearch] = {}

    def refresh(self) -> list[SearchSummary]:
        """All searches, the one that changed last first. One that is as before is the same object as before."""
        try:
            folders = [Path(entry.path) for entry in os.scandir(self._root) if entry.is_dir()]
        except OSError:  # none yet
            folders = []
        found = [folder for folder in folders if is_search(folder)]
        self._known = {folder: self._known.get(folder) or FollowedSearch(folder) for folder in found}
        summaries = [search.refresh() for search in self._known.values()]
        return sorted(summaries, key=lambda summary: (-summary.changed, summary.name))


class FollowedSearch:
    """A search whose journal is read as it grows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._source = source_of(folder)
        self._leases = Leases()
        self._runs: dict[str, FollowedRun] = {}
        self._base: Base | None = None
        self._wanted = 0
        self._recipe: Mapping[str, Any] | None = None
        self._stamp: Stamp | None = None
        self._summary: SearchSummary | None = None

    def refresh(self) -> SearchSummary:
        """The state as it is now."""
        before, stamp = self._summary, self._source.stamp()
        if before is not None and stamp == self._stamp and not before.agents:
            return before
        self._stamp = stamp
        try:
            now = self._summarize(self._source.read(), stamp)
        except JournalUnreachable as error:
            now = replace(before or self._unknown(stamp), agents=0, error=error.what)
        except WorkbenchError as error:
            self._source.begin_again()
            now = replace(self._unknown(stamp), error=error.what)
        if before is None or now != before:
            self._summary = now
        assert self._summary is not None
        return self._summary

    def _unknown(self, stamp: Stamp) -> SearchSummary:
        return SearchSummary(self._folder, None, (), 0, 0, stamp[0] / 1e9, storage=self._source.storage)

    def _summarize(self, state: SearchState, stamp: Stamp) -> SearchSummary:
        if not state.recipe:
            raise WorkbenchError("it has no recipe: it was never begun.")
        if self._base is None or state.recipe is not self._recipe:
            self._base = base_of(state.recipe, state.recipe["overrides"])
            self._recipe, self._wanted = state.recipe, trials_of(self._base)
        agents = {agent for agent in state.agents if not self._leases.dead(agent, state)}
        goal = self._base.search.goal if self._base.search is not None else None
        trials = tuple(self._now(trial, agents, goal) for trial in state.trials)
        trained = {each.run for trial in trials for each in trial.repetitions if _is_trained(each)}
        self._runs = {run: followed for run, followed in self._runs.items() if run in trained}
        changed, storage = stamp[0] / 1e9, self._source.storage
        return SearchSummary(
            self._folder, self._base, trials, self._wanted, len(agents), changed, storage=storage
        )

    def _now(self, trial: Trial, agents: set[str], goal: Goal | None) -> Trial:
        """A trial with what its runs say beyond the journal."""
        if not any(each.state is TrialState.RUNNING for each in trial.repetitions):
            return trial
        return replace(
            trial, repetitions=tuple(self._progress(each, agents, goal) for each in trial.repetitions)
        )

    def _progress(self, repetition: Repetition, agents: set[str], goal: Goal | None) -> Repetition:
        if repetition.state is not TrialState.RUNNING:
            return repetition
        if repetition.owner not in agents:
            now = TrialState.PRUNED if repetition.pruned_by_hand else TrialState.WAITING
            repetition = replace(repetition, state=now)
        if not repetition.run:
            return repetition
        run = self._runs.setdefault(repetition.run, FollowedRun(repetition.run, goal))
        run.catch_up()
        if not run.epoch:
            return repetition
        value = run.value if run.value is not None else repetition.value
        return replace(repetition, epoch=run.epoch, value=value, logs=run.logs)


class FollowedRun:
    """The epochs of a run, read as they come.

    Attributes:
        epoch: the last that ended. logs: of it.
        value: the goal's best value so far.
    """

    def __init__(self, folder: str, goal: Goal | None) -> None:
        self._reader = EventReader(RunFolder(Path(folder)).events)
        self._goal = goal
        self.epoch = 0
        self.value: float | None = None
        self.logs: Mapping[str, float] = {}

    def catch_up(self) -> None:
        """Read what is new."""
        with contextlib.suppress(WorkbenchError):  # it was deleted
            for event, _, _ in self._reader.read_new():
                if isinstance(event, events.Epoch):
                    self._take(event)

    def _take(self, event: events.Epoch) -> None:
        self.epoch, self.logs = event.epoch, dict(event.logs)
        if self._goal is None or self._goal.name not in event.logs:
            return
        value, sign = float(event.logs[self._goal.name]), self._goal.sign
        if math.isfinite(value) and (self.value is None or sign * value < sign * self.value):
            self.value = value


def _is_trained(repetition: Repetition) -> bool:
    return bool(repetition.run) and repetition.state in (TrialState.RUNNING, TrialState.WAITING)
