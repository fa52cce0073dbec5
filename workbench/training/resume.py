"""Exact resume: a training's whole state into a generation, and back.

What decides how a training goes on: the weights; the optimizer's slots, iterations and learning rate; the state of
seed generators (dropout, noise); where in the epoch it stands, with the metrics summed so far; what callbacks
remember (best value, patience left, best weights); the engine. The order of rows needs no saving: it is drawn from
the seed and the epoch's number.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from workbench import events
from workbench.errors import FileError
from workbench.storage.runs import RunFolder
from workbench.storage.structure import variables_by_path
from workbench.training import generations
from workbench.training.control import Control
from workbench.training.generations import Generation
from workbench.training.progress import Progress


@dataclass(frozen=True)
class Position:
    """Where a training stands: `step` batches into `epoch`, both counted from 0."""

    epoch: int = 0
    step: int = 0
    stopped: bool = False  # a callback has ended the training; only its end is left to do
    engine: str = ""
    history: tuple[Mapping[str, Any], ...] = ()
    metrics: tuple[np.ndarray, ...] = ()
    generation: Generation | None = None
    callbacks: tuple[Mapping[str, Any], ...] = field(default=())


class Keeper(keras.callbacks.Callback):
    """Writes generations while a training runs. Must be the last of the callbacks, to see what the others did.

    Args:
        run: whose checkpoints these are.
        others: the recipe's callbacks, whose memory is kept too.
        progress: knows the history.
        seconds: at least so long between two generations; 0 writes at every chance.
        resumed: where the training resumes, or the start.
    """

    def __init__(
        self,
        run: RunFolder,
        others: Sequence[Any],
        progress: Progress,
        control: Control,
        emit: Any,
        *,
        seconds: float,
        resumed: Position,
    ) -> None:
        super().__init__()
        self._run = run
        self._others = others
        self._progress = progress
        self._control = control
        self._emit = emit
        self._seconds = seconds
        self._resumed = resumed
        self._epoch = resumed.epoch
        self._last = time.monotonic()
        self._failed = False
        self.engine = resumed.engine

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Callbacks forget everything when a training begins; they get it back here, after all of them have."""
        restore_callbacks(self._others, self._resumed.callbacks)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        asked = self._control.take_save()
        if asked or self._control.stop_requested or self._due():
            self._write(self._epoch, batch + 1, with_metrics=True)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._control.stop_requested:
            return  # the state was kept at the batch, before this shortened epoch's end changed callbacks
        last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        if last or self._due():
            self._write(epoch + 1, 0, with_metrics=False)

    def _due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def _write(self, epoch: int, step: int, *, with_metrics: bool) -> None:
        try:
            memories, arrays = callback_memories(self._others)
            position = {
                "epoch": epoch,
                "step": step,
                "stopped": bool(self.model.stop_training) and step == 0,
                "engine": self.engine,
                "history": list(self._progress.history),
                "callbacks": memories,
                "dtype_policy": keras.config.dtype_policy().name,
            }
            arrays |= model_arrays(self.model, with_metrics=with_metrics)
            generation = generations.write(self._run.checkpoints, position, arrays)
        except FileError as fault:
            # A full disk must not end a training that could still be saved elsewhere; it is told once.
            if not self._failed:
                self._failed = True
                self._emit(events.Message("error", f"no checkpoint was written: {fault}"))
            self._last = time.monotonic()
            return
        self._failed = False
        self._last = time.monotonic()
        # Events count epochs from 1: a generation between two epochs stands at the end of the first.
        told = (epoch + 1, step) if step else (epoch, self._progress.steps)
        self._emit(events.Checkpoint(str(generation.path), "generation", *told, generation.sha256))


def restore(run: RunFolder, model: Any) -> Position:
    """Put the newest generation's state into a compiled model; the start if there is none.

    Raises:
        FileError: it does not fit the model (the recipe or a layer's code has changed since), or all are damaged.
    """
    found = generations.newest(run.checkpoints)
    if found is None:
        return Position()
    generation, position, arrays = found
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
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
                where=str(generation.path),
                hint="The recipe or a layer's code has changed since. Start anew: leave out --resume.",
            )
        variable.assign(value)
    metrics = [arrays[name] for name in sorted(arrays) if name.startswith("metrics/")]
    return Position(
        epoch=position["epoch"],
        step=position["step"],
        stopped=position["stopped"],
        engine=position["engine"],
        history=tuple(position["history"]),
        metrics=tuple(metrics),
        generation=generation,
        callbacks=tuple(_joined(memory, arrays, i) for i, memory in enumerate(position["callbacks"])),
    )


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
        "seed": [_global_seed()],
    }
    for group, variables in groups.items():
        for number, variable in enumerate(variables):
            yield f"{group}/{number:05d}", variable


def _global_seed() -> Any:
    """The state of the generator that random operations without a seed of their own draw from."""
    from keras.src.random.seed_generator import global_seed_generator

    return global_seed_generator().state


def callback_memories(callbacks: Sequence[Any]) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """What callbacks remember: plain values as they are, arrays apart. What is neither is left out."""
    memories: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for number, callback in enumerate(callbacks):
        memory: dict[str, Any] = {}
        for name, value in vars(callback).items():
            if name in ("model", "_model", "params"):
                continue
            if _is_plain(value):
                memory[name] = value.item() if isinstance(value, np.generic) else value
            elif isinstance(value, np.ndarray):
                arrays[f"callback/{number}/{name}"] = value
                memory[name] = {"array": True}
            elif isinstance(value, list) and value and all(isinstance(item, np.ndarray) for item in value):
                arrays |= {f"callback/{number}/{name}/{at:05d}": item for at, item in enumerate(value)}
                memory[name] = {"arrays": len(value)}
        memories.append({"class": type(callback).__name__, "memory": memory})
    return memories, arrays


def restore_callbacks(callbacks: Sequence[Any], memories: Sequence[Mapping[str, Any]]) -> None:
    """Give callbacks back what they remembered."""
    for callback, memory in zip(callbacks, memories, strict=False):
        if memory["class"] == type(callback).__name__:
            vars(callback).update(memory["memory"])


def _joined(memory: Mapping[str, Any], arrays: Mapping[str, np.ndarray], number: int) -> dict[str, Any]:
    """A callback's memory with its arrays back in their places."""
    whole: dict[str, Any] = {}
    for name, value in memory["memory"].items():
        key = f"callback/{number}/{name}"
        if isinstance(value, dict) and value.get("array") is True:
            whole[name] = arrays[key]
        elif isinstance(value, dict) and "arrays" in value:
            whole[name] = [arrays[f"{key}/{at:05d}"] for at in range(value["arrays"])]
        else:
            whole[name] = value
    return {"class": memory["class"], "memory": whole}


def _is_plain(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float | str | np.generic):
        return True
    if isinstance(value, list):
        return all(_is_plain(item) and not isinstance(item, np.generic) for item in value)
    if isinstance(value, dict):
        return all(
            isinstance(key, str) and key not in ("array", "arrays") and _is_plain(v)
            for key, v in value.items()
        )
    return False
