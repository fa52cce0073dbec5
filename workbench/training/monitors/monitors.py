"""The monitors of one training, as a wrapped step for the engine and a callback for Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import keras

from workbench import events
from workbench.recipe.train_schema import Watch
from workbench.training.monitors.dead import Dead
from workbench.training.monitors.histograms import Histograms
from workbench.training.monitors.layer_metrics import metric_values, model_metric_values, reset_forgotten
from workbench.training.monitors.losses import Losses, has_output_losses, output_losses
from workbench.training.monitors.nonfinite import FirstNonFinite
from workbench.training.monitors.seen import Seen
from workbench.training.monitors.updates import Updates

Step = Callable[[Any], Any]
Emit = Callable[[events.Event], None]

_AT_UPDATES = ("gradients", "updates", "nan")


class Monitors:
    """Watches the inside of a model while it trains. Whatever fails in here is left out and reported; training goes on.

    Args:
        model: a built and compiled model.
        watch: names of monitors; "all" for each, "none" or nothing for none.
        steps: the steps of an epoch, which say how often to sample; 0 where it is not known.
        accumulate: batches of one update.
        asked: whether the user has asked for these monitors, and hears what cannot be seen of this model.
    """

    def __init__(
        self,
        model: keras.Model,
        watch: Sequence[str],
        *,
        steps: int = 0,
        accumulate: int = 1,
        asked: bool = True,
    ) -> None:
        self._asked = asked
        every = [name for name in get_args(Watch) if name not in ("all", "none")]
        self.watched = frozenset(every if "all" in watch else watch) - {"none"}
        self._model = model
        self._losses = Losses() if "losses" in self.watched else None
        self._dead = Dead() if "dead" in self.watched else None
        self._histograms = Histograms() if "histograms" in self.watched else None
        at_updates = self.watched.intersection(_AT_UPDATES)
        self._updates = Updates(at_updates, steps, accumulate) if at_updates else None
        self._reported: set[str] = set()
        self._messages: list[str] = []
        self._metrics: tuple[dict[str, float], dict[str, float]] | None = None

    def wrap_step(self, step: Step) -> Step:
        """The model's train step, with the monitors in it; the same step where there is nothing to watch in it."""
        parts = [part for part in (self._losses, self._dead, self._updates) if part is not None]
        if not parts:
            return step

        def watched_step(data: Any) -> Any:
            with Seen(self._model, self._before_update) as seen:
                logs = step(data)
            for part in parts:
                left_out = self._guarded(part.step_ends, seen)
                if left_out and self._asked:
                    self._report(f"watch: {left_out}.")
            return logs

        return watched_step

    def callback(self, emit: Emit) -> keras.callbacks.Callback:
        """The callback that reads once an epoch and emits an `internals` event, with messages where there are any."""
        return _MonitorCallback(self, emit)

    def begin_epoch(self) -> None:
        """Make the metrics ready that Keras forgets."""
        self._metrics = None
        if "metrics" in self.watched:
            reset_forgotten(self._model)

    def training_goes_on(self) -> None:
        """Forget the metrics that were read: they are no longer the last values."""
        self._metrics = None

    def training_ends(self) -> None:
        """Read the metrics, before validation puts its own values into them. Only the first call of an epoch counts."""
        if self._metrics is None:
            model = self._model
            self._metrics = (
                metric_values(model) if "metrics" in self.watched else {},
                model_metric_values(model) if self._losses and has_output_losses(model) else {},
            )

    def nonfinite(self) -> FirstNonFinite | None:
        """The first place inside the model that was not finite; None where `nan` is not watched, or nothing was found.
        Given once, here or by `read`."""
        return self._updates.read_error() if self._updates else None

    def read(self, epoch: int, *, last: bool = False) -> tuple[events.Internals, list[events.Message]]:
        """What was seen since the last reading, and the messages to report.

        Args:
            epoch: its number, from 1.
            last: whether training ends with it.
        """
        self.training_ends()
        assert self._metrics is not None
        metrics, logged = self._metrics
        self._metrics = None
        found: dict[str, Any] = {"metrics": metrics}
        if self._losses:
            found["losses"] = self._losses.read()
            if found["losses"]:
                found["losses"] |= output_losses(self._model, logged)
        if self._dead:
            found["dead"] = self._dead.read()
        if self._updates:
            found |= self._updates.read()
            if error := self._updates.read_error():
                found["nan"] = error.as_record()
                self._messages.append(error.text(epoch))
            self._updates.reset()
        if self._histograms:
            found["histograms"] = self._histograms.read(self._model, last=last)
        messages = [events.Message("warning", text) for text in self._messages]
        self._messages.clear()
        return events.Internals(epoch, **found), messages

    def _before_update(self, seen: Seen, *update: Any) -> None:
        if self._updates:
            self._guarded(self._updates.before_update, seen, *update)

    def _guarded(self, watch: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return watch(*arguments)
        except Exception as error:  # the model's own objects are in reach here, so anything may be raised
            self._report(f"watch: something cannot be shown of this model: {type(error).__name__}: {error}")
            return None

    def _report(self, text: str) -> None:
        """Once, however often the step is traced or run."""
        if text not in self._reported:
            self._reported.add(text)
            self._messages.append(text)


class _MonitorCallback(keras.callbacks.Callback):
    every_batch = False

    def __init__(self, monitors: Monitors, emit: Emit) -> None:
        super().__init__()
        self._monitors = monitors
        self._emit = emit

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._monitors.begin_epoch()

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._monitors.training_goes_on()

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._monitors.training_ends()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not self._monitors.watched:
            return
        last = self.model.stop_training or epoch + 1 >= self.params["epochs"]
        internals, messages = self._monitors.read(epoch + 1, last=last)
        self._emit(internals)
        for message in messages:
            self._emit(message)
