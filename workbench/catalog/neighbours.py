"""The modules beside a plugin file: each file finds its own, also where two folders have one of the same name."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

_folders: list[str] = []  # of plugin files, the last one first


def find_own(folder: Path) -> None:
    """Have the modules beside a plugin file found, as when Python runs the file: behind all that is installed, so that
    a stray random.py stands for nothing, and before those beside other plugin files.

    What was imported from beside another file, and has a namesake here, is forgotten: whoever has it keeps it.
    """
    own = str(folder)
    others = [each for each in _folders if each != own]
    namesakes = {
        name
        for name, module in list(sys.modules.items())
        if _is_beside(module, others) and _has(folder, name)
    }
    for name in list(sys.modules):
        if name.partition(".")[0] in namesakes:
            del sys.modules[name]
    installed = [each for each in sys.path if each not in _folders]
    if own not in installed:
        _folders[:] = [own, *others]
    sys.path[:] = [*installed, *_folders]


def _is_beside(module: object, folders: list[str]) -> bool:
    # Not by getattr: some modules are imported when they are asked for anything.
    file = vars(module).get("__file__") if folders and isinstance(module, ModuleType) else None
    if not isinstance(file, str):
        return False
    place = Path(file).parent
    return str(place.parent if Path(file).stem == "__init__" else place) in folders


def _has(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()
