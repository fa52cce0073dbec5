"""Rows from several files as one source: of one table in pieces, or of the parts of a training."""

from __future__ import annotations

import bisect
import glob
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os.path import expanduser
from pathlib import Path
from typing import Any

import numpy as np

from workbench.data.chunks import ChunkReader, Chunks, StreamedSource
from workbench.data.reading.files import is_pattern
from workbench.data.source import Columns, Source
from workbench.errors import DataError, FileError, did_you_mean, near

AnySource = Source | StreamedSource
PARTS = ("train", "validation", "test")


def files_of(path: object, folder: Path) -> list[str] | None:
    """The files that a path of a recipe stands for, in the order of their names; None for what is no path.

    Args:
        path: a file, a pattern such as `parts/*.csv`, or a list of both.
        folder: what relative ones start from.

    Raises:
        FileError: no file is named as a pattern says.
    """
    if isinstance(path, list | tuple):
        found = [files_of(each, folder) for each in path]
        return [file for files in found for file in files or ()]
    if not isinstance(path, str):
        return None
    file = folder.absolute() / Path(expanduser(path))
    if not is_pattern(file):
        return [str(file)]
    files = sorted(each for each in glob.glob(str(file), recursive=True) if not Path(each).is_dir())
    if not files:
        raise FileError(f"no file is named as '{near(file)}'.", where="data.path")
    return files


def joined(
    sources: Sequence[AnySource], *, parts: Sequence[int] | None = None, origin: str = ""
) -> AnySource:
    """Sources of the same columns as one, one after the other.

    Args:
        sources: at least one; all are streamed if one is.
        parts: for each, the part that its rows are for: a position in `PARTS`. None leaves that to the recipe.
        origin: what messages call it.

    Raises:
        DataError: their columns differ; the error names both files.
    """
    if len(sources) == 1 and parts is None:
        return sources[0]
    streamed = any(isinstance(each, StreamedSource) for each in sources)
    first = sources[0]
    heads = [each.sample() if isinstance(each, StreamedSource) else each for each in sources]
    for head in heads[1:]:
        _check_same(heads[0], head)
    names = list(heads[0].columns)
    sizes = [each.rows if isinstance(each, StreamedSource) else _length(each) for each in sources]
    starts = list(itertools.accumulate(sizes, initial=0))

    def of(row: int) -> tuple[AnySource, int]:
        at = min(bisect.bisect_right(starts, row), len(sources)) - 1
        return sources[at], row - starts[at]

    def locate(row: int) -> str:
        source, own = of(row)
        return source.place(own)

    def cell(row: int, column: str) -> str:
        source, own = of(row)
        return source.cell(own, column) if source.cell else ""

    more: dict[str, Any] = {
        "targets": first.targets,
        "classes": first.classes,
        "texts": first.texts,
        "options": first.options,
        "origin": origin or first.origin,
        "locate": locate,
        "cell": cell if all(each.cell for each in sources) else None,
        "rows_are_files": all(each.rows_are_files for each in sources),
    }
    if not streamed:
        held = [each for each in sources if isinstance(each, Source)]
        columns = {name: _concatenated([each.columns[name] for each in held]) for name in names}
        of_rows = None if parts is None else np.repeat(np.array(parts, np.int8), sizes)
        remarks = tuple(remark for each in held for remark in each.remarks)
        return Source(columns=columns, parts=of_rows, remarks=remarks, **more)
    chunks: list[Chunks] = [
        each.chunks if isinstance(each, StreamedSource) else _Held(each) for each in sources
    ]
    of_chunks = (
        ()
        if parts is None
        else tuple(part for part, each in zip(parts, chunks, strict=True) for _ in each.rows)
    )
    return StreamedSource(_Joined(chunks, tuple(names)), parts=of_chunks, **more)


