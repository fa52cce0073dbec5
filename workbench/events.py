"""The event types of the event stream.

Training reports its progress as small records. `kwb --batch --json` prints them, a run's folder keeps them in
`events.jsonl`, the terminal draws them. One JSON object a line: `v` (the version of this vocabulary), `event`
(the kind), `time` (seconds since the epoch), `run` (the run's name), and the fields below.

JSON has no NaN or infinity, so a number that is not finite is written as the string "nan", "inf" or "-inf".
"""

from __future__ import annotations

import json
import math
import time as clock
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from workbench import escaping

VERSION = 1

Logs = Mapping[str, float]


@dataclass(frozen=True)
class Event:
    """One thing that happened in a run."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True)
class RunStarted(Event):
    """A run has its folder and its resolved recipe; nothing is assembled yet."""

    kind: ClassVar[str] = "run_started"
    folder: str
    recipe: Mapping[str, Any]
    environment: Mapping[str, Any]
    resumed_from: str | None = None


@dataclass(frozen=True)
class LayerRow:
    """One layer of an assembled model. In its output shape None is the batch axis, or a free length."""

    path: str
    layer_class: str
    plugin: str
    output_shape: Any
    parameters: int

    def as_record(self) -> dict[str, Any]:
        record = asdict(self)
        record["class"] = record.pop("layer_class")
        return record


@dataclass(frozen=True)
class Assembled(Event):
    """The model is built. `layers` holds `LayerRow.as_record()` rows. `scaled_targets` are those that it learns scaled:
    the loss is that of the scaled numbers."""

    kind: ClassVar[str] = "assembled"
    layers: tuple[Mapping[str, Any], ...]
    parameters: int
    trainable_parameters: int
    scaled_targets: Sequence[str] = ()


@dataclass(frozen=True)
class EngineChosen(Event):
    """Which training engine runs, and the measured speed of the candidates.

    `differs` says of engines how they train this model to other numbers than plain Keras: `auto` leaves them out, one
    asked for runs all the same. `timing` has the seconds that each part of the training's beginning took: `data`,
    `model`, `trying to save`, `trace`, `build <engine>`, `measure <engine>`.
    Where another engine takes over later, `plan` says at which step, as in `training/engines/plans.py`; at that step
    there is another event.
    """

    kind: ClassVar[str] = "engine_chosen"
    engine: str
    candidates: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)
    timing: Mapping[str, float] = field(default_factory=dict)
    plan: str = ""


@dataclass(frozen=True)
class Step(Event):
    """Progress inside an epoch. Rate-limited: not every step has one."""

    kind: ClassVar[str] = "step"
    epoch: int
    step: int
    steps: int
    logs: Logs
    steps_per_second: float


@dataclass(frozen=True)
class Epoch(Event):
    """An epoch ended (counted from 1). Never left out.

    `learning_rates` has those of all optimizers by name, where a model has several; `learning_rate` is the first.
    `baselines` is what can be reached on the validation part without the model, by the name of the log: {guess, of,
    better, linear}; given with the first epoch that ends after it is known. See `Finished`. `skipped` has how many
    `steps` were left out, for they were not finite (`train.on_nan: skip`), and the `first` of them; empty for none.
    """

    kind: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    logs: Logs
    seconds: float
    steps_per_second: float
    learning_rate: float
    learning_rates: Mapping[str, float] = field(default_factory=dict)
    baselines: Mapping[str, Any] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Processes(Event):
    """How several processes train one model together, as measured lately. Rate-limited, as `Step`.

    `count` is how many there are. `rows_per_second` are those of all of them; `adding_up` is the share of the time that
    goes into adding up gradients, from 0 to 1. `computing` has the seconds that each process computes for a step,
    `memory` the bytes that each has in memory. `straggler` is the number (from 1) of one that is clearly slower, for
    which the others wait; 0 for none. `speed_up` is how many times as fast they are as one such process alone,
    `expected_speed_up` what was expected of it before the first step; 0 where that is not known.
    """

    kind: ClassVar[str] = "processes"
    count: int
    rows_per_second: float = 0.0
    adding_up: float = 0.0
    computing: Sequence[float] = ()
    memory: Sequence[int] = ()
    straggler: int = 0
    speed_up: float = 0.0
    expected_speed_up: float = 0.0

    @property
    def memory_of_all(self) -> int:
        """Bytes; 0 where they are not known. A file of unknown origin may have anything in the list."""
        return sum(each for each in self.memory if isinstance(each, int))


@dataclass(frozen=True)
class Internals(Event):
    """What monitors measured inside the model during an epoch.

    Keys are paths of layers, of weights in `histograms` ({path: {edges, counts}}); `losses` has `main` beside them,
    `gradients` has `global`. `nan` is the first place that was not finite: {what, layer, step}; given once in a run.
    """

    kind: ClassVar[str] = "internals"
    epoch: int
    losses: Logs = field(default_factory=dict)
    metrics: Logs = field(default_factory=dict)
    gradients: Logs = field(default_factory=dict)
    updates: Logs = field(default_factory=dict)
    dead: Logs = field(default_factory=dict)
    histograms: Mapping[str, Any] = field(default_factory=dict)
    nan: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkpoint(Event):
    """A checkpoint of the run's state was written completely."""

    kind: ClassVar[str] = "checkpoint"
    path: str
    format: str
    epoch: int
    step: int
    sha256: str


