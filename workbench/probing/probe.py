"""Look inside a model on a real batch: what goes in and out of its layers, gradients, weights, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.data.memory import USUAL_COPIES
from workbench.devices.memory import free_memory
from workbench.errors import WorkbenchError, did_you_mean
from workbench.probing import cost as costs
from workbench.probing.kept_probe import KeptProbe, compare
from workbench.probing.layer_capture import Captured, LayerUse, capture
from workbench.probing.pictures import picture
from workbench.probing.probe_report import (
    MOST_CALLS,
    BinCounts,
    Cost,
    LayerLine,
    Memory,
    Probe,
    ProbedTensor,
)
from workbench.probing.subject import ProbeSubject
from workbench.probing.summaries import is_number, summarize
from workbench.storage.layer_paths import inner_layers, weights_by_path
from workbench.storage.optimizers import optimizers
from workbench.training.errors import reported_as

BINS = 32
FLAT = {"sigmoid": (0.01, 0.99), "hard_sigmoid": (0.0, 1.0), "tanh": (-0.98, 0.98), "hard_tanh": (-1.0, 1.0)}
"""Below and above which numbers of an activation hardly move any more."""


class Probing:
    """One step of a model on its batch, and what its layers did.

    Args:
        subject: its model is changed by the step.
        before: a probe of the same model before an edit, whose weights it gets; None for those that it has.

    Raises:
        WorkbenchError: the model's own code failed.
    """

    def __init__(self, subject: ProbeSubject, before: KeptProbe | None = None) -> None:
        self._subject = subject
        self._before = before
        self._seconds: float | None = None  # of a step, where it was measured
        if before is not None:
            before.give_weights(subject.model)
        with reported_as("probing", subject.name):
            self._captured = capture(subject.model, subject.step, subject.batch)

    def report(self, layer: str = "", *, with_cost: bool = False) -> Probe:
        """What is known.

        Args:
            layer: the path of a layer whose tensors are wanted.
            with_cost: whether to measure what the layers cost, which runs the step for about a second.

        Raises:
            WorkbenchError: there is no such layer.
        """
        subject, captured = self._subject, self._captured
        cost = self.cost() if with_cost else None
        return Probe(
            subject.name,
            "the weights from before the edit" if self._before is not None else subject.began,
            subject.rows,
            self._loss,
            tuple(_lines(captured)),
            self.tensors(layer) if layer else (),
            layer,
            cost,
            _memory(subject, captured),
            subject.steps,
            compare(self._before, self.kept()) if self._before is not None else None,
        )

    @property
    def _loss(self) -> float | None:
        loss = self._captured.logs.get("loss")
        return float(loss) if loss is not None and np.ndim(loss) == 0 else None

    def kept(self) -> KeptProbe:
        """What was seen, to compare another probe with it."""
        return KeptProbe.of(self._subject.model, self._captured, self._loss, self._seconds)

    def tensors(self, layer: str) -> tuple[ProbedTensor, ...]:
        """The tensors of all calls of a layer, its weights, and the gradients of both.

        Raises:
            WorkbenchError: there is no such layer.
        """
        known = inner_layers(self._subject.model)
        if layer not in known:
            hint = did_you_mean(layer, known) or f"Its layers: {', '.join(known)}."
            raise WorkbenchError(f"there is no layer '{layer}'.", where=self._subject.name, hint=hint)
        return tuple(_tensors(self._captured, layer, self._subject.model))

    def cost(self) -> Cost | None:
        """What the layers cost in a step; None where the model cannot be trained."""
        model = self._subject.model
        if not self._subject.trains:
            return None
        parameters = {path: each.count_params() for path, each in inner_layers(model).items() if each.built}
        with reported_as("measuring", self._subject.name):
            cost = costs.measure(model, self._subject.step, self._subject.batch, parameters)
        self._seconds = cost.seconds
        return cost


def probe(subject: ProbeSubject, layer: str = "", *, with_cost: bool = False) -> Probe:
    """As `Probing.report`, of a subject that is probed once."""
    return Probing(subject).report(layer, with_cost=with_cost)


def _lines(captured: Captured) -> Iterator[LayerLine]:
    """A line for each call; of a layer with many, as the cell of a recurrent one, for the first ones."""
    calls = Counter(use.path.partition("#")[0] for use in captured.uses)
    for use in captured.uses:
        path, _, number = use.path.partition("#")
        if int(number or 1) <= MOST_CALLS:
            yield replace(_line(use, captured), calls=calls[path])


def _line(use: LayerUse, captured: Captured) -> LayerLine:
    path = use.path.partition("#")[0]
    output = next(iter(use.outputs.values()), None)
    values = None if output is None else np.asarray(output)
    gradient = None if output is None else captured.gradient(output)
    if output is not None and gradient is None:
        gradient = captured.by_logits(output)
    inside = [g for name, g in captured.weight_gradients.items() if name.startswith(f"{path}/")]
    mask = next((mask for name, mask in use.masks.items() if name in use.outputs), None)
    return LayerLine(
        use.path,
        type(use.layer).__name__,
        use.depth,
        None if values is None else summarize(values),
        None if values is None else _saturated(use.layer, values),
        None if gradient is None else float(np.linalg.norm(gradient)),
        float(np.sqrt(sum(float(np.sum(np.square(each))) for each in inside))) if inside else None,
        None if mask is None else float(np.asarray(mask).mean()),
        use.layer.count_params() if use.layer.built else 0,
        sum(np.asarray(each).nbytes for each in use.outputs.values()),
    )


def _tensors(captured: Captured, layer: str, model: Any) -> list[ProbedTensor]:
    """The tensors of all calls of a layer, its weights, and the gradients of both."""
    found = []
    for use in captured.uses:
        path, _, number = use.path.partition("#")
        if path != layer:
            continue
        call = f" (call {number})" if number else ""
        for role, named in (("input", use.inputs), ("output", use.outputs)):
            for name, tensor in named.items():
                values = np.asarray(tensor)
                flat = _saturated(use.layer, values) if role == "output" else None
                found.append(_probed(role, f"{name}{call}", values, flat))
                if name in use.masks:
                    found.append(_probed("mask", f"{name}{call}", np.asarray(use.masks[name])))
                if (gradient := captured.gradient(tensor)) is not None:
                    found.append(_probed("gradient", f"{name}{call}", gradient))
                elif (gradient := captured.by_logits(tensor)) is not None:
                    found.append(_probed("gradient", f"the logits of {name}{call}", gradient))
    for path in weights_by_path(model):
        if path.startswith(f"{layer}/"):
            name = path.removeprefix(f"{layer}/")
            found.append(_probed("weight", name, captured.weights[path], weight=True))
            if (gradient := captured.weight_gradients.get(path)) is not None:
                found.append(_probed("gradient", name, gradient, weight=True))
    return found


def _probed(
    role: str, name: str, values: np.ndarray, saturated: float | None = None, *, weight: bool = False
) -> ProbedTensor:
    if not is_number(values) or not values.size:
        return ProbedTensor(role, name, summarize(values))
    exact = values.astype(np.float64)
    finite = exact[np.isfinite(exact)]
    histogram = BinCounts()
    if finite.size:
        if finite.min() == finite.max():
            histogram = BinCounts((float(finite[0]), float(finite[0])), (finite.size,))
        else:
            counts, edges = np.histogram(finite, BINS)
            histogram = BinCounts(tuple(map(float, edges)), tuple(map(int, counts)))
    shown, of = (exact, "") if weight or not values.ndim else (exact[0], "row 0")
    return ProbedTensor(role, name, summarize(values), histogram, saturated, picture(shown), of)


def _saturated(layer: Any, values: np.ndarray) -> float | None:
    """The share of numbers at the flat ends of a layer's activation."""
    activation = getattr(layer, "activation", None)
    ends = FLAT.get(getattr(activation, "__name__", ""))
    if ends is None or not values.size:
        return None
    exact = values.astype(np.float64)
    return float(((exact <= ends[0]) | (exact >= ends[1])).mean())


def _memory(subject: ProbeSubject, captured: Captured) -> Memory:
    """About how many bytes a training needs. What is computed inside a layer is not seen."""
    outputs: Mapping[int, Any] = {
        id(tensor): tensor for use in captured.uses for tensor in use.outputs.values()
    }
    batches = max(subject.batch_size, subject.rows) / subject.rows
    return Memory(
        sum(_bytes(variable) for variable in subject.model.variables),
        sum(_bytes(v) for each in optimizers(subject.model).values() for v in each.variables),
        int(batches * sum(np.asarray(tensor).nbytes for tensor in outputs.values())),
        USUAL_COPIES * subject.data_bytes,
        free_memory(),
    )


def _bytes(variable: Any) -> int:
    size = tf.as_dtype(keras.backend.standardize_dtype(variable.dtype)).size
    return int(size * np.prod(variable.shape, dtype=np.int64))
