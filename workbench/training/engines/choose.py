"""Choose a program: the one asked for, or the fastest measured on real steps of this model.

Measuring must never cost more than it saves. Every program but `plain` is made of one trace of the step, which stock
Keras needs as well, so `chunk` costs nothing extra. XLA is tried where the time it can save outweighs compiling, and
dropped after a few steps where it is slow. What measuring changes (weights, optimizer, metrics, seeds) is put back, so
that training ends with the same bits as if the engine had been named in the first place.

A choice is kept (`choices`), and the next training of the same step uses it without measuring.

No choice changes what a training learns. `plain`, `steps` and `chunk` run the same operations and end with the same
bits. XLA adds in another order, which is all that it may do: one whose numbers are others is not chosen, nor is
it for a model that draws random numbers, which XLA's generators draw differently.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import keras
import tensorflow as tf

from workbench.events import EngineChosen
from workbench.sentence import short_message
from workbench.training.engines import operations
from workbench.training.engines.agreement import Agreement
from workbench.training.engines.builder import Builder, EngineName
from workbench.training.engines.choices import Choices, Kept, fingerprint, longer
from workbench.training.engines.data import StreamSource
from workbench.training.engines.programs import Program

TINY_RUN = 64  # steps: less than any measuring
LONG_RUN = 60.0  # seconds: enough to measure `steps` and `plain` too, which seldom win
XLA_GAIN = 1.15  # times the others: what it must be faster, to be chosen for good
CLOSE = 1.6  # times: nearer to one another, they are measured again, so often:
AGAIN = 2
MEASURING = 0.15  # seconds
HOPELESS = 3.0  # a step so many times slower than the best ends a candidate, the time of a call set aside:
CALL_COST = 0.02  # seconds, more than a call takes that runs nothing

# Compiling by XLA takes half a second, and up to twice as long as tracing the step took: measured with dense, recurrent
# and residual models of 300 to 1,600 operations.
COMPILING = 0.5  # seconds
TRACES = 2.0  # times

Choice = tuple[Program, EngineChosen]


def choose(
    builder: Builder,
    wanted: str,
    epoch: int,
    steps_left: int,
    reason: str = "",
    choices: Choices | None = None,
) -> Choice:
    """The program to train with.

    Args:
        wanted: an engine's name, "auto", or "measure": as "auto", whatever was chosen before.
        epoch: the epoch that training begins with.
        steps_left: the steps that training will run.
        reason: what has been decided before, to be reported with the choice.
        choices: where choices are kept; None keeps none.
    """
    program, chosen = _choose(builder, wanted, epoch, steps_left, choices)
    reason = "; ".join(filter(None, (reason, chosen.reason)))
    return program, replace(chosen, reason=reason, timing=builder.timing.as_record())


def _choose(builder: Builder, wanted: str, epoch: int, steps_left: int, choices: Choices | None) -> Choice:
    if wanted == "plain":
        return _plain(builder, "asked for")
    if obstacle := builder.obstacle():
        return _plain(builder, obstacle)
    if wanted not in ("auto", "measure"):
        return _named(builder, wanted, epoch)
    if isinstance(builder.source, StreamSource):
        return _fallback(builder, "steps", "the data is read as a stream")
    if steps_left <= TINY_RUN:
        return _plain(builder, f"{steps_left} steps are too few to gain anything")
    try:
        if choices is None:
            return _Measuring(builder, epoch, steps_left).fastest()
        return _as_before(builder, epoch, steps_left, choices, again=wanted == "measure")
    except Exception as error:  # the model's own code ran: anything may have been raised
        return _plain(builder, f"the training step cannot be compiled: {first_line(error)}")


def _as_before(builder: Builder, epoch: int, steps_left: int, choices: Choices, *, again: bool) -> Choice:
    """The choice kept for this step; where there is none that serves, one that is measured now and kept."""
    key, kept, shorter = fingerprint(builder), None, None
    while not again and (kept := choices.get(key)) is not None and not kept.holds(steps_left):
        shorter, key = kept, longer(key)  # which keeps what it has: its numbers stay the same as well
    if kept is not None:
        with suppress(Exception):  # what could be compiled then may not be now: measured again
            return _kept_choice(builder, kept)
    measuring = _Measuring(builder, epoch, steps_left, xla=shorter is None or not shorter.xla_settled)
    program, chosen = measuring.fastest()
    if not chosen.candidates:
        return program, chosen
    other = None if again or kept is not None else choices.get(key)
    if other is not None:  # another kwb has measured meanwhile
        return _kept_choice(builder, other)
    choices.keep(
        key, Kept(chosen.engine, chosen.candidates, steps_left, measuring.xla_settled, chosen.differs)
    )
    if shorter is not None and "chunk-xla" in (shorter.engine, chosen.engine):
        note = f"far longer than what {shorter.engine} was chosen for on {shorter.day}: the last digits may be others"
        chosen = replace(chosen, reason=f"{chosen.reason}; {note}")
    return program, chosen


def _kept_choice(builder: Builder, kept: Kept) -> Choice:
    reason = f"as measured on {kept.day}"
    program = builder.build(kept.engine)  # type: ignore[arg-type]
    return program, EngineChosen(kept.engine, kept.speeds, reason, kept.differs)


def first_line(error: BaseException) -> str:
    return short_message(error)[:200]


def _plain(builder: Builder, reason: str) -> Choice:
    return builder.build("plain"), EngineChosen("plain", {}, reason)


def _named(builder: Builder, wanted: str, epoch: int) -> Choice:
    if isinstance(builder.source, StreamSource) and wanted != "steps":
        return _fallback(builder, "steps", f"the data is read as a stream, which {wanted} cannot do")
    program, chosen = _fallback(builder, wanted, "asked for")
    if chosen.engine == "chunk-xla" and (difference := _difference(builder, program, epoch)):
        chosen = replace(chosen, differs={"chunk-xla": difference})
    return program, chosen


def without_difference(builder: Builder, epoch: int = 0) -> Choice:
    """`chunk-xla` where its numbers are those of plain Keras, else `chunk`."""
    program, chosen = _named(builder, "chunk-xla", epoch)
    if not chosen.differs:
        return program, chosen
    return builder.build("chunk"), replace(chosen, engine="chunk")


def _difference(builder: Builder, program: Program, epoch: int) -> str:
    """How a program compiled by XLA differs from plain Keras, in words; empty where it does not, as far as is known."""
    random = operations.random(builder.operations)
    if operations.unrepeatable(builder.operations):
        return f"XLA draws other random numbers ({_listed(random)})" if random else ""
    reference = builder.build("chunk")
    with preserved(builder.traced.variables) as restore:
        agreement = Agreement(builder.model, reference, restore, epoch, builder.source.steps)
        difference = agreement.difference(program)
    if difference and random:
        return f"{difference}; XLA draws other random numbers ({_listed(random)})"
    return difference


def _fallback(builder: Builder, name: str, reason: str) -> Choice:
    """The named program; where it cannot be compiled, plain, which then also gives the clearest error of the model
    itself."""
    try:
        program = builder.build(name)  # type: ignore[arg-type]
    except Exception as error:
        return _plain(builder, f"{name} cannot compile this model: {first_line(error)}")
    return program, EngineChosen(program.name, {}, reason)


class _Measuring:
    """Measures the candidates.

    Attributes:
        xla_settled: whether XLA was considered, not left out because the training is short.

    Args:
        xla: whether it may be chosen.
    """

    def __init__(self, builder: Builder, epoch: int, steps_left: int, *, xla: bool = True) -> None:
        self.xla_settled = True
        self._xla = xla
        self._builder = builder
        self._epoch = epoch
        self._steps_left = steps_left
        self._programs: dict[str, Program] = {}
        self._speeds: dict[str, float] = {}
        self._notes: list[str] = []
        self._differs: dict[str, str] = {}
        self._agreement: Agreement | None = None

    def fastest(self) -> Choice:
        traced = self._builder.traced
        chunk = self._builder.build("chunk")
        if unrepeatable := operations.unrepeatable(self._builder.operations):
            reason = f"not measured: steps with {_listed(unrepeatable)} cannot be taken back"
            return chunk, EngineChosen(chunk.name, {}, reason)
        with preserved(traced.variables) as restore:
            self._measure(chunk, long=False)
            if self._xla and self._xla_may_pay():
                self._measure(chunk)
                self._try("chunk-xla", restore)
                for _ in range(AGAIN if self._is_close() else 0):
                    for program in list(self._programs.values()):
                        self._measure(program)
            if self._seconds_left() > LONG_RUN:
                self._try("steps", restore)
                self._try("plain", restore)
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

    def _seconds_left(self) -> float:
        return self._steps_left / max(self._speeds.values())

    def _xla_may_pay(self) -> bool:
        """True if XLA can save more time than compiling costs, and a compilation in vain is affordable."""
        if random := operations.random(self._builder.operations):
            self._notes.append(f"XLA would draw other random numbers ({_listed(random)})")
            return False
        if self._builder.slow_in_xla:
            self._notes.append("XLA runs convolutions badly on a CPU")
            return False
        left = self._seconds_left()
        compiling = COMPILING + TRACES * self._builder.timing.seconds("trace")
        step = left / self._steps_left
        # Steps of many tiny operations gain most: XLA fuses them and calls none of them one by one.
        gain = left * (0.6 if step < 2e-6 * len(self._builder.traced.operations) else 0.25)
        # A chunk saves at least half a millisecond a step over plain Keras; that much may be risked.
        affordable = 0.02 * left + 0.0005 * self._steps_left
        if compiling > min(gain, affordable):
            self._notes.append("the run is too short for XLA to pay")
            self.xla_settled = False
            return False
        return True

    def _try(self, name: EngineName, restore: Callable[[], None]) -> None:
        """Measure a candidate, where it can be compiled and trains as the others do."""
        try:
            program = self._builder.build(name)
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
            source = self._builder.source
            reference = self._programs["chunk"]
            self._agreement = Agreement(self._builder.model, reference, restore, self._epoch, source.steps)
        return self._agreement.difference(program)

    def _drop(self, program: Program, difference: str) -> None:
        """Of two that differ, plain Keras is right."""
        if program.name != "plain":
            self._differs[program.name] = difference
            return
        self._differs |= dict.fromkeys(self._speeds, "it returns other numbers than plain Keras")
        self._programs, self._speeds = {}, {}
        self._measure(program)

    def _measure(self, program: Program, *, long: bool = True) -> None:
        best = max(self._speeds.values(), default=0.0)
        source, most = self._builder.source, self._builder.most
        with self._builder.timing.of(f"measure {program.name}"):
            speed = steps_per_second(
                program, self._epoch, source.steps, best, MEASURING if long else 0.0, most
            )
        self._programs[program.name] = program
        self._speeds[program.name] = max(speed, self._speeds.get(program.name, 0.0))

    def _reason(self, name: str) -> str:
        others = {other: speed for other, speed in self._speeds.items() if other != name}
        if not others:
            return "; ".join(self._notes) or "the only candidate"
        second = max(others, key=others.__getitem__)
        return "; ".join([f"{self._speeds[name] / others[second]:.2g} times {second}", *self._notes])


def _listed(names: list[str]) -> str:
    return ", ".join(name for name in names if not name.startswith("StatelessRandomGet")) or ", ".join(names)


def steps_per_second(
    program: Program, epoch: int, steps: int, best: float, seconds: float, most: int
) -> float:
    """The speed of a program over steps from the first of an epoch on, changing the model's variables.

    Args:
        best: the speed of the fastest so far, in steps per second: far below it, a few steps are enough.
        seconds: how long to measure; 0 for a rough value of a few steps.
        most: how many steps one call may take.
    """
    _timed(program, epoch, 1, most)  # the first step also pays for what a program makes lazily
    speed = max(_timed(program, epoch, 1, most) for _ in range(3))
    if best and 1 / speed > HOPELESS / best + CALL_COST:
        return speed
    count, total = min(4, steps), 0.0
    while total == 0.0 or total < seconds:
        new = _timed(program, epoch, count, most)
        total += count / new
        speed = max(speed, new)
        count = min(steps, max(count, math.ceil(new * seconds / 3)))
    return speed


def _timed(program: Program, epoch: int, count: int, most: int) -> float:
    began = time.perf_counter()
    step = 0
    while step < count:
        ran, logs = program.run(epoch, step, min(most, count - step))
        step += ran
    keras.tree.map_structure(keras.ops.convert_to_numpy, logs)
    return count / (time.perf_counter() - began)


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
