"""The imports of files that move into a package: which file each is of, and how it is written in the package."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.scaffold.requirements import beside
from workbench.scaffold.source_file import SourceFile

ImportNode = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class MovedFiles:
    """The files that move into a package.

    Attributes:
        modules: the module that each goes to, by its resolved path.
        package: its name.
    """

    modules: Mapping[Path, str] = field(default_factory=dict)
    package: str = ""

    def find(self, folder: Path, module: str) -> Path | None:
        """The file that is a module for code in a folder; None where it is none of these. It may be imported from
        beside it, or by its place in a package that both are in.

        Args:
            module: dotted; a relative one begins with dots.
        """
        name = module.lstrip(".")
        level = len(module) - len(name)
        folders = [folder.resolve(), *folder.resolve().parents]
        # In a folder that is called like a library, or below a file that is, its own imports are still of the library.
        known = name.partition(".")[0] in sys.stdlib_module_names | {"keras", "tensorflow"}
        roots = folders[level - 1 : level] if level else folders[:1] if known else folders
        for root in roots if name else ():
            path = root.joinpath(*name.split("."))
            for each in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
                if each.resolve() in self.modules:
                    return each.resolve()
        return None

    def imported_by(self, tree: ast.AST, folder: Path) -> Iterator[tuple[Path, ast.alias | None, ImportNode]]:
        """The files of these that code imports, inside of functions too: each with the name that is bound to the file
        as a whole, or None where names are taken from it."""
        for node in imports_in(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if (path := self.find(folder, alias.name)) is not None:
                        yield path, alias, node
                continue
            module = f"{'.' * node.level}{node.module or ''}"
            if (path := self.find(folder, module)) is not None:
                yield path, None, node
                continue
            for alias in node.names:
                if (path := self.find(folder, joined(module, alias.name))) is not None:
                    yield path, alias, node

    def renamed(self, node: ImportNode, folder: Path) -> list[str]:
        """An import of these files, by their names in the package; empty where it can stay as it is."""
        if isinstance(node, ast.Import):
            found = [self.find(folder, alias.name) for alias in node.names]
            if not any(found):
                return []
            return [
                f"import {_text(alias)}" if path is None else self._as_module(path, alias)
                for alias, path in zip(node.names, found, strict=True)
            ]
        module = f"{'.' * node.level}{node.module or ''}"
        if (path := self.find(folder, module)) is not None:
            names = ", ".join(_text(alias) for alias in node.names)
            return [f"from {self.package}.{self.modules[path]} import {names}"]
        found = [self.find(folder, joined(module, alias.name)) for alias in node.names]
        if not any(found):
            return []
        return [
            f"from {module} import {_text(alias)}" if path is None else self._as_module(path, alias)
            for alias, path in zip(node.names, found, strict=True)
        ]

    def rename_all(self, text: str, folder: Path) -> str:
        """Code with all its imports of these files by their names in the package, inside of functions too."""
        try:
            tree = ast.parse(text)
        except SyntaxError:  # an `await` of a notebook: it imports nothing
            return text
        lines = text.split("\n")
        for node in sorted(imports_in(tree), key=lambda each: (each.lineno, each.col_offset), reverse=True):
            if not (new := self.renamed(node, folder)):
                continue
            first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
            before = lines[first].encode()[: node.col_offset].decode()
            behind = lines[last].encode()[node.end_col_offset :].decode()
            between = f"\n{before}" if not before.strip() else "; "
            lines[first : last + 1] = f"{before}{between.join(new)}{behind}".split("\n")
        return "\n".join(lines)

    def _as_module(self, path: Path, alias: ast.alias) -> str:
        """A file as a whole, bound to the name that it was bound to."""
        name, own = self.modules[path], alias.asname or alias.name
        if (
            not alias.asname and "." in own
        ):  # `import a.b`, used as a.b: nothing but that name can stand for it
            return f"import {self.package}.{name}"
        return f"from {self.package} import {name}" + (f" as {own}" if own != name else "")


def imports_in(tree: ast.AST) -> Iterator[ImportNode]:
    """All imports of some code."""
    return (node for node in ast.walk(tree) if isinstance(node, ImportNode))


def joined(module: str, name: str) -> str:
    """The dotted name of what is imported from a module: `.base` of `from . import base`."""
    return f"{module}{name}" if not module.strip(".") else f"{module}.{name}"


def files_beside(source: SourceFile) -> Iterator[Path]:
    """The files beside one that it imports."""
    folder = source.path.parent
    for node in imports_in(source.tree):
        module = f"{'.' * node.level}{node.module or ''}" if isinstance(node, ast.ImportFrom) else ""
        names = [joined(module, alias.name) for alias in node.names]
        for name in [module] if module.strip(".") else names:
            path = beside(folder, name)
            if path is not None and path.is_file():
                yield path


def _text(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name
