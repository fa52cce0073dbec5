"""Every engine trains every workload to the losses of stock Keras: same seed, no shuffling, one epoch.

KWB_WHOLE_EPOCH=1 pytest tests/benchmarks/test_equal_losses.py    with all rows of each workload
"""

from __future__ import annotations

import functools
import os

import pytest

from tests.benchmarks.keras_cells import model_of
from tests.benchmarks.workloads import WORKLOADS
from workbench.training.engines import Arrays, FitSettings, fit

pytestmark = pytest.mark.slow

STEPS = 20


def _data(workload: str):
    found = WORKLOADS[workload]
    few = STEPS * found.batch_size + found.batch_size // 3  # the last batch is a short one
    return found.data(found.rows if os.environ.get("KWB_WHOLE_EPOCH") else few)


@functools.cache
def _stock_losses(workload: str) -> dict[str, float]:
    model = model_of(workload)
    x, y = _data(workload)
    history = model.fit(
        x, y, batch_size=WORKLOADS[workload].batch_size, epochs=1, shuffle=False, verbose=0
    ).history
    return {name: values[0] for name, values in history.items()}


@pytest.mark.parametrize("engine", ["plain", "steps", "chunk", "chunk-xla"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_losses_are_those_of_stock_keras(workload: str, engine: str) -> None:
    model = model_of(workload)
    chosen = []
    settings = FitSettings(batch_size=WORKLOADS[workload].batch_size, shuffle=False, engine=engine)
    history = fit(model, Arrays(*_data(workload)), None, settings, on_chosen=chosen.append).history
    assert chosen[0].engine == engine
    found = {name: values[0] for name, values in history.items()}
    assert found == pytest.approx(_stock_losses(workload), rel=1e-5)
