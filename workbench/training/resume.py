"""Exact resume: write a training's whole state into a checkpoint, and restore it.

What decides how a training goes on: the weights; the optimizer's slots, iterations and learning rate; the state of
seed generators (dropout, noise); the position in the epoch, with the metrics summed so far; the state of callbacks
and of the model's own classes (best value, patience left, best weights, a second optimizer: see `python_state`); the
engine; whether the data was streamed. The order of rows needs no saving: it is drawn from the seed and the epoch's
number, in one way for rows in memory and in another for a stream.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from workbench import events
from workbench.errors import FileError
from workbench.keras_private import global_seed
from workbench.storage.layer_paths import variables_by_path
from workbench.storage.optimizers import optimizers
from workbench.storage.run_folder import RunFolder
from workbench.training import checkpoints
from workbench.training.checkpoints import CheckpointFolder
from workbench.training.control import Control
from workbench.training.ema_weights import SwappedWeights
from workbench.training.engines.accumulation import Accumulation
from workbench.training.finite import weights_are_finite
from workbench.training.old_checkpoints import not_kept, translated
from workbench.training.progress import Progress
from workbench.training.python_state import PythonState

FORMAT = 2  # of what callbacks and the model remember


@dataclass(frozen=True)
class Position:
    """The position of a training: `step` batches into `epoch`, both counted from 0."""

    epoch: int = 0
    step: int = 0
    stopped: bool = False  # a callback has ended the training; only its end is left to do
    engine: str = ""
    history: tuple[Mapping[str, Any], ...] = ()
    metrics: tuple[np.ndarray, ...] = ()
    checkpoint: CheckpointFolder | None = None
    restoration: Restoration | None = None

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        """Those of the checkpoint; none at the start."""
        return self.restoration.arrays if self.restoration else {}


@dataclass
class Restoration:
    """The state in a checkpoint, kept until it is fully restored."""

    memory: PythonState
    record: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    older: bool = False  # of the version that kept nothing of the model's own objects

    def restore(self) -> list[str]:
        """Restore variables and Python state. Returns what could not be restored, and why."""
        for name, variable in _named_variables(self.memory.model, with_metrics=False):
            variable.assign(self.arrays[name])
        return self.memory.restore(self.record, self.arrays) if self.record else []


class Keeper(keras.callbacks.Callback):
    """Writes checkpoints while a training runs. Must be the last of the callbacks, to see what the others did.

    Args:
        run: whose checkpoints these are.
        memory: of the model and the recipe's callbacks.
        progress: knows the history.
        seconds: at least so long between two checkpoints; 0 writes at every chance.
        streamed: whether the data is streamed.
        resumed: where the training resumes, or the start.
        accumulation: of the training, if any.
    """

    every_batch = False

    def __init__(
        self,
        run: RunFolder,
        memory: PythonState,
        progress: Progress,
        control: Control,
        emit: Any,
        *,
        seconds: float,
        streamed: bool,
        resumed: Position,
        accumulation: Accumulation | None = None,
    ) -> None:
        super().__init__()
        self._run = run
        self._memory = memory
        self._swaps = SwappedWeights(memory.callbacks)
        self._lost: set[str] = set()
        self._progress = progress
        self._control = control
        self._emit = emit
        self._seconds = seconds
        self._streamed = streamed
        self._resumed = resumed
        self._accumulation = accumulation
        self._epoch = resumed.epoch
        self._last = time.monotonic()
        self._failed = False
        self._start, self._start_step = resumed.epoch, resumed.step
        self._moved = False  # whether a step was run
        self._ended = 0  # the epoch whose end is the last that happened
        self._kept_epoch = -1  # the epoch whose end is the last that was written
        self.engine = resumed.engine

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Callbacks forget everything when a training begins; they get it back here, after all of them have."""
        restoration = self._resumed.restoration
        if restoration is not None:
            for unplaced in restoration.restore():
                self._emit(events.Message("warning", f"not as it was before --resume: {unplaced}"))
            self._resumed = Position()  # frees the arrays
            if self._epoch >= self.params["epochs"]:
                self._swaps.finish(self.model)
        kept = self._memory.take()
        self._warn(kept.lost)
        if restoration is not None and restoration.older and (new := not_kept(kept.record)):
            reason = f"the checkpoint is of an older kwb, which did not keep {', '.join(new)}"
            self._emit(events.Message("warning", f"not as it was before --resume: {reason}"))
        self._begin = self._iterations() - self._start * self._progress.steps - self._start_step

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch
        self._ended = 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._moved = True
        asked = self._control.take_save()
        if asked or self._control.stop_requested or self._due():
            self._write(self._epoch, batch + 1, with_metrics=True)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        between = self._progress.stopped_between_epochs
        if self._control.stop_requested and not between:
            return  # the state was kept at the batch, before this shortened epoch's end changed callbacks
        self._ended = epoch + 1
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if last or self._due():
            self._write(epoch + 1, 0, with_metrics=False)

    def rescue(self) -> None:
        """Training has failed: keep what can be kept of it.

        Where an epoch was over (its end failed in some callback) that is a checkpoint like any other; else only the
        weights, beside the checkpoints: what else belongs to them is not known.
        """
        if self._ended:
            if self._kept_epoch != self._ended:
                self._write(self._ended, 0, with_metrics=False)
            return
        if not self._moved or self.model is None:
            return
        arrays = model_arrays(self.model, with_metrics=False)
        if all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f"):
            steps = self._progress.steps
            done = (
                self._iterations() - self._begin - self._epoch * steps
            )  # of the last batch nobody may have heard
            exact = self._accumulation is None and 0 < done <= steps
            step = done if exact else self._progress.step
            position = {"epoch": self._epoch, "step": step, "streamed": self._streamed, "format": 0}
            with contextlib.suppress(FileError):
                checkpoints.write(self._run.failed, position, arrays)

    def _iterations(self) -> int:
        """How many steps the optimizer has taken, in this training and before."""
        optimizer = self.model.optimizer
        return int(optimizer.iterations) if optimizer is not None else 0

    def _warn(self, lost: Mapping[str, str]) -> None:
        """Say what --resume will not have, once."""
        new = {path: kind for path, kind in lost.items() if path not in self._lost}
        self._lost |= set(new)
        if new:
            shown = ", ".join(f"{path} ({kind})" for path, kind in list(new.items())[:8])
            self._emit(
                events.Message(
                    "warning", f"a checkpoint cannot keep {shown}: --resume makes it from the start"
                )
            )

    def _due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def _write(self, epoch: int, step: int, *, with_metrics: bool) -> None:
        if not weights_are_finite(self.model):  # the last one that can be used must not be pushed out
            self._last = time.monotonic()
            return
        try:
            kept = self._memory.take()
            self._warn(kept.lost)
            position = {
                "format": FORMAT,
                "epoch": epoch,
                "step": step,
                "stopped": bool(self.model.stop_training)
                and step == 0
                and not self._progress.stopped_between_epochs,
                "engine": self.engine,
                "streamed": self._streamed,
                "history": list(self._progress.history),
                "memory": kept.record,
                "dtype_policy": keras.config.dtype_policy().name,
            }
            arrays = model_arrays(self.model, with_metrics=with_metrics) | self._swaps.arrays(self.model)
            if step and self._accumulation is not None:
                arrays |= self._accumulation.arrays(step)
            checkpoint = checkpoints.write(self._run.checkpoints, position, kept.arrays | arrays)
        except FileError as error:
            # A full disk must not end a training that could still be saved elsewhere; it is reported once.
            if not self._failed:
                self._failed = True
                self._emit(events.Message("error", f"no checkpoint was written: {error}"))
            self._last = time.monotonic()
            return
        self._failed = False
        self._kept_epoch = epoch if step == 0 else -1
        self._last = time.monotonic()
        # Events count epochs from 1: a checkpoint between two epochs is at the end of the first.
        shown = (epoch + 1, step) if step else (epoch, self._progress.steps)
        self._emit(events.Checkpoint(str(checkpoint.path), "generation", *shown, checkpoint.sha256))


