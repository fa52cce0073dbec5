"""The first of several processes that train one model: it runs Keras' loop, and has the others run the same steps.

Only the chief has callbacks, a run folder and events. The others know nothing of epochs: they run the steps that the
chief names, and take from it what a callback has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench import events
from workbench.errors import TrainingError
from workbench.sentence import short_message
from workbench.training.engines.accumulation import Accumulation
from workbench.training.engines.data import Source
from workbench.training.engines.metrics import Logs
from workbench.training.engines.programs import Program, Step
from workbench.training.engines.shares import Share
from workbench.training.group.advice import LoneStep, expected
from workbench.training.group.balance import Balance
from workbench.training.group.collectives import LOST, Collectives
from workbench.training.group.gradients import with_summed_gradients
from workbench.training.group.replica import Joined, Replica
from workbench.training.group.rows import form_of_rows
from workbench.training.group.spent import Spent, run_measured
from workbench.training.group.steps import ACCUMULATED, SUMS, StepsToRun

Send = Callable[[StepsToRun], None]

_MOST = 0.5  # of the time may go into adding up gradients


class Chief:
    """What a training knows of the other processes. See `engines.together`.

    Args:
        send: sends steps to all other processes.
        on_lost: called where another process cannot be reached any more.
        on_goes_in: called with what goes into the training, before the first step (see `receipts.what_goes_in`).

    Attributes:
        others: layers that are no part of the model, and draw random numbers too.
        plain_graphs: whether graphs run as they are (see `thread_settings`).
        sum_in: see `with_summed_gradients`.
        emit: called with what is measured.
    """

    def __init__(
        self,
        collectives: Collectives,
        send: Send,
        on_lost: Callable[[Exception], None],
        on_goes_in: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self.collectives = collectives
        self.on_goes_in = on_goes_in
        self.others: Sequence[Any] = ()
        self.plain_graphs = False
        self.sum_in = "float32"
        self.emit: Callable[[events.Event], None] = lambda event: None
        self._send = send
        self._on_lost = on_lost
        self._replica: Replica | None = None
        self._known: list[int] = []
        self._balance = Balance(self.share.size)
        self._said = False
        self._model: Any = None
        self._step: Step | None = None
        self._batches = 1  # that an optimizer steps after
        self._source: Source | None = None

    @property
    def share(self) -> Share:
        return self.collectives.share

    def wrap_step(self, step: Step, model: Any, accumulation: Accumulation | None) -> Step:
        self._model, self._step = model, step
        if accumulation:
            self._batches = accumulation.batches
            accumulation.collect = lambda: self._collect(accumulation)
        return with_summed_gradients(step, model, self.collectives, accumulation, self.sum_in)

    def program(self, program: Program, model: Any, source: Source, part: str) -> Program:
        if program.name == "plain":
            raise TrainingError(
                "this model trains step by step only (its step cannot be compiled, or runs eagerly), which several "
                "processes cannot do together.",
                where="train.workers",
                hint="Train it with `workers: 1`.",
            )
        if part == "train":
            self._source = source
        if self._replica is None:
            self._replica = Replica(model, self.collectives, self.others)
        return _SharedProgram(program, source, part, self)

    def run(self, steps: StepsToRun, rows: int, program: Program) -> Logs:
        """Run steps in all processes: the logs of all.

        Args:
            rows: of all these steps.
        """
        try:
            if steps.part == "train" and not self._known:
                self._advise(steps)
            began = time.perf_counter()
            self._begin(steps)
            self.collectives.alone.assign(steps.alone)
            logs, spent = run_measured(program, steps.epoch, steps.step, steps.count, self.collectives)
            joined = self._end(steps, logs, spent, given_by_metrics=program.gives_metrics)
        except LOST as error:
            self._on_lost(error)
            raise
        if steps.part == "train":
            self._balance.add(steps.count, rows, time.perf_counter() - began, joined.spent)
            self._report()
        return joined.logs

    def _advise(self, steps: StepsToRun) -> None:
        """Say before the first step what several processes are expected to gain."""
        assert self._replica is not None
        assert self._source is not None
        assert self._step is not None
        traced = self.collectives.traced()
        measured = StepsToRun(SUMS, 0, 0, 0, 0, plain_graphs=steps.plain_graphs, form=self._replica.form)
        self._send(replace(measured, sums=traced))
        lone: LoneStep | Exception
        try:
            lone = LoneStep(self._model, self._step, self._source)
        except Exception as error:  # the model's own code: the training itself shows what is wrong with it
            lone = error
        sums = (
            self.collectives.seconds_of(traced) / self._batches
        )  # the others wait for it, whatever happened
        try:
            if isinstance(lone, Exception):
                raise lone
            batch = self._source.whole_batch(steps.epoch, steps.step)
            found = expected(lone, batch, self.share, sums)
        except Exception as error:
            text = f"what {self.share.size} processes gain is not known: {short_message(error)}"
            self.emit(events.Message("info", text))
            return
        if found is not None:
            self._balance.alone, self._balance.expected_speed_up = found.alone, found.times
            self.emit(found.message())

    def _report(self) -> None:
        """Report what was measured, from time to time."""
        if (found := self._balance.news()) is None:
            return
        self.emit(found)
        if not self._said:
            self._said = True
            self.emit(_in_words(found, self._balance.step))

    def _collect(self, accumulation: Accumulation) -> None:
        """Take what the others have accumulated."""
        try:
            self._send(StepsToRun(ACCUMULATED, 0, 0, 0, 0))
            accumulation.join(self.collectives.sum, first=True)
        except LOST as error:
            self._on_lost(error)
            raise

    def _begin(self, steps: StepsToRun) -> None:
        """Have the others run steps, with what has changed here since those before."""
        assert self._replica is not None
        if not self._known:
            self._send(replace(steps, form=self._replica.form))
            self._replica.begin()
            return
        now = self._replica.fingerprints()
        changed = [index for index, (new, old) in enumerate(zip(now, self._known, strict=True)) if new != old]
        self._send(steps.with_changes(changed))
        self._replica.take(changed)

    def _end(self, steps: StepsToRun, logs: Logs, spent: Spent, *, given_by_metrics: bool) -> Joined:
        """After these steps: what all processes have done."""
        assert self._replica is not None
        rows = self.share.rows_of(steps.rows)
        joined = self._replica.join(logs, rows, spent, given_by_metrics=given_by_metrics)
        self._known = joined.fingerprints
        return joined


class _SharedProgram:
    """A program whose steps all processes run."""

    def __init__(self, program: Program, source: Source, part: str, chief: Chief) -> None:
        self.name = program.name
        self.gives_metrics = program.gives_metrics
        self._program = program
        self._part = part
        self._chief = chief
        self._form = form_of_rows(source)
        self._last = source.steps - 1
        self._rows = source.batch_size
        self._last_rows = source.rows - self._last * source.batch_size
        # Every process takes such a batch whole: it is counted in the chief alone, so it is a call of its own.
        self._alone = chief.share.undivided(self._last_rows)

    def prepare(self) -> None:
        self._program.prepare()

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        if self._alone and step < self._last:
            count = min(count, self._last - step)
        alone = self._alone and step == self._last
        rows = self._last_rows if step + count > self._last else self._rows
        rows_of_all = rows + (count - 1) * self._rows
        steps = StepsToRun(self._part, epoch, step, count, rows, alone, self._chief.plain_graphs)
        steps = replace(steps, rows_of_part=self._form)
        self._form = ""
        return count, self._chief.run(steps, rows_of_all, self._program)


def _in_words(found: events.Processes, step: float) -> events.Message:
    """What adding up gradients costs.

    Args:
        step: seconds of a step.
    """
    text = (
        f"a step takes {1000 * step:.3g} ms; adding up the gradients of {found.count} processes is "
        f"{1000 * step * found.adding_up:.3g} ms of that ({round(100 * found.adding_up)} %)"
    )
    if found.adding_up <= _MOST or found.expected_speed_up:  # that was warned of before the first step
        return events.Message("info", text)
    return events.Message("warning", f"{text}: one process, or a larger batch, may be faster")
