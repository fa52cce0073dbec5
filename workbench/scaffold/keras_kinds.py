"""What the classes and functions of a file are to Keras, by its syntax alone: `catalog.file_kinds` looks at the objects
themselves, which are there only after the file has run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from workbench.catalog import Kind
from workbench.catalog.file_kinds import kind_by_signature, returned_values
from workbench.scaffold.pure_code import dotted
from workbench.scaffold.statements import Statement

_OF_NAME = {
    "Layer": Kind.LAYER,
    "Wrapper": Kind.LAYER,
    "Model": Kind.MODEL,
    "Sequential": Kind.MODEL,
    "Loss": Kind.LOSS,
    "Metric": Kind.METRIC,
    "Optimizer": Kind.OPTIMIZER,
    "LearningRateSchedule": Kind.SCHEDULE,
    "Callback": Kind.CALLBACK,
    "Initializer": Kind.INITIALIZER,
    "Regularizer": Kind.REGULARIZER,
    "Constraint": Kind.CONSTRAINT,
}
_OF_MODULE = {
    "schedules": Kind.SCHEDULE,
    "layers": Kind.LAYER,
    "models": Kind.MODEL,
    "losses": Kind.LOSS,
    "metrics": Kind.METRIC,
    "optimizers": Kind.OPTIMIZER,
    "callbacks": Kind.CALLBACK,
    "initializers": Kind.INITIALIZER,
    "regularizers": Kind.REGULARIZER,
    "constraints": Kind.CONSTRAINT,
}
_REGISTERS = "register_keras_serializable"
_OF_METRICS = ("accuracy", "metric", "score", "precision", "recall", "f1", "r2", "auc", "iou", "dice_coef")

Scope = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Unclear:
    """A class that may be something, and of what nobody can say without running the file: what it inherits."""

    base: str


class KerasKinds:
    """Finds out kinds in one file.

    Args:
        statements: of the file.
        elsewhere: the kinds of classes of other files, by the names that they have in this one.
    """

    def __init__(
        self, statements: Sequence[Statement], elsewhere: Mapping[str, Kind | Unclear] = MappingProxyType({})
    ) -> None:
        self._elsewhere = elsewhere
        self.imported = imported_names(statements)
        nodes = [each.node for each in statements if each.is_star]
        self._stars = [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom) and not n.level]
        # Of several of one name the last is meant.
        self._classes = {each.node.name: each for each in statements if isinstance(each.node, ast.ClassDef)}

    def kind(self, node: ast.stmt) -> Kind | Unclear | None:
        """The kind of a class or function; None for what Keras cannot use."""
        if isinstance(node, ast.ClassDef):
            return self._of_class(node, frozenset())
        if isinstance(node, ast.FunctionDef):
            return self._of_function(node)
        return None

    def is_abstract(self, node: ast.stmt) -> bool:
        """True for a class that only others build on."""
        return isinstance(node, ast.ClassDef) and (
            any(dotted(base).rpartition(".")[2] == "ABC" for base in node.bases)
            or any(
                dotted(decorator).rpartition(".")[2].startswith("abstract")
                for each in node.body
                if isinstance(each, ast.FunctionDef)
                for decorator in each.decorator_list
            )
        )

    def _of_class(self, node: ast.ClassDef, seen: frozenset[str]) -> Kind | Unclear | None:
        unclear: Unclear | None = None
        for base in node.bases:
            name = dotted(base.value if isinstance(base, ast.Subscript) else base)
            if name in self._classes and name not in seen and self._classes[name].node is not node:
                above = self._classes[name].node
                assert isinstance(above, ast.ClassDef)
                found = self._of_class(above, seen | {node.name, name})
            else:
                found = self._of_base(name)
            if isinstance(found, Kind):
                return found
            unclear = unclear or found
        return unclear

    def _of_base(self, name: str) -> Kind | Unclear | None:
        if name in self._elsewhere:
            return self._elsewhere[name]
        first, _, rest = name.partition(".")
        if first in self.imported:
            return _of_path(f"{self.imported[first]}.{rest}" if rest else self.imported[first])
        for module in self._stars:
            if name and (found := _of_path(f"{module}.{name}")) is not None and isinstance(found, Kind):
                return found
        return None

    def _of_function(self, node: ast.FunctionDef) -> Kind | None:
        if self._returns_model(node):
            return Kind.MODEL
        returns = any(True for _ in returned_values(node))
        found = kind_by_signature(node.name, _needed(node)) if returns else None
        if found is None:
            return None
        kind, guessed = found
        if not is_registered(node) and (guessed or kind not in (Kind.LOSS, Kind.INITIALIZER)):
            return None
        name = node.name.lower()
        return Kind.METRIC if kind is Kind.LOSS and any(word in name for word in _OF_METRICS) else kind

    def _returns_model(self, node: ast.FunctionDef) -> bool:
        assigned = {
            target.id: each.value
            for each in ast.walk(node)
            if isinstance(each, ast.Assign)
            for target in each.targets
            if isinstance(target, ast.Name)
        }
        for value in returned_values(node):
            made = assigned.get(value.id) if isinstance(value, ast.Name) else value
            if isinstance(made, ast.Call) and self._is_model(dotted(made.func)):
                return True
        return False

    def _is_model(self, name: str) -> bool:
        if name in self._classes:
            return self.kind(self._classes[name].node) is Kind.MODEL
        return self._of_base(name) is Kind.MODEL and name.rpartition(".")[2][:1].isupper()


def imported_names(statements: Sequence[Statement]) -> dict[str, str]:
    """What each imported name stands for; those imported under a condition too."""
    found = {}
    for statement in statements:
        if statement.is_scope:
            continue
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.partition(".")[0]
                    found[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{'.' * node.level}{node.module or ''}.{alias.name}"
    return {name: _of_keras(path) for name, path in found.items()}


def is_registered(node: Scope) -> bool:
    """True where the class or function is registered with Keras by a decorator."""
    calls = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    return any(dotted(call).rpartition(".")[2] == _REGISTERS for call in calls)


def required_arguments(node: Scope, classes: Mapping[str, ast.ClassDef]) -> list[str]:
    """The arguments of a constructor (of a function, of itself) that have no default.

    Args:
        classes: of the same file, whose constructor it may have.
    """
    if not isinstance(node, ast.ClassDef):
        return _needed(node)
    seen: set[str] = set()
    while True:
        init = next((e for e in node.body if isinstance(e, ast.FunctionDef) and e.name == "__init__"), None)
        if init is not None:
            return _needed(init)[1:]
        seen.add(node.name)
        names = [dotted(base) for base in node.bases]
        above = next((name for name in names if name in classes and name not in seen), None)
        if above is None:
            return []
        node = classes[above]


def _needed(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    plain = [*node.args.posonlyargs, *node.args.args]
    needed = [each.arg for each in plain[: len(plain) - len(node.args.defaults)]]
    by_name = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return needed + [each.arg for each, default in by_name if default is None]


def _of_keras(path: str) -> str:
    """A path with Keras under its own name: `tensorflow.keras.layers` is `keras.layers`."""
    for prefix in ("tensorflow.keras", "tensorflow.python.keras", "keras.src", "tf_keras"):
        if path == prefix or path.startswith(f"{prefix}."):
            return f"keras{path.removeprefix(prefix)}"
    return path


def _of_path(path: str) -> Kind | Unclear | None:
    """The kind of what inherits from something imported."""
    *modules, last = _of_keras(path).split(".")
    first = modules[0] if modules else last
    if first in ("torch", "sklearn", "typing", "abc", "enum", "collections", "dataclasses"):
        return None
    if first == "keras" and last in _OF_NAME:
        return _OF_NAME[last]
    for module in reversed(modules):
        if module in _OF_MODULE and first not in ("", "django"):
            return _OF_MODULE[module]
    if first == "keras":
        return None
    ending = next((kind for name, kind in _OF_NAME.items() if last.endswith(name)), None)
    return None if ending is None else Unclear(path)
