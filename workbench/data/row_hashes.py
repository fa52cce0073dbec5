"""Hashes of the rows that were read: cheap, the same in every process, and narrow enough to find the row that changed.

Not of a kind that withstands an attack: they find what has changed by accident.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.data.preparation import Part, Table
from workbench.data.source import Source
from workbench.data.splitting.rules import TEST, VALIDATION

MOST_BLOCKS = 4096  # of one source: fewer rows than that have a hash each
_FACTORS = np.random.default_rng(20260).integers(0, 2**63, 1 << 14, np.uint64) * np.uint64(2) + np.uint64(1)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ODD = np.uint64(0xBF58476D1CE4E5B9)
_HALF = np.uint64(32)
_AT_ONCE = 1 << 16  # numbers, so that what is made in between stays in a processor's cache
_MOST_TEXTS = 1 << 12
_ROWS = 1 << 15  # at once, for the same reason
_SAMPLE = 1 << 19  # numbers of 64 bits of one prepared array that are looked at: rows that were read are, all


@dataclass(frozen=True)
class RowHashes:
    """The hashes of some rows.

    Attributes:
        rows: how many rows there are.
        columns: of each column as a whole.
        blocks: of `block_rows` rows each, the last perhaps of fewer.
        parts: of each block, the parts of the data that have rows of it: a bit for each, 1 for TRAIN.
    """

    rows: int
    columns: Mapping[str, int]
    blocks: np.ndarray
    block_rows: int
    parts: np.ndarray


@dataclass
class RowHasher:
    """Takes rows in, in their order. Of many rows, a block becomes twice as long when there are too many blocks."""

    rows: int = 0
    _columns: dict[str, int] = field(default_factory=dict)
    _blocks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    _parts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint8))
    _size: int = 1
    _texts: dict[Any, int] = field(default_factory=dict)

    def add_columns(self, columns: Mapping[str, np.ndarray]) -> None:
        """Take in the next rows."""
        rows = len(next(iter(columns.values()))) if columns else 0
        whole = np.empty(rows, np.uint64)
        for start in range(0, rows, _ROWS):
            own = whole[start : start + _ROWS]
            self._add_some(
                {name: values[start : start + len(own)] for name, values in columns.items()}, own, start
            )
        self._add(whole)

    def _add_some(self, columns: Mapping[str, np.ndarray], whole: np.ndarray, start: int) -> None:
        """Put the hashes of some rows into `whole`.

        What is kept are sums, to which each row adds by its number: of two blocks, the sum is the hash of both.
        """
        start += self.rows
        places = np.arange(start, start + len(whole), dtype=np.uint64) * _GOLDEN
        factors = _folded(places) | np.uint64(1)
        whole[:] = places
        for name, values in columns.items():
            own = hashes_of(values, self._texts)
            self._columns[name] = (self._columns.get(name, 0) + int(np.dot(own, factors))) % 2**64
            own *= np.uint64(2 * zlib.crc32(name.encode()) + 1)
            whole += own
        whole[:] = _mixed(whole)

    def add(self, table: Table, kept: np.ndarray, parts: np.ndarray) -> None:
        """Take in the next rows of a stream, also those that no part keeps."""
        start = self.rows
        self.add_columns({name: column.values for name, column in table.items()})
        for part in np.unique(parts):
            self.add_part(int(part), start + kept[parts == part])

    def add_part(self, part: int, rows: np.ndarray) -> None:
        """Take in that these rows, which are there, belong to a part."""
        self._parts[rows // self._size] |= np.uint8(1 << part)

    def _add(self, hashes: np.ndarray) -> None:
        start, self.rows = self.rows, self.rows + len(hashes)
        while -(-self.rows // self._size) > MOST_BLOCKS:
            even = np.append(self._blocks, np.zeros(len(self._blocks) % 2, np.uint64))
            self._blocks = even[0::2] + even[1::2]
            pairs = np.append(self._parts, np.zeros(len(self._parts) % 2, np.uint8)).reshape(-1, 2)
            self._parts = pairs[:, 0] | pairs[:, 1]
            self._size *= 2
        longer = np.zeros(-(-self.rows // self._size), np.uint64)
        longer[: len(self._blocks)] = self._blocks
        first = start // self._size
        starts = np.maximum(np.arange(first, len(longer)) * self._size - start, 0)
        if len(hashes):
            longer[first:] += np.add.reduceat(hashes, starts)
        self._blocks = longer
        self._parts = np.append(self._parts, np.zeros(len(longer) - len(self._parts), np.uint8))

    def result(self) -> RowHashes:
        return RowHashes(self.rows, self._columns, self._blocks, self._size, self._parts)


def of_source(
    source: Source, names: Iterable[str], parts: Mapping[int, np.ndarray | None]
) -> dict[str, RowHashes]:
    """The hashes of these columns: of the `data`, and of separate `validation` and `test` data where they are there.

    Args:
        names: of the columns; others are passed over.
        parts: the positions of the rows of each part, where they are known.
    """
    wanted = list(names)
    found = {}
    separate = {VALIDATION: source.validation_source(), TEST: source.test_source()}
    inside = {part for part in parts if separate.get(part) is None}
    for which, own, its in (
        ("data", source, inside),
        ("validation data", separate[VALIDATION], {VALIDATION}),
        ("test data", separate[TEST], {TEST}),
    ):
        if own is None:
            continue
        hasher = RowHasher()
        hasher.add_columns({name: own.columns[name] for name in wanted if name in own.columns})
        for part in its:
            if (rows := parts.get(part)) is not None:
                hasher.add_part(part, rows)
        found[which] = hasher.result()
    return found


def of_part(part: Part) -> int:
    """The hash of prepared rows, in their order. Pictures that stay in their files are hashed as rows that are read."""
    weights = part.sample_weight
    groups: list[Mapping[str, Any]] = [part.inputs, part.targets]
    groups.append(weights if isinstance(weights, Mapping) else {} if weights is None else {"": weights})
    total = 0
    for number, arrays in enumerate(groups):
        for name, values in arrays.items():
            if not isinstance(values, LazyRows):
                key = zlib.crc32(f"{number}/{name}".encode())
                total += digest(values, _SAMPLE) * (2 * key + 1)
    return total % 2**64


def digest(values: np.ndarray, most: int | None = None) -> int:
    """One hash of an array; of a longer one than `most` numbers of 64 bits, of evenly spread pieces."""
    if values.dtype.hasobject or values.dtype.kind in "USTO":
        values = _of_texts(values.reshape(-1))
    flat = np.ascontiguousarray(values).reshape(-1).view(np.uint8)
    whole = len(flat) // 8 * 8
    words, size, total = flat[:whole].view(np.uint64), len(_FACTORS), len(flat)
    step = size if most is None else size * max(1, -(-len(words) // most))
    for start in range(0, len(words), step):
        block = words[start : start + size]
        total = (total * 0xD6E8FEB86659FD93 + int(np.dot(_folded(block), _FACTORS[: len(block)]))) % 2**64
    return (total * 0xD6E8FEB86659FD93 + int.from_bytes(flat[whole:].tobytes(), "little")) % 2**64


def hashes_of(values: np.ndarray, known: dict[Any, int] | None = None) -> np.ndarray:
    """A hash of each row, (rows,). `known` are hashes of texts, which it adds to."""
    if isinstance(values, LazyRows):
        return _of_lazy(values)
    if values.dtype.hasobject or values.dtype.kind in "USTO":
        texts = _of_texts(values.reshape(-1), known).reshape(len(values), -1)
        return _rows_of(texts) if texts.shape[1] != 1 else texts[:, 0]
    if values.ndim == 1 and values.dtype.itemsize in (1, 2, 4, 8):
        return _folded(values.view(f"u{values.dtype.itemsize}").astype(np.uint64, copy=False))
    data = np.ascontiguousarray(values).reshape(len(values), -1).view(np.uint8)
    if missing := -data.shape[1] % 8:
        data = np.pad(data, ((0, 0), (0, missing)))
    return _rows_of(data.view(np.uint64), fold=values.dtype.itemsize >= 8)


def _rows_of(words: np.ndarray, *, fold: bool = False) -> np.ndarray:
    """A hash of each row of 64-bit numbers (rows, numbers)."""
    length = words.shape[1]
    factors = np.resize(_FACTORS, length) ^ (
        np.arange(length, dtype=np.uint64) // np.uint64(len(_FACTORS)) << _HALF
    )
    step = max(1, _AT_ONCE // max(length, 1))
    found = np.empty(len(words), np.uint64)
    for start in range(0, len(words), step):
        block = words[start : start + step]
        found[start : start + step] = np.einsum("ij,j->i", _folded(block) if fold else block, factors)
    return found


def _of_texts(values: np.ndarray, known: dict[Any, int] | None = None) -> np.ndarray:
    """A hash of each of (rows,) texts or other objects; those that are `known` need not be worked out again."""
    objects = values.tolist()
    known = {} if known is None else known
    try:
        with suppress(KeyError):  # few values that come again and again: one look at each
            return np.fromiter(map(known.__getitem__, objects), np.int64, len(objects)).view(np.uint64)
        different = dict.fromkeys(objects)
    except TypeError:  # lists have no hash of their own
        different = dict.fromkeys(objects := list(map(repr, objects)))
    if len(known) > _MOST_TEXTS:
        known.clear()
    known |= {value: _of_text(value if isinstance(value, str) else repr(value)) for value in different}
    return np.fromiter(map(known.__getitem__, objects), np.int64, len(objects)).view(np.uint64)


def _of_text(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return (zlib.crc32(data) << 32 | zlib.adler32(data)) - 2**63  # as a signed number


def _of_lazy(rows: LazyRows) -> np.ndarray:
    """Pictures in memory by their pixels; those that stay in their files by name and size, for reading takes long."""
    held = rows.reader.held
    if held is not None:
        return hashes_of(held[rows.rows])
    names = rows.names()
    sizes = np.array([_size_of(name) for name in names], np.uint64)
    bare = np.array([os.path.basename(name) for name in names], dtype=object)
    return cast("np.ndarray", _of_texts(bare) + _mixed(sizes))


def _size_of(name: str) -> int:
    try:
        return os.stat(name).st_size
    except (OSError, ValueError):
        return 0


def _folded(words: np.ndarray) -> np.ndarray:
    """Whole numbers in 64-bit floating point differ in their upper halves alone; products keep the lower ones."""
    return words ^ (words >> _HALF)


def _mixed(hashes: np.ndarray) -> np.ndarray:
    hashes = _folded(hashes) * _ODD
    return _folded(hashes) * _GOLDEN
