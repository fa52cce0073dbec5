"""Build the programs of a model by the engine's name, and say what an engine cannot do."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import keras
import tensorflow as tf

from workbench.training.engines import operations
from workbench.training.engines.chunk_rows import chunk_rows
from workbench.training.engines.data import Source
from workbench.training.engines.metrics import Logs, build_metrics
from workbench.training.engines.pixels import as_floats
from workbench.training.engines.programs import (
    Chunk,
    ChunkXLA,
    Mode,
    Plain,
    Program,
    Step,
    Steps,
    TracedStep,
)
from workbench.training.timing import Timing

EngineName = Literal["plain", "steps", "chunk", "chunk-xla"]

CALL_STEPS = 4096


class Builder:
    """The programs of one model in one mode over one source, each built at its first use.

    Args:
        step: the model's `train_step` or `test_step`, maybe wrapped.
        epochs: the epoch before which training ends.
        most: how many steps one call may take.
        timing: gets the time of each part.
    """

    def __init__(
        self,
        model: keras.Model,
        mode: Mode,
        step: Step,
        source: Source,
        epochs: int,
        most: int = CALL_STEPS,
        timing: Timing | None = None,
    ) -> None:
        self.model = model
        self.source = source
        self.most = most
        self.timing = timing or Timing()
        self._mode = mode
        self._step = as_floats(step, source)
        self._epochs = epochs

    @cached_property
    def traced(self) -> TracedStep:
        """The step, traced for batches of any size; every program but `plain` is made of it."""
        if self._mode == "train":
            with self.timing.of("metrics"):
                build_metrics(self.model, self.source.signature())
        with self.timing.of("trace"):
            return self._trace(None)

    @cached_property
    def operations(self) -> frozenset[str]:
        return frozenset(self.traced.operations)

    @cached_property
    def chunk(self) -> Chunk:
        return Chunk(self.traced, chunk_rows(self.source, self._epochs, any_rows=self._mode == "test"))

    def obstacle(self) -> str:
        """Why only `plain` can run this model; empty where others can."""
        if self.model.run_eagerly:
            return "run_eagerly is on"
        make = f"make_{self._mode}_function"
        if getattr(type(self.model), make) is not getattr(keras.Model, make):
            return f"the model has a {make} of its own"
        return ""

    @property
    def slow_in_xla(self) -> bool:
        """True if the step has operations that XLA is known to run badly on this machine."""
        on_cpu = not tf.config.list_physical_devices("GPU")
        return on_cpu and operations.convolutions(self.operations)

    def build(self, name: EngineName) -> Program:
        """A program, traced and compiled, with no step run.

        Raises:
            Exception: whatever tracing or compiling raised.
        """
        if name == "plain":
            return Plain(stock_function(self.model, self._mode, self._step), self.source, self._epochs)
        traced = self.traced  # a part of its own
        with self.timing.of(f"build {name}"):
            if name == "steps":
                program: Program = Steps(traced, self.source, self._epochs)
            elif name == "chunk":
                program = self.chunk
            else:
                return self._build_xla()
            program.prepare()
            return program

    def trace_xla(self) -> ChunkXLA:
        """`chunk-xla`, traced and not yet compiled; `build` compiles it."""
        self.chunk_xla.trace()
        return self.chunk_xla

    @cached_property
    def chunk_xla(self) -> ChunkXLA:
        return self._xla(of_one_size=operations.loops(self.operations))

    def _xla(self, *, of_one_size: bool) -> ChunkXLA:
        traced = self._trace(self.source.batch_size) if of_one_size else self.traced
        return ChunkXLA(traced, chunk_rows(self.source, self._epochs, whole=True), self.chunk)

    def change_xla(self, error: Exception) -> None:
        """`chunk-xla` in another way, not yet compiled, after it could not be compiled.

        Raises:
            Exception: the error, where there is no other way.
        """
        if not isinstance(error, tf.errors.OpError) or operations.loops(self.operations):
            raise error
        # Some other operation wants to know its sizes as well.
        self.chunk_xla = self._xla(of_one_size=True)

    def _build_xla(self) -> Program:
        try:
            self.chunk_xla.prepare()
        except tf.errors.OpError as error:
            self.change_xla(error)
            self.chunk_xla.prepare()
        return self.chunk_xla

    def _trace(self, batch_size: int | None) -> TracedStep:
        return TracedStep(self.model, self._mode, self._step, self.source.signature(batch_size))


def stock_function(model: keras.Model, mode: Mode, step: Step | None = None) -> Callable[[Any], Logs]:
    """Keras' own train or test function, running `step` in place of the model's own if one is given. That of the model,
    which a training may run at this moment, stays what it is."""
    name, before = f"{mode}_step", getattr(model, f"{mode}_function")
    if step is not None:
        setattr(model, name, step)
    try:
        getattr(model, f"make_{mode}_function")(force=True)
        function: Callable[[Any], Logs] = getattr(model, f"{mode}_function")
    finally:
        if step is not None:
            delattr(model, name)
        setattr(model, f"{mode}_function", before)
    return function
