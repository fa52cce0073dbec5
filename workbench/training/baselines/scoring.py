"""Score predictions that do not come from the model, by the loss and the metrics that it was compiled with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import keras
import numpy as np
from pydantic import BaseModel

from workbench.assembly.compile import compile_model
from workbench.assembly.make import Maker
from workbench.assembly.model import Assembly
from workbench.assembly.structure import Structure
from workbench.catalog import Kind
from workbench.data.preparation import Preparation
from workbench.keras_private import compiled_metrics, direction_of
from workbench.recipe.model_schema import Use
from workbench.recipe.train_schema import Train
from workbench.training.engines import Arrays
from workbench.training.engines.data import packed
from workbench.training.engines.logs import PerClass
from workbench.training.own_units import OwnUnits
from workbench.training.progress import numbers

ROWS = 8_192  # scored at once

UP, DOWN = "up", "down"  # which values are better


class Scorer:
    """The same loss and metrics around a model that returns what it is given.

    Args:
        assembly: the model that is trained, and the form of its outputs.
        train: what it was compiled with.
        preparation: knows how targets are scaled, and the names of several numbers of one.

    Attributes:
        directions: of each name in the logs, `up` or `down`: which values are better. Others are not known.
    """

    def __init__(self, assembly: Assembly, train: Train, preparation: Preparation) -> None:
        structure = assembly.structure
        names = _log_names(assembly)
        inputs = {
            name: keras.Input(tensor.shape[1:], dtype="float32", name=f"given_{at}")
            for at, (name, tensor) in enumerate(assembly.outputs.items())
        }
        outputs = {
            name: keras.layers.Identity(name=names[name], dtype="float32")(tensor)
            for name, tensor in inputs.items()
        }
        self._structure = Structure("dict", tuple(inputs), structure.output_form, structure.outputs)
        self._model = keras.Model(
            {f"given_{at}": tensor for at, tensor in enumerate(inputs.values())},
            structure.pack_targets(outputs),
        )
        self._given = {name: f"given_{at}" for at, name in enumerate(inputs)}
        compile_model(self._model, train, self._structure, assembly.maker)
        units = OwnUnits.of(self._model, structure.outputs, preparation)
        self._step = units.wrap_step(self._model.test_step)
        size = train.batch_size
        self._rows = size if _depends_on_batches(self._model.loss) else max(ROWS, size)
        self._per_class = PerClass(preparation.number_names())
        self.directions: dict[str, str] = {}

    def scores(
        self,
        predictions: Callable[[slice], Mapping[str, np.ndarray]],
        targets: Mapping[str, np.ndarray],
        weights: Any,
        stopped: Callable[[], bool] = lambda: False,
    ) -> dict[str, float]:
        """The loss and the metrics of predictions, by the names that the model's own logs have.

        Args:
            predictions: of some rows, by output name, as the model makes them.
            targets: of all rows, by name, as the model learns them.
            weights: the sample weights of the rows, for all targets or by name; None for none.
            stopped: asked before each batch.

        Returns:
            Nothing where it was stopped.
        """
        rows = len(next(iter(targets.values())))
        self._model.reset_metrics()
        logs: Any = {}
        for start in range(0, rows, self._rows):
            if stopped():
                return {}
            taken = slice(start, min(start + self._rows, rows))
            own = {self._given[name]: array for name, array in predictions(taken).items()}
            of_rows = {name: array[taken] for name, array in targets.items()}
            if isinstance(weights, Mapping):
                weighed: Any = {name: array[taken] for name, array in weights.items()}
            else:
                weighed = None if weights is None else weights[taken]
            structure = self._structure
            batch = Arrays(own, structure.pack_targets(of_rows), structure.pack_weights(weighed))
            # Not `test_on_batch`, whose logs are those of the batch alone.
            logs = self._step(keras.tree.map_structure(_tensor, packed(batch)))
        found = numbers(self._per_class.apart(logs))
        self.directions = {name: way for name in found if (way := self._direction(name))}
        return found

    def _direction(self, name: str) -> str:
        if name == "loss" or name.removesuffix("_loss") in self._model.output_names:
            return DOWN
        metrics = getattr(compiled_metrics(self._model), "metrics", ())
        plain = [name, *(name.removeprefix(f"{each}_") for each in self._model.output_names)]
        # `f1_score_cat` is the number of one class, of the metric `f1_score`.
        for metric in sorted(metrics, key=lambda metric: -len(metric.name)):
            if any(each == metric.name or each.startswith(f"{metric.name}_") for each in plain):
                return direction_of(metric)
        return ""


def uses_own_code(train: Train, maker: Maker) -> bool:
    """True if a loss or a metric, or an argument of one, is not Keras' own."""
    losses = train.loss.values() if isinstance(train.loss, Mapping) else [train.loss] if train.loss else []
    metrics = [
        item
        for asked in (train.metrics, train.weighted_metrics)
        for item in (chain(*asked.values()) if isinstance(asked, Mapping) else asked)
    ]

    def is_own(kind: Kind, item: Use) -> bool:
        entries = maker.catalog.named(kind, item.use)
        nested = any(isinstance(value, BaseModel) for value in keras.tree.flatten(item.arguments))
        return nested or any(not entry.target.startswith("keras.") for entry in entries)

    return any(is_own(Kind.LOSS, item) for item in losses) or any(
        is_own(Kind.METRIC, item) for item in metrics
    )


def _tensor(array: Any) -> Any:
    return None if array is None else keras.ops.convert_to_tensor(array)


def _log_names(assembly: Assembly) -> dict[str, str]:
    """What the model's logs call its outputs."""
    names = list(assembly.outputs)
    own = list(getattr(assembly.model, "output_names", None) or ())
    if assembly.structure.output_form == "dict" or len(own) != len(names) or len(set(own)) != len(own):
        own = names
    return {name: log.replace("/", "_") for name, log in zip(names, own, strict=True)}


def _depends_on_batches(loss: Any) -> bool:
    """True if a loss of all rows is not the mean of those of batches."""
    return any(
        getattr(each, "reduction", "sum_over_batch_size") not in ("sum_over_batch_size", "mean")
        for each in keras.tree.flatten(loss)
    )


def takes_logits(loss: Any) -> bool:
    """True if a loss wants outputs before their softmax or sigmoid."""
    return bool(getattr(loss, "from_logits", False))


def loss_of(model: Any, structure: Structure, output: str) -> Any:
    """The loss that a compiled model has for an output; None where that is not known."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, Mapping):
        return loss.get(output)
    if isinstance(loss, list | tuple):
        return loss[structure.outputs.index(output)] if len(loss) == len(structure.outputs) else None
    return loss
