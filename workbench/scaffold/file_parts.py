"""What each file that moves into a project becomes: a module with a part of it, or with all of it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.catalog import Kind
from workbench.errors import WorkbenchError
from workbench.scaffold.module_text import (
    Module,
    moved_files,
    moved_module,
    neighbour_module,
    neighbours,
    whole_module,
)
from workbench.scaffold.moved_imports import MovedFiles
from workbench.scaffold.moving import Moved, moved_whole, what_moves
from workbench.scaffold.shared_names import shared_names
from workbench.scaffold.source_file import LeftOut, SourceFile, read_source
from workbench.scaffold.statements import Statement
from workbench.scaffold.writing import Names


@dataclass(frozen=True)
class FilePart:
    """What a file becomes.

    Attributes:
        module: None where nothing of it moves.
        entries: the statements that become entries, each with its kind.
        shown: the file as it is called in the report.
    """

    source: SourceFile
    module: Module | None
    entries: tuple[tuple[Statement, Kind], ...]
    shown: str
    left_out: tuple[LeftOut, ...] = ()
    to_do: tuple[str, ...] = ()


def parts_of(sources: Sequence[SourceFile], names: Names) -> tuple[list[FilePart], list[Module]]:
    """What each file becomes, and the files beside them that they need.

    Raises:
        WorkbenchError: nothing of any file moves.
    """
    given = moved_files(sources, names.package)
    shared = shared_names(sources, given)
    moved = [what_moves(*each) for each in zip(sources, shared, strict=True)]
    whole = _imported(sources, moved, given)
    helpers: dict[Path, None] = {}
    for source, its in zip(sources, moved, strict=True):
        helpers |= dict.fromkeys(_helpers(source, its, whole, given))
    files = moved_files(sources, names.package, helpers)
    parts = []
    for source, its, own, shown in zip(sources, moved, shared, _shown(sources), strict=True):
        remarks = tuple(_by_whole_name(source, shown, files))
        if source.path.resolve() not in whole:
            module = moved_module(source, its, names.distribution, files) if its.entries else None
            parts.append(FilePart(source, module, its.entries, shown, its.left_out, (*its.to_do, *remarks)))
            continue
        offered = moved_whole(source, own)
        module = whole_module(source, offered.entries, names.distribution, files)
        parts.append(FilePart(source, module, offered.entries, shown, (), (*offered.to_do, *remarks)))
    if not any(part.entries for part in parts):
        raise _nothing(sources[0], moved[0])
    return parts, [neighbour_module(path, files) for path in helpers]


def _imported(sources: Sequence[SourceFile], moved: Sequence[Moved], files: MovedFiles) -> set[Path]:
    """The files that the code that moves imports, or that a file beside it imports. They move as a whole."""
    found: set[Path] = set()
    while True:  # what moves as a whole may need more, and so may the files beside it
        more: set[Path] = set()
        for source, its in zip(sources, moved, strict=True):
            for tree in _code(source, its, found):
                more |= {each.path for each in files.imported_by(tree, source.path)}
            for helper in _helpers(source, its, found, files):
                more |= {each.path for each in files.imported_by(read_source(helper).tree, helper)}
        if more <= found:
            return found
        found |= more


def _code(source: SourceFile, moved: Moved, whole: Collection[Path]) -> Sequence[ast.AST]:
    """The code of a file that moves.

    Args:
        whole: the files that move as a whole.
    """
    if source.path.resolve() in whole:
        return [source.tree]
    return [each.node for each in (*moved.imports, *moved.body)]


def _helpers(
    source: SourceFile, moved: Moved, whole: Collection[Path], files: MovedFiles
) -> tuple[Path, ...]:
    """The files beside a file that its code needs in the package."""
    scopes = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)  # what these import may be there later
    code = [each for each in _code(source, moved, whole) if not isinstance(each, scopes)]
    return neighbours(code, source.path.parent, files.modules)


def _by_whole_name(source: SourceFile, shown: str, files: MovedFiles) -> Iterator[str]:
    """What its owner has to look at where a file is imported as `a.b`, and used by that name."""
    for each in files.imported_by(source.tree, source.path):
        name = each.alias.name
        if isinstance(each.node, ast.Import) and not each.alias.asname and "." in name:
            yield (
                f"{shown}:{each.node.lineno}: 'import {name}' gives a name that the package has not: "
                f"write 'import {name} as ...' in the file, and move it again"
            )


def _shown(sources: Sequence[SourceFile]) -> list[str]:
    """What files are called: by their names, and where two have one, with their folder."""
    names = [source.path.name for source in sources]
    return [
        name if names.count(name) == 1 else f"{source.path.resolve().parent.name}/{name}"
        for name, source in zip(names, sources, strict=True)
    ]


def _nothing(source: SourceFile, moved: Moved) -> WorkbenchError:
    reasons = [
        each for each in moved.left_out if "is not moved" in each.why or each.why.startswith("its base")
    ]
    hint = (
        "A class is found by what it inherits: keras.layers.Layer, keras.Model, keras.losses.Loss and so on."
    )
    if reasons:
        hint = f"{reasons[0].where}: `{reasons[0].what}`: {reasons[0].why}."
    return WorkbenchError(
        "nothing in it can be moved: no layer, model, loss, metric or other thing that Keras can use.",
        where=str(source.path),
        hint=hint,
    )
