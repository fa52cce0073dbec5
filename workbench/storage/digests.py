"""The digest of a file's content, by which files are compared."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, as hexadecimal digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_if_there(path: Path) -> str:
    """As `sha256_of`; empty for a file that cannot be read."""
    with suppress(OSError):
        return sha256_of(path)
    return ""
