"""Record which layers a model calls, in one symbolic call of the model.

That is the only way to see the inside of a model class: which layer gets the output of which other, which is called
twice (shared weights), which connection skips layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import keras
import tensorflow as tf

from workbench.assembly.own_training import lacks_call
from workbench.keras_private import hand_on_mask

Named = Sequence[tuple[str, Any]]

_SIGNS = {
    "AddV2": "+",
    "AddN": "+",
    "Sub": "−",
    "Mul": "×",
    "RealDiv": "÷",
    "ConcatV2": "concat",
    "Pack": "stack",
    "Maximum": "max",
    "Minimum": "min",
    "BatchMatMulV2": "matmul",
    "MatMul": "matmul",
    "SelectV2": "where",
}


@dataclass(frozen=True)
class Call:
    """One call of a layer, or an operation that joins the outputs of several layers.

    Attributes:
        id: unique in the picture.
        path: the layer's; for an operation its sign, such as `+`.
        layer_class: the layer's class; "" for an operation.
        parent: the call inside of which it happened; None in the model itself.
        number: which call of this layer it is, from 1.
        sources: ids of the calls whose outputs it uses, all with the same parent; an input of the parent is
            `in0`, `in1` ...
        output_shape: with None for the batch axis.
        ends: where each of its outputs comes from, inside of it: the id of an inner call, or `in0` ...
    """

    id: str
    path: str
    layer_class: str
    parent: str | None
    number: int
    sources: tuple[str, ...]
    output_shape: Any
    ends: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        record = asdict(self)
        record["class"] = record.pop("layer_class")
        return record


@dataclass(frozen=True)
class CallTrace:
    """A recorded call.

    Attributes:
        shapes: from a layer's id() to its output shape in its first call.
        calls: in the order they happened, operations that join tensors among them.
        outputs: for each output of the model, where it comes from.
    """

    shapes: dict[int, Any] = field(default_factory=dict)
    calls: tuple[Call, ...] = ()
    outputs: tuple[str | None, ...] = ()


def trace(model: Any, layers: Named, example: Any) -> CallTrace:
    """Call a model once, on symbols, and note what its layers do.

    Args:
        model: a built model.
        layers: its layers with their paths, those inside layers included.
        example: symbolic tensors (or specifications) in the form the model is called with; for a model that cannot
            be called, the batch that its `train_step` gets.

    Raises:
        Exception: whatever the model raises where it cannot be traced.
    """
    watcher = _Watcher()
    for path, layer in layers:
        object.__setattr__(layer, "call", watcher.watched(path, layer))
    outputs: list[Any] = []

    def run(inputs: Any) -> Any:
        watcher.begin(inputs)
        if lacks_call(model):
            return model.train_step(inputs)
        result = model(inputs, training=False)
        outputs.extend(_tensors(result))
        return result

    try:
        tf.function(run, autograph=False).get_concrete_function(_as_specs(example))
        # A step calls layers for more than an output, and differentiates: that is no picture of a model.
        calls, ends = ((), ()) if lacks_call(model) else watcher.connect(outputs)
    finally:
        for _, layer in layers:
            object.__delattr__(layer, "call")
    return CallTrace(watcher.shapes, calls, ends)


@dataclass
class _Level:
    """Calls inside one call (or in the model itself): who made which tensor."""

    made: dict[int, str]  # from a tensor's id() to the call, or to `in0`, `in1` ...


class _Watcher:
    def __init__(self) -> None:
        self.shapes: dict[int, Any] = {}
        self._calls: list[tuple[Call, list[Any], list[Any]]] = []
        self._levels: dict[str | None, _Level] = {}
        self._inside: list[str | None] = [None]
        self._numbers: dict[int, int] = {}
        self._kept: list[Any] = []  # an id() is unique only while its object lives
        self._joins: list[Call] = []

    def begin(self, inputs: Any) -> None:
        self._enter(None, _tensors(inputs))

    def watched(self, path: str, layer: Any) -> Callable[..., Any]:
        original = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            given = _tensors((args, {key: value for key, value in kwargs.items() if key != "mask"}))
            number = self._numbers[id(layer)] = self._numbers.get(id(layer), 0) + 1
            name = f"{path}#{number}"
            parent = self._inside[-1]
            # Tensors of its own, so that a layer that passes its input through is still seen as a step.
            args, kwargs = _own((args, kwargs))
            self._enter(name, _tensors((args, kwargs)))
            self._inside.append(name)
            try:
                inner = original(*args, **kwargs)
            finally:
                self._inside.pop()
            result = _own(inner)
            shape = shape_of(result)
            self.shapes.setdefault(id(layer), shape)
            made = Call(name, path, type(layer).__name__, parent, number, (), shape)
            self._calls.append((made, given, _tensors(inner)))
            level = self._levels.get(parent)
            for tensor in _tensors(result):
                self._kept.append(tensor)
                if level is not None:
                    level.made[id(tensor)] = name
            return result

        return call

    def _enter(self, name: str | None, inputs: Sequence[Any]) -> None:
        self._kept.extend(inputs)
        self._levels[name] = _Level({id(tensor): f"in{index}" for index, tensor in enumerate(inputs)})

    def connect(self, outputs: Sequence[Any]) -> tuple[tuple[Call, ...], tuple[str | None, ...]]:
        """The calls with their sources, and the sources of the outputs."""
        found: list[Call] = []
        known: dict[tuple[str | None, int], str | None] = {}
        for call, given, gave in self._calls:
            sources = [self._source(tensor, call.parent, known) for tensor in given]
            ends = [self._source(tensor, call.id, known) for tensor in gave]
            found += [*self._joins, replace(call, sources=_distinct(sources), ends=_distinct(ends))]
            self._joins.clear()
        of_model = tuple(self._source(tensor, None, known) for tensor in outputs)
        return (*found, *self._joins), of_model

    def _source(
        self, tensor: Any, parent: str | None, known: dict[tuple[str | None, int], str | None]
    ) -> str | None:
        """The call that a tensor comes from, through plain operations; where those join several, a join."""
        stack = [tensor]
        while stack:
            at = stack[-1]
            if (parent, id(at)) in known:
                stack.pop()
                continue
            self._kept.append(at)
            made = self._levels[parent].made.get(id(at))
            if made is not None:
                known[parent, id(at)] = made
                continue
            inputs = list(_op_inputs(at))
            waiting = [item for item in inputs if (parent, id(item)) not in known]
            if waiting:
                stack += waiting
                continue
            sources = _distinct([known[parent, id(item)] for item in inputs])
            joined = len(sources) > 1
            known[parent, id(at)] = self._join(at, sources, parent) if joined else next(iter(sources), None)
        return known[parent, id(tensor)]

    def _join(self, tensor: Any, sources: tuple[str, ...], parent: str | None) -> str:
        sign = _SIGNS.get(tensor.op.type, tensor.op.type)
        name = f"{sign}@{id(tensor.op):x}"
        if all(call.id != name for call in self._joins):
            self._joins.append(Call(name, sign, "", parent, 1, sources, shape_of(tensor)))
        return name


def _distinct(sources: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for source in sources if source is not None))


def _op_inputs(tensor: Any) -> Iterator[Any]:
    operation = getattr(tensor, "op", None)
    return iter(operation.inputs) if operation is not None else iter(())


def _tensors(structure: Any) -> list[Any]:
    return [item for item in keras.tree.flatten(structure) if tf.is_tensor(item)]


def _own(structure: Any) -> Any:
    return keras.tree.map_structure(lambda x: _identity(x) if tf.is_tensor(x) else x, structure)


def _identity(tensor: Any) -> Any:
    same = tf.identity(tensor)
    hand_on_mask(tensor, same)
    return same


def _as_specs(example: Any) -> Any:
    return keras.tree.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), example)


def shape_of(result: Any) -> Any:
    """The shape of a tensor, as a list with None for the batch axis; a list of them for several."""
    shapes = [tuple(t.shape) for t in keras.tree.flatten(result) if hasattr(t, "shape")]
    return [list(s) for s in shapes] if len(shapes) > 1 else list(shapes[0]) if shapes else None
