"""Does a statement only define something, or does it do work: read files, train, draw?

A constant such as `RATES = np.linspace(0, 1, 5)` may be moved into a package, where it runs at every import;
`data = load()` may not. What is not known to be pure is work.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

_QUIET_MODULES = frozenset(
    {
        "abc",
        "collections",
        "copy",
        "dataclasses",
        "datetime",
        "enum",
        "fractions",
        "decimal",
        "functools",
        "itertools",
    }
    | {
        "keras",
        "logging",
        "math",
        "numbers",
        "numpy",
        "operator",
        "os",
        "pathlib",
        "re",
        "string",
        "tensorflow",
    }
    | {"types", "typing", "typing_extensions", "scipy"}
)
_QUIET_BUILTINS = frozenset(
    {
        "abs",
        "all",
        "any",
        "bool",
        "bytes",
        "callable",
        "chr",
        "complex",
        "dict",
        "divmod",
        "enumerate",
        "filter",
    }
    | {
        "float",
        "frozenset",
        "getattr",
        "hasattr",
        "hash",
        "int",
        "isinstance",
        "issubclass",
        "iter",
        "len",
        "list",
    }
    | {
        "map",
        "max",
        "min",
        "next",
        "object",
        "ord",
        "pow",
        "property",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
    }
    | {"slice", "sorted", "str", "sum", "super", "tuple", "type", "zip"}
)
# Parts of a called name that say that something is done, whatever module it is of.
_WORK = re.compile(
    r"(^|_)(load|loadtxt|genfromtxt|fromfile|read|open|fetch|download|fit|train|predict|evaluate|get_file|urlopen|request"
    r"|system|popen|check_call|check_output|exec|eval|input|save|write|dump|listdir|walk|glob|exists"
    r"|getenv|environ|pretrained|seed|show|plot|compile_model|list_physical_devices)(_|$)"
)
_HOLDS_STATE = re.compile(
    r"(^|\.)(Sequential|Model|Input|Variable)$|applications|datasets|\blayers\b|\bmodels\b"
)
_PLEASANTRIES = re.compile(r"^(print|warnings\.\w+|logging\.\w+|log(ger)?\.\w+)$")


def dotted(node: ast.AST | None) -> str:
    """`tf.keras.layers` of an expression that is a dotted name; empty for another."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{above}.{attr}" if (above := dotted(value)) else ""
    return ""


class PureCode:
    """Judges statements of one file.

    Args:
        imported: for each name that the file imports, what it stands for: `np` is `numpy`.
        functions: the file's own functions.
        classes: the names of its own classes.
    """

    def __init__(
        self, imported: Mapping[str, str], functions: Mapping[str, ast.AST], classes: frozenset[str]
    ) -> None:
        self._imported = imported
        self._functions = functions
        self._classes = classes
        self._asked: set[str] = set()

    def is_pure(self, node: ast.stmt) -> bool:
        """True for a definition, an import, a plain constant, and a condition around these."""
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Raise():
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                return True
            case ast.Assign(value=value) | ast.AugAssign(value=value):
                return not self._works(value)
            case ast.AnnAssign(value=value):
                return value is None or not self._works(value)
            case ast.If(test=test, body=body, orelse=orelse):
                main = any(isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(test))
                return not main and not self._works(test) and all(map(self.is_pure, [*body, *orelse]))
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                caught = [each for handler in handlers for each in handler.body]
                # "not installed, going on without it" is said, and that is all.
                caught = [each for each in caught if not _is_pleasantry(each)]
                return all(map(self.is_pure, [*body, *caught, *orelse, *final]))
            case ast.Expr(value=ast.Constant()):
                return True
        return type(node).__name__ == "TypeAlias"  # of Python 3.12

    def _works(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Lambda):
            return False  # it is defined, not called
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "environ":
            return True
        if isinstance(node, ast.Call) and self._call_works(node):
            return True
        return any(self._works(child) for child in ast.iter_child_nodes(node))

    def _call_works(self, node: ast.Call) -> bool:
        name = dotted(node.func)
        if not name:  # a method of a value: what that value does is looked at by itself
            return isinstance(node.func, ast.Attribute) and bool(_WORK.search(node.func.attr))
        first, _, rest = name.partition(".")
        last = name.rpartition(".")[2]
        if first in self._classes:
            return bool(rest) and bool(_WORK.search(last))
        if name in self._functions:
            return self._function_works(name)
        if first in self._imported:
            whole = ".".join(part for part in (self._imported[first], rest) if part)
            module = whole.partition(".")[0]
            if _WORK.search(last.lower()) or (
                module in ("keras", "tensorflow") and _HOLDS_STATE.search(whole)
            ):
                return not whole.startswith("keras.saving.") and "register" not in last
            if ".random." in whole or whole.startswith("random."):
                return True
            return module not in _QUIET_MODULES and not last[:1].isupper()
        return bool(_WORK.search(last)) if rest else name not in _QUIET_BUILTINS

    def _function_works(self, name: str) -> bool:
        """Whether one of the file's own functions does work when it is called."""
        if name in self._asked:  # it calls itself
            return False
        self._asked.add(name)
        try:
            body = getattr(self._functions[name], "body", [])
            return any(self._works(part) for part in body)
        finally:
            self._asked.discard(name)


def _is_pleasantry(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and bool(_PLEASANTRIES.match(dotted(node.value.func)))
    )
