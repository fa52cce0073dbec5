"""Several files that move into one project: what one of them takes from another."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.catalog import Kind
from workbench.scaffold.keras_kinds import KerasKinds, Unclear
from workbench.scaffold.moved_imports import MovedFiles
from workbench.scaffold.source_file import SourceFile
from workbench.scaffold.statements import statements_of

Kinds = dict[str, Kind | Unclear]


@dataclass(frozen=True)
class SharedNames:
    """What a file has to do with the others that move with it.

    Attributes:
        kinds: of the classes that it takes from them, by the names that they have in it (`Gate`, `blocks.Gate`).
        files: those that move.
    """

    kinds: Kinds = field(default_factory=dict)
    files: MovedFiles = field(default_factory=MovedFiles)


NOTHING_SHARED = SharedNames()
"""Of a file that moves alone."""


def shared_names(sources: Sequence[SourceFile], files: MovedFiles) -> list[SharedNames]:
    """What each of several files has to do with the others."""
    known: dict[Path, Kinds] = {source.path.resolve(): {} for source in sources}
    for _ in sources:  # a class of one file may build on one of another, which builds on one of a third
        known = {source.path.resolve(): _kinds(source, files, known) for source in sources}
    return [SharedNames(_from_others(source, files, known), files) for source in sources]


def _kinds(source: SourceFile, files: MovedFiles, known: Mapping[Path, Kinds]) -> Kinds:
    """Of all classes that have a name in a file."""
    found = _from_others(source, files, known)
    statements = statements_of(source)
    kinds = KerasKinds(statements, found)
    own = {
        each.node.name: kinds.kind(each.node) for each in statements if isinstance(each.node, ast.ClassDef)
    }
    return found | {name: kind for name, kind in own.items() if kind is not None}


def _from_others(source: SourceFile, files: MovedFiles, known: Mapping[Path, Kinds]) -> Kinds:
    found: Kinds = {}
    for path, alias, node in files.imported_by(source.tree, source.path.parent):
        its = known.get(path, {})
        if alias is not None:
            found |= {f"{alias.asname or alias.name}.{name}": kind for name, kind in its.items()}
            continue
        for each in node.names:
            if each.name == "*":
                found |= its
            elif each.name in its:
                found[each.asname or each.name] = its[each.name]
    return found
