"""Split data that is read in chunks. The split is drawn chunk by chunk, so no list of all rows is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from workbench.data.cells.readings import DateReading
from workbench.data.cells.times import time_reading
from workbench.data.chunks import StreamedSource
from workbench.data.source import Source
from workbench.data.splitting.folds import check_rows, few_rows_of_class, span_of_fold
from workbench.data.splitting.rules import (
    TEST,
    TRAIN,
    VALIDATION,
    Borders,
    borders,
    check_groups,
    check_values,
    left_to_draw,
    parts_by_value,
    parts_of_groups,
    times_of,
    values_as_texts,
)
from workbench.data.table import read_column
from workbench.errors import DataError
from workbench.recipe.options.columns import DateFeatures
from workbench.recipe.options.split import Split


@dataclass(frozen=True)
class _Survey:
    """What must be known of all rows before the part of one is.

    Attributes:
        free: of each chunk, how many rows are for training unless they are drawn for another part.
        groups: the part of each group.
        borders: where in time the parts begin.
    """

    free: tuple[int, ...]
    groups: Mapping[str, int]
    borders: Borders | None


class Division:
    """Knows to which part each row of a chunk belongs; always the same part.

    The shares hold over all rows, and over each class's rows where the split is stratified, to within a row:
    each chunk gets the share that its rows add to the total so far. The rows within a chunk are drawn from the seed
    and the chunk's number. With a stratified split the chunks must be asked for in order the first time. For a split by
    time, by group or as a column says, those columns are read once before. Folds are dealt out in the same way, row by
    row; by time, by group and without `shuffle` they are those of data in memory.

    Args:
        source: the data.
        split: the shares, or a fold; without `shuffle` the parts are consecutive.
        seed: the recipe's.
        stratify: the column whose classes each part holds in their share, or None.
        dates: how the recipe says that columns of dates are written.
    """

    def __init__(
        self,
        source: StreamedSource,
        split: Split,
        seed: int,
        stratify: str | None,
        dates: Mapping[str, DateFeatures] = MappingProxyType({}),
    ) -> None:
        self._dates = dates
        self.stratify = stratify
        self.split = left_to_draw(split, source)
        self._source = source
        self._seed = seed
        self._codes: dict[str, int] = {}
        self._before: list[dict[int, int]] = [{}]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it goes by."""
        return (*([self.stratify] if self.stratify else []), *self.split.columns)

    def parts(self, chunk: int, rows: Source) -> np.ndarray:
        """The part of each row of a chunk, which has the columns that the split goes by; UNUSED: of none."""
        if self.split.group is not None:
            assert self._survey.free  # no group is in two files
        parts = self._given(chunk, rows)
        free = np.flatnonzero(parts == TRAIN)
        if self.split.draws and len(free):
            parts[free] = self._drawn(chunk, rows, free)
        return parts

    def _given(self, chunk: int, rows: Source) -> np.ndarray:
        """The parts that files or a column say, TRAIN for what is left to draw from."""
        count = self._source.chunks.rows[chunk]
        if self._source.parts and self._source.parts[chunk] != TRAIN:
            return np.full(count, self._source.parts[chunk], np.int8)
        if self.split.part is not None:
            assert self._survey.free  # its values are checked
            return parts_by_value(values_as_texts(rows, self.split.part), self.split)
        return np.full(count, TRAIN, np.int8)

    def _drawn(self, chunk: int, rows: Source, free: np.ndarray) -> np.ndarray:
        """The parts of the rows at the positions `free`."""
        if self.split.time is not None:
            assert self._survey.borders is not None
            return self._survey.borders.parts(times_of(rows, self.split.time, self._reading)[free])
        if self.split.group is not None:
            groups = self._survey.groups
            return np.array([groups[name] for name in values_as_texts(rows, self.split.group)[free]], np.int8)
        start = sum(self._survey.free[:chunk])
        if not self.split.shuffle:
            return self._consecutive(np.arange(start, start + len(free)))
        parts = np.full(len(free), TRAIN, dtype=np.int8)
        random = np.random.default_rng([self._seed, chunk])
        if self.stratify is None:
            self._divide(parts, random.permutation(len(free)), start)
            return parts
        codes = self._strata(rows)[free]
        before = self._before[chunk]
        strata, counts = np.unique(codes, return_counts=True)
        for stratum in strata:
            self._divide(
                parts,
                random.permutation(np.flatnonzero(codes == stratum)),
                before.get(int(stratum), 0),
                first=int(stratum),
            )
        if len(self._before) == chunk + 1:
            added = {int(s): before.get(int(s), 0) + int(n) for s, n in zip(strata, counts, strict=True)}
            self._before.append({**before, **added})
        return parts

    @cached_property
    def _reading(self) -> DateReading | None:
        """How the times are written."""
        name = self.split.time
        return None if name is None else time_reading(self._source.sample(), name, self._dates.get(name))

    @cached_property
    def _survey(self) -> _Survey:
        """One pass over the columns that the split goes by."""
        names = list(dict.fromkeys(self.split.columns))
        of_files = self._source.parts or (TRAIN,) * len(self._source.chunks.rows)
        free = [
            rows if part == TRAIN else 0
            for rows, part in zip(self._source.chunks.rows, of_files, strict=True)
        ]
        if not names:
            return _Survey(tuple(free), {}, None)
        values: set[str] = set()
        groups: Counter[str] = Counter()
        of_parts: dict[int, dict[str, str]] = {}
        times: list[np.ndarray] = []
        reader = self._source.chunks.open()
        try:
            for chunk, part in enumerate(of_files):
                if part != TRAIN:
                    if self.split.group is not None:
                        rows = self._source.read(reader, chunk, [self.split.group])
                        _add_groups(of_parts.setdefault(part, {}), rows, self.split.group)
                    continue
                rows = self._source.read(reader, chunk, names)
                parts = np.full(self._source.chunks.rows[chunk], TRAIN, np.int8)
                if self.split.part is not None:
                    texts = values_as_texts(rows, self.split.part)
                    values.update(texts)
                    parts = parts_by_value(texts, self.split)
                own = parts == TRAIN
                free[chunk] = int(own.sum())
                if self.split.group is not None:
                    groups.update(values_as_texts(rows, self.split.group)[own])
                    for each in np.unique(parts):
                        known = of_parts.setdefault(int(each), {})
                        _add_groups(known, rows, self.split.group, parts == each)
                if self.split.time is not None:
                    times.append(times_of(rows, self.split.time, self._reading)[own])
        finally:
            reader.close()
        if self.split.part is not None:
            check_values(sorted(values), self.split, self._source.origin)
        check_groups(of_parts, self.split)
        drawn = self.split.draws
        return _Survey(
            tuple(free),
            parts_of_groups(groups, self.split, self._seed) if groups and drawn else {},
            borders(np.concatenate(times), self.split) if times and drawn else None,
        )

    def check_folds(self, rows: int) -> None:
        """Refuse folds without a row, or without a row of each class, once every chunk was seen.

        Args:
            rows: how many are for training and validation.

        Raises:
            DataError: there are too few rows.
        """
        fold, test = self.split.fold, self.split.shares[1]
        if fold is None:
            return
        if self.split.time is None and self.split.group is None:
            check_rows(rows, fold)
        for name, count in self.strata().items():
            own = count - _running(count, test)
            if own < fold.of:
                raise few_rows_of_class(str(self.stratify), name, own, fold.of)

    def strata(self) -> Mapping[str, int]:
        """The classes stratified by, with their rows, once every chunk was seen."""
        counts = self._before[-1]
        return {name: counts.get(code, 0) for name, code in self._codes.items()}

    def _consecutive(self, positions: np.ndarray) -> np.ndarray:
        rows = sum(self._survey.free)
        validation, test = (_running(rows, share) for share in self.split.shares)
        train = rows - validation - test
        parts = np.where(positions < train, TRAIN, np.where(positions < train + validation, VALIDATION, TEST))
        if self.split.fold is not None:
            begin, end = span_of_fold(train, self.split.fold)
            parts[(positions >= begin) & (positions < end)] = VALIDATION
        return parts

    def _divide(self, parts: np.ndarray, shuffled: np.ndarray, before: int, first: int = 0) -> None:
        """Give the first of some rows to validation and test, as many as they add to the shares; deal out the others to
        the folds in turn, from the fold `first` on."""
        after = before + len(shuffled)
        validation, test = (_running(after, share) - _running(before, share) for share in self.split.shares)
        parts[shuffled[:validation]] = VALIDATION
        parts[shuffled[validation : validation + test]] = TEST
        if self.split.fold is not None:
            rest = shuffled[test:]
            dealt = before - _running(before, self.split.shares[1]) + np.arange(len(rest))
            parts[rest[(first + dealt) % self.split.fold.of == self.split.fold.number]] = VALIDATION

    def _strata(self, rows: Source) -> np.ndarray:
        assert self.stratify is not None
        column = read_column(rows, self.stratify).as_text()
        missing = np.flatnonzero(column.missing)
        if len(missing):
            raise DataError(
                f"column '{column.name}', to stratify by, has no value.", where=rows.place(int(missing[0]))
            )
        return np.array([self._codes.setdefault(text, len(self._codes)) for text in column.values])


def _add_groups(found: dict[str, str], rows: Source, name: str, own: np.ndarray | None = None) -> None:
    """Add the groups of a chunk that are not known yet, each with the place of its first row."""
    texts = values_as_texts(rows, name).astype(str)
    wanted = np.flatnonzero(np.ones(len(texts), bool) if own is None else own)
    groups, first = np.unique(texts[wanted], return_index=True)
    for group, row in zip(groups, first, strict=True):
        if group not in found:
            found[group] = rows.place(int(wanted[row]))


def _running(rows: int, share: float) -> int:
    return int(rows * share + 0.5)
