"""Read the arrays of a .npz file a few rows at a time."""

from __future__ import annotations

import math
import os
import shutil
import struct
import weakref
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.plugin import Columns, DataError, FileError, Workfile, near, without_path

CHUNK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class StoredArray:
    """Where an array's numbers are: from `offset` on in a file, row by row."""

    name: str
    descriptor: int
    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape[1:])

    def rows(self, start: int, count: int) -> np.ndarray:
        """Some rows, (count, ...)."""
        data = read_at(self.descriptor, count * self.row_bytes, self.offset + start * self.row_bytes)
        if len(data) < count * self.row_bytes:
            raise FileError(f"array '{self.name}' ends too early.", where="data.path")
        return np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])


class ArrayArchive:
    """A .npz file whose arrays are not in memory. A compressed array is unpacked to disk, once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._descriptor = os.open(file, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._workfiles: list[Workfile] = []
        try:
            with zipfile.ZipFile(file) as archive:
                self._members = {
                    info.filename.removesuffix(".npy"): info
                    for info in archive.infolist()
                    if info.filename.endswith(".npy")
                }
        except (OSError, zipfile.BadZipFile) as error:
            raise FileError(
                f"'{near(file)}' is no readable .npz file: {without_path(error, file)}.", where="data.path"
            ) from None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def size(self, names: Collection[str]) -> int:
        """The bytes of arrays, unpacked."""
        return sum(self._members[name].file_size for name in names)

    def encoded_size(self, names: Collection[str]) -> int:
        """The bytes of arrays as the 32-bit numbers for a model: four times those of 8-bit pixels."""
        return sum(4 * self._members[name].file_size // self._item_size(name) for name in names)

    def _item_size(self, name: str) -> int:
        try:
            with zipfile.ZipFile(self.file) as archive, archive.open(self._members[name]) as packed:
                return max(1, _header(packed)[2].itemsize)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error):
            return 4  # damage is reported where the file is read

    def array(self, name: str) -> StoredArray:
        """Find an array's numbers.

        Raises:
            FileError: it is damaged, or holds pickled objects. DataError: it is stored column by column.
        """
        info = self._members[name]
        try:
            if info.compress_type == zipfile.ZIP_STORED:
                header = read_at(self._descriptor, 30, info.header_offset)
                signature, name_size, extra_size = struct.unpack("<4s22xHH", header)
                if signature != b"PK\x03\x04":
                    raise zipfile.BadZipFile("its place in the file is not what the directory says")
                return self._described(
                    name, self._descriptor, info.header_offset + 30 + name_size + extra_size
                )
            return self._described(name, self._unpacked(info).descriptor, 0)
        except (OSError, EOFError, ValueError, struct.error, zipfile.BadZipFile, zlib.error) as error:
            raise FileError(f"array '{name}' is damaged: {error}.", where=self.file.name) from None

    def _unpacked(self, info: zipfile.ZipInfo) -> Workfile:
        workfile = Workfile()
        with zipfile.ZipFile(self.file) as archive, archive.open(info) as packed, workfile.writing() as file:
            shutil.copyfileobj(packed, file, 2**20)
        self._workfiles.append(workfile)
        return workfile

    def _described(self, name: str, descriptor: int, offset: int) -> StoredArray:
        """Read the array's own header: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""
        start = _Bytes(descriptor, offset)
        shape, by_column, dtype = _header(start)
        if dtype.hasobject:
            raise FileError(
                f"array '{name}' holds pickled Python objects, which could run code and are refused.",
                where=self.file.name,
                hint="Save it with a number or text type, or name the arrays to read with `columns`.",
            )
        if by_column and len(shape) > 1:
            raise DataError(
                f"array '{name}' is stored column by column, so that its rows cannot be read one by one.",
                where=self.file.name,
                hint="Save it as `numpy.ascontiguousarray(...)`, or say `stream: false`.",
            )
        return StoredArray(name, descriptor, offset + start.at, dtype, shape)


def _header(start: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether stored by column, and type, from the beginning of an array's file."""
    version = np.lib.format.read_magic(start)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(start)
    return np.lib.format.read_array_header_2_0(start)


class _Bytes:
    """The file object that numpy's header functions read from."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self.at = 0

    def read(self, size: int = 0, /) -> bytes:
        data = read_at(self._descriptor, size, self._offset + self.at)
        self.at += len(data)
        return data


class ArrayChunks:
    """Arrays of one length in chunks of rows; see `workbench.data.chunks.Chunks`.

    Args:
        archive: held, for its files.
        arrays: by the name they go by.
    """

    def __init__(self, archive: ArrayArchive, arrays: Mapping[str, StoredArray]) -> None:
        lengths = {name: array.shape[0] for name, array in arrays.items()}
        total = next(iter(lengths.values()), 0)
        for name, length in lengths.items():
            if length != total:
                raise DataError(
                    f"'{next(iter(lengths))}' has {total} rows and '{name}' has {length}.",
                    where=archive.file.name,
                    hint="Name the arrays that belong together with `columns`.",
                )
        if not total:
            raise DataError("there are no rows.", where=archive.file.name)
        step = max(1, CHUNK_BYTES // max(1, sum(array.row_bytes for array in arrays.values())))
        self._archive = archive
        self._arrays = dict(arrays)
        self._starts = range(0, total, step)
        self.names = tuple(arrays)
        self.rows = tuple(min(step, total - start) for start in self._starts)
        self.groups = tuple(range(len(self.rows)))

    def open(self) -> ArrayChunks:
        """Itself: any number of threads may read."""
        return self

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        """Some arrays' rows."""
        return {name: self._arrays[name].rows(self._starts[chunk], self.rows[chunk]) for name in names}

    def close(self) -> None:
        """Nothing: the files are closed with the archive."""


def read_at(descriptor: int, size: int, position: int) -> bytes:
    """`size` bytes from a position; fewer only at the end of the file."""
    parts: list[bytes] = []
    while size:
        part = os.pread(descriptor, size, position)
        if not part:
            break
        parts.append(part)
        size, position = size - len(part), position + len(part)
    return b"".join(parts)
