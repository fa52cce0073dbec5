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
from workbench.scaffold.statements import Statement, statements_of

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
    statements = {source.path.resolve(): statements_of(source) for source in sources}
    known: dict[Path, Kinds] = {path: {} for path in statements}
    while True:  # a class of one file may build on one of another, which builds on one of a third
        found = [_from_others(source, files, known) for source in sources]
        pairs = zip(statements.items(), found, strict=True)
        now = {path: its | _own_kinds(each, its) for (path, each), its in pairs}
        if now == known:
            return [SharedNames(its, files) for its in found]
        known = now


def _own_kinds(statements: Sequence[Statement], others: Kinds) -> Kinds:
    """Of the classes that a file defines.

    Args:
        others: of those that it takes from others.
    """
    kinds = KerasKinds(statements, others)
    own = {
        each.node.name: kinds.kind(each.node) for each in statements if isinstance(each.node, ast.ClassDef)
    }
    return {name: kind for name, kind in own.items() if kind is not None}


def _from_others(source: SourceFile, files: MovedFiles, known: Mapping[Path, Kinds]) -> Kinds:
    """Of the classes that a file takes from others, by the names that they have in it."""
    found: Kinds = {}
    for each in files.imported_by(source.tree, source.path):
        its, name = known.get(each.path, {}), each.alias.asname or each.alias.name
        if each.as_module:
            found |= {f"{name}.{own}": kind for own, kind in its.items()}
        elif name == "*":
            found |= its
        elif each.alias.name in its:
            found[name] = its[each.alias.name]
    return found
