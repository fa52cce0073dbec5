"""Rows in memory as a stream: as they are read they fit, and as numbers for a model they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.chunks import StreamedSource
from workbench.data.source import Columns, Source

CHUNK_ROWS = 4_096


def in_chunks(source: Source) -> StreamedSource | None:
    """The source, a few rows at a time; None for one with a validation part of its own, which streams have not."""
    if source.validation is not None:
        return None
    starts = _starts(source)
    return StreamedSource(
        _InMemory.of(source.columns, starts),
        targets=source.targets,
        test=None if source.test is None else _InMemory.of(source.test),
        classes=source.classes,
        origin=source.origin,
        locate=source.locate,
        options=source.options,
        cell=source.cell,
        texts=source.texts,
        parts=() if source.parts is None else tuple(source.parts[starts].tolist()),
    )


def _starts(source: Source) -> np.ndarray:
    """The first row of each chunk: all its rows are for one part."""
    rows = len(next(iter(source.columns.values())))
    starts = np.arange(0, rows, CHUNK_ROWS)
    if source.parts is None:
        return starts
    return np.union1d(starts, np.flatnonzero(np.diff(source.parts)) + 1)


@dataclass
class _InMemory:
    """See `Chunks`; it is its own reader."""

    columns: Mapping[str, np.ndarray]
    starts: tuple[int, ...]
    names: tuple[str, ...]
    rows: tuple[int, ...]
    groups: tuple[int, ...]

    @classmethod
    def of(cls, columns: Columns, starts: np.ndarray | None = None) -> _InMemory:
        rows = len(next(iter(columns.values())))
        begins = (np.arange(0, rows, CHUNK_ROWS) if starts is None else starts).tolist()
        lengths = tuple(np.diff([*begins, rows]).tolist())
        return cls(columns, tuple(begins), tuple(columns), lengths, tuple(range(len(begins))))

    def open(self) -> _InMemory:
        return self

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        start = self.starts[chunk]
        return {name: self.columns[name][start : start + self.rows[chunk]] for name in names}

    def close(self) -> None:
        pass
