"""The imports of files that move into a package: which file each is of, and how it is written in the package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ImportNode = ast.Import | ast.ImportFrom

_LIBRARIES = sys.stdlib_module_names | {"keras", "tensorflow"}


class Imported(NamedTuple):
    """What some code imports of a file.

    Attributes:
        path: the file.
        alias: the name that it takes, or that it gives to the file as a whole.
        as_module: whether it is the file as a whole.
        node: the import.
    """

    path: Path
    alias: ast.alias
    as_module: bool
    node: ImportNode


@dataclass(frozen=True)
class MovedFiles:
    """The files that move into a package.

    Attributes:
        modules: the module that each goes to, by its resolved path.
        package: its name.
    """

    modules: Mapping[Path, str] = field(default_factory=dict)
    package: str = ""

    def find(self, module: str, importing: Path) -> Path | None:
        """The file that is a module for the code of another one; None where it is none of these. It may be imported
        from beside it, or by its place in a package that both are in.

        Args:
            module: dotted; a relative one begins with dots.
            importing: the file with the import.
        """
        own = importing.resolve()
        name = module.lstrip(".")
        level = len(module) - len(name)
        parts = name.split(".") if name else []
        folders = list(own.parents)
        if not level and parts and parts[0] in _LIBRARIES:
            # Python finds a file beside it before a library. It finds no file of a folder above.
            folders = folders[:1]
        for root in folders[level - 1 : level] if level else folders:
            found = next((each for each in _files_of(root, parts) if each.resolve() in self.modules), None)
            if found is not None and found.resolve() != own:
                return found.resolve()
            if any(each.exists() for each in _files_of(root, parts[:1])):
                return None  # another one is nearer than those above
        return None

    def imported_by(self, tree: ast.AST, importing: Path) -> Iterator[Imported]:
        """What code imports of these files, inside of functions too."""
        for node in imports_in(tree):
            for alias in node.names:
                path, as_module = self._of_alias(node, alias, importing)
                if path is not None:
                    yield Imported(path, alias, as_module, node)

    def hold(self, node: ImportNode, importing: Path) -> bool:
        """True if all that an import names is of these files."""
        return all(self._of_alias(node, alias, importing)[0] is not None for alias in node.names)

    def rename_all(self, text: str, importing: Path) -> str:
        """The code, with its imports of these files changed to their names in the package, inside of functions too."""
        try:
            tree = ast.parse(text)
        except SyntaxError:  # an `await` of a notebook: it imports nothing
            return text
        lines = text.split("\n")
        for node in sorted(imports_in(tree), key=lambda each: (each.lineno, each.col_offset), reverse=True):
            if not (new := self._renamed(node, importing)):
                continue
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            before = lines[first].encode()[: node.col_offset].decode()
            behind = lines[last].encode()[node.end_col_offset :].decode()
            goes_on = bool(before.strip()) or (first > 0 and lines[first - 1].endswith("\\"))
            between = "; " if goes_on else f"\n{before}"
            lines[first : last + 1] = f"{before}{between.join(new)}{behind}".split("\n")
        return "\n".join(lines)

    def _of_alias(self, node: ImportNode, alias: ast.alias, importing: Path) -> tuple[Path | None, bool]:
        """The file that a name of an import is of, and whether it is the file as a whole."""
        if isinstance(node, ast.Import):
            return self.find(alias.name, importing), True
        module = f"{'.' * node.level}{node.module or ''}"
        path = self.find(joined(module, alias.name), importing)
        return (path, True) if path is not None else (self.find(module, importing), False)

    def _renamed(self, node: ImportNode, importing: Path) -> list[str]:
        """An import of these files, by their names in the package; empty where it can stay as it is."""
        found = [(alias, *self._of_alias(node, alias, importing)) for alias in node.names]
        if not any(path for _, path, _ in found):
            return []
        taken: dict[str, list[str]] = {}  # what is taken of each module, in the order of the import
        for alias, path, as_module in found:
            if path is None and isinstance(node, ast.Import):
                taken[f"import {_text(alias)}"] = []
            elif path is None:
                assert isinstance(node, ast.ImportFrom)
                taken.setdefault(f"from {'.' * node.level}{node.module or ''} import ", []).append(
                    _text(alias)
                )
            elif as_module:
                taken[self._as_module(path, alias)] = []
            else:
                taken.setdefault(f"from {self.package}.{self.modules[path]} import ", []).append(_text(alias))
        return [f"{head}{', '.join(names)}" for head, names in taken.items()]

    def _as_module(self, path: Path, alias: ast.alias) -> str:
        """A file as a whole, bound to the name that it was bound to."""
        name, own = self.modules[path], alias.asname or alias.name
        # `import a.b` is used as `a.b`: no other name can stand for it.
        if not alias.asname and "." in own:
            return f"import {self.package}.{name}"
        return f"from {self.package} import {name}" + (f" as {own}" if own != name else "")


def imports_in(tree: ast.AST) -> Iterator[ImportNode]:
    """All imports of some code."""
    return (node for node in ast.walk(tree) if isinstance(node, ImportNode))


def joined(module: str, name: str) -> str:
    """The dotted name of what is imported from a module: `.base` of `from . import base`."""
    return f"{module}{name}" if not module.strip(".") else f"{module}.{name}"


def _files_of(root: Path, parts: list[str]) -> list[Path]:
    """Where the file of a module may be, below a folder."""
    path = root.joinpath(*parts)
    return [path.with_name(f"{path.name}.py"), path / "__init__.py"] if parts else [path / "__init__.py"]


def _text(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name
