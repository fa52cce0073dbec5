"""Which distributions a project needs for what its code imports, and which imports are of files beside it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

# kwb itself says which versions of these it runs with.
_WITH_KWB = frozenset({"keras", "tensorflow", "workbench"})
# Modules of every plugin project.
RESERVED = frozenset({"plugin", "recipes", "__init__"})
# Where nothing of it is installed here, and its name by pip is another.
_WELL_KNOWN = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "pyyaml",
    "skimage": "scikit-image",
    "tensorflow_probability": "tensorflow-probability",
    "keras_hub": "keras-hub",
    "keras_nlp": "keras-nlp",
    "keras_cv": "keras-cv",
}


def imported_modules(trees: Iterable[ast.AST]) -> Iterator[tuple[str, ast.Import | ast.ImportFrom]]:
    """The modules that code imports, inside of functions too; a relative one begins with a dot."""
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module or "", node
            elif isinstance(node, ast.ImportFrom):
                names = [node.module] if node.module else [alias.name for alias in node.names]
                yield from (("." * node.level + name, node) for name in names)


def optional_modules(trees: Iterable[ast.AST]) -> set[str]:
    """The modules that code can do without: it catches their ImportError."""
    found = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Try) and any(_catches_import(each) for each in node.handlers):
                found |= {module for module, _ in imported_modules(node.body)}
    return found


def _catches_import(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {each.id for each in caught if isinstance(each, ast.Name)}
    return handler.type is None or bool(names & {"ImportError", "ModuleNotFoundError", "Exception"})


def distributions_of(modules: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The distributions that modules come from.

    Returns:
        Their names, sorted; and remarks on those that are not known here.
    """
    packages = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - _WITH_KWB - {""}
    known = metadata.packages_distributions() if packages else {}
    found, remarks = set(), []
    for package in sorted(packages):
        names = sorted(set(known.get(package, ())))
        if not names:
            guess = _WELL_KNOWN.get(package, package.replace("_", "-"))
            found.add(guess)
            remarks.append(
                f"'{package}' is not installed here: '{guess}' in pyproject.toml is a guess at what pip calls it"
            )
            continue
        found.add(names[0])
        if len(names) > 1:
            remarks.append(f"'{package}' comes with {' and '.join(names)}: pyproject.toml has {names[0]}")
    return tuple(sorted(found)), tuple(remarks)


def beside(folder: Path, module: str) -> Path | None:
    """The file or folder of a module that stands beside a file; None for one that is installed."""
    name = module.lstrip(".").partition(".")[0]
    if not name or module.startswith(".."):
        return folder.parent if module.startswith("..") else None
    if (folder / f"{name}.py").is_file():
        return folder / f"{name}.py"
    package = folder / name
    if (package / "__init__.py").is_file() or (module.startswith(".") and package.is_dir()):
        return package
    return folder / f"{name}.py" if module.startswith(".") else None
