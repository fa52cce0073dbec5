"""Find the operations of a step from which the numbers that are not finite come.

The step runs eagerly, one operation after the other. A result that is not finite is *new* where all that went into the
operation was finite; else it has its origin where what went in has. So a number that is computed and never used, as in
`where(x > 0, log(x), 0)`, is nobody's origin, and one that the gradient makes of it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from inspect import currentframe
from types import FrameType
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from workbench.keras_private import Call, around_calls, backend_value
from workbench.origin import calling_line
from workbench.probing.nonfinite_origin import NonFiniteOrigin, OperationPlace, Phase
from workbench.probing.summaries import is_number, rows_not_finite, summarize
from workbench.storage.layer_paths import labelled_layers, variables_by_path
from workbench.storage.optimizers import optimizers
from workbench.tensorflow_private import around_operations
from workbench.training.monitors.seen import attribute


@dataclass(eq=False)
class _Run:
    """An operation that ran in the forward part of the step."""

    kind: str
    inputs: frozenset[int]
    place: OperationPlace


Origins = tuple[NonFiniteOrigin, ...]


def trace_step(
    model: Any, step: Callable[[Any], Any], batch: Any, named: Mapping[str, Any], rows: int
) -> tuple[dict[str, Origins], dict[str, Origins]]:
    """Run a step, and find where the numbers come from that are not finite. What it does to the variables stays.

    Args:
        model: compiled, built, with its weights as they are before the step.
        step: the model's `train_step` or `test_step`.
        batch: what it gets.
        named: the arrays of the batch by name: inputs and targets.
        rows: of the batch.

    Returns:
        The origins, the first one first, of each log that is not finite, by its name; and of each variable that the
        step has made so, by its path.
    """
    tracer = OriginTracer(rows, currentframe())
    for name, array in named.items():
        for tensor in tree.flatten(array):
            tracer.look_at_data(name, tensor)
    # Asked for before the step: a variable that was not finite already is no result of it.
    before = {
        name for name, handle, value in _variables(model) if tracer.look_at_variable(name, handle, value)
    }
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        with tracer.watch(model):
            logs = step(batch)
    finally:
        tf.config.run_functions_eagerly(eagerly)
    results = {str(name): value for name, value in logs.items()} if isinstance(logs, Mapping) else {}
    made = {name: origins for name, origins in tracer.of_variables(model).items() if name not in before}
    return {name: tracer.of(value) for name, value in results.items() if not is_finite(value)}, made


def trace_building(build: Callable[[], Any]) -> dict[str, Origins]:
    """Build a model, and find where those of its weights come from that are not finite.

    Args:
        build: makes the model.

    Returns:
        The origins by the path of the weight; none where no operation made it so, as for a constant.
    """
    tracer = OriginTracer(0, currentframe())
    with tracer.watch():
        model = build()
    return tracer.of_variables(model)


@dataclass
class OriginTracer:
    """Watches operations that run eagerly, and knows of each number that is not finite where it comes from.

    Args:
        rows: of the batch.
        outermost: the frame that the watched code is called from.
    """

    rows: int
    outermost: FrameType | None
    _found: dict[int, Origins] = field(default_factory=dict)
    _made_by: dict[int, _Run] = field(default_factory=dict)
    _used_by: dict[int, list[_Run]] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)
    _stack: list[tuple[str, str, FrameType | None]] = field(default_factory=list)
    _phases: list[Phase] = field(default_factory=list)
    _gradient_of: list[tuple[str, OperationPlace]] = field(default_factory=list)
    _names: dict[int, str] = field(default_factory=dict)

    @contextmanager
    def watch(self, model: Any = None) -> Iterator[None]:
        """While inside, operations are watched; where a model is given, with the layer and the phase of its step."""
        with ExitStack() as stack:
            if model is not None:
                self._watch_phases(model, stack)
            stack.enter_context(around_calls(self._around_call))
            stack.enter_context(around_operations(self._seen, self._of_gradient))
            yield

    def of(self, value: Any) -> Origins:
        """The origins of a tensor, or of several in any structure."""
        return tuple(each for tensor in tree.flatten(value) for each in self._found.get(id(tensor), ()))

    def of_variables(self, model: Any) -> dict[str, Origins]:
        """The origins of each variable that is not finite now, by its path."""
        bad = ((name, handle) for name, handle, value in _variables(model) if not is_finite(value))
        return {name: self._found.get(id(handle), ()) for name, handle in bad}

    def look_at_data(self, name: str, tensor: Any) -> None:
        """Note numbers of the batch that are not finite."""
        if tensor is not None and not is_finite(tensor):
            rows = rows_not_finite(np.asarray(tensor), self.rows)
            origin = NonFiniteOrigin("data", name=name, output=summarize(tensor), rows=rows)
            self._found[id(tensor)] = (origin,)

    def look_at_variable(self, name: str, handle: Any, value: Any) -> bool:
        """Note a variable that is not finite before the step; True if it is so."""
        if is_finite(value):
            return False
        self._found[id(handle)] = (NonFiniteOrigin("variable", name=name, output=summarize(value)),)
        return True

    # ------------------------------------------------------------------ where the step is

    def _watch_phases(self, model: Any, stack: ExitStack) -> None:
        self._names = {id(layer): path for path, layer in labelled_layers(model).items()}
        watched: list[tuple[Any, str, Phase]] = [
            (model, "compute_loss", "loss"),
            (model, "compute_metrics", "metric"),
            *((each, "apply", "update") for each in optimizers(model).values()),
            *((each, "update_state", "metric") for each in model.metrics),
        ]
        for thing, name, phase in watched:
            original = getattr(thing, name)
            stack.enter_context(attribute(thing, name, partial(self._in_phase, phase, original)))

    def _in_phase(self, phase: Phase, original: Call, *args: Any, **kwargs: Any) -> Any:
        self._phases.append(phase)
        try:
            return original(*args, **kwargs)
        finally:
            self._phases.pop()

    def _around_call(self, original: Call) -> Call:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            name = self._names.get(id(layer), layer.name)
            self._stack.append((name, type(layer).__name__, currentframe()))
            try:
                return original(layer, *args, **kwargs)
            finally:
                self._stack.pop()

        return call

    def _place(self, frame: FrameType | None) -> OperationPlace:
        phase: Phase = self._phases[-1] if self._phases else "step"
        if not self._stack:
            return OperationPlace(phase, code=calling_line(frame, until=self.outermost))
        name, cls, call = self._stack[-1]
        inside = calling_line(frame, until=call)
        return OperationPlace(
            "call" if phase == "step" else phase,
            name,
            cls,
            inside or calling_line(call, until=self.outermost),
        )

    # ------------------------------------------------------------------ each operation

    @contextmanager
    def _of_gradient(self, kind: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Iterator[None]:
        made = next((run for each in outputs if (run := self._made_by.get(id(each)))), None)
        if made is None:  # by what went in: an operation of this kind that all of it went into
            known = {id(each) for each in inputs if id(each) in self._used_by}
            runs = [run for each in known for run in self._used_by[each]]
            fitting = [run for run in runs if run.kind == kind and known <= run.inputs]
            made = fitting[-1] if fitting else None
        self._gradient_of.append((kind, made.place if made else OperationPlace()))
        try:
            yield
        finally:
            self._gradient_of.pop()

    def _seen(self, kind: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self._kept += [*inputs, *outputs]  # while they are there, nothing else gets their id
        bad = [each for each in outputs if not is_finite(each)]
        origins = self._of_inputs(inputs)
        handle = next((each for each in inputs if each.dtype == tf.resource), None)
        if handle is not None and not outputs:
            self._assigned(kind, handle, [each for each in inputs if each is not handle], origins)
            return
        if not self._gradient_of:
            self._note(kind, inputs, outputs)
        if not bad:
            return
        if not origins or self._breaks(inputs, bad, origins):
            origins = (self._new(kind, [each for each in inputs if each.dtype != tf.resource], bad[0]),)
        for each in bad:
            self._found[id(each)] = origins

    def _of_inputs(self, inputs: Sequence[Any]) -> Origins:
        """The origins of what goes into an operation. A value of which nothing is known, a constant or the result of
        code outside of TensorFlow, is its own."""
        found: dict[int, NonFiniteOrigin] = {}
        for each in inputs:
            if id(each) not in self._found and each.dtype != tf.resource and not is_finite(each):
                place = self._place(currentframe())
                self._found[id(each)] = (NonFiniteOrigin("value", place=place, output=summarize(each)),)
            found |= {id(origin): origin for origin in self._found.get(id(each), ())}
        known = [origin for origin in found.values() if origin.kind != "value"]
        return tuple(known or found.values())

    @staticmethod
    def _breaks(inputs: Sequence[Any], bad: Sequence[Any], origins: Origins) -> bool:
        """True if an operation makes nan of an infinite constant that was meant, as the -inf of a mask."""
        meant = all(origin.kind == "value" for origin in origins)
        if any(each.dtype == tf.resource for each in inputs):  # a variable is read
            return False
        return meant and any(map(_has_nan, bad)) and not any(map(_has_nan, inputs))

    def _assigned(
        self, kind: str, handle: Any, values: Sequence[Any], origins: tuple[NonFiniteOrigin, ...]
    ) -> None:
        """A variable gets a value, or something is added to its own."""
        if any(not is_finite(value) for value in values):
            self._found[id(handle)] = origins or (self._new(kind, values, values[-1]),)
        elif kind == "AssignVariableOp":
            self._found.pop(id(handle), None)

    def _note(self, kind: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        run = _Run(kind, frozenset(map(id, inputs)), self._place(currentframe()))
        for each in outputs:
            self._made_by[id(each)] = run
        for each in inputs:
            self._used_by.setdefault(id(each), []).append(run)

    def _new(self, kind: str, inputs: Sequence[Any], output: Any) -> NonFiniteOrigin:
        value = np.asarray(output)
        made = NonFiniteOrigin(
            "operation",
            kind,
            inputs=tuple(summarize(each) for each in inputs),
            output=summarize(value),
            rows=rows_not_finite(value, self.rows),
        )
        if self._gradient_of:
            of, place = self._gradient_of[-1]
            return replace(made, kind="gradient", operation=of, place=place)
        return replace(made, place=self._place(currentframe()))


def _variables(model: Any) -> Iterator[tuple[str, Any, Any]]:
    """The path, the handle and the value of each variable: of the model, then of its optimizers; not of metrics."""
    named = dict(variables_by_path(model))
    for label, optimizer in optimizers(model).items():
        for number, variable in enumerate(optimizer.variables):
            named[f"{label}/{getattr(variable, 'path', number)}"] = variable
    metrics = {id(variable) for variable in model.metrics_variables}
    for name, variable in named.items():
        inner = backend_value(variable) if isinstance(variable, keras.Variable) else variable
        if id(variable) not in metrics and hasattr(inner, "handle"):
            yield name, inner.handle, inner.value()


def is_finite(value: Any) -> bool:
    """False for a tensor or array with a number that is not finite."""
    if isinstance(value, tf.Tensor) and not (value.dtype.is_floating or value.dtype.is_complex):
        return True
    if isinstance(value, Mapping | list | tuple):
        return all(is_finite(each) for each in tree.flatten(value))
    array = np.asarray(value)
    if array.dtype.kind not in "fc" and (not is_number(array) or array.dtype.kind in "iub"):
        return True
    return bool(np.isfinite(array if array.dtype.kind in "fc" else array.astype(np.float32)).all())


def _has_nan(value: Any) -> bool:
    return not is_finite(value) and bool(np.isnan(np.asarray(value).astype(np.complex128)).any())
