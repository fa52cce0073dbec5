"""List the model files. Only reads folders; call it in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.atomic import extension_of

FORMATS = (".keras", ".h5", ".weights.h5")
MOST_LOOKED_AT = 20_000  # entries of folders; a data set of pictures must not be searched for minutes
DEEPEST = 6
_SKIPPED = ("checkpoints",)  # of a run: their files are no models


@dataclass(frozen=True)
class SavedFile:
    """A file with a model's extension; reading it shows whether it is a model."""

    path: Path
    size: int
    modified: float

    @property
    def format(self) -> str:
        return format_of(self.path)


def format_of(path: str | os.PathLike[str]) -> str:
    """`.keras`, `.h5` or `.weights.h5` by the name; empty for any other."""
    extension = extension_of(path)
    extension = ".h5" if extension == ".hdf5" else extension
    return extension if extension in FORMATS else ""


def list_saved(folders: Iterable[Path], more: Iterable[Path] = ()) -> list[SavedFile]:
    """The model files in folders and all folders below, and these others, the newest first."""
    found: dict[Path, SavedFile] = {}
    left = MOST_LOOKED_AT
    for folder in folders:
        for entry in _walk(folder, DEEPEST):
            left -= 1
            if left < 0:
                break
            if format_of(entry.name) and (file := _saved_file(Path(entry.path))) is not None:
                found[file.path] = file
    for path in more:
        if path not in found and (file := _saved_file(path)) is not None:
            found[path] = file
    return sorted(found.values(), key=lambda file: (-file.modified, str(file.path)))


def _walk(folder: Path, deeper: int) -> Iterator[os.DirEntry[str]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # not there, or not ours
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            if deeper and entry.name not in _SKIPPED:
                yield from _walk(Path(entry.path), deeper - 1)
        else:
            yield entry


def _saved_file(path: Path) -> SavedFile | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return SavedFile(path, found.st_size, found.st_mtime) if path.is_file() else None


def chosen(files: Iterable[SavedFile], words: str, working_directory: Path) -> list[SavedFile]:
    """The files whose shown name holds every word."""
    wanted = words.casefold().split()
    return [
        file
        for file in files
        if all(word in short_name(file.path, working_directory).casefold() for word in wanted)
    ]


def short_name(path: Path, working_directory: Path) -> str:
    """The file's name in the list: relative to `saved/` inside it, else relative to the working directory."""
    for folder in (working_directory / "saved", working_directory):
        if path.is_relative_to(folder):
            return str(path.relative_to(folder))
    return str(path)


def from_working_directory(path: Path, working_directory: Path) -> str:
    """The file as a recipe in the working directory names it."""
    return str(path.relative_to(working_directory)) if path.is_relative_to(working_directory) else str(path)
