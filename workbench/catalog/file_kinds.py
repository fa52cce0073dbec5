"""What the classes and functions of a plugin file are: a class by what it inherits, a function by its signature and
by what it returns. Nothing is called to find out."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from workbench.catalog.entries import Kind

_TRUE = re.compile(r"(^|_)(y|true|target|targets|label|labels|observed|actual)(_|$)")
_PREDICTED = re.compile(
    r"(^|_)(pred|preds|predicted|prediction|predictions|output|outputs|logits|probs|hat)(_|$)|^y_?hat$"
)
_OF_LOSSES = re.compile(r"loss|metric|error|accuracy|score|mse|mae|rmse|(^|_)r2")
_STEP = re.compile(r"epoch|step|iteration")
_WEIGHT = re.compile(r"^(w|weights?|kernel|matrix)$")
_OF_DATA = re.compile(r"data|load|sample|rows|read")


def kind_of(thing: Any) -> tuple[Kind, bool] | None:
    """The kind of a class or a function, and whether that is a guess; None for something that a recipe has no use for.

    A guessed function may be another kind of thing that functions can be: see `Catalog.named`.
    """
    if inspect.isclass(thing):
        return (found, False) if (found := _of_class(thing)) is not None else None
    if inspect.isfunction(thing) and thing.__name__.isidentifier():
        return _of_function(thing)
    return None


def _of_class(thing: type) -> Kind | None:
    keras: Any = sys.modules.get("keras")
    if keras is None:  # the file has not imported it, so none of its classes is one of these
        return None
    bases = (
        (keras.Model, Kind.MODEL),
        (keras.Layer, Kind.LAYER),
        (keras.Loss, Kind.LOSS),
        (keras.Metric, Kind.METRIC),
        (keras.Optimizer, Kind.OPTIMIZER),
        (keras.optimizers.schedules.LearningRateSchedule, Kind.SCHEDULE),
        (keras.callbacks.Callback, Kind.CALLBACK),
        (keras.Initializer, Kind.INITIALIZER),
        (keras.Regularizer, Kind.REGULARIZER),
        (keras.constraints.Constraint, Kind.CONSTRAINT),
    )
    return next((kind for base, kind in bases if issubclass(thing, base)), None)


def _of_function(function: Any) -> tuple[Kind, bool] | None:
    returned = _returned_kind(function, set())
    if returned is not None:
        return returned, False
    needed = _needed(function)
    if needed is None or not _returns_something(function):
        return None
    return kind_by_signature(function.__name__, needed)


def kind_by_signature(name: str, needed: Sequence[str]) -> tuple[Kind, bool] | None:
    """What a function that returns something is, and whether that is a guess.

    Args:
        name: its name.
        needed: its arguments that have no default.
    """
    name = name.lower()
    match needed:
        case [first, second]:
            named = bool(_TRUE.search(first) and _PREDICTED.search(second))
            return (
                (Kind.LOSS, not named)
                if named or _OF_LOSSES.search(name)
                else _of_one(first, name, (second,))
            )
        case [first]:
            return _of_one(first, name, ())
    return None


def _of_one(first: str, name: str, others: tuple[str, ...]) -> tuple[Kind, bool] | None:
    """Of a function with one argument that has no default."""
    if first == "shape":
        return Kind.INITIALIZER, False
    if _STEP.search(first):
        return Kind.SCHEDULE, False
    if others:
        return None
    if "constraint" in name or (_WEIGHT.match(first) and not re.search(r"regulari|penalty|l1|l2", name)):
        return Kind.CONSTRAINT, True
    if re.search(r"regulari|penalty", name) or _WEIGHT.match(first):
        return Kind.REGULARIZER, True
    return Kind.LAYER, True


def _needed(function: Any) -> list[str] | None:
    """The names of the arguments that have no default; None where one can only be given by name."""
    needed = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY:
            return None
        if parameter.default is parameter.empty and parameter.kind in (
            parameter.POSITIONAL_ONLY,
            parameter.POSITIONAL_OR_KEYWORD,
        ):
            needed.append(parameter.name)
    return needed


# --------------------------------------------------------------------------- by what is returned


def _returned_kind(function: Any, seen: set[Any]) -> Kind | None:
    """MODEL or DATASET, by the annotation or by what the `return`s give; None for anything else."""
    annotated = function.__annotations__.get("return")
    if annotated is not None and not isinstance(annotated, str):
        return _made_kind(annotated)
    if (
        isinstance(annotated, str)
        and (by_text := _made_kind(_lookup(_expression(annotated), function))) is not None
    ):
        return by_text
    if function in seen:
        return None
    seen.add(function)
    tree = _tree(function)
    if tree is None:
        return None
    assigned = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for given in returned_values(tree):
        value = assigned.get(given.id) if isinstance(given, ast.Name) else given
        if _is_map(value) and _OF_DATA.search(function.__name__.lower()):
            return Kind.DATASET
        if isinstance(value, ast.Call):
            made = _lookup(value.func, function)
            kind = _returned_kind(made, seen) if inspect.isfunction(made) else _made_kind(made)
            if kind is not None:
                return kind
    return None


def _is_map(value: ast.expr | None) -> bool:
    match value:
        case ast.Dict() | ast.DictComp() | ast.Call(func=ast.Name(id="dict")):
            return True
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_map(left) or _is_map(right)
    return False


def _made_kind(made: Any) -> Kind | None:
    """What an instance of a class is; for a function of keras.applications, what it returns."""
    if inspect.isclass(made):
        if made.__name__ in ("Source", "StreamedSource", "DataFrame"):
            return Kind.DATASET
        return Kind.MODEL if _of_class(made) is Kind.MODEL else None
    of_zoo = str(getattr(made, "__module__", "")).startswith("keras.src.applications.")
    return Kind.MODEL if of_zoo and inspect.isfunction(made) else None


def _lookup(node: ast.expr | None, function: Any) -> Any:
    """The object that a dotted name stands for in a function's module; None where it is not known."""
    match node:
        case ast.Name(id=name):
            return function.__globals__.get(name)
        case ast.Attribute(value=value, attr=name):
            return getattr(_lookup(value, function), name, None)
    return None


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _tree(function: Any) -> ast.FunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None)


def returned_values(tree: ast.FunctionDef) -> Iterator[ast.expr]:
    """What a function returns, those defined inside of it left out."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        waiting.extend(ast.iter_child_nodes(node))


def _returns_something(function: Any) -> bool:
    tree = _tree(function)
    return tree is None or any(True for _ in returned_values(tree))
