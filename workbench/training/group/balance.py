"""Where the time of several processes goes: computing, adding up, waiting for one of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from workbench import events
from workbench.training.group.spent import Spent

EVERY = 2.0  # seconds between two events;
_FIRST = 0.25  # between the first two, and then twice as many each time until it is that
_WARM_CALLS = 3  # the first ones are of few steps, and hold what TensorFlow does once
_OLD = 0.5  # what is before an event counts so much after it
_LONG = 1.0  # seconds: of less, nobody is called slower than the others
_SLOWER = 1.25  # times what the others compute,
_WAITING = 0.1  # and so much of the time has to be lost by it


class Balance:
    """What the processes have spent on training lately. What is long ago counts less and less.

    Attributes:
        expected_speed_up: see `events.Processes`; 0 for unknown.
        alone: seconds that one process alone takes for a step; 0 for unknown.
    """

    def __init__(self, count: int) -> None:
        self.expected_speed_up = 0.0
        self.alone = 0.0
        self._count = count
        self._calls = 0
        self._steps = self._rows = self._seconds = 0.0
        self._computing = [0.0] * count
        self._waited = [0.0] * count
        self._memory = [0] * count
        self._due = 0.0
        self._wait = _FIRST

    def add(self, steps: int, rows: int, seconds: float, spent: Sequence[Spent]) -> None:
        """Take in a call.

        Args:
            steps: that all processes have run together.
            rows: of these steps.
            seconds: the call took.
            spent: by each process, by rank.
        """
        self._calls += 1
        self._memory = [int(each.memory) for each in spent]
        if self._calls <= _WARM_CALLS:
            return
        self._steps += steps
        self._rows += rows
        self._seconds += seconds
        for rank, each in enumerate(spent):
            self._computing[rank] += each.computing
            self._waited[rank] += each.waited

    def news(self) -> events.Processes | None:
        """What is to be reported now; None where the last time was a moment ago."""
        now = time.monotonic()
        if not self._steps or now < self._due:
            return None
        self._due = now + self._wait
        self._wait = min(2 * self._wait, EVERY)
        found = self.now()
        self._steps, self._rows, self._seconds = (
            _OLD * each for each in (self._steps, self._rows, self._seconds)
        )
        self._computing = [_OLD * each for each in self._computing]
        self._waited = [_OLD * each for each in self._waited]
        return found

    def now(self) -> events.Processes:
        """As it is at this moment; a call must have been taken in."""
        step = self._seconds / self._steps
        return events.Processes(
            self._count,
            rows_per_second=self._rows / self._seconds,
            # Who waits least is the last to have its numbers: the sum itself takes that long.
            adding_up=min(min(self._waited) / self._seconds, 1.0),
            computing=[each / self._steps for each in self._computing],
            memory=self._memory,
            straggler=self._straggler(),
            speed_up=self.alone / step,
            expected_speed_up=self.expected_speed_up,
        )

    @property
    def step(self) -> float:
        """Seconds of a step."""
        return self._seconds / self._steps

    def _straggler(self) -> int:
        """The number, from 1, of the process that the others wait for; 0 for none."""
        slowest = max(self._computing)
        rank = self._computing.index(slowest)
        others = median(self._computing[:rank] + self._computing[rank + 1 :])
        lost = slowest - others
        clearly = slowest > _SLOWER * others and lost > _WAITING * self._seconds
        return rank + 1 if clearly and self._seconds >= _LONG else 0
