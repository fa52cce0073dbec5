"""Statistics of a column, updated with all rows at once or chunk by chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np

from workbench.data.cells.target_scaling import refuse_no_logarithm
from workbench.data.lazy import LazyRows
from workbench.data.source import RowOrigin
from workbench.data.table import Column, ColumnKind
from workbench.errors import DataError
from workbench.recipe.options.data import TargetScaling
from workbench.recipe.schema import Scaling

# No model has an input this wide: the user should know before the memory is full that a column is a stream of names.
MOST_TEXTS = 200_000

_NUMBERS_AT_ONCE = 2**22  # 32 MiB in double precision, however wide a row is


class Moments:
    """Count, mean, standard deviation and range of numbers, for each of `width` columns."""

    def __init__(self, width: int) -> None:
        self.rows = 0
        self.count = np.zeros(width)
        self.mean = np.zeros(width)
        self.squares = np.zeros(width)  # the sum of squared distances from the mean
        self.low = np.full(width, np.inf)
        self.high = np.full(width, -np.inf)

    def add(self, values: np.ndarray) -> None:
        """Take in (rows, width) numbers; what is not finite counts as missing."""
        rows = max(1, _NUMBERS_AT_ONCE // max(values.shape[1], 64))
        for start in range(0, len(values), rows):
            self._add(values[start : start + rows].astype(np.float64))

    def _add(self, values: np.ndarray) -> None:
        present = np.isfinite(values)
        count = present.sum(axis=0)
        some = np.maximum(count, 1)
        mean = np.sum(values, axis=0, where=present) / some
        squares = np.sum((values - mean) ** 2, axis=0, where=present)
        # Chan's way of joining two means and spreads loses no digits, unlike sums of squares.
        total = self.count + count
        shift = mean - self.mean
        self.squares += squares + shift**2 * self.count * count / np.maximum(total, 1)
        self.mean += shift * count / np.maximum(total, 1)
        self.count = total
        self.low = np.minimum(self.low, np.min(values, axis=0, where=present, initial=np.inf))
        self.high = np.maximum(self.high, np.max(values, axis=0, where=present, initial=-np.inf))
        self.rows += len(values)

    def deviation(self, rows: np.ndarray | float | None = None) -> np.ndarray:
        """The standard deviation (width,), over the numbers there are or over so many `rows`; 0 of a constant."""
        return _deviation(self.squares, self.count if rows is None else rows, self.mean)


class Sample:
    """A uniform random sample of at most `size` rows of (rows, width) numbers; all rows where `size` is None."""

    def __init__(self, size: int | None, seed: int) -> None:
        self._size = size
        self._random = np.random.default_rng(seed)
        self._chances: list[np.ndarray] = []
        self._values: list[np.ndarray] = []
        self._held = 0

    def add(self, values: np.ndarray) -> None:
        """Take in rows. Each draws a number; those with the smallest are kept."""
        self._values.append(values.astype(np.float64))
        self._held += len(values)
        if self._size is None:
            return
        self._chances.append(self._random.random(len(values)))
        if self._held > 2 * self._size:
            self._trim()

    def values(self) -> np.ndarray:
        """The sample, (rows, width)."""
        if self._size is not None and self._held > self._size:
            self._trim()
        return np.concatenate(self._values)

    def _trim(self) -> None:
        assert self._size is not None
        chances, values = np.concatenate(self._chances), np.concatenate(self._values)
        kept = np.sort(np.argpartition(chances, self._size)[: self._size])
        self._chances, self._values, self._held = [chances[kept]], [values[kept]], len(kept)


class ColumnStatistics:
    """The statistics for fitting a preparation: texts with their counts, or moments of numbers.

    Args:
        name: the column.
        scaling: how it will be scaled; nothing is gathered that is not needed for that.
        fill: what missing values are filled in with: `mean`, `median`, `most_frequent`, a number, or None for nothing.
        features: makes the numbers (rows, width) of a column of dates.
        padding: what sequences of an array are filled up with, which does not count.
        sample_bytes: the memory that the sample for robust scaling may take; None to keep every value.
        seed: draws that sample.
        as_target: how it will be scaled as a target, which it may be beside an input.
    """

    def __init__(
        self,
        name: str,
        scaling: Scaling = "none",
        *,
        fill: str | float | None = None,
        features: Callable[[np.ndarray], np.ndarray] | None = None,
        padding: float | None = None,
        sample_bytes: int | None = None,
        seed: int = 0,
        as_target: TargetScaling = "none",
    ) -> None:
        self.name = name
        self.kind: ColumnKind | None = None
        self.shape: tuple[int, ...] = ()
        self.dtype = np.dtype(np.uint8)
        self.present = 0
        self.texts: Counter[str] = Counter()
        self._first: dict[str, tuple[RowOrigin, int]] = {}
        self.train_texts: Counter[str] = Counter()
        self.train_present = 0
        self._blank_rows = 0
        self._train_rows = 0
        self.moments: Moments | None = None
        self.sample: Sample | None = None
        self.target_moments: Moments | None = None
        self._as_target = as_target
        self._scaling = scaling
        self._fill = fill
        self._features = features
        self._padding = padding
        self._padded: np.ndarray | int = 0  # rows whose number only fills up
        self._sample_bytes = sample_bytes
        self._seed = seed

    @property
    def train_missing(self) -> int:
        """The training rows without a value."""
        return self._train_rows - self.train_present

    @property
    def _width(self) -> int:
        """The numbers of a row, or of a step of it."""
        return self.shape[-1] if self.shape else len(self.moments.mean) if self.moments is not None else 1

    def add(self, column: Column, train: np.ndarray, origin: RowOrigin, start: int = 0) -> None:
        """Take in rows, of which those at the positions `train` are training rows.

        Args:
            column: the rows.
            train: positions within the column; may be none.
            origin: knows where a row is.
            start: the position of the column's first row in the source.

        Raises:
            DataError: the rows are of another kind than those before.
        """
        self._train_rows += len(train)
        if column.missing.all() and (self.kind is None or column.kind is not self.kind):
            # A column without values looks like one of numbers: another chunk has to decide.
            self.kind, self.shape = self.kind or column.kind, self.shape or column.values.shape[1:]
            self._blank_rows += len(train)
            return
        self._agree(column, origin, start)
        self.present += int((~column.missing).sum())
        self.train_present += int((~column.missing[train]).sum())
        if column.kind is ColumnKind.TEXT:
            self._add_texts(column, train, origin, start)
            return
        if isinstance(column.values, LazyRows):  # no value of it is missing
            if self._scaling != "none":
                for block in column.values[train].blocks(column.values.block_rows):
                    self._add_values(block)
        elif self._fill is not None or self._scaling != "none":
            self._add_values(column.values if len(train) == len(column) else column.values[train])
        if self._as_target != "none":
            self._add_target(column, train, origin, start)

    def _agree(self, column: Column, origin: RowOrigin, start: int) -> None:
        shape = column.values.shape[1:]
        if self.kind is None or not self.present:
            self.kind, self.shape = column.kind, shape
        elif column.kind is not self.kind or shape != self.shape:
            row = int(np.flatnonzero(~column.missing)[0])
            raise DataError(
                f"column '{self.name}' mixes {self.kind} values of the shape {self.shape} and {column.kind} "
                f"values of the shape {shape}.",
                where=origin.place(start + row),
            )
        if column.kind is ColumnKind.ARRAY:
            self.dtype = np.result_type(self.dtype, column.values.dtype)

    def _add_texts(self, column: Column, train: np.ndarray, origin: RowOrigin, start: int) -> None:
        counts = _count(column.values)
        new = counts.keys() - self.texts.keys()
        for row, text in enumerate(column.values):
            if not new:
                break
            if text in new:
                new.discard(text)
                self._first[text] = (origin, start + row)
        self.texts.update(counts)
        self.train_texts.update(_count(column.values[train]))
        if len(self.texts) > MOST_TEXTS:
            raise DataError(
                f"column '{self.name}' has more than {MOST_TEXTS:,} different texts: too many to learn from.",
                where=origin.origin,
                hint=f"Leave it out: `ignore: [{self.name}]`.",
            )

    def _add_values(self, values: np.ndarray) -> None:
        if self._features is not None:
            values = self._features(values)
        if self._padding is not None:
            padded = is_padding(values, self._padding)
            if values.ndim == 2:
                self._padded += padded.sum(axis=0)
                values = np.where(padded, np.nan, values)
            else:
                values = values[~padded[..., 0]]
        values = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1)
        if self.moments is None:
            width = values.shape[1]
            size = None if self._sample_bytes is None else max(1000, self._sample_bytes // (8 * width))
            self.moments = Moments(width)
            sampled = self._scaling == "robust" or self._fill in ("median", "most_frequent")
            self.sample = Sample(size, self._seed) if sampled else None
        self.moments.add(values)
        if self.sample is not None:
            self.sample.add(values)

    def _add_target(self, column: Column, train: np.ndarray, origin: RowOrigin, start: int) -> None:
        if self._as_target == "log":
            refuse_no_logarithm(column, lambda row: origin.place(start + row))
        values = column.values if len(train) == len(column) else column.values[train]
        values = values.reshape(-1, self.shape[-1] if self.shape else 1)
        if self.target_moments is None:
            self.target_moments = Moments(values.shape[1])
        self.target_moments.add(np.log(values) if self._as_target == "log" else values)

    def first_place(self, text: str) -> str:
        """Where a text occurs first."""
        origin, row = self._first[text]
        return origin.place(row)

    def fill(self) -> np.ndarray | None:
        """The numbers (width,) that stand for missing ones, or None where none are to be filled in."""
        if isinstance(self._fill, int | float):  # given, it needs no value of the training part
            return np.full(self._width, float(self._fill))
        if self._fill is None or self.moments is None:
            return None
        if self.sample is not None and self._fill in ("median", "most_frequent"):
            find = np.median if self._fill == "median" else _most_frequent
            columns = self.sample.values().T
            known = [column[np.isfinite(column)] for column in columns]
            return np.array([find(own) if len(own) else 0.0 for own in known])
        return self.moments.mean

    def affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Center and factor (width,), so that (value - center) / factor is scaled.

        `standard` gives mean 0 and deviation 1, `minmax` the range 0 to 1, `robust` median 0 and an
        interquartile range of 1. A factor that would be 0 (a constant column) is 1. Missing values that are
        filled in count as the values that stand for them.
        """
        center, factor = np.zeros(self._width), np.ones(self._width)
        if self.moments is None:
            fill = self.fill()
            return center if fill is None or self._scaling == "none" else fill, factor
        if self._scaling == "standard":
            center, factor = self._filled_in(self.moments)
        elif self._scaling == "minmax":
            low, high, fill = self.moments.low, self.moments.high, self.fill()
            if fill is not None:
                filled = self._gaps(self.moments) > 0
                low = np.where(filled, np.minimum(low, fill), low)
                high = np.where(filled, np.maximum(high, fill), high)
            center, factor = low, high - low
        elif self.sample is not None:
            low, center, high = self._quartiles(self.moments, self.sample.values())
            factor = high - low
        # Of lists that are filled up to one length, none may be so long.
        return np.where(np.isfinite(center), center, 0.0), np.where(factor > 0, factor, 1.0)

    def _quartiles(self, moments: Moments, sample: np.ndarray) -> np.ndarray:
        """The quartiles of each feature (3, width): of the numbers, and of those that stand for missing ones."""
        if (fill := self.fill()) is not None:
            gaps = self._gaps(moments)
            share = gaps / np.maximum(gaps + self._padded, 1)  # of what is not finite
        found = np.zeros((3, self._width))
        for at, values in enumerate(sample.T):
            known = values[np.isfinite(values)]
            if fill is not None:
                missing = round((len(values) - len(known)) * share[at])
                known = np.append(known, np.full(missing, fill[at]))
            if len(known):
                found[:, at] = np.quantile(known, [0.25, 0.5, 0.75])
        return found

    def _gaps(self, moments: Moments) -> np.ndarray:
        """How many numbers of each feature are missing, (width,); those that only fill up are none."""
        return np.asarray(moments.rows + self._blank_rows - self._padded - moments.count)

    def _filled_in(self, moments: Moments) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the numbers, and of those that stand for missing ones."""
        fill = self.fill()
        if fill is None:
            return moments.mean, moments.deviation(moments.count)
        gaps = self._gaps(moments)
        rows = gaps + moments.count
        mean = moments.mean + (fill - moments.mean) * gaps / np.maximum(rows, 1)
        squares = moments.squares + moments.count * (moments.mean - mean) ** 2 + gaps * (fill - mean) ** 2
        return mean, _deviation(squares, rows, mean)

    def target_affine(self) -> tuple[np.ndarray, np.ndarray] | None:
        """As `affine`, for a target: for `log` of the logarithms, to mean 0 and deviation 1; None where there is no
        number."""
        moments = self.target_moments
        if moments is None or not moments.count.all():
            return None
        center, factor = moments.mean, moments.deviation()
        if self._as_target == "minmax":
            center, factor = moments.low, moments.high - moments.low
        return center, np.where(factor > 0, factor, 1.0)


def _deviation(squares: np.ndarray, rows: np.ndarray | float, mean: np.ndarray) -> np.ndarray:
    deviation = np.sqrt(squares / np.maximum(rows, 1))
    # The deviation of a constant column is not always exactly 0.
    return np.where(deviation <= 1e-12 * np.abs(mean), 0.0, deviation)


def is_padding(values: np.ndarray, padding: float) -> np.ndarray:
    """Which numbers of sequences (rows, steps, features) or (rows, steps) only fill them up: whole steps."""
    same = values == padding
    return same if values.ndim == 2 else np.broadcast_to(same.all(axis=-1, keepdims=True), values.shape)


def _most_frequent(values: np.ndarray) -> float:
    """The number that is there most often; of several the lowest."""
    numbers, counts = np.unique(values, return_counts=True)
    return float(numbers[counts.argmax()])


def _count(texts: np.ndarray) -> Counter[str]:
    counts = Counter(texts.tolist())
    del counts[None]
    return counts
