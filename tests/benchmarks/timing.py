"""What a cell of the benchmark measures. Imports nothing heavy."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np


@dataclass(frozen=True)
class Measured:
    """One training, measured.

    Args:
        steps_per_second: steady state: from the median epoch, the first left out.
        first_epoch: seconds from the start of training to the end of the first epoch, compiling included.
        total: seconds of the whole training.
        peak_memory: MiB the process had resident at its peak, data and libraries included.
        note: what was chosen, where something was.
    """

    steps_per_second: float
    first_epoch: float
    total: float
    peak_memory: float
    note: str = ""


class Clock:
    """Started just before training starts; called at each epoch's end."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._epochs: list[tuple[float, float]] = []
        self._epoch_began = self._began

    def leave_out(self, seconds: float) -> None:
        """As if it had been started so much later."""
        self._began += seconds

    def epoch_begins(self) -> None:
        self._epoch_began = time.perf_counter()

    def epoch_ends(self) -> None:
        self._epochs.append((self._epoch_began, time.perf_counter()))

    def measured(self, steps: int, note: str = "") -> Measured:
        """Called when training is over; `steps` is the steps of an epoch."""
        ended = time.perf_counter()
        steady = [end - begin for begin, end in self._epochs[1:]]
        unit = 1024 if sys.platform != "darwin" else 1024**2  # Linux counts in KiB, macOS in bytes
        return Measured(
            steps_per_second=steps / median(steady),
            first_epoch=self._epochs[0][1] - self._began,
            total=ended - self._began,
            peak_memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit,
            note=note,
        )


def orders(rows: int, epochs: int) -> Iterator[np.ndarray]:
    """A permutation of the rows for each epoch, int32, for the trainings written by hand."""
    for epoch in range(epochs):
        yield np.random.default_rng([0, epoch]).permutation(rows).astype("int32")


Cell = Callable[[str, int, int], Measured]
"""Trains a workload (by name) on so many rows for so many epochs."""
