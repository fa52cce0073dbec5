"""Find a batch that a layer accepts: the one that its entry declares, or else one of the usual shapes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from workbench.assembly.errors import shape_text
from workbench.catalog import Entry
from workbench.check.results import error_text

BATCH = 5  # no usual number of inputs, which a tensor could be unpacked into by mistake

Shape = tuple[int, ...]

# Without the batch axis: columns, a sequence, an image, a film. 8 is the width that guessed arguments have too.
USUAL_SHAPES: tuple[Shape, ...] = ((8,), (6, 8), (8, 8, 3), (4, 8, 8, 3))

_STATE_IN_CALL = re.compile(r"cannot add new elements of state")
_PICKY = (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError)

Form = Literal["one", "list", "separate", "first and rest"]


@dataclass(frozen=True)
class Inputs:
    """A batch that a layer accepts, and how it is passed.

    Attributes:
        tensors: one for each input.
        form: how they are passed to a call: as one tensor, as a list, as arguments, or as the first one and a list of
            the others (a cell and its states).
    """

    tensors: tuple[np.ndarray, ...]
    form: Form

    @property
    def count(self) -> int:
        """How many inputs an entry of it declares."""
        return 2 if self.form == "first and rest" else len(self.tensors)

    @property
    def whole_numbers(self) -> bool:
        return self.tensors[0].dtype.kind == "i"

    def packed(self, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """Tensors as a call's positional arguments."""
        match self.form:
            case "list":
                return (list(tensors),)
            case "first and rest":
                return (tensors[0], list(tensors[1:]))
            case _:
                return tuple(tensors)

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.packed([tf.constant(tensor) for tensor in self.tensors])

    def of_batch(self, size: int) -> tuple[Any, ...]:
        """The arguments with another number of rows."""
        return self.packed([tf.constant(np.resize(t, (size, *t.shape[1:]))) for t in self.tensors])

    def symbols(self) -> list[Any]:
        """A symbolic tensor for each input."""
        return [keras.Input(t.shape[1:], dtype=t.dtype.name) for t in self.tensors]


class NoInput(Exception):
    """No input was found that a layer accepts.

    Attributes:
        hint: what to do about it.
        state_in_call: Keras refused weights that its call makes.
        broken: it fails in one and the same way whatever it is given, or on the shapes that its entry declares.
    """

    def __init__(self, what: str, hint: str, *, state_in_call: bool, broken: bool) -> None:
        super().__init__(what)
        self.hint = hint
        self.state_in_call = state_in_call
        self.broken = broken


def find_inputs(entry: Entry, make: Callable[[], Any]) -> tuple[Inputs, Any] | NoInput:
    """Try shapes until a new instance accepts one.

    Returns:
        The batch, and the instance that was built by it; or why there is none.
    """
    errors: list[tuple[Inputs, BaseException]] = []
    for inputs in _candidates(entry, make()):
        layer = make()
        inputs = Inputs(inputs.tensors, _form(layer, len(inputs.tensors)))
        try:
            layer(*inputs.arguments)
            return inputs, layer
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # plugin code: SystemExit included
            errors.append((inputs, error))
    first_inputs, first = errors[0]
    count = len(first_inputs.tensors)  # another number of them may fail otherwise
    different = {(type(error), error_text(error)) for inputs, error in errors if len(inputs.tensors) == count}
    declared = bool(entry.input_shapes)
    shapes = " and ".join(shape_text((None, *tensor.shape[1:])) for tensor in first_inputs.tensors)
    alike = len(different) == 1 and not isinstance(first, _PICKY)
    tried = "" if declared or alike else f" ({len(errors)} shapes and types were tried)"
    if declared:
        hint = "The entry's input_shapes say that its example accepts it."
    elif alike:
        hint = ""
    else:
        hint = "Set in its entry the input shapes of its example: input_shapes=[[8]] for one input of (batch, 8)."
    failure = NoInput(
        f"called on {shapes}: {error_text(first)}{tried}.",
        hint,
        state_in_call=any(_STATE_IN_CALL.search(str(error)) for _, error in errors),
        broken=declared or alike,
    )
    failure.__cause__ = first
    return failure


def _candidates(entry: Entry, layer: Any) -> Iterator[Inputs]:
    """Batches to try, the likeliest first."""
    numbers = (_floats, _whole_numbers)
    if declared := entry.input_shapes:
        for values in numbers:
            yield _batch(declared, values)
        return
    counts = [entry.inputs] if entry.inputs else []
    counts += [n for n in (_required_tensors(layer), 1, 2, 3) if n and n not in counts]
    for count in dict.fromkeys(counts):
        for values in numbers:
            for shape in USUAL_SHAPES:
                yield _batch([shape] * count, values)


Values = Callable[[np.random.Generator, Shape], np.ndarray]


def _batch(shapes: Sequence[Shape], values: Values) -> Inputs:
    random = np.random.default_rng(0)
    return Inputs(tuple(values(random, (BATCH, *shape)) for shape in shapes), "one")


def _floats(random: np.random.Generator, shape: Shape) -> np.ndarray:
    values = random.normal(size=shape).astype("float32")
    values.flat[0] = -2.0  # a layer that uses integers as indices fails on this one
    return values


def _whole_numbers(random: np.random.Generator, shape: Shape) -> np.ndarray:
    return random.integers(0, 3, shape).astype("int32")


def _form(layer: Any, count: int) -> Form:
    """How so many tensors are passed to the layer's `call`."""
    required = _required_tensors(layer)
    if required <= 1 and not _takes_any_number(layer):
        return "one" if count == 1 else "list"
    return "first and rest" if required == 2 and count > 2 else "separate"


def _required_tensors(layer: Any) -> int:
    """How many tensors `call` needs as arguments of their own."""
    parameters = inspect.signature(layer.call).parameters.values()
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.default is p.empty and p.name not in ("training", "mask") for p in plain)


def _takes_any_number(layer: Any) -> bool:
    parameters = inspect.signature(layer.call).parameters.values()
    return any(p.kind is p.VAR_POSITIONAL for p in parameters)