def restore(run: RunFolder, memory: PythonState) -> Position:
    """Put the newest checkpoint's state into a compiled model; the start if there is none.

    Callbacks get theirs when training begins, and the model once more: what they do at a beginning changes it.

    Raises:
        FileError: it does not fit the model (the recipe or a layer's code has changed since), or all are damaged.
    """
    found = checkpoints.newest(run.checkpoints)
    if found is None:
        return Position()
    checkpoint, position, arrays = found
    restoration = fill(memory, checkpoint, position, arrays)
    memory.go_on(position["epoch"])
    metrics = [arrays[name] for name in sorted(arrays) if name.startswith("metrics/")]
    return Position(
        epoch=position["epoch"],
        step=position["step"],
        stopped=position["stopped"],
        engine=position["engine"],
        history=tuple(position["history"]),
        metrics=tuple(metrics),
        checkpoint=checkpoint,
        restoration=restoration,
    )


def fill(
    memory: PythonState,
    checkpoint: CheckpointFolder,
    position: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
) -> Restoration:
    """Put a checkpoint's state into a compiled model.

    Raises:
        FileError: it does not fit the model.
    """
    model = memory.model
    optimizer = optimizers(model).get("optimizer")  # none where others train the model
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)
    for name, variable in _named_variables(model, with_metrics=False):
        value = arrays.get(name)
        if value is None or tuple(value.shape) != tuple(variable.shape):
            shown = (
                "is not there"
                if value is None
                else f"has shape {tuple(value.shape)}, not {tuple(variable.shape)}"
            )
            raise FileError(
                f"the checkpoint does not fit the model: '{name}' {shown}.",
                where=str(checkpoint.path),
                hint="The recipe or a layer's code has changed since. Start again: leave out --resume.",
            )
    older = "format" not in position
    record = translated(position) if older else position.get("memory", {})
    restoration = Restoration(memory, record, arrays, older)
    restoration.restore()
    return restoration


def model_arrays(model: Any, *, with_metrics: bool) -> dict[str, np.ndarray]:
    """The values of all variables that decide how a training goes on, by a name of their own."""
    return {
        name: np.asarray(keras.ops.convert_to_numpy(variable))
        for name, variable in _named_variables(model, with_metrics=with_metrics)
    }


def _named_variables(model: Any, *, with_metrics: bool) -> Iterable[tuple[str, Any]]:
    """Variables with names that are the same in every process: Keras' own paths count what it made before."""
    metrics = {id(variable) for variable in model.metrics_variables}
    for path, variable in variables_by_path(model).items():
        if id(variable) not in metrics:
            yield f"model/{path}", variable
    groups: dict[str, Iterable[Any]] = {
        "optimizer": model.optimizer.variables if model.optimizer is not None else (),
        "metrics": model.metrics_variables if with_metrics else (),
        "seed": [global_seed()],
    }
    for group, variables in groups.items():
        for number, variable in enumerate(variables):
            yield f"{group}/{number:05d}", variable
