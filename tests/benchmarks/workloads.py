"""What is trained: seven workloads of the kind people prototype, from tiny steps to heavy ones. Imports only numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = tuple[Any, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """One training. `data` makes inputs and targets of so many rows."""

    name: str
    summary: str
    rows: int
    batch_size: int
    data: Callable[[int], Data]


def _housing(rows: int) -> Data:
    """Eight columns and a price, like the California housing data."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 8)).astype("float32")
    y = x[:, :1] ** 2 + x[:, 1:2] * x[:, 2:3] + 0.1 * rng.normal(size=(rows, 1))
    return x, y.astype("float32")


def _two_inputs(rows: int) -> Data:
    x, y = _housing(rows)
    return {"left": x, "right": np.ascontiguousarray(x[:, ::-1])}, y


def _digits(rows: int) -> Data:
    """Ten blurred prototypes of 28 × 28 pixels under noise."""
    rng = np.random.default_rng(0)
    prototypes = rng.normal(size=(10, 28, 28, 1))
    y = rng.integers(0, 10, size=rows)
    x = prototypes[y] + 2.0 * rng.normal(size=(rows, 28, 28, 1))
    return x.astype("float32"), y.astype("int32")


def _flat_digits(rows: int) -> Data:
    x, y = _digits(rows)
    return x.reshape(rows, -1), y


def _sequences(rows: int) -> Data:
    """50 steps of 16 values; the target is a decaying sum of the first."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 50, 16)).astype("float32")
    y = (x[:, :, 0] * 0.9 ** np.arange(50)[::-1]).sum(axis=1, keepdims=True)
    return x, y.astype("float32")


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("residual-regressor", "ResidualRegressor, 16,512 × 8", 16_512, 32, _housing),
        Workload("reconstructing-regressor", "ReconstructingRegressor, 16,512 × 8", 16_512, 32, _housing),
        Workload("my-dense", "a stack of MyDense, 16,512 × 8", 16_512, 32, _housing),
        Workload(
            "two-inputs", "a graph of two inputs with a shared block, 16,512 × 2 × 8", 16_512, 32, _two_inputs
        ),
        Workload("mlp", "784-512-512-10, 30,000 rows", 30_000, 128, _flat_digits),
        Workload("cnn", "two convolutions on 28 × 28, 15,000 rows", 15_000, 64, _digits),
        Workload("lstm", "LSTM(32) on 50 × 16, 8,000 rows", 8_000, 32, _sequences),
    )
}
