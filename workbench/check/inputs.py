"""A batch that a layer accepts, and the batches that are worth a trial."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from workbench.catalog import Entry
from workbench.check.source import is_stock, parsed
from workbench.keras_private import input_form
from workbench.storage import layer_paths

BATCH = 5  # no usual number of inputs, which a tensor could be unpacked into by mistake

Shape = tuple[int, ...]

# Without the batch axis: columns, a sequence, an image, a film. 8 is the width that guessed arguments have too.
USUAL_SHAPES: tuple[Shape, ...] = ((8,), (6, 8), (8, 8, 3), (4, 8, 8, 3))
_RARER_SHAPES: tuple[Shape, ...] = (
    (32, 32, 3),
    (28, 28, 1),
    (8, 8, 8),
    (64, 64, 3),
    (6, 1),
    (6, 6, 8),
    (32,),
    (28, 28),
    (),
)

# Several inputs of different shapes: a graph's nodes and edges, a sequence with a vector, an image with a vector.
_MIXED_SHAPES: tuple[tuple[Shape, ...], ...] = (
    ((6, 8), (6, 6)), ((6, 8), (8,)), ((8,), (6, 8)), ((6, 8), (4, 8)), ((8, 8, 3), (8,)), ((6, 8), (6,)),
)  # fmt: skip

# Axes of free length in what a model or layer says of itself.
_FREE_LENGTHS = (8, 32, 64)

# Rows of a layer that is made for so many only.
ROWS = (32, 16, 8, 4, 2, 1, 64, 10, 100, 128)

Form = Literal["one", "list", "separate", "first and rest", "named", "as called"]

TENSOR = "the next tensor"  # in the arguments of a call that was seen


@dataclass(frozen=True)
class Inputs:
    """A batch that a layer accepts, and how it is passed.

    Attributes:
        tensors: one for each input.
        form: how they are passed to a call: as one tensor, as a list, as arguments, as the first one and a list of
            the others (a cell and its states), as a dict, or as in a call that was seen.
        names: of the dict's tensors.
        seen: the arguments of that call, with `TENSOR` for each tensor.
    """

    tensors: tuple[np.ndarray, ...]
    form: Form = "one"
    names: tuple[str, ...] = ()
    seen: tuple[Any, ...] = ()

    @property
    def count(self) -> int:
        """How many inputs an entry of it declares."""
        return 2 if self.form == "first and rest" else len(self.tensors)

    @property
    def rows(self) -> int:
        return len(self.tensors[0])

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
            case "as called":
                rest = iter(tensors)
                filled = keras.tree.map_structure(
                    lambda leaf: next(rest) if leaf is TENSOR else leaf, self.seen
                )
                return tuple(filled)
            case "named":
                return (dict(zip(self.names, tensors, strict=True)),)
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


Values = Callable[[np.random.Generator, Shape], np.ndarray]


def floats(random: np.random.Generator, shape: Shape) -> np.ndarray:
    values = random.normal(size=shape).astype("float32")
    values.flat[0] = -2.0  # a layer that uses integers as indices fails on this one
    return values


def whole_numbers(random: np.random.Generator, shape: Shape) -> np.ndarray:
    return random.integers(0, 3, shape).astype("int32")


NUMBERS: tuple[Values, ...] = (floats, whole_numbers)


def candidates(entry: Entry, layer: Any) -> Iterator[Inputs]:
    """Batches to try, the likeliest first: what its entry declares, what it says itself, and usual shapes."""
    if entry.input_shapes:
        for values in NUMBERS:
            yield batch(layer, entry.input_shapes, [values] * len(entry.input_shapes))
        return
    yield from _of_itself(layer)
    if names := _names(layer):
        for found in (
            batch(layer, [shape] * len(names), [v] * len(names)) for v in NUMBERS for shape in USUAL_SHAPES
        ):
            yield replace(found, form="named", names=names)
    counts = likely_counts(entry, layer)
    for count in counts:
        for values in NUMBERS:
            for shape in USUAL_SHAPES:
                yield batch(layer, [shape] * count, [values] * count)
    for values in NUMBERS if 1 in counts else ():
        for shape in _RARER_SHAPES:
            yield batch(layer, [shape], [values])
    for shapes in _MIXED_SHAPES if 2 in counts else ():
        yield batch(layer, shapes, [floats, floats])
        yield batch(layer, shapes, [floats, whole_numbers])


def likely_counts(entry: Entry, layer: Any) -> list[int]:
    """How many tensors to try, the likeliest first: as the entry says, as `call` is written, and the usual ones."""
    likely = (entry.inputs or 0, _listed(layer), required_tensors(layer), 1, 2, 3)
    return list(dict.fromkeys(count for count in likely if count))


def batch(layer: Any, shapes: Sequence[Shape], values: Sequence[Values], rows: int = BATCH) -> Inputs:
    """A batch of such tensors, in the form in which the layer's `call` has so many."""
    random = np.random.default_rng(0)
    tensors = tuple(make(random, (rows, *shape)) for make, shape in zip(values, shapes, strict=True))
    return Inputs(tensors, _form(layer, len(tensors)))


