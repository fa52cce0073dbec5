"""Split rows into training, validation and test parts, drawn from a seed: always the same parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.data.splitting.folds import fold_of_rows
from workbench.errors import DataError
from workbench.recipe.options.split import Fold, Split


@dataclass(frozen=True)
class SplitRows:
    """The positions of each part's rows, as int64 arrays; empty where a part was not asked for."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_rows(rows: int, split: Split, seed: int, strata: np.ndarray | None = None) -> SplitRows:
    """Divide `rows` rows.

    Args:
        rows: how many there are.
        split: the shares, or a fold. Without `shuffle` the parts are consecutive: training, validation, test.
        seed: the recipe's; the same seed and number of rows give the same parts.
        strata: per row, its class as a whole number from 0; each part then holds every class in its share.

    Raises:
        DataError: a part, or a class in a part, would have no row.
    """
    if split.fold is not None:
        drawn = split_rows(rows, split.model_copy(update={"fold": None}), seed, strata)
        return _with_fold(drawn, split.fold, seed, split.shuffle, strata)
    if strata is not None:
        return _stratified(split, np.random.default_rng(seed), strata)
    shares = split.shares
    validation, test = (_share(rows, share) for share in shares)
    for name, share, size in (("validation", shares[0], validation), ("test", shares[1], test)):
        if share and not size:
            raise DataError(
                f"a {name} share of {share:g} of {rows} rows is no row at all.",
                where=f"data.split.{name}",
                hint="Raise the share, or set it to 0.",
            )
    train = rows - validation - test
    if train < 1:
        raise DataError(
            f"of {rows} rows, {validation} for validation and {test} for the test leave none to train on.",
            where="data.split",
        )
    if not validation and not test:
        return SplitRows(np.arange(rows), np.empty(0, np.int64), np.empty(0, np.int64))
    order = np.random.default_rng(seed).permutation(rows) if split.shuffle else np.arange(rows)
    return SplitRows(order[:train], order[train : train + validation], order[train + validation :])


def _with_fold(
    drawn: SplitRows, fold: Fold, seed: int, shuffle: bool, strata: np.ndarray | None
) -> SplitRows:
    """A fold of the rows that would all be for training is the validation part."""
    rows = np.sort(drawn.train)
    own = None if strata is None else strata[rows]
    if own is not None:
        counts = np.bincount(own)
        if counts.min() < fold.of:
            raise FewRowsError(int(counts.argmin()), int(counts.min()), fold.of, folds=True)
    held = fold_of_rows(len(rows), fold, seed, shuffle=shuffle, strata=own)
    return SplitRows(np.delete(rows, held), rows[held], drawn.test)


def _share(rows: int, share: float) -> int:
    return int(rows * share + 0.5)


def _stratified(split: Split, random: np.random.Generator, strata: np.ndarray) -> SplitRows:
    counts = np.bincount(strata)
    of_validation, of_test = split.shares
    parts = 1 + (of_validation > 0) + (of_test > 0)
    few = int(counts.argmin())
    if counts[few] < parts:
        raise FewRowsError(few, int(counts[few]), parts)
    validation = _allot(counts, of_validation, "validation")
    test = _allot(counts, of_test, "test")
    if (validation + test >= counts).any():
        few = int((counts - validation - test).argmin())
        raise FewRowsError(few, int(counts[few]), parts)
    chosen: list[list[np.ndarray]] = [[], [], []]
    for stratum in range(len(counts)):
        own = random.permutation(np.flatnonzero(strata == stratum))
        ends = np.cumsum([validation[stratum], test[stratum]])
        for part, rows in zip(chosen, np.split(own, ends), strict=True):
            part.append(rows)
    in_validation, in_test, in_train = (random.permutation(np.concatenate(part)) for part in chosen)
    return SplitRows(in_train, in_validation, in_test)


def _allot(counts: np.ndarray, share: float, part: str) -> np.ndarray:
    """How many rows of each class a part gets: at least one each, and in sum the part's share."""
    if not share:
        return np.zeros_like(counts)
    total = _share(int(counts.sum()), share)
    if total < len(counts):
        raise DataError(
            f"a {part} share of {share:g} is {total} rows, fewer than the {len(counts)} classes to hold.",
            where=f"data.split.{part}",
            hint="Raise the share.",
        )
    ideal = counts * share
    allotted = np.maximum(1, np.floor(ideal)).astype(np.int64)
    missing = max(0, total - int(allotted.sum()))
    allotted[np.argsort(allotted - ideal, kind="stable")[:missing]] += 1
    return allotted


class FewRowsError(Exception):
    """A class has too few rows; the caller, which knows its name, turns it into a DataError."""

    def __init__(self, stratum: int, rows: int, parts: int, *, folds: bool = False) -> None:
        super().__init__(stratum, rows, parts)
        self.stratum = stratum
        self.rows = rows
        self.parts = parts
        self.folds = folds
