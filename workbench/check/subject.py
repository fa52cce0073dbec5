"""What is checked: an entry's target, instances of it, and an input that it takes."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from workbench.assembly.faults import shape_text, short_message
from workbench.assembly.make import Maker
from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.check.results import Skipped
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.schema import Use

BATCH = 5  # no usual number of inputs, which a tensor could be unpacked into by mistake

Shape = tuple[int, ...]

# Without the batch axis: columns, a sequence, an image, a film. 8 is the width that guessed arguments have too.
USUAL_SHAPES: tuple[Shape, ...] = ((8,), (6, 8), (8, 8, 3), (4, 8, 8, 3))

# What any layer takes; the base class keeps and gives back most of it, and `from_config` shows that it came back.
OF_EVERY_LAYER = frozenset({"name", "dtype", "trainable", "autocast", "activity_regularizer"})

_STATE_IN_CALL = re.compile(r"cannot add new elements of state")
_PICKY = (ValueError, TypeError, IndexError, tf.errors.InvalidArgumentError)

_OF_NAME = (
    (re.compile(r"activation"), "relu"),
    (re.compile(r"rate|scale|alpha|weight|std|epsilon|factor|momentum"), 0.5),
)

_LONGEST = 300  # characters of a message: TensorFlow lists every kernel that it has

Form = Literal["one", "list", "separate", "first and rest"]


@dataclass(frozen=True)
class Inputs:
    """A batch that a layer takes, and how.

    Attributes:
        tensors: one for each input.
        form: how a call takes them: as one tensor, as a list, as arguments, or as the first one and a list of the
            others (a cell and its states).
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
    """No input was found that a layer takes.

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


class Subject:
    """One entry under check. What checks share is made when it is first asked for."""

    def __init__(self, entry: Entry, catalog: Catalog) -> None:
        self.entry = entry
        self.catalog = catalog
        self._maker = Maker(catalog, Path, _no_file)

    @cached_property
    def target(self) -> Any:
        """The class or function."""
        return resolve(self.entry)

    @property
    def is_class(self) -> bool:
        return inspect.isclass(self.target)

    @property
    def is_stock(self) -> bool:
        """Whether it is Keras' own."""
        return self.target.__module__.partition(".")[0] == "keras"

    @property
    def from_file(self) -> bool:
        """Whether it is from a single file, whose entries have no examples."""
        return self.entry.distribution.endswith(".py")

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """What instances are made with: the entry's example; guesses for a file's.

        Raises:
            Skipped: a required argument cannot be guessed.
        """
        return self._guessed() if self.from_file else self.entry.example

    def make(self, **changes: Any) -> Any:
        """A new instance, of the example's arguments with some changed.

        Raises:
            WorkbenchError: it refuses them.
        """
        return self.make_with({**self.arguments, **changes})

    def make_with(self, arguments: Mapping[str, Any]) -> Any:
        """A new instance of these arguments alone."""
        use = Use.model_validate({**arguments, "use": self.entry.qualified_name})
        return self._maker.make(self.entry.kind, use, self.entry.name)

    def own_arguments(self) -> dict[str, inspect.Parameter]:
        """The constructor's arguments, without those of every layer.

        What a base class takes beside them, this class fills in, or hands on for the base class to keep.
        """
        init = self.target.__init__ if self.is_class else self.target
        own = list(inspect.signature(init).parameters.values())[0 if self.entry.kind is Kind.DATASET else 1 :]
        return {
            p.name: p
            for p in own
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in OF_EVERY_LAYER
        }

    def required(self) -> list[str]:
        return [name for name, p in self.own_arguments().items() if p.default is p.empty]

    def varied(self) -> Iterator[tuple[str, Any, Any]]:
        """For each argument of a plain value: its name, another value than the example's, an instance made with it.

        Values that the constructor refuses are left out.
        """
        for name, parameter in self.own_arguments().items():
            for other in _others(self.arguments.get(name, parameter.default)):
                try:
                    instance = self.make(**{name: other})
                except WorkbenchError:
                    continue
                yield name, other, instance
                break

    @cached_property
    def _search(self) -> tuple[Inputs, Any] | NoInput:
        return _search(self)

    @property
    def inputs(self) -> Inputs:
        """A batch that it takes.

        Raises:
            NoInput: none was found.
        """
        if isinstance(self._search, NoInput):
            raise self._search
        return self._search[0]

    @property
    def built(self) -> Any:
        """The instance that took `inputs`, built by it."""
        if isinstance(self._search, NoInput):
            raise self._search
        return self._search[1]

    def fresh(self) -> Any:
        """A new instance, built by a call, with the weights of `built`."""
        layer = self.make()
        layer(*self.inputs.arguments)
        copy_weights(self.built, layer)
        return layer

    def outputs(self, layer: Any = None, *arguments: Any, training: bool = False) -> list[np.ndarray]:
        """What a layer (`built`, unless another is given) gives, as arrays."""
        layer = self.built if layer is None else layer
        result = layer(*(arguments or self.inputs.arguments), training=training)
        return as_arrays(result)

    def _guessed(self) -> dict[str, Any]:
        required = self.required()
        init = self.target.__init__ if self.is_class else self.target
        try:
            hints = typing.get_type_hints(init)
        except Exception:  # a plugin's annotations may hold anything
            hints = {}
        guesses = {name: _guess(name, hints.get(name)) for name in required}
        unknown = [name for name, value in guesses.items() if value is None]
        if unknown:
            raise Skipped(
                f"no value can be guessed for its argument '{unknown[0]}'; give it a default, or make a "
                "distribution, whose entries have an example"
            )
        return guesses


