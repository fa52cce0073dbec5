"""The state of a training as one immutable value, updated event by event.

It uses no Textual, files or processes, so a test is a list of events and the resulting value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from workbench import events
from workbench.devices.run_devices import devices_text, unused_notes
from workbench.errors import WorkbenchError
from workbench.origin import Origin
from workbench.tui.views import formatting, marks
from workbench.tui.views.curves import first_bad

MOST_MESSAGES = 200
_NEW = 0.3  # what the latest epoch weighs in the expected time of an epoch

Logs = Mapping[str, float]
_NO_LOGS: Logs = MappingProxyType({})


class Stage(StrEnum):
    """The stage of a training. The value is the word shown for it."""

    NOTHING = "nothing to train"
    WARMING = "starting TensorFlow"
    ASSEMBLING = "assembling"
    MEASURING = "compiling"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    SAVING = "saving"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "ended without a word"

    @property
    def glyph(self) -> str:
        """A shape beside the word, so that colour is never the only signal."""
        return _GLYPHS[self]

    @property
    def ended(self) -> bool:
        return self in (Stage.FINISHED, Stage.FAILED, Stage.LOST)

    @property
    def alive(self) -> bool:
        """True if a process is working on it."""
        return self is not Stage.NOTHING and not self.ended


_GLYPHS = {
    Stage.NOTHING: marks.OFF,
    Stage.WARMING: marks.STARTING,
    Stage.ASSEMBLING: marks.STARTING,
    Stage.MEASURING: marks.STARTING,
    Stage.RUNNING: marks.RUNNING,
    Stage.PAUSED: marks.PAUSED,
    Stage.STOPPING: marks.STOPPED,
    Stage.SAVING: marks.SAVING,
    Stage.FINISHED: marks.DONE,
    Stage.FAILED: marks.FAILED,
    Stage.LOST: marks.FAILED,
}


@dataclass(frozen=True)
class Note:
    """A message of the training for its user. `moment` is in seconds since the epoch."""

    moment: float
    level: str
    text: str

    @property
    def glyph(self) -> str:
        return marks.NOTICES[self.level] if self.level in ("error", "warning") else "·"


@dataclass(frozen=True)
class Failure:
    """The error that ended a training: what, where, what to do, the last lines of the child's log, and its position
    in the user's code."""

    what: str
    where: str = ""
    hint: str = ""
    log: str = ""
    origin: Origin | None = None

    @classmethod
    def of(cls, error: WorkbenchError) -> Failure:
        return cls(error.what, error.where, error.hint, getattr(error, "log", ""), error.origin)


