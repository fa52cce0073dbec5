"""Find the dataset that can read a file, by the tags in its plugin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workbench.catalog.entries import Entry

READER = "reader"  # the tag of datasets that read a file
_PACKED = (".gz", ".bz2", ".zst", ".lz4")


def readers_by_suffix(datasets: Iterable[Entry]) -> dict[str, Entry]:
    """The reader of each suffix; the first where two plugins read the same."""
    found: dict[str, Entry] = {}
    for entry in datasets:
        for tag in entry.tags:
            if tag.startswith("."):
                found.setdefault(tag, entry)
    return found


def reader_of(name: str, readers: Mapping[str, Entry]) -> Entry | None:
    """The reader of a file's name, by its longest known suffix; `p.csv.gz` is read as `p.csv`. None if unknown."""
    name = name.casefold()
    for packed in _PACKED:
        if name.endswith(packed) and packed not in readers:
            name = name.removesuffix(packed)
    known = [suffix for suffix in readers if name.endswith(suffix)]
    return readers[max(known, key=len)] if known else None
