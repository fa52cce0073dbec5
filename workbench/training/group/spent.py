"""What a process of a training spends on a call of the engine: time, and memory."""

from __future__ import annotations

import time
from typing import NamedTuple

import psutil

from workbench.training.engines.metrics import Logs
from workbench.training.engines.programs import Program
from workbench.training.group.collectives import Collectives


class Spent(NamedTuple):
    """What a process has spent on some steps.

    Attributes:
        seconds: from their beginning to their end.
        waited: seconds of them in which sums were under way that this process had its own numbers for.
        memory: bytes that it has in memory.
    """

    seconds: float
    waited: float
    memory: float

    @property
    def computing(self) -> float:
        """Seconds in which this process computed, and waited for nobody."""
        return max(self.seconds - self.waited, 0.0)


def run_measured(
    program: Program, epoch: int, step: int, count: int, collectives: Collectives
) -> tuple[Logs, Spent]:
    """Run steps, and see what they take."""
    collectives.waited.assign(0.0)
    began = time.perf_counter()
    _, logs = program.run(epoch, step, count)
    waited = float(collectives.waited.numpy())  # only read when the steps are done, also on a GPU
    memory = float(psutil.Process().memory_info().rss)
    return logs, Spent(time.perf_counter() - began, waited, memory)
