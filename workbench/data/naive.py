"""What can be forecast without a model: the last value that is known, or that of a season before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.data.series import OrderedRows
from workbench.data.specs import NumberTarget, Target

LAST = "the last value"

_LOOKED_AT = 20_000  # rows of a series
_LONGEST = 1_000  # rows of a season
_CLEAR = 0.3  # of the changes' autocorrelation
_NEARLY = 0.7  # a season is nearly as much alike as a multiple of it


def naive_words(season: int | None) -> tuple[str, ...]:
    """What the naive forecasts are called."""
    return (LAST,) if season is None else (LAST, f"the value {season:,} rows before")


class Naive:
    """Naive forecasts for the windows of series.

    Args:
        series: rows in the order of time.
        targets: as single rows have them.
        values: by target, (rows known, columns) numbers of the rows that have a value.
        at: for every row in the order of time, its place in `values`, or -1.
        season: rows of a season; None where there is none.
    """

    def __init__(
        self,
        series: OrderedRows,
        targets: tuple[Target, ...],
        values: Mapping[str, np.ndarray],
        at: np.ndarray,
        season: int | None,
    ) -> None:
        self._season = season
        self._series = series.series
        self._values = {spec.name: values[spec.name] for spec in targets if isinstance(spec, NumberTarget)}
        # The last row of the series at or before each row that has a value.
        rows = np.arange(len(at))
        last = np.maximum.accumulate(np.where(at >= 0, rows, -1))
        same = (last >= 0) & (self._series[np.maximum(last, 0)] == self._series)
        self._known = np.where(same, at[np.maximum(last, 0)], -1)
        self._at = at

    def of(self, last: np.ndarray, ahead: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        """The forecasts of windows that end in the rows `last`, by what they are and by target: (windows, steps x
        columns), NaN where nothing is known."""
        steps = len(ahead)
        known = np.repeat(self._known[last][:, None], steps, axis=1)
        places = {LAST: known}
        if self._season is not None:
            back = last[:, None] + ahead - -(-ahead // self._season) * self._season
            back = np.where(ahead == 0, last[:, None], back)
            inside = (back >= 0) & (self._series[np.maximum(back, 0)] == self._series[last][:, None])
            before = np.where(inside, self._at[np.maximum(back, 0)], -1)
            places[naive_words(self._season)[1]] = np.where(before >= 0, before, known)
        return {
            what: {name: _taken(values, at) for name, values in self._values.items()}
            for what, at in places.items()
        }


def _taken(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    if not len(values):
        return np.full((len(at), at.shape[1] * values.shape[1]), np.nan, np.float32)
    found = values[np.maximum(at, 0)].astype(np.float32)
    found[at < 0] = np.nan
    return found.reshape(len(at), -1)


def find_season(values: np.ndarray, usual: Sequence[int] = ()) -> int | None:
    """After how many rows a series begins again, or None.

    It is the lag at which the changes from row to row are most alike: a trend and slow waves, which make neighbours
    alike, are not in the changes.

    Args:
        values: (rows,) numbers in the order of time; NaN where there is none.
        usual: rows of a day, a week, a year, which go before others that are hardly better.
    """
    values = values[-_LOOKED_AT:].astype(np.float64)
    changes = np.diff(values)
    changes = np.where(np.isfinite(changes), changes, 0.0)
    changes -= changes.mean()
    longest = min(_LONGEST, len(changes) // 3)
    if longest < 3 or not changes.any():
        return None
    size = 1 << (2 * len(changes) - 1).bit_length()
    power = np.abs(np.fft.rfft(changes, size)) ** 2
    alike = np.fft.irfft(power, size)[: longest + 2]
    alike = alike / alike[0] * len(changes) / (len(changes) - np.arange(longest + 2))
    negative = np.flatnonzero(alike <= 0)
    if not len(negative):
        return None
    lags = np.arange(max(2, int(negative[0])), longest + 1)  # before that, neighbours are alike
    peaks = lags[(alike[lags] >= alike[lags - 1]) & (alike[lags] >= alike[lags + 1])]
    if not len(peaks):
        return None
    best = float(alike[peaks].max())
    if best < max(_CLEAR, 3.0 / np.sqrt(len(changes))):
        return None
    for season in usual:
        if season <= longest and alike[season] >= _NEARLY * best:
            return season
    first = int(peaks[alike[peaks] >= _NEARLY * best][0])
    near = peaks[(peaks >= first) & (peaks <= 1.2 * first)]  # a broad peak has small ones on its slopes
    return int(near[alike[near].argmax()])
