"""The text of the module that the moved code stands in: the user's code as it is, below its imports."""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog import Kind
from workbench.scaffold.keras_kinds import is_registered
from workbench.scaffold.moved_imports import MovedFiles
from workbench.scaffold.moving import Moved
from workbench.scaffold.requirements import RESERVED, beside, imported_modules
from workbench.scaffold.source_file import SourceFile, read_source
from workbench.scaffold.statements import Statement, statements_of

_CODING = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+")
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


def moved_files(sources: Sequence[SourceFile], package: str, others: Iterable[Path] = ()) -> MovedFiles:
    """The module of a package that each file moves to.

    Args:
        others: files that are moved along.
    """
    found: dict[Path, str] = {}
    for path in [*(source.path for source in sources), *others]:
        if path.resolve() not in found:
            found[path.resolve()] = module_name_of(path, found.values())
    return MovedFiles(found, package)


def moved_module(source: SourceFile, moved: Moved, distribution: str, files: MovedFiles) -> Module:
    """The module with what moves of a file."""
    used = {name for each in (*moved.imports, *moved.body) for name in each.binds}
    keras, part = _registering(moved.imports, used)
    registered: list[str] = []
    parts: list[tuple[Statement, str]] = []
    kinds = dict(moved.entries)
    for each in moved.body:
        text = files.rename_all(each.text, source.path)
        if _lacks_registration(each, kinds.get(each)):
            lines = text.split("\n")
            lines.insert(each.head, _decorator(keras, part, distribution))
            text = "\n".join(lines)
            registered += each.binds
        comments = [f"# TODO: '{name}': {why}." for name, why in moved.missing.get(each, {}).items()]
        parts.append((each, "\n".join([*comments, text])))
    needed = {name for each in moved.body for name in each.now | each.later}
    imports: dict[str, Statement] = {}
    for each in moved.imports:
        if not each.is_future:
            imports.setdefault(files.rename_all(_needed_part(each, needed), source.path), each)
    added = _added(keras, moved.imports) if registered else []
    future = [each.text for each in moved.imports if each.is_future]
    above = _joined([(each, text) for text, each in imports.items()]).strip("\n").split("\n")
    blocks = [
        "\n".join(block)
        for block in (_docstring(source), future, [*filter(None, above[:1]), *above[1:], *added])
    ]
    text = "\n\n".join(filter(None, blocks)) + _joined(parts) + "\n"
    return Module(files.modules[source.path.resolve()], text, tuple(registered), tuple(added))


def whole_module(
    source: SourceFile, entries: Sequence[tuple[Statement, Kind]], distribution: str, files: MovedFiles
) -> Module:
    """The module of a file that other moved files import. All of the file is in it, so they find what they import."""
    statements = statements_of(source)
    lacking = [each for each, kind in entries if _lacks_registration(each, kind)]
    lines = _in_utf8(source.lines)
    if not lacking:
        return Module(files.modules[source.path.resolve()], files.rename_all("\n".join(lines), source.path))
    early = [each for each in statements if each.is_import and each.line < lacking[0].line]
    if _is_unbound(statements, "keras", early):
        early = []
    keras, part = _registering(early, {name for each in statements for name in each.binds})
    for each in reversed(lacking):
        lines.insert(each.line - 1, _decorator(keras, part, distribution))
    added = _added(keras, early)
    first = statements[0].node
    above = [first] if ast.get_docstring(source.tree) is not None else []
    above += [each.node for each in statements if each.is_future]
    top = max((node.end_lineno or 0 for node in above), default=0)
    lines[top:top] = added
    text = files.rename_all("\n".join(lines), source.path)
    registered = tuple(name for each in lacking for name in each.binds)
    return Module(files.modules[source.path.resolve()], text, registered, tuple(added))


def neighbours(trees: Iterable[ast.AST], folder: Path, given: Collection[Path]) -> tuple[Path, ...]:
    """The files beside a file that its code imports, and the files that these import.

    Args:
        given: resolved paths of files that move by themselves: none of them.
    """
    found: dict[Path, None] = {}
    waiting = list(trees)
    while waiting:
        for module, _ in imported_modules([waiting.pop()]):
            path = beside(folder, module)
            if path is not None and path.is_file() and path not in found and path.resolve() not in given:
                found[path] = None
                waiting.append(read_source(path).tree)
    return tuple(found)


def neighbour_module(path: Path, files: MovedFiles) -> Module:
    """A file beside it, moved along as a whole: it is imported as it was, by its new name."""
    text = files.rename_all("\n".join(_in_utf8(read_source(path).lines)), path)
    return Module(files.modules[path.resolve()], text)


def _in_utf8(lines: Sequence[str]) -> list[str]:
    """The lines of a file. It is written in UTF-8, so a line that names another encoding is changed."""
    return [_CODING.sub(r"\1utf-8", line) for line in lines[:2]] + list(lines[2:])


def _is_unbound(statements: Sequence[Statement], name: str, imports: Sequence[Statement]) -> bool:
    """True if another statement than these imports binds the name, or one deletes a name."""
    return any(
        isinstance(each.node, ast.Delete) or (name in each.binds and each not in imports)
        for each in statements
    )


def _registering(imports: Sequence[Statement], used: Collection[str]) -> tuple[str, str]:
    """The name of Keras in a module, and the part of Keras that has the decorator."""
    imported = {name for each in imports if _binds_keras(each) for name in each.binds}
    keras = "keras" if "keras" in imported or "keras" not in used else "_keras"
    # tensorflow.keras has no `saving`; its older name for the decorator is in both.
    of_tensorflow = keras in imported and any(_is_of_tensorflow(each) for each in imports)
    return keras, "utils" if of_tensorflow else "saving"


def _added(keras: str, imports: Sequence[Statement]) -> list[str]:
    """The import that the decorators need, where there is none."""
    if any(keras in each.binds for each in imports if _binds_keras(each)):
        return []
    return ["import keras" if keras == "keras" else "import keras as _keras"]


def _decorator(keras: str, part: str, distribution: str) -> str:
    return f'@{keras}.{part}.register_keras_serializable(package="{distribution}")'


def _lacks_registration(statement: Statement, kind: Kind | None) -> bool:
    node = statement.node
    return (
        kind in _IN_FILES
        and isinstance(node, ast.ClassDef | ast.FunctionDef)
        and not is_registered(node)
        and not (kind is Kind.MODEL and isinstance(node, ast.FunctionDef))
    )


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


def _needed_part(statement: Statement, needed: set[str]) -> str:
    """The text of an import: of `import numpy as np, matplotlib` only the modules that are needed."""
    node = statement.node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    if isinstance(node, ast.ImportFrom) or len(node.names) == 1:
        return statement.text
    kept = [a for a in node.names if (a.asname or a.name.partition(".")[0]) in needed]
    return f"import {', '.join(f'{a.name} as {a.asname}' if a.asname else a.name for a in kept)}"


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
