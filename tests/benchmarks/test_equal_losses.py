"""Every engine trains every workload to the losses of stock Keras: same seed, no shuffling, one epoch.

KWB_WHOLE=epochs pytest tests/benchmarks/test_equal_losses.py    with all rows of each workload
"""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest

from tests.benchmarks.keras_cells import model_of
from tests.benchmarks.workloads import WORKLOADS
from tests.whole import part, whole
from workbench.training.engines import Arrays, FitSettings, fit

pytestmark = pytest.mark.slow

STEPS = 20
WHOLE = whole("epochs")


def _data(workload: str):
    found = WORKLOADS[workload]
    few = STEPS * found.batch_size + found.batch_size // 3  # the last batch is a short one
    return found.data(found.rows if WHOLE else few)


MOVES = {
    "up": lambda array: np.nextafter(array, np.float32(np.inf)),
    "down": lambda array: np.nextafter(array, np.float32(-np.inf)),
    "out": lambda array: array * np.float32(1 + 2**-23),
}


@functools.cache
def _stock_losses(workload: str, *, moved: str = "") -> dict[str, float]:
    """What stock Keras logs, with the inputs as they are or all moved by about their last bit."""
    model = model_of(workload)
    x, y = _data(workload)
    if moved:
        x = keras.tree.map_structure(MOVES[moved], x)
    size = WORKLOADS[workload].batch_size
    history = model.fit(x, y, batch_size=size, epochs=1, shuffle=False, verbose=0).history
    return {name: values[0] for name, values in history.items()}


@functools.cache
def _tolerance(workload: str) -> float:
    """1e-5; over a whole epoch at least twice what the last bit of the inputs changes in stock Keras itself.

    Hundreds of steps magnify a rounding until no two ways of adding the same numbers agree to 1e-5.
    """
    if not WHOLE:
        return 1e-5
    stock = _stock_losses(workload)
    shifts = (
        abs(_stock_losses(workload, moved=moved)[name] - value) / abs(value)
        for moved in MOVES
        for name, value in stock.items()
    )
    return max(1e-5, 2 * max(shifts))


@pytest.mark.parametrize(
    "engine", part("engines", ["plain", "steps", "chunk", "chunk-xla"], ["chunk", "chunk-xla"])
)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_losses_are_those_of_stock_keras(workload: str, engine: str) -> None:
    model = model_of(workload)
    chosen = []
    settings = FitSettings(batch_size=WORKLOADS[workload].batch_size, shuffle=False, engine=engine)
    history = fit(model, Arrays(*_data(workload)), None, settings, on_chosen=chosen.append).history
    assert chosen[0].engine == engine
    stock = _stock_losses(workload)
    assert history.keys() == stock.keys()
    for name, (found,) in history.items():
        assert found == pytest.approx(stock[name], rel=_tolerance(workload)), name
