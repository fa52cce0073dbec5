"""Folders whose subfolders are classes: `pos/1.txt`, `neg/2.txt`, or these below `train/` and `test/`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from workbench.plugin import DataError, FileError, RecipeError, did_you_mean, near

_PARTS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class ClassFiles:
    """Files and the class of each, in the order of the classes' and the files' names.

    Attributes:
        folder: what names of files in messages start from.
        classes: empty where the files lie in no folders of classes.
    """

    folder: Path
    files: tuple[Path, ...]
    classes: tuple[str, ...]

    def name(self, row: int) -> str:
        """The name of a row's file: `reviews/pos/1.txt`."""
        return str(Path(self.folder.name) / self.files[row].relative_to(self.folder))


def find_parts(folder: Path, pattern: str, chosen: Sequence[str] | None = None) -> dict[str, ClassFiles]:
    """The files of each part: `train` always, `validation` and `test` where there are folders for them.

    Args:
        folder: holds a folder for each class, or `train` and others that do. One that holds files alone has no classes.
        pattern: of the files' names.
        chosen: the folders to read, if not all.

    Raises:
        FileError: there are no files. DataError: a class has none, or is no class of the training part.
            RecipeError: a folder is wanted that is not there.
    """
    parts = part_folders(folder)
    train = parts.pop("train")
    others = {part: path for part, path in parts.items() if path is not None}
    if train is None or not subfolders(train):
        return {"train": _classes(folder, folder, pattern, chosen)}
    found = {"train": _classes(folder, train, pattern, chosen)}
    known = set(found["train"].classes)
    for part, path in others.items():
        found[part] = _classes(folder, path, pattern, chosen)
        for row, name in enumerate(found[part].classes):
            if name not in known:
                raise DataError(
                    f"the class '{name}' is in '{path.name}' and not in '{train.name}'.",
                    where=found[part].name(row),
                    hint=did_you_mean(name, known) or f"The classes are: {', '.join(sorted(known))}.",
                )
    return found


def part_folders(folder: Path) -> dict[str, Path | None]:
    """The folder of each part, `train`, `validation` and `test`, by its usual names; None where there is none."""
    below = {path.name.casefold(): path for path in subfolders(folder)}
    return {
        part: next((below[name] for name in names if name in below), None) for part, names in _PARTS.items()
    }


def _classes(root: Path, folder: Path, pattern: str, chosen: Sequence[str] | None) -> ClassFiles:
    folders = subfolders(folder)
    if chosen is not None:
        names = [path.name for path in folders]
        for name in chosen:
            if name not in names:
                raise RecipeError(
                    f"there is no folder '{name}' in '{near(folder)}'.",
                    where="data.folders",
                    hint=did_you_mean(name, names) or f"The folders are: {', '.join(names)}.",
                )
        folders = [path for path in folders if path.name in chosen]
    files: list[Path] = []
    classes: list[str] = []
    for path in folders:
        own = _files(path, pattern)
        if not own:
            raise DataError(
                f"the class '{path.name}' has no file{'' if pattern == '*' else f' that is called {pattern}'}.",
                where=near(path),
                hint="Leave it out by naming the others: `folders: [...]`.",
            )
        files += own
        classes += [path.name] * len(own)
    if not folders:
        files = _files(folder, pattern)
        if not files:
            raise FileError(f"the folder '{near(folder)}' holds no files.", where="data.path")
    return ClassFiles(root, tuple(files), tuple(classes))


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder by their names, without what file managers and other programs leave behind.

    Raises:
        FileError: it cannot be read.
    """
    return [path for path in _entries(folder) if path.is_dir()]


def _files(folder: Path, pattern: str) -> list[Path]:
    """The files in a folder and below, by their names."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if is_visible(name))
        found += [Path(place) / name for name in sorted(names) if is_visible(name) and fnmatch(name, pattern)]
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if is_visible(path.name))
    except OSError as error:
        raise FileError(f"'{near(folder)}' cannot be read: {error.strerror}.", where="data.path") from None


def is_visible(name: str) -> bool:
    """False for names that begin with a dot or with `__` (`__MACOSX`, `__pycache__`): notes of other programs."""
    return not name.startswith((".", "__"))
