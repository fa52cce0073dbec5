"""Begin to train with `chunk` while XLA compiles in a thread, and go on with what is faster from a fixed step on.

XLA compiles outside of Python, for seconds in which the training goes on at nearly its full speed. It compiles for the
shapes of the variables, not for the variables: a run without a step on others in their place is enough, and the model's
own are not touched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import tensorflow as tf

from workbench.process import leave_without
from workbench.training.engines.builder import Builder
from workbench.training.engines.metrics import Logs
from workbench.training.engines.programs import Program

MOST_BYTES = 1 << 28  # of the variables: beyond, others in their place take too much memory


class Compiling:
    """`chunk-xla` of a model, compiled in a thread as far as it can be.

    Args:
        builder: builds it.
        begins: begin now; else it is compiled when it is asked for.
    """

    def __init__(self, builder: Builder, *, begins: bool = True) -> None:
        self._builder = builder
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        if not begins or _bytes(builder.traced.variables) > MOST_BYTES:
            return
        with suppress(Exception), builder.timing.of("trace chunk-xla"):
            builder.trace_xla()
            self._thread = threading.Thread(target=self._compile, name="compiling")
            leave_without(self._thread)
            self._thread.start()

    @property
    def ended(self) -> bool:
        """True if the thread has nothing to do any more."""
        return self._thread is None or not self._thread.is_alive()

    def program(self) -> Program:
        """The compiled program; waits for it.

        Raises:
            Exception: whatever compiling raised.
        """
        self.wait()
        if self._error is not None:
            self._builder.change_xla(self._error)
            self._error = None
        return self._builder.build("chunk-xla")

    def wait(self) -> None:
        """Wait for the thread."""
        if self._thread is not None:
            self._thread.join()

    def _compile(self) -> None:
        try:
            self._builder.trace_xla().compile_apart()
        except Exception as error:
            self._error = error


def _bytes(variables: Sequence[tf.Variable]) -> int:
    return sum(each.shape.num_elements() * each.dtype.size for each in variables)


class HandOver:
    """`chunk` up to a step, then the program that is chosen there.

    Args:
        builder: builds the programs.
        at: the step, from the first one of the first epoch.
        compiling: what the step waits for.
        settle: called once, before that step with its epoch and its number there; returns the program that goes on.
        postpone: called with the step when it has come and XLA still compiles; returns a later one, or the same where
            it is worth waiting. None where the step was fixed before.
    """

    def __init__(
        self,
        builder: Builder,
        at: int,
        compiling: Compiling,
        settle: Callable[[int, int], Program],
        postpone: Callable[[int], int] | None = None,
    ) -> None:
        self._program = builder.build("chunk")
        self._steps = builder.source.steps
        self._at = at
        self._compiling = compiling
        self._settle: Callable[[int, int], Program] | None = settle
        self._postpone = postpone

    @property
    def name(self) -> str:
        return self._program.name

    @property
    def gives_metrics(self) -> bool:
        return self._program.gives_metrics

    @property
    def settled(self) -> bool:
        """True once the step has come."""
        return self._settle is None

    def waits(self, epoch: int, step: int) -> bool:
        """True if a step cannot run before XLA has compiled, which still takes a while."""
        return self._is_due(epoch, step) and not self._compiling.ended

    def prepare(self) -> None:
        self._program.prepare()

    def run(self, epoch: int, step: int, count: int) -> tuple[int, Logs]:
        if self._settle is not None and self._is_due(epoch, step):
            settle, self._settle = self._settle, None
            self._program = settle(epoch, step)
        if self._settle is not None:
            count = min(count, self._before(epoch, step))
        return self._program.run(epoch, step, count)

    def _is_due(self, epoch: int, step: int) -> bool:
        """Whether a step is that of the hand-over; it is not, where XLA still compiles and a later one is better."""
        if self._settle is None or self._before(epoch, step) > 0:
            return False
        if self._postpone is not None and not self._compiling.ended:
            self._at = self._postpone(self._at)
        return self._before(epoch, step) <= 0

    def _before(self, epoch: int, step: int) -> int:
        """How many steps there are from this one until the one of the hand-over."""
        return self._at - (epoch * self._steps + step)
