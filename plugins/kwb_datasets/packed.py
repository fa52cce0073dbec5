"""Open a file that is compressed, or is not, by its first bytes: its name need not say so."""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workbench.plugin import FileError, near, without_path

Change = Callable[[bytes], bytes]  # of whole lines

# What reading a damaged compressed file raises, beside OSError and Arrow's own.
DAMAGE = (EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile)

_SIGNATURES = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
}
_LONGEST = 10
_BLANKS = re.compile(rb"[ \t]+")
_BLOCK = 2**20


def packing(file: Path) -> str | None:
    """How a file is compressed; None if it is not."""
    with file.open("rb") as opened:
        start = opened.read(_LONGEST)
    if start.startswith(b"BZh") and start[4:] == b"1AY&SY":
        return "bz2"
    found = next((name for signature, name in _SIGNATURES.items() if start.startswith(signature)), None)
    return None if found == "zip" and not zipfile.is_zipfile(file) else found


def unpacked(file: Path, changes: Sequence[Change] = ()) -> Any:
    """A file to be read from its beginning, as bytes, unpacked.

    Args:
        file: plain, gzip, bz2, zstd, lz4, xz, or a zip with one file in it.
        changes: what is made of its lines, one after the other.

    Raises:
        FileError: a zip file with several files, or with a password. OSError and `DAMAGE`: as it is read.
    """
    import pyarrow as pa

    match packing(file):
        case "xz":
            opened: Any = lzma.open(file)  # noqa: SIM115 (the caller closes it)
        case "zip":
            opened = _member(file)
        case other:
            opened = pa.input_stream(str(file), compression=other)
    return io.BufferedReader(_Changed(opened, changes), _BLOCK) if changes else opened


def start_of(file: Path, size: int = 4096) -> bytes:
    """The first bytes of a file, unpacked.

    Raises:
        FileError: it is damaged, or cannot be unpacked.
    """
    try:
        with unpacked(file) as opened:
            return bytes(opened.read(size))
    except (OSError, *DAMAGE) as error:
        raise FileError(
            f"'{near(file)}' cannot be read: {without_path(error, file)}.", where="data.path"
        ) from None


def _member(file: Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        members = [
            info
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            names = ", ".join(info.filename for info in members[:5])
            raise FileError(
                f"'{near(file)}' holds {len(members)} files{f' ({names})' if names else ''}, and not one.",
                where="data.path",
                hint="Unpack it, and name the file.",
            )
        if members[0].flag_bits & 1:
            raise FileError(
                f"'{members[0].filename}' in '{near(file)}' has a password.",
                where="data.path",
                hint="Unpack it first.",
            )
        return archive.open(members[0])


def without_comments(comment: bytes) -> Change:
    """Empty lines in place of comment lines, so that the numbers of the others stay as they are."""
    pattern = re.compile(rb"(?m)^" + re.escape(comment) + rb"[^\r\n]*")
    return lambda lines: pattern.sub(b"", lines)


def tabs_for_blanks(quote: bytes) -> Change:
    """A tab in place of each run of blanks that is not in quotes, and none at either end of a line."""
    ends = re.compile(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)")
    mark = re.escape(quote)
    quoted = re.compile(mark + rb"[^\r\n" + mark + rb"]*" + mark + rb"|[ \t]+")

    def change(lines: bytes) -> bytes:
        lines = ends.sub(b"", lines)
        if quote not in lines:
            return _BLANKS.sub(b"\t", lines)
        return quoted.sub(lambda found: found[0] if found[0].startswith(quote) else b"\t", lines)

    return change


class _Changed(io.RawIOBase):
    """A file with its lines changed, a block of whole lines after the other."""

    def __init__(self, file: Any, changes: Sequence[Change]) -> None:
        self._file = file
        self._changes = changes
        self._rest = b""  # the beginning of a line that goes on in the next block
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._ended:
            block = self._file.read(_BLOCK)
            self._ended = not block
            lines, newline, rest = (self._rest + block).rpartition(b"\n")
            if self._ended:
                lines, newline, rest = lines + newline + rest, b"", b""
            self._rest = rest
            block = lines + newline
            for change in self._changes:
                block = change(block)
            self._ready = memoryview(block)
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
