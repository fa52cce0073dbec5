"""Split data that is read in chunks. The split is drawn chunk by chunk, so no list of all rows is needed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.data.chunks import StreamedSource
from workbench.data.source import Source
from workbench.data.table import read_column
from workbench.errors import DataError
from workbench.recipe.schema import Split

TRAIN, VALIDATION, TEST = 0, 1, 2


class Division:
    """Knows to which part each row of a chunk belongs; always the same part.

    The shares hold over all rows, and over each class's rows where the split is stratified, to within a row:
    each chunk gets the share that its rows add to the total so far. The rows within a chunk are drawn from the seed
    and the chunk's number. With a stratified split the chunks must be asked for in order the first time.

    Args:
        source: the data.
        split: the shares; without `shuffle` the parts are consecutive.
        seed: the recipe's.
        stratify: the column whose classes each part holds in their share, or None.
    """

    def __init__(self, source: StreamedSource, split: Split, seed: int, stratify: str | None) -> None:
        self.stratify = stratify
        self._source = source
        self._split = split
        self._seed = seed
        self._codes: dict[str, int] = {}
        self._before: list[dict[int, int]] = [{}]

    def parts(self, chunk: int, rows: Source) -> np.ndarray:
        """TRAIN, VALIDATION or TEST for each row of a chunk, which has the column to stratify by, if any."""
        count, start = self._source.chunks.rows[chunk], self._source.starts[chunk]
        if not self._split.shuffle:
            return self._consecutive(np.arange(start, start + count))
        parts = np.full(count, TRAIN, dtype=np.int8)
        random = np.random.default_rng([self._seed, chunk])
        if self.stratify is None:
            self._divide(parts, random.permutation(count), start)
            return parts
        codes = self._strata(rows)
        before = self._before[chunk]
        strata, counts = np.unique(codes, return_counts=True)
        for stratum in strata:
            self._divide(
                parts, random.permutation(np.flatnonzero(codes == stratum)), before.get(int(stratum), 0)
            )
        if len(self._before) == chunk + 1:
            added = {int(s): before.get(int(s), 0) + int(n) for s, n in zip(strata, counts, strict=True)}
            self._before.append({**before, **added})
        return parts

    def strata(self) -> Mapping[str, int]:
        """The classes stratified by, with their rows, once every chunk was seen."""
        counts = self._before[-1]
        return {name: counts.get(code, 0) for name, code in self._codes.items()}

    def _consecutive(self, positions: np.ndarray) -> np.ndarray:
        rows = self._source.rows
        validation, test = (_running(rows, share) for share in (self._split.validation, self._split.test))
        train = rows - validation - test
        return np.where(positions < train, TRAIN, np.where(positions < train + validation, VALIDATION, TEST))

    def _divide(self, parts: np.ndarray, shuffled: np.ndarray, before: int) -> None:
        """Give the first of some rows to validation and test, as many as they add to the shares."""
        after = before + len(shuffled)
        validation, test = (
            _running(after, share) - _running(before, share)
            for share in (self._split.validation, self._split.test)
        )
        parts[shuffled[:validation]] = VALIDATION
        parts[shuffled[validation : validation + test]] = TEST

    def _strata(self, rows: Source) -> np.ndarray:
        assert self.stratify is not None
        column = read_column(rows, self.stratify).as_text()
        missing = np.flatnonzero(column.missing)
        if len(missing):
            raise DataError(
                f"column '{column.name}', to stratify by, has no value.", where=rows.place(int(missing[0]))
            )
        return np.array([self._codes.setdefault(text, len(self._codes)) for text in column.values])


def _running(rows: int, share: float) -> int:
    return int(rows * share + 0.5)
