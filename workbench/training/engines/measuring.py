"""Measure on real steps of a model which program runs it fastest, where XLA among them pays, and whether they agree."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf

from workbench.events import EngineChosen
from workbench.sentence import short_message
from workbench.training.engines import operations
from workbench.training.engines.agreement import Agreement
from workbench.training.engines.builder import Builder, EngineName
from workbench.training.engines.hand_over import Compiling
from workbench.training.engines.programs import Program

LONG_RUN = 60.0  # seconds: enough to measure `steps` and `plain` too, which seldom win
XLA_GAIN = 1.15  # times the others: what it must be faster, to be chosen for good
CLOSE = 1.6  # times: nearer to one another, they are measured again, so often:
AGAIN = 2
MEASURING = 0.15  # seconds
BRIEF = 0.03  # seconds: to say how many steps there are until XLA has compiled
HOPELESS = 3.0  # a step so many times slower than the best ends a candidate, the time of a call set aside:
CALL_COST = 0.02  # seconds, more than a call takes that runs nothing
SLOW = 0.08  # seconds: a step that takes longer is measured once, for nothing that comes and goes matters beside it

# Compiling by XLA takes half a second, and up to twice as long as tracing the step took: measured with dense, recurrent
# and residual models of 300 to 1,600 operations.
COMPILING = 0.5  # seconds
TRACES = 2.0  # times

Choice = tuple[Program, EngineChosen]


@dataclass(frozen=True)
class Beginning:
    """Where a training begins, and how long it is.

    Attributes:
        epoch: the epoch that it begins with.
        step: the step of that epoch.
        steps_left: the steps that it will run.
    """

    epoch: int = 0
    step: int = 0
    steps_left: int = 0


def first_line(error: BaseException) -> str:
    return short_message(error)[:200]


class Measuring:
    """Measures the candidates.

    Attributes:
        xla_settled: whether XLA was considered, not left out because the training is short.

    Args:
        xla: whether it may be chosen.
    """

    def __init__(self, builder: Builder, beginning: Beginning, *, xla: bool = True) -> None:
        self.xla_settled = True
        self.steps = beginning.steps_left
        self._xla = xla
        self._builder = builder
        self._epoch, self._step = beginning.epoch, beginning.step
        self._begins = beginning.epoch * builder.source.steps + beginning.step
        self._steps_left = beginning.steps_left
        self._programs: dict[str, Program] = {}
        self._speeds: dict[str, float] = {}
        self._notes: list[str] = []
        self._differs: dict[str, str] = {}
        self._agreement: Agreement | None = None
        self._meanwhile: Compiling | None = None

    @property
    def speeds(self) -> dict[str, float]:
        """What was measured so far, in steps per second."""
        return dict(self._speeds)

    def begin(self, at: int = 0) -> int:
        """Measure `chunk` roughly. The step at which to measure the rest, while XLA compiles until then; 0 where XLA
        cannot pay, and nothing is left to be measured later.

        Args:
            at: the step, where it was fixed before.
        """
        chunk = self._builder.build("chunk")
        if operations.unrepeatable(self._builder.operations):
            return 0
        with preserved(self._builder.traced.variables):
            self._measure(chunk, 0.0)
            if at:
                return at
            if not self._xla or not self._xla_may_pay():
                return 0
            self._measure(chunk, BRIEF)
        return self._begins + max(1, math.ceil(self._compiling * self._speeds["chunk"]))

    def later(self, at: int) -> int:
        """A step to measure at, where XLA still compiles when step `at` comes: half as many steps more as were trained
        so far. The same step where so few follow that what is measured would come too late: it is worth waiting."""
        trained = at - self._begins
        left = self._steps_left - trained
        return at + math.ceil(trained / 2) if left > 2 * trained else at

    def fastest(self) -> Choice:
        """Measure all that may be the fastest."""
        chunk = self._builder.build("chunk")
        if unrepeatable := operations.unrepeatable(self._builder.operations):
            reason = f"not measured: steps with {listed(unrepeatable)} cannot be taken back"
            return chunk, EngineChosen(chunk.name, {}, reason)
        with preserved(self._builder.traced.variables) as restore:
            begun = bool(self._speeds)  # then XLA cannot pay, else the rest would be measured later
            if not begun:
                self._measure(chunk, 0.0)
            self._measure_others(restore, xla=not begun and self._xla and self._xla_may_pay())
        return self._fastest_known()

    def fastest_now(self, epoch: int, step: int, compiling: Compiling) -> Choice:
        """The same in the middle of a training, before a step of an epoch, with what XLA has compiled meanwhile."""
        chunk = self._builder.build("chunk")
        self._steps_left -= epoch * self._builder.source.steps + step - self._begins
        self._epoch, self._step = epoch, step
        self._meanwhile = compiling
        try:
            with preserved(self._builder.traced.variables) as restore:
                self._measure_others(restore, xla=True)
            return self._fastest_known()
        except Exception as error:  # the training itself is sound
            return chunk, EngineChosen(chunk.name, {}, f"not measured: {first_line(error)}")

    def _measure_others(self, restore: Callable[[], None], *, xla: bool) -> None:
        """Measure what may be faster than `chunk`, which was measured roughly."""
        if xla:
            self._measure(self._builder.build("chunk"))
            self._try("chunk-xla", restore)
            for _ in range(AGAIN if self._is_close() else 0):
                for program in list(self._programs.values()):
                    self._measure(program)
        if self._seconds_left() > LONG_RUN:
            self._try("steps", restore)
            self._try("plain", restore)

    def _fastest_known(self) -> Choice:
        name = self._best()
        return self._programs[name], EngineChosen(name, self._speeds, self._reason(name), self._differs)

    def _best(self) -> str:
        """The fastest; not XLA where it gains next to nothing, for then a busy machine would decide."""
        others = {name: speed for name, speed in self._speeds.items() if name != "chunk-xla"}
        best = max(others, key=others.__getitem__, default="chunk-xla")
        xla = self._speeds.get("chunk-xla", 0.0)
        return "chunk-xla" if xla > XLA_GAIN * others.get(best, 0.0) else best

    def _is_close(self) -> bool:
        """True if a busy machine may have decided which is faster: a choice is never changed later."""
        speeds = sorted(self._speeds.values())
        return len(speeds) > 1 and speeds[-1] < CLOSE * speeds[0]

    @property
    def _compiling(self) -> float:
        """How long XLA compiles, in seconds, as far as can be said before."""
        return COMPILING + TRACES * self._builder.timing.seconds("trace")

    @property
    def _at_hand(self) -> range:
        """The steps that are run, again and again."""
        return self._builder.source.at_hand(self._epoch, self._step)

    def _seconds_left(self) -> float:
        return self._steps_left / max(self._speeds.values())

    def _xla_may_pay(self) -> bool:
        """True if XLA can save more time than compiling costs, and a compilation in vain is affordable."""
        if random := operations.random(self._builder.operations):
            self._notes.append(f"XLA would draw other random numbers ({listed(random)})")
            return False
        if self._builder.slow_in_xla:
            self._notes.append("XLA runs convolutions badly on a CPU")
            return False
        left = self._seconds_left()
        step = left / self._steps_left
        # Steps of many tiny operations gain most: XLA fuses them and calls none of them one by one.
        gain = left * (0.6 if step < 2e-6 * len(self._builder.traced.operations) else 0.25)
        # A chunk saves at least half a millisecond a step over plain Keras; that much may be risked.
        affordable = 0.02 * left + 0.0005 * self._steps_left
        if self._compiling > min(gain, affordable):
            self._notes.append("the run is too short for XLA to pay")
            self.xla_settled = False
            return False
        return True

    def _try(self, name: EngineName, restore: Callable[[], None]) -> None:
        """Measure a candidate, where it can be compiled and trains as the others do."""
        try:
            meanwhile = self._meanwhile if name == "chunk-xla" else None
            program = meanwhile.program() if meanwhile else self._builder.build(name)
            with self._builder.timing.of(f"compare {name}"):
                difference = self._difference(program, restore)
            if difference:
                self._drop(program, difference)
            else:
                self._measure(program)
        except Exception as error:
            self._notes.append(f"{name} cannot compile this model: {first_line(error)}")

    def _difference(self, program: Program, restore: Callable[[], None]) -> str:
        if self._agreement is None:
            reference = self._programs["chunk"]
            self._agreement = Agreement(self._builder.model, reference, restore, self._epoch, self._at_hand)
        return self._agreement.difference(program)

    def _drop(self, program: Program, difference: str) -> None:
        """Of two that differ, plain Keras is right."""
        if program.name != "plain":
            self._differs[program.name] = difference
            return
        self._differs |= dict.fromkeys(self._speeds, "it returns other numbers than plain Keras")
        self._programs, self._speeds = {}, {}
        self._measure(program)

    def _measure(self, program: Program, seconds: float | None = None) -> None:
        best = max(self._speeds.values(), default=0.0)
        most, at_hand = self._builder.most, self._at_hand
        seconds = MEASURING if seconds is None else seconds
        with self._builder.timing.of(f"measure {program.name}"):
            speed = steps_per_second(program, self._epoch, at_hand, best, seconds, most)
        self._programs[program.name] = program
        self._speeds[program.name] = max(speed, self._speeds.get(program.name, 0.0))

    def _reason(self, name: str) -> str:
        others = {other: speed for other, speed in self._speeds.items() if other != name}
        if not others:
            return "; ".join(self._notes) or "the only candidate"
        second = max(others, key=others.__getitem__)
        return "; ".join([f"{self._speeds[name] / others[second]:.2g} times {second}", *self._notes])


def listed(names: list[str]) -> str:
    return ", ".join(name for name in names if not name.startswith("StatelessRandomGet")) or ", ".join(names)


def steps_per_second(
    program: Program, epoch: int, steps: range, best: float, seconds: float, most: int
) -> float:
    """The speed of a program over these steps of an epoch, from the first of them on, changing the model's variables.

    Args:
        best: the speed of the fastest so far, in steps per second: far below it, a few steps are enough.
        seconds: how long to measure; 0 for a rough value of a few steps.
        most: how many steps one call may take.
    """
    _timed(program, epoch, steps[:1], most)  # the first step also pays for what a program makes lazily
    speed = _timed(program, epoch, steps[:1], most)
    if 1 / speed > SLOW:
        return speed
    speed = max(speed, *(_timed(program, epoch, steps[:1], most) for _ in range(2)))
    if best and 1 / speed > HOPELESS / best + CALL_COST:
        return speed
    count, total = min(4, len(steps)), 0.0
    while total == 0.0 or total < seconds:
        new = _timed(program, epoch, steps[:count], most)
        total += count / new
        speed = max(speed, new)
        count = min(len(steps), max(count, math.ceil(new * seconds / 3)))
    return speed


def _timed(program: Program, epoch: int, steps: range, most: int) -> float:
    began = time.perf_counter()
    step = steps.start
    while step < steps.stop:
        ran, logs = program.run(epoch, step, min(most, steps.stop - step))
        step += ran
    keras.tree.map_structure(keras.ops.convert_to_numpy, logs)
    return len(steps) / (time.perf_counter() - began)


@contextmanager
def preserved(variables: Iterable[tf.Variable]) -> Iterator[Callable[[], None]]:
    """Put back the values that the variables had, in the end and whenever the returned function is called."""
    saved = [(variable, tf.identity(variable)) for variable in variables]

    def restore() -> None:
        for variable, value in saved:
            variable.assign(value)

    try:
        yield restore
    finally:
        restore()
