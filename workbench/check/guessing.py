"""Guess values of required arguments, by type hint, by name and by what the class compares them with.

Values are what a recipe can hold (numbers, texts, lists, `{use: Dense, units: 8}`), so that each instance gets objects
of its own. Which of them is right is found out by trial.
"""

from __future__ import annotations

import ast
import collections.abc
import enum
import inspect
import itertools
import re
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import keras

from workbench.check.source import parsed

MOST_TRIALS = 60  # instances; each is a constructor's call

WIDTH = 8  # of the usual input shapes too

_DENSE: Any = {"use": "Dense", "units": WIDTH}
_CELL: Any = {"use": "SimpleRNNCell", "units": WIDTH}
_MODEL: Any = {"sequential": [_DENSE]}
_PAIRS = ([2, 2], (2, 2))

# The first pattern that a name matches gives the likeliest values, the later ones those to try after them.
_OF_NAME: tuple[tuple[re.Pattern[str], tuple[Any, ...]], ...] = tuple(
    (re.compile(pattern, re.I), values)
    for pattern, values in (
        (r"\Aname\Z", ("checked",)),
        (r"\A(dtype|compute_dtype)\Z", ("float32",)),
        (r"activation|nonlinearity", ("relu",)),
        (r"initializer\Z", ("glorot_uniform",)),
        (r"regularizer\Z", ("l2",)),
        (r"constraint\Z", ("non_neg",)),
        (r"padding\Z", ("same",)),
        (r"data_format\Z", ("channels_last",)),
        (r"axis\Z", (-1, [-1])),
        (r"\A(use|is|has|with|return|include|add|apply|do|enable)_|causal|trainable|stateful", (True, False)),
        (r"(vocabulary|vocab|tokens|words)\Z", (["a", "b", "c"], 16)),
        (r"cell", (_CELL,)),
        (r"(layers|blocks|experts|branches|sublayers|modules|cells)\Z", ([_DENSE, _DENSE], 2)),
        (r"num_|n_|_count|count\Z|number", (2, 4)),
        (r"heads", (2,)),
        (r"drop|prob|\Ap\Z|noise|keep", (0.25,)),
        (r"rate|scale|alpha|beta|gamma|weight|std|epsilon|\Aeps\Z|factor|momentum|ratio|temp|margin|decay", (0.5,)),
        (r"(units|dims|sizes|hidden|filters|widths|channels|shapes)\Z", (WIDTH, [WIDTH, WIDTH])),
        (r"shape\Z", ([WIDTH], [4, 2], [6, WIDTH])),
        (r"window|kernel|patch|pool|stride|dilation|size|block|crop", (2, *_PAIRS, [3, 3], [2], 4)),
        (r"(encoder|decoder|backbone|model|net|network|generator|discriminator)\Z", (_DENSE, _MODEL)),
        (r"layer|inner|wrapped|module|projection|block|body|base|head\Z|\Aff|mlp", (_DENSE,)),
        (r"(fn|func|function)\Z", ("relu",)),
        (r"depth|repeats|times|order|degree|power|group|level|steps", (2,)),
    )
)  # fmt: skip

# What is left to try for an argument of which nothing is known.
_ANY: tuple[Any, ...] = (
    WIDTH,
    2,
    0.5,
    [2, 2],
    (2, 2),
    [WIDTH],
    [0.5, 0.5],
    "relu",
    _DENSE,
    True,
    [_DENSE],
    {},
    "a",
)


