"""The state of a search: what its journal's records add up to.

A record is a map with a `kind`; the functions below make them. A trial has one training, or with `repeat` several: its
repetitions. Who trains one is its owner; what somebody says of a training that another one has taken over since is
ignored.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

Record = Mapping[str, Any]

MOST_REPETITIONS = 10_000


class TrialState(StrEnum):
    """How far a training of a search has come."""

    WAITING = "waiting"
    RUNNING = "running"
    PRUNED = "pruned"  # stopped where it was behind the others; it can go on from its checkpoint
    DONE = "done"
    STOPPED = "stopped"  # on request
    FAILED = "failed"

    @property
    def over(self) -> bool:
        return self in (TrialState.DONE, TrialState.STOPPED, TrialState.FAILED)


@dataclass(frozen=True)
class Repetition:
    """One training.

    Attributes:
        owner: the agent that trains it, or did so last.
        begun: how often an agent has begun it, or taken it over: the number of its fence (`storage/fencing.py`).
        deaths: how often its process ended by itself, while its owner lived.
        run: its run's folder.
        epoch: the last that ended.
        value: the goal's best value so far.
        compared: that value at the end of the epochs after which trials are compared.
        logs: of its last epoch. evaluation: on the test repetition.
        early: whether a callback ended it, so that more epochs would change nothing.
        pruned_by_hand: whether a person has pruned it: it stops, and does not go on before somebody wants that.
        why: the error of one that failed.
    """

    state: TrialState = TrialState.WAITING
    owner: str = ""
    begun: int = 0
    deaths: int = 0
    run: str = ""
    epoch: int = 0
    value: float | None = None
    compared: Mapping[int, float] = field(default_factory=dict)
    logs: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    early: bool = False
    pruned_by_hand: bool = False
    why: str = ""


@dataclass(frozen=True)
class Trial:
    """One set of values.

    Attributes:
        number: counted from 0.
        settings: the value of each key.
        repetitions: its trainings.
    """

    number: int
    settings: Mapping[str, Any]
    repetitions: tuple[Repetition, ...]

    @property
    def state(self) -> TrialState:
        """That of the repetition that has come least far; a trial of which something failed has failed."""
        states = {repetition.state for repetition in self.repetitions}
        order = (
            TrialState.FAILED,
            TrialState.RUNNING,
            TrialState.PRUNED,
            TrialState.WAITING,
            TrialState.STOPPED,
            TrialState.DONE,
        )
        return next(state for state in order if state in states)

    @property
    def value(self) -> float | None:
        """The mean over the repetitions that have a value."""
        values = [repetition.value for repetition in self.repetitions if repetition.value is not None]
        return statistics.fmean(values) if values and all(map(math.isfinite, values)) else None

    @property
    def spread(self) -> float | None:
        """The standard deviation over the repetitions (of a sample), of two or more."""
        values = [repetition.value for repetition in self.repetitions if repetition.value is not None]
        return statistics.stdev(values) if len(values) > 1 and all(map(math.isfinite, values)) else None

    @property
    def why(self) -> str:
        return next((repetition.why for repetition in self.repetitions if repetition.why), "")


@dataclass
class SearchState:
    """What a journal says.

    Attributes:
        recipe: the latest record of the recipe, {text, name, folder, overrides}, or nothing.
        began: the moment of the first record, in seconds since the epoch. newest: that of the last one.
        count: of the records.
        trials: by number.
        beats: how often each agent has been heard of. left: those that said that they end.
        agents: what each says of itself.
    """

    recipe: Mapping[str, Any] = field(default_factory=dict)
    began: float = 0.0
    newest: float = 0.0
    count: int = 0
    trials: list[Trial] = field(default_factory=list)
    beats: dict[str, int] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    agents: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def add(self, records: Iterable[Record]) -> None:
        """Take the records that come next."""
        for record in records:
            self._add(record)

    def copy(self) -> SearchState:
        """The state as it is now, which later records do not change."""
        return replace(
            self,
            trials=list(self.trials),
            beats=dict(self.beats),
            left=set(self.left),
            agents=dict(self.agents),
        )

    def _add(self, record: Record) -> None:
        moment = _number(record.get("time", 0.0))
        self.began = self.began or moment
        self.newest, self.count = moment or self.newest, self.count + 1
        agent = _text(record.get("agent", ""))
        if agent:
            self.beats[agent] = self.beats.get(agent, 0) + 1
        match _text(record["kind"]):
            case "recipe":
                texts = {key: _text(record[key]) for key in ("text", "name", "folder")}
                self.recipe = {**record, **texts, "overrides": [_text(each) for each in record["overrides"]]}
                self._release()  # more trials or epochs are asked for: what was pruned may go on
            case "agent":
                self.agents[_text(record["agent"])] = {**record, **_known(record, _OF_AGENT)}
            case "left":
                self.left.add(_text(record["agent"]))
            case "trial":
                count = _whole(record["repetitions"])
                if not 1 <= count <= MOST_REPETITIONS:
                    raise ValueError(f"a trial has no {count} repetitions")
                self.trials.append(Trial(len(self.trials), _map(record["settings"]), (Repetition(),) * count))
            case "by_hand":
                self._change(record, pruned_by_hand=_flag(record["pruned"]))
            case "begun":
                self._change(record, state=TrialState.RUNNING, owner=_text(record["agent"]), begun=1)
            case "died":
                self._change(record, agent, deaths=1)
            case "run":
                self._change(record, agent, run=_text(record["run"]))
            case "compared":
                epoch, value = _whole(record["epoch"]), _number(record["value"])
                self._change(record, agent, compared={epoch: value}, epoch=epoch, value=value)
            case "ended":
                known = _known(record, _OF_THE_END)
                self._change(record, agent, state=TrialState(record["state"]), **{"value": None, **known})

    def _release(self) -> None:
        for trial in self.trials:
            if any(each.pruned_by_hand for each in trial.repetitions):
                free = tuple(replace(each, pruned_by_hand=False) for each in trial.repetitions)
                self.trials[trial.number] = replace(trial, repetitions=free)

    def _change(self, record: Record, agent: str = "", **changes: Any) -> None:
        number, index = _whole(record["trial"]), _whole(record["repetition"])
        trial = self.trials[number]
        repetition = trial.repetitions[index]
        if agent and repetition.owner != agent:
            return  # another one has taken it over since
        for count in ("begun", "deaths"):
            if count in changes:
                changes[count] += getattr(repetition, count)
        if "compared" in changes:
            changes["compared"] = {**repetition.compared, **changes["compared"]}
        repetitions = (
            *trial.repetitions[:index],
            replace(repetition, **changes),
            *trial.repetitions[index + 1 :],
        )
        self.trials[number] = replace(trial, repetitions=repetitions)


def _number(value: Any) -> float:
    if isinstance(value, str) and value.lstrip("+-").lower() in _NOT_FINITE:  # which JSON has as texts
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _whole(value: Any) -> int:
    """A number to count with."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 53:
        raise TypeError(f"{value!r} is no number to count with")
    return value


