"""Train a run again up to a position, at full speed, from its last checkpoint before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.assembly.own_training import variables_with_optimizers
from workbench.data.weights import class_weights
from workbench.errors import FileError
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.checkpoints import CheckpointFolder
from workbench.training.engines import FitSettings, fit
from workbench.training.engines.accumulation import Accumulation, accumulation_of
from workbench.training.engines.programs import Step
from workbench.training.preparing import PreparedRun
from workbench.training.python_state import PythonState
from workbench.training.receipts import WRITERS
from workbench.training.resume import Position, Restoration, fill
from workbench.training.skipping import SkippedSteps

OnStep = Callable[[int, int], None]
Target = tuple[int, int]
Arrays = Mapping[str, np.ndarray]


def state_is_finite(model: Any, accumulation: Accumulation | None) -> bool:
    """True if all weights of a model, all states of its optimizers and all accumulated gradients are finite."""
    if accumulation is not None and not accumulation.is_finite():
        return False
    metrics = {id(variable) for variable in model.metrics_variables}
    return all(
        bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(each))))
        for each in variables_with_optimizers(model)
        if id(each) not in metrics and tf.as_dtype(each.dtype).is_floating
    )


@dataclass(frozen=True)
class Approached:
    """How a training came to a position.

    Attributes:
        began: from where, in words.
        finite: the last position on the way at which the state was seen to be finite; None where it never was.
    """

    began: str
    finite: Target | None


@dataclass(frozen=True)
class Approach:
    """A training that is to end at a position.

    Args:
        run: its checkpoints are read.
        prepared: its model is trained.
        engine: that of the run.
        on_step: called with epoch and step, from 1, now and then.
    """

    run: RunFolder
    prepared: PreparedRun
    engine: str
    on_step: OnStep

    @cached_property
    def accumulation(self) -> Accumulation | None:
        """That of the training, with what it has at the position that was reached."""
        return accumulation_of(self.prepared.document.recipe.train.accumulate, self.prepared.steps, {})

    def settings(self, epochs: int) -> FitSettings:
        """How the run trains, for so many epochs."""
        recipe = self.prepared.document.recipe
        return FitSettings(
            epochs=max(recipe.train.epochs, epochs),
            batch_size=recipe.train.batch_size,
            shuffle=recipe.train.shuffle,
            seed=recipe.seed,
            engine=self.engine,
            class_weight=class_weights(recipe, self.prepared.prepared),
            classes=self.prepared.prepared.preparation.number_names(),
            accumulation=self.accumulation,
        )

    def wrap_step(self, step: Step) -> Step:
        """The step as the run trains it, without one that is left out for it is not finite."""
        wrapped = self.prepared.units().wrap_step(step)
        return self.prepared.augmenter.wrap_step(wrapped) if self.prepared.augmenter else wrapped

    def train(self, target: Target, *, to_validation: bool = False) -> Approached:
        """Train; afterwards the model is as it was at that position.

        Args:
            target: epoch and step, from 0: the steps of that epoch that are behind it.
            to_validation: up to the validation that comes before the target, the beginning of an epoch.
        """
        prepared = self.prepared
        memory = PythonState(prepared.model, prepared.callbacks)
        position = self._restored(memory, target)
        if self.accumulation:
            self.accumulation.go_on(position.arrays)
        until = _Until(target, position, self.on_step, self.accumulation, to_validation=to_validation)
        settings = replace(
            self.settings(target[0] + 1),
            initial_epoch=position.epoch,
            initial_step=position.step,
            initial_metrics=position.metrics if position.step else (),
            pauses=(target,),
        )
        validation = prepared.prepared.validation
        callbacks = [each for each in prepared.callbacks if not isinstance(each, WRITERS)]
        skips = prepared.document.recipe.train.on_nan == "skip"
        skipped = SkippedSteps(prepared.model) if skips else None
        with suppress(_Reached):
            fit(
                prepared.model,
                prepared.feed(prepared.prepared.train, shuffled=settings.shuffle),
                prepared.feed(validation) if validation else None,
                settings,
                [*callbacks, *([skipped] if skipped else []), until],
                wrap_step=lambda step: (
                    skipped.wrap_step(self.wrap_step(step)) if skipped else self.wrap_step(step)
                ),
                wrap_test=prepared.units().wrap_step,
            )
        return Approached(_began(position), until.finite)

    def last_checkpoint(self, before: Target) -> Target | None:
        """The position of the newest checkpoint that is not behind a position; None where there is none."""
        return next((_position_of(position) for _, position, _ in self._checkpoints(before)), None)

    def _restored(self, memory: PythonState, target: Target) -> Position:
        """The newest checkpoint that is not behind the target, in the model."""
        found = next(self._checkpoints(target), None)
        if found is None:
            return Position()
        checkpoint, position, arrays = found
        restoration = fill(memory, checkpoint, position, arrays)
        memory.go_on(position["epoch"])
        return Position(
            *_position_of(position),
            metrics=tuple(arrays[name] for name in sorted(arrays) if name.startswith("metrics/")),
            checkpoint=checkpoint,
            restoration=restoration,
        )

    def _checkpoints(self, before: Target) -> Iterator[tuple[CheckpointFolder, dict[str, Any], Arrays]]:
        """The checkpoints that are not behind a position and whose arrays are finite, the newest first. In one, the
        states of an optimizer may be infinite while the weights are still finite."""
        for folder, position in reversed(checkpoints.whole(self.run.checkpoints)):
            if position["stopped"] or _position_of(position) > before:
                continue
            try:
                checkpoint, position, arrays = checkpoints.read(folder.path)
            except FileError:  # a damaged one
                continue
            kept = (array for name, array in arrays.items() if not name.startswith("metrics/"))
            if all(np.isfinite(array).all() for array in kept if array.dtype.kind == "f"):
                yield checkpoint, position, arrays


def _position_of(position: Mapping[str, Any]) -> Target:
    return int(position["epoch"]), int(position["step"])


def _began(position: Position) -> str:
    """Where a training begins, in words."""
    if position.checkpoint is None:
        return "the start"
    step = f", step {position.step:,}" if position.step else ""
    return f"the checkpoint of epoch {position.epoch + bool(position.step):,}{step}"


class _Reached(Exception):
    """The position is reached."""


class _Until(keras.callbacks.Callback):
    """Ends a training at a position. Must be the last of the callbacks."""

    every_batch = False

    def __init__(
        self,
        target: Target,
        position: Position,
        on_step: OnStep,
        accumulation: Accumulation | None,
        *,
        to_validation: bool,
    ) -> None:
        super().__init__()
        self._target, self._to_validation = target, to_validation
        self._first = position.step
        self._restoration: Restoration | None = position.restoration
        self._on_step = on_step
        self._accumulation = accumulation
        self._epoch = 0
        self.finite: Target | None = None

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._restoration is not None:  # callbacks forget everything when a training begins
            self._restoration.restore()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch
        step, self._first = self._first, 0
        self._reach((epoch, step))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._on_step(self._epoch + 1, batch + 1)
        self._reach((self._epoch, batch + 1))

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._to_validation and self._target == (self._epoch + 1, 0):
            raise _Reached

    def _reach(self, position: Target) -> None:
        if state_is_finite(self.model, self._accumulation):
            self.finite = position
        if not self._to_validation and position == self._target:
            raise _Reached
