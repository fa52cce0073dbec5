"""A temporary file without a name, which disappears with its process, even if that is killed."""

from __future__ import annotations

import errno
import io
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import platformdirs

from workbench.errors import FileError


class Workfile:
    """Written once through `writing`, then read at any position by any number of threads."""

    def __init__(self) -> None:
        # Not the usual place for temporary files: that is often held in memory.
        folder = self.place()
        try:
            descriptor, name = tempfile.mkstemp(dir=folder)
        except OSError:
            folder = Path(tempfile.gettempdir())
            descriptor, name = tempfile.mkstemp(dir=folder)
        os.unlink(name)
        self.folder = folder
        self._file: BinaryIO = os.fdopen(descriptor, "w+b")
        weakref.finalize(self, self._file.close)

    @staticmethod
    def place() -> Path:
        """The folder for working copies."""
        folder = Path(platformdirs.user_cache_dir("kwb"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return Path(tempfile.gettempdir())
        return folder

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """The file, to be written.

        Raises:
            FileError: the disk is full.
        """
        try:
            yield self._file
            self._file.flush()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            raise FileError(
                f"there is no room in '{self.folder}' for a working copy of the data.",
                where="data.path",
                hint="Free some, or set XDG_CACHE_HOME to a folder on a larger disk.",
            ) from None

    @property
    def descriptor(self) -> int:
        return self._file.fileno()

    def reader(self) -> io.BufferedReader:
        """The file as written, at a position of the reader's own."""
        return io.BufferedReader(_Positional(self))


class _Positional(io.RawIOBase):
    """Reads a descriptor that others read too: the position is kept here, not in the descriptor."""

    def __init__(self, file: Workfile) -> None:
        self._file = file  # held, so that it stays open
        self._at = 0
        self._size = os.fstat(file.descriptor).st_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = os.pread(self._file.descriptor, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
