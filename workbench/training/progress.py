"""The Keras callback that reports a training as events and obeys the requests in `Control`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from workbench import events
from workbench.keras_private import learning_rate_of
from workbench.storage.optimizers import learning_rates, optimizers
from workbench.training.control import Control

STEP_INTERVAL = 0.1  # seconds between step events: quick enough for an eye, far below what a pipe carries


class Progress(keras.callbacks.Callback):
    """Emits `step`, `epoch`, `paused` and `resumed`; obeys stop, pause and a new learning rate.

    Args:
        emit: called with each event.
        control: what is asked of the training.
        epochs: the epochs to train, in all.
        steps: the steps of an epoch.
        history: epochs that were trained before, where a training resumes.
        baselines: called at the end of each epoch for what was found since: see `events.Epoch`.
    """

    every_batch = False

    def __init__(
        self,
        emit: Callable[[events.Event], None],
        control: Control,
        *,
        epochs: int,
        steps: int,
        history: Sequence[Mapping[str, Any]] = (),
        baselines: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        super().__init__()
        self._emit = emit
        self._control = control
        self._epochs = epochs
        self.steps = steps
        self._baselines = baselines
        self.reported = False  # whether the last batch had a `step` event
        self.rate_set = False  # whether somebody has set the learning rate
        self.stopped_between_epochs = False  # on request; not in the middle of one, and not by a callback
        self.skipped: Mapping[str, int] = {}  # of the epoch that ends: see `events.Epoch`
        self.epoch = 0
        self.step = 0
        self.history: list[Mapping[str, Any]] = list(history)
        self.logs: dict[str, float] = dict(self.history[-1]["logs"]) if self.history else {}

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.epoch = epoch + 1
        self.step = 0
        self._first_step: int | None = None
        self._began = self._last_event = self._last_batch = time.perf_counter()
        self._waited = 0.0

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._first_step is None:
            self._first_step = batch  # not 0 where a training resumes inside an epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.step = batch + 1
        now = self._last_batch = time.perf_counter()
        self.reported = now - self._last_event >= STEP_INTERVAL
        if self.reported:
            self.report(numbers(logs))
        self._obey()

    def report(self, logs: Mapping[str, float]) -> None:
        """Emit a `step` event now."""
        self._last_event = self._last_batch
        self._emit(events.Step(self.epoch, self.step, self.steps, logs, self._speed()))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self.logs = numbers(logs)
        self.history.append({"epoch": epoch + 1, "logs": self.logs})
        rates = learning_rates(self.model)
        self._control.epoch_ends(epoch + 1)  # before anybody can answer
        self._emit(
            events.Epoch(
                epoch=epoch + 1,
                epochs=self._epochs,
                logs=self.logs,
                seconds=time.perf_counter() - self._began - self._waited,
                steps_per_second=self._speed(),
                learning_rate=next(iter(rates.values()), math.nan),
                learning_rates=rates if len(rates) > 1 else {},
                baselines=self._baselines(),
                skipped=self.skipped,
            )
        )
        if self.skipped:
            self._emit(events.Message("warning", _about_skipped(self.skipped, epoch + 1)))
            self.skipped = {}
        if self._control.paused and not self.model.stop_training:
            self._hold()
        # Here and not after the next batches: an engine may do a whole epoch of them in one call. The answer may
        # have come before the pause.
        if self._control.stop_requested and not self.model.stop_training:
            self.model.stop_training = self.stopped_between_epochs = True

    def _obey(self) -> None:
        control = self._control
        if (rate := control.take_learning_rate()) is not None:
            self._set_rate(rate)
        if control.paused:
            self._hold()
        if control.stop_requested:
            self.model.stop_training = True

    def _hold(self) -> None:
        self._emit(events.Paused(self.epoch, self.step))
        began = time.perf_counter()
        self._control.wait_while_paused()
        self._waited += time.perf_counter() - began
        self._emit(events.Resumed(self.epoch, self.step))

    def _set_rate(self, rate: float) -> None:
        found = optimizers(self.model)
        if len(found) != 1:
            what = (
                f"the model has several optimizers ({', '.join(found)})"
                if found
                else "the model has no optimizer"
            )
            self._emit(events.Message("warning", f"the learning rate cannot be set: {what}."))
            return
        (optimizer,) = found.values()
        self.rate_set = True
        try:
            optimizer.learning_rate = rate
        except TypeError:
            schedule = type(learning_rate_of(optimizer)).__name__
            self._emit(events.Message("warning", f"the learning rate cannot be set: it follows {schedule}."))

    def _speed(self) -> float:
        """Training steps per second in this epoch, validation and pauses left out."""
        seconds = self._last_batch - self._began - self._waited
        return (self.step - (self._first_step or 0)) / seconds if seconds > 0 else 0.0


def _about_skipped(skipped: Mapping[str, int], epoch: int) -> str:
    count, first = skipped["steps"], skipped["first"]
    if count == 1:
        return f"step {first:,} of epoch {epoch:,} was left out: its loss or its update was nan or infinite."
    what = (
        f"{count:,} steps of epoch {epoch:,} were left out: their loss or their update was nan or infinite."
    )
    return f"{what} The first is step {first:,}."


def numbers(logs: Mapping[str, Any] | None) -> dict[str, float]:
    """Logs as plain numbers; what is not one number (a confusion matrix) is left out."""
    found = {}
    for name, value in (logs or {}).items():
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            continue
    return found
