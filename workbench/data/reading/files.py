"""Open the file that a recipe names; all readers use this."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from workbench.errors import FileError, RecipeError, near


def data_file(path: str, *, folder_allowed: bool = False) -> Path:
    """The file to read.

    Raises:
        RecipeError: there is no such file; the error names the nearest one in its folder.
        FileError: it is a folder, is empty or may not be read.
    """
    file = Path(path)
    if not file.exists():
        try:
            siblings = [sibling.name for sibling in file.parent.iterdir()]
        except OSError:
            raise RecipeError(f"there is no folder '{near(file.parent)}'.", where="data.path") from None
        names = difflib.get_close_matches(file.name, siblings, n=1)
        raise RecipeError(
            f"there is no file '{near(file)}'.",
            where="data.path",
            hint=f"Did you mean '{names[0]}'?"
            if names
            else "A relative path starts from the recipe's folder.",
        )
    if file.is_dir():
        if folder_allowed:
            return file
        raise FileError(f"'{near(file)}' is a folder, not a file.", where="data.path")
    if not os.access(file, os.R_OK):
        raise FileError(f"'{near(file)}' may not be read.", where="data.path", hint="Check its permissions.")
    if not file.stat().st_size:
        raise FileError(f"'{near(file)}' is empty.", where="data.path")
    return file


def is_pattern(path: Path) -> bool:
    """True for `parts/*.csv`, which stands for the files that are named so; no file has that very name."""
    return any(mark in str(path) for mark in "*?[") and not path.exists()
