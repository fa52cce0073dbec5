"""Check that a training still learns: its loss is a finite number. A training whose loss is nan or infinite has failed.

The loss decides, and with it the losses of outputs and of a train_step of the model's own (`d_loss`). A metric may be
nan by its nature (an AUC of rows of one class), so it decides nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import keras
import tensorflow as tf

from workbench import events
from workbench.errors import TrainingError
from workbench.origin import MADE_AT
from workbench.training.monitors.nonfinite import FirstNonFinite
from workbench.training.monitors.running_means import variable
from workbench.training.progress import Progress, numbers
from workbench.training.variables import put, value_of

OnNan = Literal["stop", "skip", "continue"]
Step = Callable[[Any], Any]

_HELP = (
    "A smaller learning rate, scaled inputs (data.scale: standard) or gradient clipping (optimizer: clipnorm) "
    "may help."
)


@dataclass(frozen=True)
class NotFinite:
    """The first loss that was not finite: its name, the epoch and the step (from 1; step 0 for one that is known by the
    epoch only, as that of a validation), and its value when that was noticed, some steps later at most."""

    name: str
    value: float
    epoch: int
    step: int = 0

    def __str__(self) -> str:
        place = f"epoch {self.epoch}, step {self.step}" if self.step else f"epoch {self.epoch}"
        if self.name == "weights":
            return f"weights are nan or infinite after {place}"
        name = {"loss": "the loss", "val_loss": "the validation loss"}.get(self.name, f"'{self.name}'")
        return f"{name} is nan or infinite in {place}"

    def as_record(self) -> dict[str, Any]:
        return {"name": self.name, "value": str(self.value), "epoch": self.epoch, "step": self.step}


class NotFiniteError(TrainingError):
    """A training whose loss is not finite. `first` is where that was seen, `inside` where in the model, if known."""

    first: NotFinite | None = None
    inside: FirstNonFinite | None = None

    def as_record(self) -> dict[str, Any]:
        found = self.first.as_record() if self.first is not None else {}
        inside = {"inside": self.inside.as_record()} if self.inside is not None else {}
        return super().as_record() | {"nan": found | inside}


def explained(error: NotFiniteError, inside: FirstNonFinite | None, run: str, recipe: str) -> NotFiniteError:
    """The error with all that is known about it.

    Args:
        inside: where in the model it was seen first, if the monitors know.
        run: the run's name.
        recipe: the name of the recipe's document.
    """
    hints = [error.hint]
    if inside is not None:
        error.inside = inside
        error.what = f"{error.what} First of all, {inside.description} (step {inside.step})."
        hints = [inside.hint.strip() or error.hint]
    hints.append(f"`kwb replay {run}` names the operation and the line that it comes from.")
    error.where = recipe
    error.hint = " ".join(hints)
    error.what = f"training failed: {error.what}"
    return error


def losses_in(logs: Mapping[str, float]) -> dict[str, float]:
    """The losses among logs: `loss` first, then each `..._loss` (of an output, of a step of the model's own), those of
    validation last."""
    found = {name: value for name, value in logs.items() if name == "loss" or name.endswith("_loss")}
    return dict(sorted(found.items(), key=lambda item: (item[0].startswith("val_"), item[0] != "loss")))


def first_bad(logs: Mapping[str, float], *, validation: bool = True) -> tuple[str, float] | None:
    """The loss that is not finite, those of training before those of validation. Where one output alone makes the
    whole so, that output's.

    Args:
        logs: by name.
        validation: whether those of validation count.
    """
    if all(map(math.isfinite, logs.values())):  # asked several times an epoch, and nearly always so
        return None
    bad = {name: value for name, value in losses_in(logs).items() if not math.isfinite(value)}
    for whole in ("loss", "val_loss") if validation else ("loss",):
        group = [name for name in bad if name.startswith("val_") == whole.startswith("val_")]
        parts = [name for name in group if name != whole]
        if group:
            name = parts[0] if len(parts) == 1 or whole not in bad else whole
            return name, bad[name]
    return None


class Finite(keras.callbacks.Callback):
    """Watches the losses; ends a training whose loss is no longer finite, by raising `NotFiniteError`.

    Looks as often as progress is reported and at the last step of each epoch, before other callbacks see the epoch's
    end. It must stand behind `progress` among the callbacks.

    Args:
        progress: knows the epoch and the step, and is asked to report them.
        emit: called with each event.
        on_nan: `stop` to end the training at the first loss that is not finite.
    """

    every_batch = False

    def __init__(self, progress: Progress, emit: Callable[[events.Event], None], on_nan: OnNan) -> None:
        super().__init__()
        self._progress = progress
        self._emit = emit
        self._stops = on_nan == "stop"
        self._reported = False
        self._reported_validation = False
        self._epochs_in_row = 0
        with tf.init_scope():
            self._zero = tf.constant(0, tf.int64)
        # How many steps of the epoch ended with a finite loss: those before the first that did not, for the loss that
        # is logged is the mean over the epoch so far.
        self._good = variable(self._zero)
        self._begun, self._first_step = False, 0
        self._graphs: list[Any] = []
        self.first: NotFinite | None = None

    # ------------------------------------------------------------------ inside the compiled step

    def wrap_step(self, step: Step) -> Step:
        """The step, with the steps counted that end with a finite loss: some operations on single numbers."""

        def counted(data: Any) -> Any:
            if not tf.executing_eagerly():
                self._graphs.append(tf.compat.v1.get_default_graph())
            logs = step(data)
            if values := losses_of(logs):
                finite = tf.math.is_finite(tf.add_n(values) if len(values) > 1 else values[0])
                self._good.assign_add(tf.cast(finite, tf.int64))
            return logs

        return counted

    def add_place(self, error: BaseException) -> None:
        """Note with an exception of a compiled step where the operation that failed was made, if TensorFlow does not
        say so itself: it does not for a step that is called inside of another graph. The gradient of an operation is
        reported as made where that operation was."""
        text = str(getattr(error, "message", "") or "")
        if not isinstance(error, tf.errors.OpError):
            return
        if "defined at (most recent call last)" in text:
            names = re.findall(r"Detected at node (gradient_tape/\S+) defined at", text)
        else:
            names = re.findall(r"\{\{node ([^}]+)\}\}", text)
        for name in names:
            for graph in self._graphs:
                with suppress(KeyError, ValueError):
                    frames = graph.get_operation_by_name(name.removeprefix("gradient_tape/")).traceback or ()
                    setattr(error, MADE_AT, [(frame.filename, frame.lineno, frame.name) for frame in frames])
                    return

    # ------------------------------------------------------------------ between the steps

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        put(self._good, self._zero)
        self._begun = False

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not self._begun:
            self._begun, self._first_step = True, batch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if not (self._progress.reported or self._progress.step >= self._progress.steps):
            return
        if self.first is None or self._stops:
            self._look(numbers(logs))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        seen = self._progress.logs  # as numbers
        if (bad := first_bad(seen, validation=False)) is not None:
            self._found(bad)
            self._epochs_in_row += 1
            # Mixed precision leaves out the steps that are not finite, so an epoch may hold some.
            if self._stops and (self._epochs_in_row > 1 or not self._skips()):
                raise self.error()
            return
        self._epochs_in_row = 0
        if (bad := first_bad(seen)) is not None and not self._reported_validation:
            self._reported_validation = True
            text = f"{NotFinite(*bad, self._progress.epoch)}: the weights are finite, and training goes on."
            self._emit(events.Message("warning", text))

    def _look(self, logs: Mapping[str, float]) -> None:
        bad = first_bad(logs, validation=False)
        if bad is None or (self._skips() and weights_are_finite(self.model)):
            return
        self._found(bad)
        if self._stops:
            self._progress.report(logs)
            raise self.error()

    def _found(self, bad: tuple[str, float]) -> None:
        if self.first is None:
            step = self._first_step + int(value_of(self._good)) + 1
            self.first = NotFinite(*bad, self._progress.epoch, min(step, self._progress.step))
        if not self._stops and not self._reported:
            self._reported = True
            self._emit(events.Message("warning", f"{self.first}. {_HELP}"))

    def _skips(self) -> bool:
        return isinstance(getattr(self.model, "optimizer", None), keras.optimizers.LossScaleOptimizer)

    # ------------------------------------------------------------------ the end

    def check_end(self, logs: Mapping[str, float]) -> None:
        """Refuse an end that is not finite: losses, or weights that the very last update has made so.

        Args:
            logs: of the epoch whose weights the model has now.

        Raises:
            NotFiniteError: a loss is not finite, the validation's included, or a trainable weight.
        """
        if (bad := first_bad(logs)) is None:
            if not weights_are_finite(self.model):
                self.first = NotFinite("weights", math.nan, self._progress.epoch, self._progress.step)
                raise self.error()
            return
        if self.first is None or bad[0].startswith("val_"):
            self.first = NotFinite(*bad, self._progress.epoch)
        raise self.error()

    def error(self) -> NotFiniteError:
        """The error that ends the training."""
        assert self.first is not None
        error = NotFiniteError(f"{self.first}.", hint=_HELP)
        error.first = self.first
        return error


def losses_of(logs: Any) -> list[tf.Tensor]:
    """The losses among a step's logs, each as one number: `loss`, or without it every `..._loss`."""
    if not isinstance(logs, Mapping):
        return []
    names = ["loss"] if "loss" in logs else [name for name in logs if str(name).endswith("_loss")]
    try:
        return [tf.reduce_sum(tf.cast(tf.convert_to_tensor(logs[name]), tf.float32)) for name in names]
    except (TypeError, ValueError):  # the logs of a user's own step may contain anything
        return []


def weights_are_finite(model: keras.Model) -> bool:
    """True if every trainable weight is finite."""
    return all(
        bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(weight))))
        for weight in model.trainable_variables
        if tf.as_dtype(weight.dtype).is_floating
    )


def last_logs(callbacks: Sequence[Any], history: Sequence[Mapping[str, Any]]) -> Mapping[str, float]:
    """The logs of the epoch whose weights the model has at the end: the last, or the best one of a callback that has
    put its weights back."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.EarlyStopping) and callback.restore_best_weights:
            best = [each["logs"] for each in history if each["epoch"] == callback.best_epoch + 1]
            if callback.best_weights is not None and best:
                return dict(best[0])
    return dict(history[-1]["logs"]) if history else {}
