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
    return {"use": entry.name, **example, "path": path}


def _files_below(folder: Path) -> Iterator[str]:
    for _, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (name for name in files if not name.startswith("."))