@dataclass(frozen=True)
class Saved(Event):
    """A file that the recipe asks for was written and verified. `replaced` is where the model is now that the
    file held before, if it held another."""

    kind: ClassVar[str] = "saved"
    path: str
    format: str
    epoch: int
    step: int
    sha256: str
    replaced: str = ""


@dataclass(frozen=True)
class Message(Event):
    """A message for the user. Level is info, warning or error."""

    kind: ClassVar[str] = "message"
    level: str
    text: str


@dataclass(frozen=True)
class Paused(Event):
    kind: ClassVar[str] = "paused"
    epoch: int
    step: int


@dataclass(frozen=True)
class Resumed(Event):
    kind: ClassVar[str] = "resumed"
    epoch: int
    step: int


@dataclass(frozen=True)
class Finished(Event):
    """The run ended with its work saved. Status is done, stopped or interrupted. `left` are files of the recipe that
    were left as they were, because this run must not replace them. `reason` is why a callback ended it before its last
    epoch; empty where none did. `no_better` is what a constant guess reaches, where the model is no better on the test
    part (or the validation part, where there is no other); empty where it is, or where that is not known. `baselines`
    has for names of `evaluation`, and with `val_` of `logs`, what is reached without the model: {guess, of, better,
    linear}: the best constant guess, which one that is (`the mean`), whether more (`up`) or less (`down`) is better,
    and a linear or logistic model, where there is one; of windows also `naive`: the last value, and that of a season
    before, each by its words; the best of them may be the guess. `compared` is the model beside them, in words,
    and `likely_reason` why a model with `no_better` is likely no better."""

    kind: ClassVar[str] = "finished"
    status: str
    logs: Logs
    evaluation: Logs
    seconds: float
    left: Sequence[str] = ()
    reason: str = ""
    no_better: str = ""
    baselines: Mapping[str, Any] = field(default_factory=dict)
    compared: str = ""
    likely_reason: str = ""


@dataclass(frozen=True)
class Failed(Event):
    """The run ended by an error: `error` is `WorkbenchError.as_record()`. For a loss that is not finite it has `nan`:
    {name, value, epoch, step}, and `inside` ({what, layer, step}) where `watch: [nan]` found the place. `kept` says of
    what moment its last checkpoint is (`epoch 6`), of which `kwb export-checkpoint` makes a file; empty where there is
    none."""

    kind: ClassVar[str] = "failed"
    error: Mapping[str, Any]
    kept: str = ""


def loss_title(name: str, scaled: Sequence[str]) -> str:
    """The heading of a number of the logs: of a loss with its units, where those are not the target's own.

    Args:
        name: as it is in the logs; several targets have losses called `price_loss`.
        scaled: the targets that the model learns scaled.
    """
    losses = {"loss", *(f"{target}_loss" for target in scaled)}
    return f"{name} (of scaled targets)" if scaled and name in losses else name


def baseline_value(baselines: Mapping[str, Any], name: str, which: str) -> float | None:
    """A number of the baseline of a log, `guess` or `linear`; None where there is none."""
    record = baselines.get(name)
    value = record.get(which) if isinstance(record, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in Event.__subclasses__()}


def to_json(event: Event, run: str, time: float | None = None) -> str:
    """One line of the stream, without its newline."""
    record = {"v": VERSION, "event": event.kind, "time": clock.time() if time is None else time, "run": run}
    return escaping.to_json(plain(record | {f.name: getattr(event, f.name) for f in fields(event)}))


def from_json(line: str) -> tuple[Event, float, str] | None:
    """The event of a line with its time and run; None for a kind that this version does not know.

    Raises:
        ValueError: the line is not a record of the stream.
    """
    try:
        record = json.loads(line)
    except RecursionError:
        raise ValueError("a record is nested too deeply") from None
    return from_record(record)


def from_record(record: Any) -> tuple[Event, float, str] | None:
    """As `from_json`, for a line that was parsed already."""
    if not isinstance(record, dict) or not isinstance(record.get("event"), str):
        raise ValueError(f"not an event record: {record!r:.80}")
    cls = KINDS.get(record["event"])
    if cls is None:
        return None
    known = {f.name: f.type for f in fields(cls)}
    values = {key: _restored(value) for key, value in record.items() if key in known}
    for key, value in values.items():
        if known[key] == "float" and isinstance(value, str) and value in _NOT_FINITE:
            values[key] = _NOT_FINITE[value]
        elif not isinstance(value, _JSON_TYPES.get(str(known[key]).partition("[")[0], object)):
            raise ValueError(f"'{key}' of a '{record['event']}' record is of a wrong type: {value!r:.80}")
    try:
        event = cls(**values)
        return event, float(record.get("time", 0.0)), str(record.get("run", ""))
    except TypeError as error:
        raise ValueError(f"a '{record['event']}' record lacks a field: {error}") from error


def plain(value: Any) -> Any:
    """The value in JSON's own types: numpy scalars as numbers, what is not finite as a string."""
    if isinstance(value, bool | str | int | None):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


# What a field's annotation allows of JSON; of what is not listed, anything.
_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "bool": bool,
    "Mapping": dict,
    "Logs": dict,
    "list": list,
    "tuple": list,
    "Sequence": list,
}

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _restored(value: Any) -> Any:
    """Undo `plain` for numbers that JSON cannot hold; only for numbers in a mapping of logs."""
    if isinstance(value, dict):
        return {
            key: _NOT_FINITE[item] if isinstance(item, str) and item in _NOT_FINITE else _restored(item)
            for key, item in value.items()
        }
    return value