@dataclass(frozen=True)
class ChosenRows:
    """Which rows of all are used: drawn at random, or the first ones.

    Attributes:
        total, wanted: how many there are, and how many are used.
        seed: draws them; None takes the first ones of each section.
        sections: the first row of each, and the one after its last: rows that a file brings for one part.
    """

    total: int
    wanted: int
    seed: int | None
    sections: tuple[tuple[int, int], ...]

    def rows(self, count: int, before: int, chunk: int = 0) -> np.ndarray:
        """The positions among `count` rows that follow `before` others, in their order."""
        if self.seed is None:
            used = np.zeros(count, bool)
            for begin, end in self.sections:
                most = max(self._running(end) - self._running(begin), 1)
                used[max(begin - before, 0) : max(min(begin + most, end) - before, 0)] = True
            return np.flatnonzero(used)
        most = self._running(before + count) - self._running(before)
        return np.sort(np.random.default_rng([self.seed, chunk, 5]).permutation(count)[:most])

    def _running(self, rows: int) -> int:
        return (rows * self.wanted + self.total // 2) // self.total


def sampled(source: AnySource, wanted: int | float, seed: int | None) -> AnySource:
    """Some of a source's rows, in their order; the same ones for the same seed.

    Args:
        source: the data.
        wanted: a number of rows, or a share below 1.
        seed: draws them; None takes the first ones, of each part where files bring parts.

    Raises:
        DataError: the share is no row at all.
    """
    total = source.rows if isinstance(source, StreamedSource) else _length(source)
    most = int(wanted * total + 0.5) if isinstance(wanted, float) else wanted
    if not most:
        raise DataError(f"{wanted:.3%} of {total} rows is no row at all.", where="data.rows")
    if most >= total:
        return source
    sample = ChosenRows(total, most, seed, _sections(source, total))
    if isinstance(source, StreamedSource):
        chunks = _Sampled(source.chunks, sample)
        rows = chunks.position
        own: AnySource = replace(source, chunks=chunks, parts=chunks.of_chunks(source.parts))
    else:
        kept = sample.rows(total, 0)
        columns = {name: values[kept] for name, values in source.columns.items()}
        own = replace(source, columns=columns, parts=None if source.parts is None else source.parts[kept])

        def rows(row: int) -> int:
            return int(kept[row])

    cell, place = source.cell, source.place
    return replace(
        own,
        locate=lambda row: place(rows(row)),
        cell=(lambda row, column: cell(rows(row), column)) if cell else None,
    )


def _sections(source: AnySource, total: int) -> tuple[tuple[int, int], ...]:
    """Where the rows begin and end that files bring for one part."""
    if source.parts is None or not len(source.parts):
        return ((0, total),)
    parts = np.asarray(source.parts)
    if isinstance(source, StreamedSource):
        parts = np.repeat(parts, source.chunks.rows)
    borders = [0, *(np.flatnonzero(parts[1:] != parts[:-1]) + 1).tolist(), total]
    return tuple(itertools.pairwise(borders))


def mixed_columns(sources: Sequence[AnySource]) -> frozenset[str]:
    """The columns that are texts in one file and numbers in another: codes, most likely, as 01 and 2A."""
    heads = [each.sample() if isinstance(each, StreamedSource) else each for each in sources]
    kinds = {
        name: {_kind(head.columns[name]) for head in heads if name in head.columns}
        for name in heads[0].columns
    }
    return frozenset(
        name for name, found in kinds.items() if "texts" in found and len(found - {"nothing"}) > 1
    )


def _length(source: Source) -> int:
    return max(map(len, source.columns.values()), default=0)


def _check_same(first: Source, other: Source) -> None:
    for one, two in ((first, other), (other, first)):
        for name in one.columns:
            if name not in two.columns:
                raise DataError(
                    f"'{two.origin}' has no column '{name}', which '{one.origin}' has.",
                    where=other.origin,
                    hint=did_you_mean(name, [each for each in two.columns if each not in one.columns])
                    or "Files that are read as one table have the same columns; `columns` names those to read.",
                )
    for name, values in first.columns.items():
        kinds = [_kind(values), _kind(other.columns[name])]
        if "nothing" not in kinds and kinds[0] != kinds[1]:
            raise DataError(
                f"column '{name}' holds {kinds[1]} in '{other.origin}', and {kinds[0]} in '{first.origin}'.",
                where=other.origin,
                hint="Write it the same way in all files that are read as one table.",
            )


def _kind(values: np.ndarray) -> str:
    if values.ndim > 1:
        return f"arrays of the shape {values.shape[1:]}"
    match values.dtype.kind:
        case "f":
            return "numbers" if len(values) and not np.isnan(values).all() else "nothing"
        case "b" | "i" | "u":
            return "true/false values" if values.dtype.kind == "b" else "numbers"
        case "M" | "m":
            return "dates or times"
        case "O":
            kinds = {type(each) for each in values[:1000] if each is not None}
            return "texts" if kinds == {str} else "nothing" if not kinds else "several things"
    return "texts"


def _concatenated(arrays: Sequence[np.ndarray]) -> np.ndarray:
    kinds = {array.dtype.kind for array in arrays if _kind(array) != "nothing"}
    if kinds & set("OMm"):  # nothing at all was read as numbers that are missing
        wanted = next(array.dtype for array in arrays if array.dtype.kind in "OMm")
        arrays = [
            np.full(len(array), None if wanted.kind == "O" else "NaT", wanted)
            if array.dtype.kind == "f"
            else array
            for array in arrays
        ]
    return np.concatenate(list(arrays))


class _Joined:
    """The chunks of several files, one after the other; see `workbench.data.chunks.Chunks`."""

    def __init__(self, files: Sequence[Chunks], names: tuple[str, ...]) -> None:
        self._files = list(files)
        self.names = names
        self.rows = tuple(rows for file in files for rows in file.rows)
        self.places = [(number, at) for number, file in enumerate(files) for at in range(len(file.rows))]
        groups: dict[tuple[int, int], int] = {}
        self.groups = tuple(
            groups.setdefault((number, file.groups[at]), len(groups))
            for number, file in enumerate(files)
            for at in range(len(file.rows))
        )

    def open(self) -> ChunkReader:
        return _JoinedReader(self._files, self.places)


class _JoinedReader:
    """Has one file open at a time."""

    def __init__(self, files: Sequence[Chunks], places: Sequence[tuple[int, int]]) -> None:
        self._files = files
        self._places = places
        self._number = -1
        self._reader: ChunkReader | None = None

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        number, own = self._places[chunk]
        if self._reader is None or number != self._number:
            self.close()
            self._number, self._reader = number, self._files[number].open()
        return self._reader.read(own, names)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None


class _Held:
    """Rows in memory as a single chunk."""

    def __init__(self, source: Source) -> None:
        self._columns = source.columns
        self.names = tuple(source.columns)
        self.rows: tuple[int, ...] = (_length(source),)
        self.groups: tuple[int, ...] = (0,)

    def open(self) -> ChunkReader:
        return self

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        return {name: self._columns[name] for name in names}

    def close(self) -> None:
        """Nothing is open."""


class _Sampled:
    """Some rows of each chunk."""

    def __init__(self, chunks: Chunks, sample: ChosenRows) -> None:
        self._chunks = chunks
        self.names = chunks.names
        starts = list(itertools.accumulate(chunks.rows, initial=0))
        self._starts = starts

        def kept(chunk: int) -> np.ndarray:
            return sample.rows(chunks.rows[chunk], starts[chunk], chunk)

        self._kept: Callable[[int], np.ndarray] = kept
        sizes = [len(kept(chunk)) for chunk in range(len(chunks.rows))]
        self._own = [chunk for chunk, size in enumerate(sizes) if size]
        self.rows = tuple(sizes[chunk] for chunk in self._own)
        self.groups = tuple(chunks.groups[chunk] for chunk in self._own)
        self._own_starts = list(itertools.accumulate(self.rows, initial=0))

    def of_chunks(self, values: tuple[int, ...]) -> tuple[int, ...]:
        """What is known of each chunk, for those that are left."""
        return tuple(values[chunk] for chunk in self._own) if values else ()

    def position(self, row: int) -> int:
        """A row's position among all rows."""
        at = bisect.bisect_right(self._own_starts, row) - 1
        chunk = self._own[at]
        return self._starts[chunk] + int(self._kept(chunk)[row - self._own_starts[at]])

    def open(self) -> ChunkReader:
        return _SampledReader(self._chunks.open(), self._own, self._kept)


class _SampledReader:
    def __init__(self, reader: ChunkReader, own: Sequence[int], kept: Callable[[int], np.ndarray]) -> None:
        self._reader, self._own, self._kept = reader, own, kept

    def read(self, chunk: int, names: Sequence[str]) -> Columns:
        rows = self._kept(self._own[chunk])
        return {name: values[rows] for name, values in self._reader.read(self._own[chunk], names).items()}

    def close(self) -> None:
        self._reader.close()
