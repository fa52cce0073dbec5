"""A tensor in a few numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class TensorSummary:
    """A tensor in a few numbers. `minimum` to `deviation` are of its finite numbers, 0 where there is none.

    Attributes:
        shape: of all axes, that of the rows included.
        dtype: as TensorFlow calls it.
        minimum: the smallest number.
        maximum: the largest number.
        mean: the mean.
        deviation: the standard deviation, of all numbers (not of a sample).
        zeros: the share of numbers that are 0, from 0 to 1.
        nan: how many numbers are nan.
        infinite: how many numbers are infinite.
    """

    shape: tuple[int, ...]
    dtype: str
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0
    zeros: float = 0.0
    nan: int = 0
    infinite: int = 0

    @property
    def is_finite(self) -> bool:
        return not (self.nan or self.infinite)

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "shape": list(self.shape)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> TensorSummary:
        numbers = {
            name: as_number(record[name]) for name in ("minimum", "maximum", "mean", "deviation", "zeros")
        }
        return cls(**{**record, **numbers, "shape": tuple(record["shape"])})

    def text(self) -> str:
        """`float32 (32, 3), 0 to 1.52, 4 nan`: for people."""
        parts = [f"{self.dtype} {self.shape}" if self.shape else self.dtype]
        count = int(np.prod(self.shape, dtype=np.int64))
        if self.nan + self.infinite < count:
            low, high = f"{self.minimum:.4g}", f"{self.maximum:.4g}"
            parts.append(low if low == high else f"{low} to {high}")
        parts += [f"{self.nan:,} nan"] if self.nan else []
        parts += [f"{self.infinite:,} infinite"] if self.infinite else []
        return ", ".join(parts)


def as_number(value: Any) -> float:
    """A number of a record as JSON, where nan and infinite ones are strings: `nan`, `-inf`."""
    return float(value)


def summarize(array: Any) -> TensorSummary:
    """The summary of an array of numbers; of anything else shape and type alone."""
    values = np.asarray(array)
    shape, dtype = tuple(map(int, values.shape)), str(values.dtype)
    if values.dtype.kind == "c":
        values = np.abs(values)  # the numbers of a summary have an order
    if not is_number(values) or not values.size:
        return TensorSummary(shape, dtype)
    exact = values.astype(np.float64)
    finite = np.isfinite(exact)
    nan = int(np.isnan(exact).sum())
    infinite = int(exact.size - finite.sum() - nan)
    kept = exact if not nan + infinite else exact[finite]
    if not kept.size:
        return TensorSummary(shape, dtype, nan=nan, infinite=infinite)
    return TensorSummary(
        shape, dtype, float(kept.min()), float(kept.max()), float(kept.mean()), float(kept.std()),
        float((exact == 0).mean()), nan, infinite,
    )  # fmt: skip


def as_array(value: Any) -> np.ndarray:
    """A tensor as NumPy has it; of 16 bits as float32, which NumPy can compute with."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iu" else array


def is_number(values: np.ndarray) -> bool:
    """True for whole and floating-point numbers and truth values, bfloat16 (which NumPy calls void) among them."""
    return values.dtype.kind in "fiub" or "float" in str(values.dtype)


def rows_not_finite(values: np.ndarray, rows: int) -> tuple[int, ...]:
    """The rows, from 0, in which a number is not finite; empty where the first axis is not that of the rows."""
    if values.ndim == 0 or values.shape[0] != rows:
        return ()
    exact = values.astype(np.complex128).reshape(rows, -1)
    return tuple(map(int, np.flatnonzero(~np.isfinite(exact).all(axis=1))))
