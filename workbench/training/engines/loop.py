"""Run a program under Keras' own `fit` and `evaluate`.

Keras' loop asks its train function for one call after another, and knows nothing of how many steps a call takes. So
it is given an endless dataset of ticks in place of data, a train function that runs as many steps as take about a
tenth of a second, and a list of callbacks that knows the true step and ends the epoch in time. Everything else
(callbacks, metrics, history, validation, early stopping) is Keras' own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.keras_private import pythonify_logs, validate_on
from workbench.training.engines.builder import CALL_STEPS
from workbench.training.engines.hand_over import HandOver
from workbench.training.engines.logs import PerClass
from workbench.training.engines.metrics import Logs, QuickMetrics
from workbench.training.engines.programs import Program

CALL_SECONDS = 0.1  # long: a call's own cost vanishes; short: pause and stop feel instant
LOOK = 0.05  # seconds between two looks whether what is waited for is there
GROWTH = 8


def ticks() -> tf.data.Dataset:
    """The dataset that stands in for the data: Keras asks it for nothing but its iterator."""
    return tf.data.Dataset.from_tensors(_TICK).repeat()


_TICK = "tick"
_TICK_SPEC = tf.TensorSpec([], tf.string)


class Pace:
    """How many steps one call may take, so that it lasts about `CALL_SECONDS`; never more than `most`."""

    def __init__(self, most: int = CALL_STEPS) -> None:
        self.count = 1
        self._most = most
        self._warm = False

    def took(self, steps: int, seconds: float) -> None:
        """Learn from a call. The first is left out: it may hold compiling."""
        if self._warm:
            fitting = int(steps * CALL_SECONDS / max(seconds, 1e-6))
            self.count = max(1, min(fitting, GROWTH * self.count, self._most))
        self._warm = True


class Runner:
    """Runs the steps of one epoch after another; `step` is the next one, of `steps`.

    Called by Keras as a train or test function. A call with other data than our ticks (a callback may evaluate the
    model on data of its own) goes to `foreign`, stock Keras.

    Args:
        most: how many steps one call may take; 1 where a callback acts at every batch.
        renewed: makes the program of that name again, from the step as it is now.
        pauses: positions, (epoch, step), that no call may pass.

    Attributes:
        on_epoch: called before the steps of an epoch, with the first of them.
    """

    def __init__(
        self,
        model: keras.Model,
        program: Program,
        steps: int,
        foreign: Callable[[Any], Logs],
        metrics: QuickMetrics,
        start: int = 0,
        most: int = CALL_STEPS,
        renewed: Callable[[str], Program] | None = None,
        *,
        pauses: Collection[tuple[int, int]] = (),
    ) -> None:
        self.steps = steps
        self.step = start
        self.on_epoch: Callable[[int], None] = lambda step: None
        self._model = model
        self._program = program
        self._foreign = foreign
        self._metrics = metrics
        self._start = start
        self._epoch = 0
        self._pace = Pace(most)
        self._one_by_one = most == 1
        self._renewed = renewed
        self._pauses = frozenset(pauses)

    @property
    def finished(self) -> bool:
        return self.step >= self.steps

    @property
    def waits(self) -> bool:
        """True if the next step of the epoch cannot run before XLA has compiled, which takes a while."""
        program = self._program
        return isinstance(program, HandOver) and program.waits(self._epoch, self.step)

    def begin(self, epoch: int) -> None:
        """Go to the first step of an epoch; the first time, to the step the training resumes at."""
        self._epoch = epoch
        self.step, self._start = self._start, 0
        self.on_epoch(self.step)

    def before_epoch(self, epoch: int) -> None:
        """An epoch of training begins; of a validation, too."""

    def renew(self, stock: Callable[[Any], Logs]) -> None:
        """Trace the step again, because Keras was asked to; `stock` is the function that it made."""
        self._foreign = stock
        if self._renewed is not None:
            self._program = self._renewed(self._program.name)

    def __call__(self, iterator: Any) -> Logs:
        if getattr(iterator, "element_spec", None) != _TICK_SPEC:
            return self._foreign(iterator)
        if self.finished:  # resumed behind the last step of an epoch: validation and the epoch's end are left
            return self._model.get_metrics_result()
        began = time.perf_counter()
        count = min(self._pace.count, self.steps - self.step)
        if self._pauses:
            ends = range(self.step + 1, self.step + count)
            count = next((end - self.step for end in ends if (self._epoch, end) in self._pauses), count)
        ran, logs = self._program.run(self._epoch, self.step, count)
        if ran > 1:
            # Where calls return before their work is done, the time is only known once a result is there.
            logs = keras.tree.map_structure(keras.ops.convert_to_numpy, logs)
        if self._program.gives_metrics and not self._one_by_one:  # a callback may change metrics at any batch
            self._metrics.gave(logs)
        self._pace.took(ran, time.perf_counter() - began)
        self.step += ran
        return logs


class Loop(keras.callbacks.CallbackList):
    """The callbacks of a run, called with the true steps; ends Keras' endless epochs and evaluations in time.

    Keras leaves its loop over batches when `stop_training` is set, and ends training when it still is at the end of
    the epoch. So it is set after the last step of an epoch, and taken back before anyone else looks.

    Args:
        metrics: values of `model.metrics_variables` to begin the first epoch with, for a resume inside an epoch.
        per_class: how logs with a number for each class are shown to callbacks.
        stops: whether somebody has asked to stop, which no compiling may hold up.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        training: Runner | None,
        testing: Runner | None,
        *,
        epochs: int = 1,
        metrics: Sequence[np.ndarray] = (),
        per_class: PerClass = PerClass(),  # noqa: B008  (frozen)
        stops: Callable[[], bool] = lambda: False,
    ) -> None:
        self._stops = stops
        self._per_class = per_class
        self._training = training
        self._testing = testing
        self._metrics = metrics
        self._epoch_over = False
        self._nothing_left = False
        runner = training or testing
        super().__init__(
            list(callbacks),
            add_history=training is not None,
            model=model,
            verbose=0,
            epochs=epochs,
            steps=runner.steps if runner else None,
        )

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._testing is not None:
            validate_on(self.model, ticks(), self._testing.steps)
        super().on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self._training is not None
        self._training.begin(epoch)
        if self._testing is not None:
            self._testing.before_epoch(epoch)
        for variable, value in zip(self.model.metrics_variables, self._metrics, strict=False):
            variable.assign(value)
        self._metrics = ()
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self._training is not None
        self._nothing_left = self._training.finished
        if not self._nothing_left:
            super().on_train_batch_begin(self._training.step, logs)
            self._take_over("train_function", self._training)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self._training is not None
        while self._training.waits and not self._stops():
            time.sleep(LOOK)
        if not self._nothing_left:
            super().on_train_batch_end(self._training.step - 1, self._per_class.apart(logs))
        if self._training.finished and not self.model.stop_training:
            self.model.stop_training = self._epoch_over = True

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Every callback is called, also after one has failed: what is kept is a whole epoch."""
        self._take_back()
        if self._async_train:
            self._flush_futures()
        # One dict for all: a callback may put something in for those after it.
        logs = pythonify_logs(self._per_class.apart(logs))
        failed: list[Exception] = []
        for callback in self.callbacks:
            try:
                callback.on_epoch_end(epoch, logs)
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        assert self._testing is not None
        self._take_back()
        self._testing.begin(0)
        super().on_test_begin(logs)

    def on_test_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self._testing is not None
        super().on_test_batch_begin(self._testing.step, logs)
        self._take_over("test_function", self._testing)

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self._testing is not None
        super().on_test_batch_end(self._testing.step - 1, self._per_class.apart(logs))
        if self._testing.finished:
            self.model.stop_evaluating = True

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        super().on_test_end(self._per_class.apart(logs))

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        super().on_train_end(self._per_class.apart(logs))

    def _take_over(self, name: str, runner: Runner) -> None:
        """Where a callback has called `make_train_function(force=True)`, or that of tests: with what it has changed."""
        made = getattr(self.model, name)
        if made is not runner and made is not None:
            runner.renew(made)
            setattr(self.model, name, runner)

    def _take_back(self) -> None:
        if self._epoch_over:
            self.model.stop_training = self._epoch_over = False