def _no_file(path: Path, compile: bool) -> Any:
    raise RecipeError(f"an example loads no files: '{path}'.")


def _guess(name: str, hint: Any) -> Any:
    """A value for a required argument, by its type hint or its name."""
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)[0]
    if hint in (bool, float, int):
        return {bool: True, float: 0.5, int: 8}[hint]
    return next((value for pattern, value in _OF_NAME if pattern.search(name)), 8 if hint is None else None)


def _others(value: Any) -> tuple[Any, ...]:
    """Other values to try in place of one: of its own type; for None, some that arguments often have."""
    if value is None:
        return (1, 0.5, "relu", True)
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value + 2)
    if isinstance(value, float):
        return (value / 2 or 0.5,)
    return ()


def said(fault: BaseException) -> str:
    """An exception in a sentence, and no longer than one can be read."""
    text = short_message(fault)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rsplit(' ', 1)[0]} ..."


def copy_weights(source: Any, target: Any) -> None:
    """Give a layer the weights of another of the same class; where they do not fit, nothing happens.

    A check that compares the two then tells it.
    """
    if [tuple(w.shape) for w in source.weights] == [tuple(w.shape) for w in target.weights]:
        for mine, its in zip(source.weights, target.weights, strict=True):
            its.assign(mine)


def as_arrays(result: Any) -> list[np.ndarray]:
    """The tensors of a structure as arrays."""
    return [
        np.asarray(keras.ops.convert_to_numpy(item))
        for item in keras.tree.flatten(result)
        if item is not None
    ]


def _search(subject: Subject) -> tuple[Inputs, Any] | NoInput:
    """Try shapes until a new instance takes one."""
    faults: list[tuple[Inputs, BaseException]] = []
    for inputs in _candidates(subject):
        layer = subject.make()
        inputs = Inputs(inputs.tensors, _form(layer, len(inputs.tensors)))
        try:
            layer(*inputs.arguments)
            return inputs, layer
        except KeyboardInterrupt:
            raise
        except BaseException as fault:  # plugin code: SystemExit included
            faults.append((inputs, fault))
    first_inputs, first = faults[0]
    different = {(type(fault), str(fault)) for _, fault in faults}
    declared = bool(subject.entry.input_shapes)
    shapes = " and ".join(shape_text((None, *tensor.shape[1:])) for tensor in first_inputs.tensors)
    tried = "" if declared else f" ({len(faults)} shapes and types were tried)"
    hint = (
        "The entry's input_shapes say that its example takes it."
        if declared
        else "Say in its entry what its example takes: input_shapes=[[8]] for one input of (batch, 8)."
    )
    return NoInput(
        f"called on {shapes}: {said(first)}{tried}.",
        hint,
        state_in_call=any(_STATE_IN_CALL.search(str(fault)) for _, fault in faults),
        broken=declared or (len(different) == 1 and not isinstance(first, _PICKY)),
    )


def _candidates(subject: Subject) -> Iterator[Inputs]:
    """Batches to try, the likeliest first."""
    layer = subject.make()
    numbers = (_floats, _whole_numbers)
    if declared := subject.entry.input_shapes:
        for values in numbers:
            yield _batch(declared, values)
        return
    counts = [subject.entry.inputs] if subject.entry.inputs else []
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
    values.flat[0] = -2.0  # what looks things up by whole numbers takes no such index
    return values


def _whole_numbers(random: np.random.Generator, shape: Shape) -> np.ndarray:
    return random.integers(0, 3, shape).astype("int32")


def _form(layer: Any, count: int) -> Form:
    """How the layer's `call` takes so many tensors."""
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