def captured(layer: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Inputs | None:
    """The inputs of a call that was seen; None where they cannot be passed by position, or are no batch."""
    given = {name: value for name, value in kwargs.items() if name not in ("training", "mask")}
    try:
        bound = inspect.signature(layer.call).bind(*args, **given)
    except TypeError:
        return None
    tensors: list[np.ndarray] = []

    def taken(leaf: Any) -> Any:
        if not tf.is_tensor(leaf) and not isinstance(leaf, np.ndarray):
            return leaf
        array = np.asarray(leaf)
        tensors.append(
            array.astype("float32") if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array
        )
        return TENSOR

    seen = keras.tree.map_structure(taken, tuple(bound.args))
    if bound.kwargs or not tensors or any(not array.ndim for array in tensors):
        return None
    if len(tensors) == 1 and len(seen) == 1 and seen[0] is TENSOR:
        return Inputs(tuple(tensors))
    return Inputs(tuple(tensors), "as called", seen=seen)


def _of_itself(layer: Any) -> Iterator[Inputs]:
    """Of what a model in functional form says of its inputs, and a layer of its `input_spec`."""
    for length in _FREE_LENGTHS:
        if layer_paths.is_functional(layer) and layer.built:
            own = layer.inputs
            shapes = [tuple(length if n is None else n for n in each.shape[1:]) for each in own]
            values = [whole_numbers if "int" in each.dtype else floats for each in own]
            rows = next((each.shape[0] for each in own if each.shape[0]), BATCH)
            found = batch(layer, shapes, values, rows)
            if isinstance(names := input_form(layer), dict):
                yield replace(found, form="named", names=tuple(names))
            else:
                yield replace(found, form="one" if len(own) == 1 else "list")
        elif shapes := _of_spec(getattr(layer, "input_spec", None), length):
            for values_of_all in NUMBERS:
                yield batch(layer, shapes, [values_of_all] * len(shapes))


def _of_spec(spec: Any, length: int) -> list[Shape]:
    """Shapes that suit an `input_spec`; none where it does not say the rank of every input."""
    shapes = []
    for each in keras.tree.flatten(spec):
        if each is None or not (each.shape or each.ndim):
            return []
        shape = list(each.shape or (None,) * each.ndim)
        for axis, size in (each.axes or {}).items():
            shape[axis] = size
        *free, last = (size or None for size in shape[1:]) if len(shape) > 1 else (None,)
        shapes.append((*(size or length for size in free), last or 8)[: len(shape) - 1])
    return shapes


def _form(layer: Any, count: int) -> Form:
    """How so many tensors are passed to the layer's `call`."""
    required = required_tensors(layer)
    if required <= 1 and not _takes_any_number(layer):
        return "one" if count == 1 else "list"
    return "first and rest" if required == 2 and count > 2 else "separate"


def required_tensors(layer: Any) -> int:
    """How many tensors `call` needs as arguments of their own."""
    parameters = inspect.signature(layer.call).parameters.values()
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return sum(p.default is p.empty and p.name not in ("training", "mask") for p in plain)


def _takes_any_number(layer: Any) -> bool:
    parameters = inspect.signature(layer.call).parameters.values()
    return any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _listed(layer: Any) -> int:
    """How many tensors `call` takes out of its first argument by position, as in `a, b = inputs` and `inputs[1]`.

    0 where it does no such thing.
    """
    function, first = _first_argument(layer)
    found = 0
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Assign)
            and _is_name(node.value, first)
            and isinstance(node.targets[0], ast.Tuple)
        ):
            found = max(found, len(node.targets[0].elts))
        if isinstance(node, ast.Subscript) and _is_name(node.value, first):
            index = node.slice.value if isinstance(node.slice, ast.Constant) else None
            found = max(found, 2, index + 1) if isinstance(index, int) else found
        if isinstance(node, ast.For | ast.comprehension) and _is_name(node.iter, first):
            found = max(found, 2)
        if isinstance(node, ast.Starred) and _is_name(node.value, first):
            found = max(found, 2)
    return found


def _names(layer: Any) -> tuple[str, ...]:
    """The keys by which `call` takes tensors out of its first argument, as in `inputs["price"]`."""
    function, first = _first_argument(layer)
    keys = (
        node.slice.value
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript)
        and _is_name(node.value, first)
        and isinstance(node.slice, ast.Constant)
    )
    return tuple(dict.fromkeys(key for key in keys if isinstance(key, str)))


def _first_argument(layer: Any) -> tuple[ast.AST, str]:
    """The syntax tree of the class' own `call`, and the name of its first argument."""
    call = type(layer).call
    if is_stock(call):
        return ast.Module([], []), ""
    tree = parsed(call)
    arguments = next((node.args.args for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), [])
    return tree, arguments[1].arg if len(arguments) > 1 else ""


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
