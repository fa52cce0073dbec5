"""Find the dataset that can read a file, by the tags in its plugin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePath

from workbench.catalog.entries import Entry

READER = "reader"  # the tag of datasets that read a file
PACKED = (".gz", ".bz2", ".xz", ".zst", ".lz4", ".zip")
"""The suffixes of a compressed file, after its own."""
_OFTEN_OTHER = (".txt", ".json", ".dat")  # read when they are named, and not offered: most hold no table


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
    suffix = known_suffix(name, readers)
    return readers[suffix] if suffix else None


def known_suffix(name: str, suffixes: Collection[str]) -> str:
    """The longest of these suffixes that a file's name ends in, without that of its compression; "" if none."""
    name = _unpacked(name, suffixes)
    return max((suffix for suffix in suffixes if name.endswith(suffix)), key=len, default="")


def is_offered(name: str, suffixes: Collection[str]) -> bool:
    """True for a name that is likely one of data: a list of files shows it."""
    return known_suffix(name, suffixes) not in ("", *_OFTEN_OTHER)


def suffix_of(name: str) -> str:
    """The last suffix of a file's name, known or not, without that of its compression."""
    return PurePath(_unpacked(name, ())).suffix


def _unpacked(name: str, suffixes: Collection[str]) -> str:
    name = name.casefold()
    packed = next((each for each in PACKED if name.endswith(each) and each not in suffixes), "")
    return name.removesuffix(packed)
