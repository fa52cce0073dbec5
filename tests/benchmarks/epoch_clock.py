"""The times of epochs, for every column that trains with Keras. Imports nothing of kwb."""

from __future__ import annotations

from typing import Any

import keras

from tests.benchmarks.timing import Clock


class EpochClock(keras.callbacks.Callback):
    """Reports each epoch to a clock; has no hook for batches, so that it costs stock Keras nothing."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._clock.epoch_begins()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._clock.epoch_ends()
