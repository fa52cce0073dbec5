"""The workloads of the benchmarks by several processes: as stock Keras in one.

Where rounding alone changes more than 1e-5 of a number in three epochs, the control says so: stock Keras with inputs
that are the next numbers of their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.workloads import WORKLOADS
from tests.conftest import Kwb
from tests.group.trainings import assert_equal, difference, needs_networks, trained
from tests.whole import part

pytestmark = [pytest.mark.slow, needs_networks]

ROWS = 500
TWO_INPUTS = """
  inputs: {left: [8], right: [8]}
  graph:
    - a = hidden(left)
    - b = hidden(right)
    - a2 = block(a)
    - b2 = block(b)
    - z = Add()(a2, b2)
    - z2 = block(z)
    - last = Dense(1)(z2)
  outputs: [last]
layers:
  hidden: {use: Dense, units: 30, activation: elu}
  block: {use: ResidualBlock, n_layers: 2, n_neurons: 30}"""
MODELS = {
    "residual-regressor": "{use: ResidualRegressor, output_dim: 1}",
    "reconstructing-regressor": "{use: ReconstructingRegressor, output_dim: 1}",
    "my-dense": "{sequential: [{use: MyDense, units: 30, activation: relu}, "
    "{use: MyDense, units: 30, activation: relu}, {use: MyDense, units: 1}]}",
    "two-inputs": TWO_INPUTS,
    "mlp": "{sequential: [{use: Dense, units: 512, activation: relu}, {use: Dense, units: 512, activation: relu}, "
    "{use: Dense, units: 10, activation: softmax}]}",
    "cnn": "{sequential: [{use: Conv2D, filters: 16, kernel_size: 3, activation: relu}, MaxPooling2D, "
    "{use: Conv2D, filters: 32, kernel_size: 3, activation: relu}, MaxPooling2D, Flatten, "
    "{use: Dense, units: 64, activation: relu}, {use: Dense, units: 10, activation: softmax}]}",
    "lstm": "{sequential: [{use: LSTM, units: 32}, {use: Dense, units: 1}]}",
}
# A layer's own metric is a mean of means over batches, and three shares of a batch of 32 rows are not alike.
LOGS_WITHIN = {("reconstructing-regressor", 3): 2e-3}
RUNS = [(name, processes) for name in WORKLOADS for processes in (2, 3)]


def write(folder: Path, name: str, x: Mapping[str, np.ndarray], y: np.ndarray) -> str:
    """The recipe of a workload, and its data."""
    folder.mkdir()
    np.savez(folder / "rows.npz", y=y, **x)
    inputs = f", inputs: {{{', '.join(f'{each}: {each}' for each in x)}}}" if len(x) > 1 else ""
    classes, loss = ("", "mse, metrics: [mae]")
    if y.ndim == 1:
        classes, loss = ", classes: [y]", "sparse_categorical_crossentropy, metrics: [accuracy]"
    (folder / "r.yaml").write_text(
        "kwb: 1\nname: r\nseed: 3\ndata: {use: npz, path: rows.npz, targets: [y], split: {validation: 0.2, test: 0.1}"
        f"{inputs}{classes}}}\nmodel: {MODELS[name]}\n"
        f"train: {{epochs: 3, batch_size: {WORKLOADS[name].batch_size}, loss: {loss}}}\n"
    )
    return "r.yaml"


@pytest.mark.parametrize(("name", "processes"), part("processes", RUNS, [("two-inputs", 3)]))
def test_as_stock_keras_in_one_process(name: str, processes: int, kwb: Kwb, tmp_path: Path) -> None:
    x, y = WORKLOADS[name].data(ROWS)
    arrays = x if isinstance(x, dict) else {"x": x}
    moved = {key: np.nextafter(array, np.float32(np.inf)) for key, array in arrays.items()}
    recipe = write(tmp_path / "rows", name, arrays, y)
    stock = ("--set", "train.engine=plain")
    wanted = trained(kwb, tmp_path / "rows", recipe, *stock)
    control = trained(kwb, tmp_path / "moved", write(tmp_path / "moved", name, moved, y), *stock)
    rounding = difference(control, wanted)
    assert rounding < 1e-3, "the control says nothing"
    found = trained(kwb, tmp_path / "rows", recipe, "--workers", str(processes))
    within = max(1e-5, 2 * rounding)
    print(f"{name}, {processes} processes: {difference(found, wanted):.2g}; the control {rounding:.2g}")
    assert_equal(
        found, wanted, within=within, logs_within=max(within, LOGS_WITHIN.get((name, processes), 0.0))
    )
