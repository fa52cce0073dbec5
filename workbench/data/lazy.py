"""An array whose rows are read when they are needed, such as pictures that stay in their files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, overload

import numpy as np

_BLOCK_BYTES = 8 * 2**20  # read at once, as 32-bit numbers, where every row is looked at
_BLOCK_ROWS = 256


class RowReader(Protocol):
    """Reads rows by their positions.

    Attributes:
        shape: of one row.
        held: every row, 8-bit, where all are in memory; else None.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def held(self) -> np.ndarray | None: ...

    def __len__(self) -> int:
        """How many rows there are."""
        ...

    def blocks(self, rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
        """The rows at these positions in this order, `size` at a time, as 8-bit whole numbers; the next blocks are read
        while one is used."""
        ...

    def name(self, row: int) -> str:
        """What a row is called: its file."""
        ...


@dataclass(frozen=True)
class LazyRows:
    """An array (rows, ...) of float32 for the model; 8-bit numbers until then, which are read when they are needed.

    `numpy.asarray` reads every row; `array[slice]` and `array[positions]` read none.

    Attributes:
        reader: where the rows come from.
        rows: the positions of this array's rows in it.
        center, factor: each row becomes (row - center) / factor along its last axis; None leaves it as it is.
    """

    reader: RowReader
    rows: np.ndarray
    center: tuple[float, ...] | None = None
    factor: tuple[float, ...] | None = None
    dtype: np.dtype[Any] = field(default=np.dtype(np.float32), init=False)

    @classmethod
    def of(cls, reader: RowReader) -> LazyRows:
        """All rows of a reader."""
        return cls(reader, np.arange(len(reader)))

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.reader.shape)

    @property
    def classes(self) -> int:
        """How many classes the numbers of masks stand for; 0 of pictures, whose numbers are none."""
        return int(getattr(self.reader, "classes", 0))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that it takes in memory."""
        held = self.reader.held
        return self.rows.nbytes + (0 if held is None else held.nbytes)

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, rows: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, rows: slice | np.ndarray) -> LazyRows: ...
    def __getitem__(self, rows: int | slice | np.ndarray) -> np.ndarray | LazyRows:
        if isinstance(rows, slice | np.ndarray):
            return replace(self, rows=self.rows[rows])
        return next(self[np.array([rows])].blocks(1))[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        result = np.empty(self.shape, np.float32)
        start = 0
        for block in self.blocks(self.block_rows):
            result[start : start + len(block)] = block
            start += len(block)
        return result if dtype is None else result.astype(dtype)

    def name(self, row: int) -> str:
        """What a row is called."""
        return self.reader.name(int(self.rows[row]))

    def names(self) -> np.ndarray:
        """What each row is called, (rows,) texts."""
        return np.array([self.name(row) for row in range(len(self))], dtype=object)

    def scaled(self, center: tuple[float, ...], factor: tuple[float, ...]) -> LazyRows:
        """The same rows, scaled when they are read."""
        return replace(self, center=center, factor=factor)

    @property
    def held(self) -> np.ndarray | None:
        """The rows as 8-bit numbers, where they are in memory and not scaled."""
        every = self.reader.held
        return None if every is None or self.center is not None else every[self.rows]

    @property
    def block_rows(self) -> int:
        """How many rows to read at once where every row is looked at."""
        return max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (4 * math.prod(self.reader.shape))))

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """The rows as float32, `size` at a time."""
        return map(self._finished, self.reader.blocks(self.rows, size))

    def packed_blocks(self, size: int) -> Iterator[np.ndarray]:
        """The rows, `size` at a time: 8-bit numbers, or float32 where they are scaled."""
        if self.center is None:
            return self.reader.blocks(self.rows, size)
        return self.blocks(size)

    def _finished(self, block: np.ndarray) -> np.ndarray:
        numbers = block.astype(np.float32)
        if self.center is not None and self.factor is not None:
            numbers -= np.asarray(self.center, np.float32)
            numbers /= np.asarray(self.factor, np.float32)
        return numbers
