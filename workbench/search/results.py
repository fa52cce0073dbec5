"""What a run came to, read from its events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench import events
from workbench.recipe.options.search import Goal
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    Attributes:
        status: of its last end: done, stopped, interrupted, failed; "" where it has not ended.
        value: the best value of the goal at the end of an epoch; without a goal None.
        epoch: the last that ended, counted from 1. logs: of it. evaluation: on the test repetition.
        seconds: that its epochs took.
        ended_early: whether a callback ended it.
    """

    status: str = ""
    value: float | None = None
    epoch: int = 0
    logs: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    ended_early: bool = False


def result_of(run: str, goal: Goal | None) -> RunResult | None:
    """The result of the run of a folder, so far; None where there is none.

    Of an epoch that was trained again after a process had died, the last time counts.
    """
    path = RunFolder(Path(run)).events
    if not run or not path.is_file():
        return None
    epochs: dict[int, events.Epoch] = {}
    status, evaluation, early = "", {}, False
    for event, _, _ in read_events(path):
        match event:
            case events.RunStarted():
                status = ""
            case events.Epoch():
                epochs[event.epoch] = event
            case events.Finished():
                status, evaluation, early = event.status, dict(event.evaluation), bool(event.reason)
            case events.Failed():
                status = "failed"
    last = epochs[max(epochs)] if epochs else None
    return RunResult(
        status,
        _best(epochs, goal) if goal is not None else None,
        last.epoch if last is not None else 0,
        dict(last.logs) if last is not None else {},
        evaluation,
        sum(event.seconds for event in epochs.values()),
        early,
    )


def _best(epochs: Mapping[int, events.Epoch], goal: Goal) -> float | None:
    values = [float(event.logs[goal.name]) for event in epochs.values() if goal.name in event.logs]
    finite = [value for value in values if value == value]
    return min(finite or values, key=lambda value: goal.sign * value, default=None)
