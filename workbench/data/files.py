"""Opening the file that a recipe names, and whether it fits into memory: what readers share."""

from __future__ import annotations

import contextlib
import difflib
import os
from pathlib import Path
from typing import Literal

from workbench.errors import FileError, RecipeError

Streaming = bool | Literal["auto"]

# Columns are held as they are read, as checked numbers and as encoded rows, and rows once more by part.
_COPIES = 4


def data_file(path: str, *, folder_allowed: bool = False) -> Path:
    """The file to read.

    Raises:
        RecipeError: there is no such file; the nearest name in its folder is told.
        FileError: it is a folder, is empty or may not be read.
    """
    file = Path(path)
    if not file.exists():
        try:
            siblings = [sibling.name for sibling in file.parent.iterdir()]
        except OSError:
            raise RecipeError(f"there is no folder '{file.parent}'.", where="data.path") from None
        near = difflib.get_close_matches(file.name, siblings, n=1)
        raise RecipeError(
            f"there is no file '{file}'.",
            where="data.path",
            hint=f"Did you mean '{near[0]}'?" if near else "A relative path starts from the recipe's folder.",
        )
    if file.is_dir():
        if folder_allowed:
            return file
        raise FileError(f"'{file}' is a folder, not a file.", where="data.path")
    if not os.access(file, os.R_OK):
        raise FileError(f"'{file}' may not be read.", where="data.path", hint="Check its permissions.")
    if not file.stat().st_size:
        raise FileError(f"'{file}' is empty.", where="data.path")
    return file


def should_stream(wish: Streaming, size: int) -> bool:
    """Whether to stream data of `size` bytes: as wished, or if half the free memory would not hold it."""
    return _COPIES * size > free_memory() // 2 if wish == "auto" else wish


def free_memory() -> int:
    """Bytes that this process may still take: of the machine, its container and its own limit."""
    import psutil

    free = [psutil.virtual_memory().available]
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            free.append(limit - psutil.Process().memory_info().vms)
    except ImportError:  # Windows has no such limit
        pass
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        free.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return max(0, min(free))
