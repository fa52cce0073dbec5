"""Find the recipes and the recent runs in the working directory. Reads the disk; call it in a thread."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from os.path import expanduser
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog.readers import is_offered

if TYPE_CHECKING:
    from workbench.storage.runs import RunSummary

MOST_RECIPES = 200
MOST_LOOKED_AT = 5_000  # files; a home folder must not be searched for minutes
RECENT_RUNS = 8
_RECIPE = re.compile(rb"^kwb\s*:", re.M)
_NAME = re.compile(r"^name\s*:\s*([\w.-]+)", re.M)


@dataclass(frozen=True)
class RecipeFile:
    """A recipe in the working directory: its path, its `name`, its first comment, when it was written last."""

    path: Path
    name: str
    summary: str
    modified: float


def list_recipes(folder: Path) -> list[RecipeFile]:
    """The recipes in a folder and in the folders right below it, the newest first."""
    found: list[RecipeFile] = []
    for number, path in enumerate(_files(folder, (".yaml", ".yml"))):
        if number >= MOST_LOOKED_AT or len(found) >= MOST_RECIPES:
            break
        try:
            if not path.is_file():  # a named pipe would have us wait for ever
                continue
            with path.open("rb") as file:
                head = file.read(4096)
            modified = path.stat().st_mtime
        except OSError:
            continue
        if _RECIPE.search(head):
            text = head.decode(errors="replace")
            name = _NAME.search(text)
            found.append(RecipeFile(path, name[1] if name else path.stem, first_comment(text), modified))
    return sorted(found, key=lambda recipe: recipe.modified, reverse=True)


def first_comment(text: str) -> str:
    """The first line of a recipe's opening comment; empty if it has none."""
    first = text.lstrip().partition("\n")[0]
    return first.lstrip("# ").strip() if first.startswith("#") else ""


def recent_runs(root: Path, most: int = RECENT_RUNS) -> list[RunSummary]:
    """The runs that were written to last."""
    from workbench.storage.run_folder import RunFolder
    from workbench.storage.runs import summary_of

    try:
        folders = [(entry.stat().st_mtime, entry.path) for entry in os.scandir(root) if entry.is_dir()]
    except OSError:
        return []
    runs = []
    for _, path in sorted(folders, reverse=True):
        run = RunFolder(Path(path))
        if run.recipe.is_file():
            runs.append(summary_of(run))
        if len(runs) == most:
            break
    return runs


def list_data(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The files with one of these suffixes in a folder and in the folders right below it."""
    visible = (path for path in _files(folder, suffixes) if not path.name.startswith("."))
    return list(islice(visible, MOST_RECIPES))


def list_folders(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The folders in a folder, and right below those, that hold files with one of these suffixes in folders of classes,
    or in folders `train` and the like of these."""
    found = []
    for path in _folders(folder):
        if _has_classes(path, suffixes):
            found.append(path)
        else:
            found += [each for each in _folders(path) if _has_classes(each, suffixes)]
    return found[:MOST_RECIPES]


def _has_classes(folder: Path, suffixes: Collection[str]) -> bool:
    """True for a folder of two or more folders with such files, or of a folder `train` that is such a folder."""
    inside = _folders(folder)
    with_files = sum(any(path.suffix.casefold() in suffixes for path in _some(each)) for each in inside)
    return with_files > 1 or any(
        each.name.casefold() in ("train", "training") and _has_classes(each, suffixes) for each in inside
    )


def _folders(folder: Path) -> list[Path]:
    return [path for path in _some(folder) if not path.name.startswith(".") and path.is_dir()]


def _some(folder: Path) -> list[Path]:
    """The first entries of a folder, sorted."""
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(entry.path) for entry in islice(entries, MOST_LOOKED_AT))
    except OSError:
        return []


def _files(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    below = []
    for path in _entries(folder):
        if is_offered(path.name, suffixes):
            yield path
        elif not path.suffix and not path.name.startswith(".") and path.is_dir():
            below.append(path)
    for each in below:
        yield from (path for path in _entries(each) if is_offered(path.name, suffixes))


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder))
    except OSError:
        return []


def complete_path(typed: str, working_directory: Path, suffixes: Collection[str]) -> list[str]:
    """The files with one of these suffixes, and the folders, in the folder that is being typed; none without a slash.

    Folders end in a slash. `~` is the home folder.
    """
    folder, slash, _ = typed.rpartition("/")
    if not slash:
        return []
    found = []
    for path in _entries(working_directory / Path(expanduser(f"{folder}/")))[:MOST_LOOKED_AT]:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            found.append(f"{folder}/{path.name}/")
        elif path.name.casefold().endswith(tuple(suffixes)):
            found.append(f"{folder}/{path.name}")
    return found[:MOST_RECIPES]
