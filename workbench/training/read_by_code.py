"""What the user's code may read besides its arguments: modules of its own, environment variables, files beside it.

Nobody can say what code reads without running it. But what it names is in its text: a variable by a name that is in the
environment, a file by a name of a file that is there.
"""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import workbench
from workbench.storage.digests import sha256_if_there

_TEXT = re.compile(r"""(["'])((?:(?!\1)[^\n\\]){1,200})\1""")
MOST_HASHED = 1 << 24  # bytes; a larger file is known by its size and its time


def own_modules() -> dict[str, Path]:
    """The modules of users that this process has imported, wherever they are: neither installed nor of kwb."""
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    installed += [Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())]
    others = tuple(f"{folder}{os.sep}" for folder in (*installed, Path(workbench.__file__).parent))
    found = {}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and not file.startswith(others):
            found[name] = Path(file)
    return found


def read_by(files: Iterable[Path], options: Any, folder: Path) -> dict[str, str]:
    """The hash of each file, and what they and a recipe's options name: variables of the environment with their values,
    files with their hashes.

    Args:
        files: Python code.
        options: of a recipe, in JSON's types.
        folder: what the recipe's relative paths start from.
    """
    texts = {(text, folder) for text in _texts(options)}
    found: dict[str, str] = {}
    for file in files:
        found[str(file)] = sha256_if_there(file)
        with suppress(OSError):
            named = _TEXT.findall(file.read_text(errors="replace"))
            texts |= {(text, file.parent) for _, text in named}
    for text, beside in sorted(texts):
        if text in os.environ:
            found[f"${text}"] = os.environ[text]
        for path in (beside / text, Path(text)):
            with suppress(OSError, ValueError):  # a name that is too long, or has a null in it
                if path.is_file():
                    found[str(path)] = _content(path)
    return found


def _content(path: Path) -> str:
    about = path.stat()
    return f"{about.st_size} {about.st_mtime_ns}" if about.st_size > MOST_HASHED else sha256_if_there(path)


def _texts(options: Any) -> Iterator[str]:
    match options:
        case str():
            yield options
        case Mapping():
            for value in options.values():
                yield from _texts(value)
        case list() | tuple():
            for value in options:
                yield from _texts(value)
