"""The text of the module that the moved code stands in: the user's code as it is, below its imports."""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog import Kind
from workbench.scaffold.keras_kinds import is_registered
from workbench.scaffold.moving import Moved
from workbench.scaffold.requirements import RESERVED, beside, imported_modules
from workbench.scaffold.source_file import SourceFile, read_source
from workbench.scaffold.statements import Statement

# The kinds of what a saved file names; a callback is in none.
_IN_FILES = frozenset(Kind) - {Kind.CALLBACK, Kind.DATASET, Kind.RECIPE}


@dataclass(frozen=True)
class Module:
    """A module of the new package.

    Attributes:
        name: its file's name, without `.py`.
        text: its code.
        registered: the names that a decorator was added to.
        added: the imports that were added for it.
    """

    name: str
    text: str
    registered: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


ModuleNames = Mapping[Path, str]
"""The modules that files go to, by resolved path."""


def module_name_of(path: Path, taken: Collection[str] = ()) -> str:
    """What the module is called that the code of a file goes to: `layers` where the file's name cannot be one.

    Args:
        taken: the names of other modules of the package.
    """
    name = re.sub(r"\W+", "_", path.stem.lower()).strip("_")
    usable = name.isidentifier() and name.isascii() and not keyword.iskeyword(name)
    wanted = [name] if usable and name not in RESERVED | {"keras", "tensorflow"} else []
    others = (f"layers_{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain(wanted, ["layers", "moved"], others) if each not in taken)


def module_names(sources: Sequence[SourceFile], taken: Collection[str] = ()) -> dict[Path, str]:
    """The modules that several files go to.

    Args:
        taken: the names of other modules of the package.
    """
    found: dict[Path, str] = {}
    for source in sources:
        found[source.path.resolve()] = module_name_of(source.path, {*taken, *found.values()})
    return found


def moved_module(
    source: SourceFile, moved: Moved, package: str, distribution: str, modules: ModuleNames
) -> Module:
    """The module with what moves.

    Args:
        modules: where this file goes to, and the others that move with it.
    """
    folder = source.path.parent
    used = {name for each in (*moved.imports, *moved.body) for name in each.binds}
    imported = {name for each in moved.imports if _binds_keras(each) for name in each.binds}
    keras = "keras" if "keras" in imported or "keras" not in used else "_keras"
    # tensorflow.keras has no `saving`; its older name for the decorator is in both.
    of_tensorflow = keras in imported and any(_is_of_tensorflow(each) for each in moved.imports)
    part = "utils" if of_tensorflow else "saving"
    registered: list[str] = []
    parts: list[tuple[Statement, str]] = []
    kinds = dict(moved.entries)
    for each in moved.body:
        text = each.text
        node = each.node
        kind = kinds.get(each)
        if (
            kind in _IN_FILES
            and isinstance(node, ast.ClassDef | ast.FunctionDef)
            and not is_registered(node)
            and not (kind is Kind.MODEL and isinstance(node, ast.FunctionDef))
        ):
            lines = text.split("\n")
            lines.insert(each.head, f'@{keras}.{part}.register_keras_serializable(package="{distribution}")')
            text = "\n".join(lines)
            registered.append(node.name)
        comments = [f"# TODO: '{name}': {why}." for name, why in moved.missing.get(each, {}).items()]
        parts.append((each, "\n".join([*comments, text])))
    needed = {name for each in moved.body for name in each.now | each.later}
    imports: dict[str, Statement] = {}
    for each in moved.imports:
        if not each.is_future:
            node, text = _needed_part(each, needed)
            imports.setdefault(_renamed(node, folder, package, modules) or text, each)
    last = "import keras" if keras == "keras" else "import keras as _keras"
    added = [last] if registered and "keras" not in imported else []
    future = [each.text for each in moved.imports if each.is_future]
    above = _joined([(each, text) for text, each in imports.items()]).strip("\n").split("\n")
    blocks = [
        "\n".join(block)
        for block in (_docstring(source), future, [*filter(None, above[:1]), *above[1:], *added])
    ]
    name = modules[source.path.resolve()]
    text = "\n\n".join(filter(None, blocks)) + _joined(parts) + "\n"
    return Module(name, text, tuple(registered), tuple(added))


def neighbours(source: SourceFile, moved: Moved, given: Collection[Path] = ()) -> tuple[Path, ...]:
    """The files beside it that the moved code imports, and those that they import.

    Args:
        given: resolved paths of files that move by themselves: none of them.
    """
    folder = source.path.parent
    others = {source.path.resolve(), *given}
    found: dict[Path, None] = {}
    waiting: list[ast.AST] = [each.node for each in (*moved.imports, *moved.body) if not each.is_scope]
    while waiting:
        for module, _ in imported_modules([waiting.pop()]):
            path = beside(folder, module)
            if path is not None and path.is_file() and path not in found and path.resolve() not in others:
                found[path] = None
                waiting.append(read_source(path).tree)
    return tuple(found)


def neighbour_module(path: Path, package: str, modules: ModuleNames) -> Module:
    """A file beside it, moved along as a whole: it is imported as it was, by its new name."""
    source = read_source(path)
    lines = list(source.lines)
    for node in reversed(source.tree.body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            text = _renamed(node, path.parent, package, modules)
            if text:
                lines[node.lineno - 1 : node.end_lineno] = text.split("\n")
    return Module(path.stem, "\n".join(lines))


def _docstring(source: SourceFile) -> list[str]:
    first = source.tree.body[0]
    if ast.get_docstring(source.tree) is not None:
        return list(source.lines[first.lineno - 1 : first.end_lineno])
    return [f'"""Moved here from {source.path.name} by `kwb new-plugin`."""']


def _binds_keras(statement: Statement) -> bool:
    """True for an import that binds Keras to its own name."""
    node = statement.node
    if isinstance(node, ast.Import):
        return any((alias.asname or alias.name.partition(".")[0]) == "keras" for alias in node.names)
    return isinstance(node, ast.ImportFrom) and node.module == "tensorflow" and "keras" in statement.binds


def _is_of_tensorflow(statement: Statement) -> bool:
    """True for an import that binds TensorFlow's Keras to the name of Keras."""
    node = statement.node
    if isinstance(node, ast.Import):
        return any(alias.asname == "keras" and alias.name.startswith("tensorflow.") for alias in node.names)
    return isinstance(node, ast.ImportFrom) and node.module == "tensorflow" and "keras" in statement.binds


def _needed_part(statement: Statement, needed: set[str]) -> tuple[ast.Import | ast.ImportFrom, str]:
    """An import, and its text: of `import numpy as np, matplotlib` only the modules that are needed."""
    node = statement.node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    if isinstance(node, ast.ImportFrom) or len(node.names) == 1:
        return node, statement.text
    kept = [a for a in node.names if (a.asname or a.name.partition(".")[0]) in needed]
    return ast.Import(kept), f"import {', '.join(_alias(alias) for alias in kept)}"


def _renamed(node: ast.Import | ast.ImportFrom, folder: Path, package: str, modules: ModuleNames) -> str:
    """An import of files that are moved along, by their names in the package; empty where it can stay."""
    if isinstance(node, ast.ImportFrom):
        module = f"{'.' * node.level}{node.module or ''}"
        if node.level == 1 and not node.module:
            names = [_renamed_alias(alias, folder, modules, f".{alias.name}") for alias in node.names]
            return f"from {package} import {', '.join(names)}"
        here = beside(folder, module)
        if here is None or not here.is_file():
            return ""
        name = modules.get(here.resolve(), module.lstrip("."))
        return f"from {package}.{name} import {', '.join(_alias(alias) for alias in node.names)}"
    if not any((path := beside(folder, alias.name)) and path.is_file() for alias in node.names):
        return ""
    lines = []
    for alias in node.names:
        path = beside(folder, alias.name)
        if path is not None and path.is_file():
            lines.append(f"from {package} import {_renamed_alias(alias, folder, modules, alias.name)}")
        else:
            lines.append(f"import {_alias(alias)}")
    return "\n".join(lines)


def _renamed_alias(alias: ast.alias, folder: Path, modules: ModuleNames, module: str) -> str:
    """A module that is moved along, bound to the name that it was bound to."""
    path = beside(folder, module)
    name = modules.get(path.resolve(), alias.name) if path is not None else alias.name
    return _alias(ast.alias(name, alias.asname if name == alias.name else alias.asname or alias.name))


def _alias(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _joined(parts: Sequence[tuple[Statement, str]]) -> str:
    """Statements below one another, with the distance that they had where they were neighbours."""
    text = ""
    before: Statement | None = None
    for each, code in parts:
        gap = 1
        if each.is_scope or (before is not None and before.is_scope):
            gap = 2
        elif before is not None and each.line - each.head - before.last == 1:
            gap = 0
        text += "\n" * (gap + 1) + code
        before = each
    return text
