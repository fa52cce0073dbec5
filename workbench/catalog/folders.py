"""Find the dataset that can read a folder of files: pictures or texts in folders of their classes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from workbench.catalog.entries import Entry
from workbench.catalog.readers import readers_by_suffix

_FOLDER = "*/"  # before a suffix in a tag of readers whose data is a folder of such files
MASKS = "masks"  # the tag of readers that take a folder of masks beside the one of pictures, as `masks`
_CALLED_MASKS = (
    *("mask", "masks", "label", "labels", "annotation", "annotations", "segmentation", "segmentations"),
    *("ground_truth", "groundtruth", "gt", "target", "targets"),
)
_MOST_LOOKED_AT = 2_000  # files, to know what a folder holds


def folder_suffixes(datasets: Iterable[Entry]) -> dict[str, Entry]:
    """The suffixes of files that are data together, in a folder, with their readers."""
    found: dict[str, Entry] = {}
    for entry in datasets:
        for tag in entry.tags:
            if tag.startswith(_FOLDER):
                found.setdefault(tag.removeprefix(_FOLDER), entry)
    return found


def file_suffixes(datasets: Iterable[Entry]) -> tuple[str, ...]:
    """The suffixes of files that are data each by itself: a picture is one row of a folder's."""
    datasets = list(datasets)
    rows = {
        suffix
        for suffix, entry in folder_suffixes(datasets).items()
        if readers_by_suffix(datasets).get(suffix) is entry
    }
    return tuple(suffix for suffix in readers_by_suffix(datasets) if suffix not in rows)


def reader_of_folder(folder: Path, datasets: Iterable[Entry]) -> Entry | None:
    """The reader of a folder, by the suffix that most of the files in it have; None where no reader knows them."""
    readers = folder_suffixes(datasets)
    counts: Counter[str] = Counter()
    for name in islice(_files_below(folder), _MOST_LOOKED_AT):
        counts[os.path.splitext(name)[1].casefold()] += 1
    return next((readers[suffix] for suffix, _ in counts.most_common() if suffix in readers), None)


def first_section(entry: Entry, path: str) -> dict[str, Any]:
    """The data section for a first look at a file or a folder: of a reader of folders with the arguments of its
    example, which leave to it what it can find out."""
    example = entry.example if any(tag.startswith(_FOLDER) for tag in entry.tags) else {}
    if MASKS in entry.tags and (folders := mask_folders(Path(path))) is not None:
        return {"use": entry.name, **example, "path": str(Path(path) / folders[0]), "masks": folders[1]}
    return {"use": entry.name, **example, "path": path}


def mask_folders(folder: Path) -> tuple[str, str] | None:
    """The names of two folders, pictures and their masks, where a folder holds these and nothing else.

    The masks' is called so, and has a file of the same name for each picture; else they are two classes.
    """
    try:
        inside = sorted(
            (each for each in os.scandir(folder) if not each.name.startswith(".")), key=lambda each: each.name
        )
    except OSError:
        return None
    if len(inside) != 2 or not all(each.is_dir() for each in inside):
        return None
    masks = [each.name for each in inside if each.name.casefold() in _CALLED_MASKS]
    pictures = [each.name for each in inside if each.name not in masks]
    if len(masks) != 1:
        return None
    files, other = (
        {os.path.splitext(name)[0] for name in islice(_files_below(folder / name), _MOST_LOOKED_AT)}
        for name in (pictures[0], masks[0])
    )
    return (pictures[0], masks[0]) if files and files <= other else None


def _files_below(folder: Path) -> Iterator[str]:
    for _, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (name for name in files if not name.startswith("."))
