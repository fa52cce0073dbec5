"""Several files that move into one project: what one of them takes from another."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.catalog import Kind
from workbench.scaffold.keras_kinds import KerasKinds, Unclear
from workbench.scaffold.pure_code import dotted
from workbench.scaffold.requirements import beside, imported_modules
from workbench.scaffold.source_file import SourceFile
from workbench.scaffold.statements import statements_of


@dataclass(frozen=True)
class SharedNames:
    """What a file has to do with the others that move with it.

    Attributes:
        kinds: of what it may import from them, by the path that it is imported by (`blocks.Gate`, `.blocks.Gate`).
        wanted: the names that the others import from it.
        files: all that move, resolved.
    """

    kinds: dict[str, Kind | Unclear] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    files: frozenset[Path] = frozenset()


NOTHING_SHARED = SharedNames()
"""Of a file that moves alone."""


def shared_names(sources: Sequence[SourceFile]) -> list[SharedNames]:
    """What each of several files has to do with the others."""
    wanted = [
        frozenset(
            name for other in sources if other is not source for name in _taken(other, source.path.resolve())
        )
        for source in sources
    ]
    kinds: list[dict[str, Kind | Unclear]] = [{} for _ in sources]
    for (
        _
    ) in sources:  # as far as a class of one file builds on one of another, which builds on one of a third
        kinds = [_kinds_beside(source, sources, kinds) for source in sources]
    files = frozenset(source.path.resolve() for source in sources)
    return [SharedNames(*each, files) for each in zip(kinds, wanted, strict=True)]


def _taken(source: SourceFile, path: Path) -> set[str]:
    """The names that a file takes from another one."""
    found: set[str] = set()
    modules: set[str] = set()
    for module, node in imported_modules([source.tree]):
        here = beside(source.path.parent, module)
        if here is None or here.resolve() != path:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.name for alias in node.names}
        else:
            last = module.lstrip(".")
            modules |= {alias.asname or alias.name for alias in node.names if alias.name == last}
    for each in ast.walk(source.tree):
        if isinstance(each, ast.Attribute) and dotted(each.value) in modules:
            found.add(each.attr)
    return found


def _kinds_beside(
    source: SourceFile, sources: Sequence[SourceFile], known: Sequence[dict[str, Kind | Unclear]]
) -> dict[str, Kind | Unclear]:
    """The kinds of the classes in the other files, by the paths by which this one may import them."""
    found: dict[str, Kind | Unclear] = {}
    for other, its in zip(sources, known, strict=True):
        if other is source or other.path.resolve().parent != source.path.resolve().parent:
            continue
        statements = statements_of(other)
        kinds = KerasKinds(statements, its)
        for each in statements:
            if isinstance(each.node, ast.ClassDef) and (kind := kinds.kind(each.node)) is not None:
                for dots in ("", "."):
                    found[f"{dots}{other.path.stem}.{each.node.name}"] = kind
    return found
