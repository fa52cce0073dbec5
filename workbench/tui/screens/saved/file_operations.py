"""Check names of files; rename and delete files."""

from __future__ import annotations

import os
from os.path import expanduser
from pathlib import Path

from workbench.atomic import extension_of, file_error
from workbench.errors import FileError
from workbench.tui.screens.saved.listing import FORMATS, format_of


def name_error(path: Path, name: str) -> str:
    """What is wrong with a new name for a file, in its folder; empty if nothing."""
    if not name.strip() or name.startswith("."):
        return "a name is needed" if not name.strip() else "a name with a dot in front is hidden"
    if "/" in name or "\0" in name:
        return "a name without folders"
    if not name.isprintable():
        return "it holds characters that cannot be printed"
    if format_of(name) != format_of(path):
        return f"let it end in {extension_of(path)}: another format takes `s`, save as"
    if len(os.fsencode(name)) > 200:
        return "too long"
    if name != path.name and (path.parent / name).exists():
        return "there is one of that name"
    return ""


def copy_error(path: Path, text: str, working_directory: Path) -> str:
    """What is wrong with a place for a copy in any of the formats; empty if nothing."""
    if not text.strip():
        return "a name is needed"
    target = working_directory / Path(expanduser(text.strip()))
    if not format_of(target):
        return f"let it end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    if target.is_dir():
        return "that is a folder"
    if os.path.realpath(target) == os.path.realpath(path):
        return "that is the file itself"
    return ""


def other_error(text: str, working_directory: Path) -> str:
    """What is wrong with the place of a file to look into; empty if nothing."""
    path = working_directory / Path(expanduser(text.strip()))
    if not text.strip() or not path.is_file():
        return "there is no such file"
    return "" if format_of(path) else "not a .keras, .h5 or .weights.h5 file"


def another_format(path: Path) -> Path:
    """A name for a copy that is a format the file is not, and that is free."""
    stem = path.name.removesuffix(extension_of(path))
    wanted = ".h5" if format_of(path) == ".keras" else ".keras"
    names = (
        path.with_name(f"{stem}{'-' if at > 1 else ''}{at if at > 1 else ''}{wanted}")
        for at in range(1, 1000)
    )
    return next((name for name in names if not name.exists()), path.with_name(f"{stem}{wanted}"))


def rename(path: Path, name: str) -> Path:
    """Give a file another name in its folder.

    Raises:
        FileError: the name will not do, or the file cannot be renamed.
    """
    if wrong := name_error(path, name):
        raise FileError(f"cannot be renamed to '{name}': {wrong}.", where=str(path))
    target = path.with_name(name)
    try:
        os.rename(path, target)
    except OSError as error:
        raise file_error(error, path, "renamed") from error
    return target


def delete(path: Path) -> None:
    """Delete a file.

    Raises:
        FileError: it cannot be deleted.
    """
    try:
        path.unlink()
    except OSError as error:
        raise file_error(error, path, "deleted") from error
