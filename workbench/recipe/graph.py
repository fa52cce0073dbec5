"""Parse graph lines, written in Keras' functional syntax: `z = Dense(30, activation="relu")(x)`.

A line is read with Python's own parser and never executed. Allowed are names, calls, literals and tuples;
everything else is refused, so a recipe of unknown origin is data and not a program.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from workbench.errors import RecipeError


@dataclass(frozen=True)
class Make:
    """A new layer (or regularizer, initializer ...) by its entry's name: `Dense(30, activation="relu")`."""

    name: str
    positional: tuple[Any, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Ref:
    """A tensor by its name."""

    name: str


@dataclass(frozen=True)
class LayerRef:
    """A layer of the recipe by its name, as the argument of another: `DenseTranspose(dense=d)`."""

    name: str


@dataclass(frozen=True)
class Apply:
    """A layer called on tensors. `layer` is a new one, or the name of one under `layers:`.

    An input is a `Ref`, an `Apply` or a tuple of them (for a layer whose input is a list of tensors).
    """

    layer: Make | str
    inputs: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Line:
    """`targets = value`: the names for the outputs of the call."""

    targets: tuple[str, ...]
    value: Apply


def parse_line(text: str, where: str = "") -> Line:
    """Read one line.

    Raises:
        RecipeError: it is not an assignment of a layer call, or holds something that is not allowed.
    """
    reader = _LineReader(text, where)
    try:
        tree = ast.parse(text.strip(), mode="exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "too deeply nested"
        raise reader.refuse(f"this is not a graph line: {reason}") from None
    match tree.body:
        case [ast.Assign(targets=[target], value=ast.Call() as call)]:
            return Line(reader.targets(target), reader.apply(call))
    if len(tree.body) > 1:
        raise reader.refuse("one item of the graph is one call")
    if any(isinstance(node, ast.BinOp) for statement in tree.body for node in ast.walk(statement)):
        raise reader.refuse("a graph line calls layers and does no arithmetic", _ARITHMETIC)
    raise reader.refuse("a graph line gives a name to a layer's output")


_EXAMPLE = 'Write it like `z = Dense(30, activation="relu")(x)`.'
_ARITHMETIC = "Layers do it: Add, Subtract, Multiply, as in `z = Add()(x, y)`."


class _LineReader:
    """Turns the syntax tree of one line into `Line`, refusing what a recipe must not contain."""

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where

    def refuse(self, what: str, hint: str = "") -> RecipeError:
        text = " ".join(self.text.split())
        shown = text if len(text) <= 100 else f"{text[:97]}..."
        return RecipeError(f"{what}: `{shown}`.", where=self.where, hint=hint or _EXAMPLE)

    def targets(self, node: ast.expr) -> tuple[str, ...]:
        items = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
        names = [item.id for item in items if isinstance(item, ast.Name)]
        if len(names) != len(items):
            raise self.refuse("the left side must be names")
        if len(set(names)) != len(names):
            raise self.refuse("a name stands twice on the left side")
        return tuple(names)

    def apply(self, node: ast.Call) -> Apply:
        """A call of a layer: of a new one, `Dense(3)(x)`, or of a named one, `block(x)`."""
        layer: Make | str
        if isinstance(node.func, ast.Call):
            layer = self.make(node.func)
        else:
            layer = self.name(node.func)
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(layer, str) and not any(map(_names_tensors, given)):
            made = ast.unparse(node)
            raise self.refuse("this makes a layer and calls it on nothing", f"Call it, as in `{made}(x)`.")
        if not node.args and not node.keywords:
            raise self.refuse(f"'{layer if isinstance(layer, str) else layer.name}' is called on nothing")
        inputs = tuple(self.tensor(argument) for argument in node.args)
        return Apply(layer, inputs, tuple(self.call_keyword(keyword) for keyword in node.keywords))

    def tensor(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                return Ref(name)
            case ast.Call():
                return self.apply(node)
            case ast.List() | ast.Tuple():
                return tuple(self.tensor(item) for item in node.elts)
            case ast.BinOp():
                raise self.refuse("a graph line calls layers and does no arithmetic", _ARITHMETIC)
        raise self.refuse("a layer is called on names of tensors")

    def call_keyword(self, keyword: ast.keyword) -> tuple[str, Any]:
        """`attention(x, value=y, use_causal_mask=True)`: a tensor by name, a list of them, or a literal."""
        if keyword.arg is None:
            raise self.refuse("`**` is not allowed")
        if _names_tensors(keyword.value):
            return keyword.arg, self.tensor(keyword.value)
        return keyword.arg, self.literal(keyword.value)

    def make(self, node: ast.Call) -> Make:
        if isinstance(node.func, ast.Call):
            raise self.refuse("a layer is made once and called once")
        if any(keyword.arg is None for keyword in node.keywords):
            raise self.refuse("`**` is not allowed")
        names = [keyword.arg for keyword in node.keywords]
        for name in names:
            if names.count(name) > 1:
                raise self.refuse(f"the argument '{name}' is given twice")
        return Make(
            self.name(node.func),
            tuple(self.argument(argument) for argument in node.args),
            tuple((keyword.arg or "", self.argument(keyword.value)) for keyword in node.keywords),
        )

    def argument(self, node: ast.expr) -> Any:
        """A constructor's argument: a literal, another thing made by name, `L2(0.01)`, a layer's name, or several."""
        match node:
            case ast.Call():
                return self.make(node)
            case ast.Name(id=name):
                return LayerRef(name)
            case ast.List(elts=items) if any(map(_names_things, items)):
                return [self.argument(item) for item in items]
            case ast.Tuple(elts=items) if any(map(_names_things, items)):
                return tuple(self.argument(item) for item in items)
            case ast.Dict(keys=keys, values=values) if any(map(_names_things, values)):
                labels = [self.literal(key) if key is not None else None for key in keys]
                if not all(isinstance(label, str) for label in labels):
                    raise self.refuse(f"`{ast.unparse(node)}` is not a plain value")
                return dict(zip(labels, map(self.argument, values), strict=True))
        return self.literal(node)

    def literal(self, node: ast.expr) -> Any:
        try:
            value = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise self.refuse(f"`{ast.unparse(node)}` is not a plain value") from None
        if not _is_plain(value):
            raise self.refuse(f"`{ast.unparse(node)}` is not a plain value")
        return value

    def name(self, node: ast.expr) -> str:
        """A bare name, or `plugin.Name`."""
        match node:
            case ast.Name(id=name):
                return name
            case ast.Attribute(value=ast.Name(id=plugin), attr=name):
                return f"{plugin}.{name}"
        raise self.refuse(f"`{ast.unparse(node)}` is not the name of a layer")


def _names_tensors(node: ast.expr) -> bool:
    """True if a call's argument is a tensor: a name, a call, or a list with one in it."""
    if isinstance(node, ast.List | ast.Tuple):
        return any(map(_names_tensors, node.elts))
    return isinstance(node, ast.Name | ast.Call)


def _names_things(node: ast.expr) -> bool:
    """True if an argument is, or holds, something that is made, or a layer's name."""
    return any(isinstance(each, ast.Name | ast.Call) for each in ast.walk(node))


def _is_plain(value: Any) -> bool:
    """True if YAML could hold the value too: no bytes, sets, complex numbers or `...` anywhere in it."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)
