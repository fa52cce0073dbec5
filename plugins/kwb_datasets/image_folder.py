"""Find the pictures of a folder: the folders of its parts (train, validation, test), and of its classes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kwb_datasets.class_folders import is_visible, part_folders, subfolders
from workbench.plugin import DataError, near

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


@dataclass(frozen=True)
class Found:
    """Pictures of one part.

    Attributes:
        folder: where their names begin.
        names: their paths below it, sorted by class and name.
        labels: the class of each; None where the folder has no folders of classes.
    """

    folder: Path
    names: list[str]
    labels: list[str] | None

    @property
    def paths(self) -> list[str]:
        return [os.path.join(self.folder, name) for name in self.names]


def is_picture(name: str) -> bool:
    """True if a file's name is that of a picture."""
    return name.casefold().endswith(SUFFIXES) and not name.startswith(".")


def find(folder: Path) -> dict[str, Found]:
    """The pictures by part: `train` always, `validation` and `test` where the folder has folders for them.

    Raises:
        DataError: there is no picture, or a class of the training part has none.
    """
    parts = part_folders(folder)
    if parts["train"] is None or not (parts["validation"] or parts["test"]):
        return {"train": _of_part(folder, empty_allowed=False)}
    found = {"train": _of_part(parts["train"], empty_allowed=False)}
    for part in ("validation", "test"):
        own = parts[part]
        if own is not None:
            found[part] = _of_part(own, empty_allowed=True)
    return found


def masks_of(found: Found, masks: Path, pictures: Path) -> tuple[list[str], list[str]]:
    """The paths and names of the masks of a part's pictures: each is called as its picture is, but for the suffix.

    Raises:
        DataError: a picture has none.
    """
    below = found.folder.relative_to(pictures)
    own = masks / below if (masks / below).is_dir() else masks
    there: dict[str, dict[str, str]] = {}
    names = []
    for name in found.names:
        parent, stem = os.path.dirname(name), Path(name).stem
        if parent not in there:
            folder = own / parent
            files = sorted(os.listdir(folder)) if folder.is_dir() else []
            there[parent] = {Path(each).stem: each for each in files if is_picture(each)}
        mask = there[parent].get(stem)
        if mask is None:
            raise DataError(
                f"the picture '{name}' has no mask in '{near(own)}'.",
                where=name,
                hint="A mask has the name of its picture. Of other names, a table can say which belong together: "
                "`path: masks.csv`, `file: picture`, `masks: mask`.",
            )
        names.append(os.path.join(parent, mask))
    return [os.path.join(own, name) for name in names], names


def _of_part(folder: Path, *, empty_allowed: bool) -> Found:
    names: list[str] = []
    labels: list[str] = []
    empty: list[str] = []
    for child in subfolders(folder):
        own = sorted(_below(folder, child))
        if not own:
            empty.append(child.name)
        names += own
        labels += [child.name] * len(own)
    if labels:
        if empty and not empty_allowed:
            listed = ", ".join(f"'{name}'" for name in empty[:5])
            raise DataError(
                f"the class {listed} has no picture."
                if len(empty) == 1
                else f"{len(empty)} classes have no picture: {listed}{' …' if len(empty) > 5 else ''}.",
                where=near(folder / empty[0]),
                hint="Add pictures, or remove the folder.",
            )
        return Found(folder, names, labels)
    own = sorted(child.name for child in os.scandir(folder) if child.is_file() and is_picture(child.name))
    if not own:
        others = sum(len(files) for _, _, files in os.walk(folder))
        raise DataError(
            f"'{near(folder)}' holds no picture{f' among its {others:,} files' if others else ''}.",
            where="data.path",
            hint=f"Pictures end with {', '.join(SUFFIXES)}, in a folder for each class.",
        )
    return Found(folder, own, None)


def _below(folder: Path, child: Path) -> Iterator[str]:
    """The pictures in a class's folder and its folders, as paths below `folder`."""
    for place, folders, files in os.walk(child, followlinks=True):
        folders[:] = [name for name in folders if is_visible(name)]
        yield from (os.path.relpath(os.path.join(place, name), folder) for name in files if is_picture(name))
