"""The steps of a training one at a time, from any position on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from workbench.assembly.own_training import variables_with_optimizers
from workbench.keras_private import backend_value
from workbench.training.engines.accumulation import Accumulation
from workbench.training.engines.builder import Builder, EngineName
from workbench.training.engines.data import Arrays, ArraySource, Stream
from workbench.training.engines.fit import FitSettings, make_source, make_test_source
from workbench.training.engines.metrics import Logs
from workbench.training.engines.pixels import as_floats
from workbench.training.engines.plans import parse_plan
from workbench.training.engines.programs import Mode, Program, Step


@dataclass(frozen=True)
class SingleSteps:
    """The steps of a model over data, in the order and with the compiled step of `fit`.

    Args:
        model: compiled and built.
        data: of training, or of the validation.
        settings: as `fit` gets them; the engine is named.
        mode: whether to train or to test.
        wrap_step: as `fit` gets it.
    """

    model: keras.Model
    data: Arrays | Stream
    settings: FitSettings
    mode: Mode = "train"
    wrap_step: Callable[[Step], Step] | None = None

    @cached_property
    def _source(self) -> Any:
        make = make_source if self.mode == "train" else make_test_source
        return make(self.data, self.settings)

    @cached_property
    def _builder(self) -> Builder:
        return Builder(self.model, self.mode, self._wrapped(), self._source, self.settings.epochs, 1)

    @cached_property
    def _programs(self) -> dict[EngineName, Program]:
        return {}

    def _program(self, epoch: int, step: int) -> Program:
        """That of the engine that ran this step."""
        name: EngineName = "plain" if self._builder.obstacle() else "steps"
        plan = parse_plan(self.settings.engine)
        # Where engines hand over, validation is chunk's, as in `fit`.
        planned = plan.engine_at(epoch * self.steps + step if self.mode == "train" else 0)
        if not self._builder.obstacle() and planned in ("plain", "steps", "chunk", "chunk-xla"):
            name = cast("EngineName", planned)
        if name not in self._programs:
            self._programs[name] = self._builder.build(name)
        return self._programs[name]

    def _wrapped(self) -> Step:
        step = self.model.train_step if self.mode == "train" else self.model.test_step
        step = self.wrap_step(step) if self.wrap_step else step
        accumulation = self._accumulation
        return accumulation.wrap_step(step, self.model) if accumulation else step

    @property
    def _accumulation(self) -> Accumulation | None:
        return self.settings.accumulation if self.mode == "train" else None

    @property
    def step(self) -> Step:
        """The step itself, for batches as `batch` gives them."""
        return as_floats(self._wrapped(), self._source)

    @property
    def steps(self) -> int:
        """The steps of an epoch."""
        return int(self._source.steps)

    def run(self, epoch: int, step: int) -> Logs:
        """Run one step, both counted from 0; the logs after it."""
        program = self._program(epoch, step)
        if self._accumulation:
            self._accumulation.go_to(step)
        return program.run(epoch, step, 1)[1]

    def batch(self, epoch: int, step: int) -> Any:
        """The batch of a step, as tensors."""
        return next(iter(self._source.dataset(epoch, step, epoch + 1)))

    def rows(self, epoch: int, step: int) -> np.ndarray | None:
        """The positions in the data of the rows of a batch; None for a stream, which does not say."""
        if not isinstance(self._source, ArraySource):
            return None
        first = step * self._source.batch_size
        return self._source.order(epoch)[first : first + self._source.batch_size]

    def variables(self) -> list[tf.Variable]:
        """All that a step may change."""
        found = [
            backend_value(each) if isinstance(each, keras.Variable) else each
            for each in (*variables_with_optimizers(self.model), *self.model.metrics_variables)
        ]
        found += [] if self._builder.obstacle() else list(self._builder.traced.variables)
        return list({id(each): each for each in found if isinstance(each, tf.Variable)}.values())
