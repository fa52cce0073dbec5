"""The source code of a class or function that is checked: its syntax tree, and where a method of it stands."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from workbench.origin import CodePlace


def parsed(thing: Any) -> ast.AST:
    """The syntax tree of a class, function or method; an empty one where its source is not there."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing))))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ast.Module([], [])


def is_stock(thing: Any) -> bool:
    """True for what is Keras' own."""
    return str(getattr(thing, "__module__", "")).partition(".")[0] == "keras"


def own_method(target: Any, name: str) -> Any:
    """A method as the class or a base of it defines it, if that is not Keras' own; None where it is."""
    if not inspect.isclass(target):
        return target
    for cls in target.__mro__:
        if is_stock(cls):
            return None
        if name in vars(cls):
            method = vars(cls)[name]
            return inspect.unwrap(getattr(method, "__func__", method))
    return None


def method_place(target: Any, name: str) -> CodePlace | None:
    """Where a method stands, else the class; None for Keras' own, and where there is no source."""
    for thing in (own_method(target, name) if name else None, target):
        if thing is None or is_stock(thing):
            continue
        try:
            file = inspect.getsourcefile(thing)
            lines, line = inspect.getsourcelines(thing)
        except (OSError, TypeError):
            continue
        skipped = next((i for i, text in enumerate(lines) if text.lstrip().startswith(("def ", "class "))), 0)
        name = getattr(thing, "__name__", "")
        return CodePlace(file or "", line + skipped, name, lines[skipped].strip())
    return None
