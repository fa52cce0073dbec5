"""Limits for model files, and the error for a file beyond them."""

from __future__ import annotations

SLACK = 64 << 20  # bytes that a small file may take in memory beyond twice its size
CONFIG_LIMIT = 32 << 20  # bytes of JSON
DEPTH_LIMIT = 128  # levels of nesting, in JSON and in HDF5 groups
MEMBER_LIMIT = 10_000  # members of a zip archive, assets among them
LINK_LIMIT = 100_000  # objects in one HDF5 file


class Refused(ValueError):
    """A file is refused; the text is written to follow the file's name. `hint` says what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


def size_in_words(count: int) -> str:
    """A number of bytes for people: `8.59 GB`."""
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.3g} {unit}"