def argument_sets(target: Any, required: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Values for all required arguments, the likeliest first; at most `MOST_TRIALS` sets."""
    candidates = {name: candidates_for(target, name) for name in required}
    # By how far each set is from the likeliest values in sum: one argument after the other, then two, and so on.
    ranks = [range(len(values)) for values in candidates.values()]
    seen = 0
    for distance in range(sum(len(each) - 1 for each in ranks) + 1):
        for chosen in _of_sum(ranks, distance):
            yield {name: values[i] for (name, values), i in zip(candidates.items(), chosen, strict=True)}
            seen += 1
            if seen == MOST_TRIALS:
                return


def candidates_for(target: Any, name: str) -> list[Any]:
    """Values to try for one argument, the likeliest first."""
    init = target.__init__ if inspect.isclass(target) else target
    try:
        hint = typing.get_type_hints(init).get(name)
    except Exception:  # a plugin's annotations may hold anything
        hint = None
    found = [*_compared_with(target, name), *_of_hint(hint, name)]
    sure = bool(found) and hint is not None
    found += [value for pattern, values in _OF_NAME if pattern.search(name) for value in values]
    if not sure:
        found += _ANY
    unique: list[Any] = []
    for value in found:
        if not any(type(value) is type(other) and value == other for other in unique):
            unique.append(value)
    return unique


def _of_sum(ranks: list[range], total: int) -> Iterator[tuple[int, ...]]:
    """All choices of one number from each range that add up to the total."""
    if not ranks:
        if total == 0:
            yield ()
        return
    for first in ranks[0]:
        if first > total:
            return
        for rest in _of_sum(ranks[1:], total - first):
            yield (first, *rest)


def _of_hint(hint: Any, name: str) -> list[Any]:
    """Values of a type hint; a name decides among the numbers of a type."""
    if hint in (None, Any, inspect.Parameter.empty):
        return []
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return list(args)
    if origin in (typing.Union, types.UnionType):
        return [value for arg in args if arg is not type(None) for value in _of_hint(arg, name)]
    if origin is typing.Annotated:
        return _of_hint(args[0], name)
    if origin is tuple and args and args[-1] is not Ellipsis:
        parts = [_of_hint(arg, name)[:1] for arg in args]
        return [list(each) for each in itertools.product(*parts)] + [
            tuple(e) for e in itertools.product(*parts)
        ]
    if hint in (list, tuple) or origin in (list, tuple, collections.abc.Sequence, collections.abc.Iterable):
        values = _of_hint(args[0], name)[:1] if args else []
        return [[value] * count for value in values or (WIDTH, 0.5) for count in (2, 1, 3)]
    if hint is dict or origin in (dict, collections.abc.Mapping):
        return [{}]
    if hint is bool:
        return [True, False]
    if hint in (int, float):
        named = [value for pattern, values in _OF_NAME if pattern.search(name) for value in values]
        fitting = [value for value in named if type(value) is hint]
        return [*fitting, *((WIDTH, 2, 4, 1) if hint is int else (0.5, 2.0))]
    if hint is str:
        return ["relu", "same", "a", "mean", "sum"]
    if origin is collections.abc.Callable or hint is collections.abc.Callable:
        return ["relu"]
    if inspect.isclass(hint):
        return _of_class(hint)
    return []


def _of_class(hint: type) -> list[Any]:
    if issubclass(hint, enum.Enum):
        return [member.value for member in hint] if issubclass(hint, str) else []
    if issubclass(hint, keras.Model):
        return [_MODEL]
    if issubclass(keras.layers.Dense, hint) and hint is not object:
        return [_DENSE, _CELL]
    for base, value in (
        (keras.initializers.Initializer, "glorot_uniform"),
        (keras.regularizers.Regularizer, "l2"),
        (keras.constraints.Constraint, "non_neg"),
    ):
        if issubclass(hint, base):
            return [value]
    return []


def _compared_with(target: Any, name: str) -> list[Any]:
    """The texts and numbers that the class' own code compares an argument with: `if mode == "add"`."""
    found: list[Any] = []
    for node in ast.walk(parsed(target)):
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            continue
        sides = (node.left, node.comparators[0])
        if not any(_is_called(side, name) for side in sides):
            continue
        for side in sides:
            with_value = side.elts if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]
            found += [
                each.value
                for each in with_value
                if isinstance(each, ast.Constant) and type(each.value) is str
            ]
    return found


def _is_called(node: ast.expr, name: str) -> bool:
    """True for `name`, `self.name` and `name.lower()`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )
