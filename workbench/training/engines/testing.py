"""Run a model's test step over validation rows while it trains, and over other rows afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from workbench.training.engines.builder import CALL_STEPS, Builder, stock_function
from workbench.training.engines.choose import choose, without_difference
from workbench.training.engines.chunk_rows import chunk_rows
from workbench.training.engines.data import Source
from workbench.training.engines.loop import Runner
from workbench.training.engines.measuring import Beginning
from workbench.training.engines.metrics import QuickMetrics
from workbench.training.engines.programs import Chunk, Program, Step

# Steps of validation before XLA compiles them: a short training would not gain what compiling costs. The epoch decides,
# and not how many follow, so that a longer training begins with the same digits as a shorter one, and a resumed one
# goes on with the same.
_UNCOMPILED = 5000


@dataclass
class KeptTest:
    """The compiled test step of a training's validation, which the evaluation after it runs on other rows."""

    chunk: Chunk | None = None


class Tester(Runner):
    """The runner of an evaluation.

    Attributes:
        compiled: what XLA compiles, and the epoch from which on its program runs.
    """

    compiled: tuple[int, Builder] | None = None

    def compile_later(self, epoch: int) -> None:
        """Let XLA compile no earlier than in an epoch."""
        if self.compiled is not None:
            self.compiled = max(self.compiled[0], epoch), self.compiled[1]

    def before_epoch(self, epoch: int) -> None:
        if self.compiled is not None and epoch >= self.compiled[0]:
            self._program, _ = without_difference(self.compiled[1])
            self.compiled = None


def make_tester(
    model: keras.Model,
    source: Source,
    engine: str,
    metrics: QuickMetrics,
    *,
    most: int = CALL_STEPS,
    every_epochs: int = 0,
    compiles_from: int = 0,
    wrap: Callable[[Step], Step] | None = None,
    kept: KeptTest | None = None,
    have_run: Callable[[Program], Program] | None = None,
) -> Tester:
    """The runner of a validation or an evaluation.

    Args:
        source: the rows.
        engine: the engine that trains, or an evaluation's own.
        most: how many steps one call may take.
        every_epochs: of a validation, after how many epochs of training it comes each time; 0 for an evaluation.
        compiles_from: the first epoch in which XLA may compile a validation.
        wrap: called with the model's `test_step`, returns the step to run instead.
        kept: gets the test step of a validation, and has it for an evaluation.
        have_run: has the other processes of the training run the steps of a program as well.
    """

    def step() -> Step:
        return wrap(model.test_step) if wrap else model.test_step

    builder = Builder(model, "test", step(), source, 1, most)
    later = engine == "chunk-xla" and every_epochs > 0
    program = _kept_program(kept, source) if engine == "chunk" and not every_epochs else None
    if program is None:
        program, _ = choose(builder, "chunk" if later else engine, Beginning(steps_left=source.steps))
    _keep(kept, program)
    if have_run is not None:
        program = have_run(program)

    def renewed(name: str) -> Program:
        if have_run is not None:
            return program  # the others run the step as it was
        again = Builder(model, "test", step(), source, 1, most)
        if tester.compiled is not None:
            tester.compiled = tester.compiled[0], again
        changed = again.build(name)  # type: ignore[arg-type]
        _keep(kept, changed)
        return changed

    stock = stock_function(model, "test")
    tester = Tester(model, program, source.steps, stock, metrics, most=most, renewed=renewed)
    if later and program.name == "chunk":
        tester.compiled = max(-(-_UNCOMPILED // source.steps) * every_epochs, compiles_from), builder
    return tester


def _kept_program(kept: KeptTest | None, source: Source) -> Program | None:
    if kept is None or kept.chunk is None:
        return None
    return kept.chunk.over(chunk_rows(source, 1, any_rows=True))


def _keep(kept: KeptTest | None, program: Program) -> None:
    if kept is not None:
        kept.chunk = program if isinstance(program, Chunk) else None
