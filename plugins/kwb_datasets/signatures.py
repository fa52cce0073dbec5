"""What a file holds, by its first bytes, so that the wrong reader does not make nonsense of it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from kwb_datasets.packed import start_of
from workbench.plugin import FileError, near

_SINGLE_HINT = "Write a .npz file with `numpy.savez(path, x=..., y=...)`."
_PICKLE = "a Python pickle, which could run code"
_EXCEL_HINT = "If it has a password, save it without one; an .xls file, as .xlsx."


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        what: in words, with the article.
        use: its reader; "" if there is none.
        hint: what to do where there is none.
    """

    what: str
    use: str = ""
    hint: str = ""


_SIGNATURES = {
    b"SQLite format 3\0": Contents("an SQLite database", "sqlite"),
    b"PAR1": Contents("a Parquet file", "parquet"),
    b"ARROW1": Contents("an Arrow (Feather) file", "arrow"),
    b"\xff\xff\xff\xff": Contents("an Arrow stream", "arrow"),
    b"ORC": Contents("an ORC file", "orc"),
    b"\x93NUMPY": Contents(
        "a single numpy array", hint="`numpy.savez(path, x=..., y=...)` writes a file for `use: npz`."
    ),
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": Contents("an old (.xls) or encrypted Excel file", hint=_EXCEL_HINT),
    b"\x89HDF\r\n\x1a\n": Contents(
        "an HDF5 file", hint="Write its tables as parquet, or its arrays as .npz."
    ),
    b"%PDF": Contents("a PDF document", hint="Save the table in it as text (csv)."),
    b"\x80\x04": Contents(_PICKLE, hint="Save the table as parquet or csv."),
    b"\x80\x05": Contents(_PICKLE, hint="Save the table as parquet or csv."),
}

_AT_THE_END = (b"PAR1", b"ARROW1", b"ORC")


def refuse_other(file: Path, use: str) -> None:
    """Raise that a file is not for a reader, if its first bytes leave no doubt.

    Args:
        file: to be read; compressed ones are looked into.
        use: the name of the reader that is to read it.

    Raises:
        FileError: with what the file holds, and its reader.
    """
    found = contents_of(file)
    if found is None or found.use == use:
        return
    raise FileError(
        f"'{near(file)}' is {found.what}.",
        where="data.use" if found.use else "data.path",
        hint=f"`use: {found.use}` reads it." if found.use else found.hint,
    )


def contents_of(file: Path) -> Contents | None:
    """What a file holds; None for text, and for what is not known here."""
    with file.open("rb") as opened:
        start = opened.read(16)
        opened.seek(-min(8, file.stat().st_size), 2)
        end = opened.read()
    for signature, contents in _SIGNATURES.items():
        # What begins and ends with letters could be a text that begins so.
        if start.startswith(signature) and (signature not in _AT_THE_END or signature in end):
            return contents
    if start.startswith(b"PK\x03\x04") and (archive := _archive(file)) is not None:
        return archive
    return _text(start_of(file).lstrip(b"\xef\xbb\xbf \t\r\n"))


def _archive(file: Path) -> Contents | None:
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return None
    if "[Content_Types].xml" in names:
        book = any(name.startswith("xl/") for name in names)
        return Contents("an Excel file", "excel") if book else Contents("an Office document")
    if names and all(name.endswith(".npy") for name in names):
        return Contents("a file of numpy arrays", "npz")
    if "config.json" in names and "model.weights.h5" in names:
        return Contents("a Keras model", hint="`model: {load: ...}` loads it.")
    return None


def _text(start: bytes) -> Contents | None:
    lowered = start[:200].lower()
    if lowered.startswith((b"<!doctype html", b"<html")):
        return Contents("a web page", hint="Download the file itself: a page that shows it was saved.")
    if lowered.startswith((b"@relation", b"% ")) and b"@attribute" in start.lower():
        return Contents("an ARFF file", "arff")
    if lowered.startswith(b"version https://git-lfs"):
        return Contents("a Git LFS pointer, not the data", hint="`git lfs pull` fetches the file itself.")
    if start.startswith(b"["):
        return Contents("JSON", "json") if start[1:].lstrip().startswith(b"{") else None
    return Contents("JSON", "json") if _is_record(start) else None


def _is_record(start: bytes) -> bool:
    line = start.partition(b"\n")[0].strip()
    if line == b"{":  # a record over several lines
        return start[1:].lstrip().startswith(b'"')
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return line.startswith(b'{"') and len(line) > 2000  # its line is longer than what was read