@dataclass(frozen=True)
class TrainingView:
    """The state of a training. `moment`, `started` and `ended` are seconds since the epoch, 0 for unknown.

    Attributes:
        epoch: the epoch that is being trained, from 1; 0 before the first.
        done: the last whole epoch.
        step: the last step reported in that epoch, of `steps`; 0 where no step was reported.
        logs: what the last whole epoch logged.
        batch_logs: the averages so far in the epoch that is being trained.
        epoch_seconds: what an epoch takes, lately; 0 for unknown.
        best: epoch and value of the lowest validation loss (the lowest loss, where nothing validates).
        processes: how the processes do, where several train together; None before that is measured.
    """

    stage: Stage = Stage.NOTHING
    name: str = ""
    folder: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    resumed_from: str = ""
    started: float = 0.0
    moment: float = 0.0
    epoch: int = 0
    done: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    logs: Logs = field(default_factory=dict)
    batch_logs: Logs = field(default_factory=dict)
    steps_per_second: float = 0.0
    epoch_seconds: float = 0.0
    learning_rate: float = math.nan
    learning_rates: Logs = field(default_factory=dict)  # by optimizer, where a model has several
    best: tuple[int, float] | None = None
    engine: str = ""
    engine_reason: str = ""
    candidates: Mapping[str, float] = field(default_factory=dict)
    layers: tuple[Mapping[str, Any], ...] = ()
    parameters: int = 0
    trainable_parameters: int = 0
    messages: tuple[Note, ...] = ()
    checkpoint: events.Checkpoint | None = None
    saved: tuple[events.Saved, ...] = ()
    left: tuple[str, ...] = ()
    rescued: str = ""
    status: str = ""
    evaluation: Logs = field(default_factory=dict)
    scaled_targets: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    no_better: str = ""
    compared: str = ""
    likely_reason: str = ""
    error: Failure | None = None
    processes: events.Processes | None = None

    # ------------------------------------------------------------------ what the reader wants to know

    @property
    def progress(self) -> float:
        """The share of the training that is done, 0 … 1. Early stopping may end it sooner."""
        if not self.epochs:
            return 0.0
        inside = min(self.step / self.steps, 1.0) if self.steps and self.epoch > self.done else 0.0
        return min((self.done + inside) / self.epochs, 1.0)

    @property
    def seconds_left(self) -> float | None:
        """The time that the remaining epochs will take; None while that is not known."""
        a_whole = self.epoch_seconds
        if not a_whole and self.steps_per_second > 0.0 and self.steps:
            a_whole = self.steps / self.steps_per_second
        if not a_whole or not self.epochs:
            return None
        return (1.0 - self.progress) * self.epochs * a_whole

    @property
    def resumable(self) -> bool:
        """True if it ended early and left a checkpoint."""
        unfinished = self.stage in (Stage.FAILED, Stage.LOST) or self.status in ("stopped", "interrupted")
        return self.stage.ended and unfinished and self.checkpoint is not None

    @property
    def latest(self) -> Logs:
        """The newest values: those of the running epoch where there are any, and validation of the last one."""
        return {**self.logs, **self.batch_logs}

    @property
    def monitored(self) -> str:
        """The name of the value whose lowest one is `best`."""
        return "val_loss" if "val_loss" in self.logs else "loss"

    # ------------------------------------------------------------------ events

    def take(self, event: events.Event, moment: float) -> TrainingView:
        """The training after an event."""
        match event:
            case events.Step():
                return self._step(event, moment)
            case events.Epoch():
                return self._epoch(event, moment)
            case events.RunStarted():
                return self._run_started(event, moment)
            case events.Assembled():
                return replace(
                    self._now(moment, Stage.MEASURING),
                    layers=event.layers,
                    parameters=event.parameters,
                    trainable_parameters=event.trainable_parameters,
                    scaled_targets=tuple(event.scaled_targets),
                )
            case events.EngineChosen():
                return replace(
                    self._now(moment, Stage.RUNNING),
                    engine=event.engine,
                    engine_reason=event.reason,
                    candidates=event.candidates,
                )
            case events.Paused():
                return replace(self, moment=moment, stage=Stage.PAUSED, epoch=event.epoch, step=event.step)
            case events.Resumed():
                return self._now(moment, Stage.RUNNING)
            case events.Message():
                return self._noted(Note(moment, event.level, event.text))
            case events.Internals() if event.nan:
                text = f"the first value that is not finite: {first_bad(event.nan)}, epoch {event.epoch}"
                return self._noted(Note(moment, "warning", text))
            case events.Processes():
                return replace(self, moment=moment, processes=event)
            case events.Checkpoint():
                return replace(self, moment=moment, checkpoint=event)
            case events.Saved():
                saved = tuple(other for other in self.saved if other.path != event.path)
                return replace(self, moment=moment, stage=Stage.SAVING, saved=(*saved, event))
            case events.Finished():
                return replace(
                    self,
                    moment=moment,
                    stage=Stage.FINISHED,
                    status=event.status,
                    logs=event.logs or self.logs,
                    batch_logs=_NO_LOGS,
                    evaluation=event.evaluation,
                    seconds=event.seconds,
                    left=tuple(event.left),
                    reason=event.reason,
                    no_better=event.no_better,
                    compared=event.compared,
                    likely_reason=event.likely_reason,
                )
            case events.Failed():
                error = Failure.of(WorkbenchError.from_record(event.error))
                return replace(self, moment=moment, stage=Stage.FAILED, error=error, rescued=event.kept)
            case _:
                return replace(self, moment=moment)

    def _run_started(self, event: events.RunStarted, moment: float) -> TrainingView:
        recipe = event.recipe
        notes = [Note(moment, level, text) for level, text in unused_notes(event.environment)]
        if devices := devices_text(event.environment):
            notes.insert(0, Note(moment, "info", devices))
        epochs = recipe.get("train", {}).get("epochs", 0)
        return replace(
            self,
            moment=moment,
            stage=Stage.ASSEMBLING,
            started=self.started or moment,
            name=str(recipe.get("name") or self.name),
            folder=event.folder,
            recipe=recipe,
            epochs=epochs if isinstance(epochs, int) else 0,
            resumed_from=event.resumed_from or "",
            messages=(*self.messages, *notes)[-MOST_MESSAGES:],
            status="",
            reason="",
            no_better="",
            compared="",
            likely_reason="",
            evaluation=_NO_LOGS,
            saved=(),
            left=(),
            error=None,
            processes=None,
        )

    def _step(self, event: events.Step, moment: float) -> TrainingView:
        return replace(
            self._now(moment, Stage.RUNNING),
            epoch=event.epoch,
            step=event.step,
            steps=event.steps,
            batch_logs=event.logs,
            steps_per_second=event.steps_per_second,
        )

    def _epoch(self, event: events.Epoch, moment: float) -> TrainingView:
        before = self.epoch_seconds
        seconds = before + _NEW * (event.seconds - before) if before else event.seconds
        value = event.logs.get("val_loss", event.logs.get("loss", math.nan))
        best = self.best if self.best is None or self.best[0] < event.epoch else None
        if math.isfinite(value) and (best is None or value < best[1]):
            best = (event.epoch, value)
        last = event.epoch >= event.epochs
        return replace(
            self,
            moment=moment,
            stage=Stage.SAVING if last else self._onward(Stage.RUNNING),
            epoch=event.epoch,
            done=event.epoch,
            epochs=event.epochs,
            step=0,
            logs=event.logs,
            batch_logs=_NO_LOGS,
            steps_per_second=event.steps_per_second,
            epoch_seconds=seconds,
            learning_rate=event.learning_rate,
            learning_rates=event.learning_rates,
            best=best,
        )

    def _now(self, moment: float, stage: Stage) -> TrainingView:
        """At a moment and a stage that an event reports."""
        return replace(self, moment=moment, stage=self._onward(stage))

    def _onward(self, stage: Stage) -> Stage:
        """The stage that an event reports; while the end is awaited, running is not reported."""
        return Stage.STOPPING if self.stage is Stage.STOPPING else stage

    # ------------------------------------------------------------------ what the stream does not say

    def warming(self, name: str) -> TrainingView:
        """A training was asked for, and its process is still starting."""
        return TrainingView(Stage.WARMING, name=name)

    def assembling(self) -> TrainingView:
        """The process is ready and has the recipe."""
        return replace(self, stage=Stage.ASSEMBLING) if self.stage is Stage.WARMING else self

    def stopping(self) -> TrainingView:
        """The user asked for the end."""
        return replace(self, stage=Stage.STOPPING) if self.stage.alive else self

    def died(self, error: WorkbenchError | None = None) -> TrainingView:
        """Its process is gone. A training that reported its end stays as it is; only a log is added."""
        found = Failure.of(error) if error else None
        if self.stage is Stage.FAILED and self.error and found and found.log:
            return replace(self, error=replace(self.error, log=found.log))
        if self.stage.ended:
            return self
        if found is None:
            found = Failure("The process that trained is gone, and it did not say why.")
        began = bool(self.folder)
        return replace(self, stage=Stage.LOST if began else Stage.FAILED, error=found)

    def _noted(self, note: Note) -> TrainingView:
        return replace(self, moment=note.moment, messages=(*self.messages[1 - MOST_MESSAGES :], note))

    # ------------------------------------------------------------------ in words

    @property
    def place(self) -> str:
        """`epoch 3/20`, with the step where an epoch is long enough."""
        if not self.epoch:
            return formatting.counted(self.epochs, "epoch") if self.epochs else ""
        text = f"epoch {self.epoch}/{self.epochs}" if self.epochs else f"epoch {self.epoch}"
        if self.step:
            text += f" · step {self.step:,}" + (f"/{self.steps:,}" if self.steps else "")
        return text

    @property
    def kept(self) -> str:
        """The files of this training on disk, as text."""
        parts = []
        if self.checkpoint is not None:
            parts.append(f"a checkpoint of epoch {self.checkpoint.epoch}, step {self.checkpoint.step}")
        parts += [f"{saved.path} of epoch {saved.epoch}" for saved in self.saved]
        if self.done:
            parts.append(f"the history of {formatting.counted(self.done, 'epoch')}")
        return formatting.listed(parts) or "nothing but its recipe"