def _process(value: Any) -> int:
    if not 1 <= (number := _whole(value)) < 1 << 31:
        raise ValueError(f"no process has the number {number}")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no map")
    return value


def _numbers(value: Any) -> dict[str, float]:
    return {name: _number(each) for name, each in _map(value).items()}


def _known(record: Record, kinds: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The values of these keys, of the right kind; an older kwb wrote fewer of them.

    Raises:
        TypeError, ValueError: one is of another.
    """
    return {key: kind(record[key]) for key, kind in kinds.items() if key in record}


_NOT_FINITE = ("nan", "inf", "infinity")
_OF_AGENT: dict[str, Callable[[Any], Any]] = {
    "host": _text,
    "boot": _text,
    "pid": _process,
    "started": _number,
    "workers": _whole,
    "runs": _text,
}
_OF_THE_END: dict[str, Callable[[Any], Any]] = {
    "epoch": _whole,
    "value": lambda value: None if value is None else _number(value),
    "seconds": _number,
    "early": _flag,
    "why": _text,
    "logs": _numbers,
    "evaluation": _numbers,
}


def new_trial(settings: Mapping[str, Any], repetitions: int) -> Record:
    return {"kind": "trial", "settings": settings, "repetitions": repetitions}


def begun(agent: str, trial: int, repetition: int) -> Record:
    return {"kind": "begun", "agent": agent, "trial": trial, "repetition": repetition}


def died(agent: str, trial: int, repetition: int) -> Record:
    """The process of a training ended by itself: another one goes on from the checkpoint."""
    return {"kind": "died", "agent": agent, "trial": trial, "repetition": repetition}


def run_made(agent: str, trial: int, repetition: int, run: str) -> Record:
    return {"kind": "run", "agent": agent, "trial": trial, "repetition": repetition, "run": run}


def compared(agent: str, trial: int, repetition: int, epoch: int, value: float) -> Record:
    return {
        "kind": "compared",
        "agent": agent,
        "trial": trial,
        "repetition": repetition,
        "epoch": epoch,
        "value": value,
    }


def by_hand(trial: int, repetition: int, pruned: bool) -> Record:
    """A person prunes a training, or lets it go on. Whoever trains it reads that."""
    return {"kind": "by_hand", "trial": trial, "repetition": repetition, "pruned": pruned}


def ended(agent: str, trial: int, repetition: int, state: TrialState, **known: Any) -> Record:
    """A training has ended, or stopped for now: `epoch`, `value`, `logs`, `evaluation`, `seconds`, `early`, `why`."""
    return {
        "kind": "ended",
        "agent": agent,
        "trial": trial,
        "repetition": repetition,
        "state": str(state),
        **known,
    }


def best(trials: Sequence[Trial], sign: int) -> Trial | None:
    """The trial with the best value, of those that are over; the first of equal ones."""
    over = [trial for trial in trials if trial.state in (TrialState.DONE, TrialState.STOPPED)]
    valued = [trial for trial in over if trial.value is not None]
    return min(valued, key=lambda trial: sign * (trial.value or 0.0), default=None)
