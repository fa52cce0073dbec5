"""Means and spreads of runs by epoch, against pandas; runs that grow, and are resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench import events
from workbench.storage.bands import EpochLogs, band_of, band_of_runs
from workbench.storage.event_stream import EventLog
from workbench.storage.run_folder import RunFolder


def write(run: RunFolder, epochs: list[tuple[int, dict[str, float]]]) -> None:
    with EventLog(run) as log:
        for epoch, logs in epochs:
            log.append(events.Step(epoch, 1, 2, {"loss": 99.0}, 10.0))
            log.append(events.Epoch(epoch, 9, logs, 1.0, 10.0, 0.1))


def test_bands_are_pandas_means_and_deviations() -> None:
    random = np.random.default_rng(3)
    runs = []
    for length in (12, 9, 12, 5, 1):
        values = random.normal(size=length)
        epochs = np.arange(1, length + 1)[:: 2 if length == 9 else 1]  # one was not validated in every epoch
        runs.append({int(epoch): float(values[epoch - 1]) for epoch in epochs})
    runs[0][3], runs[2][4] = float("nan"), float("inf")
    band = band_of("a", runs)
    table = pd.DataFrame(runs).replace([np.inf, -np.inf], np.nan).sort_index(axis=1)
    assert band is not None
    assert band.epochs == tuple(table.columns)
    np.testing.assert_allclose(band.mean, table.mean(), rtol=1e-12)
    np.testing.assert_allclose(band.spread, table.std(ddof=1).fillna(0.0), rtol=1e-12)
    assert band.counts == tuple(table.count())


def test_epochs_without_a_finite_value_are_left_out() -> None:
    band = band_of("a", [{1: 4.0, 2: float("nan"), 5: 1.0}, {1: 6.0}])
    assert band is not None
    assert (band.epochs, band.mean, band.counts) == ((1, 5), (5.0, 1.0), (2, 1))
    assert band.spread == pytest.approx((np.std([4.0, 6.0], ddof=1), 0.0))
    assert band_of("nothing", [{}, {1: float("nan")}]) is None


def test_a_run_is_read_as_it_grows_and_what_a_resumed_one_repeats_replaces_what_was(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    logs = EpochLogs(run)
    logs.catch_up()
    assert logs.values("loss") == {}
    write(run, [(1, {"loss": 3.0}), (2, {"loss": 2.0, "val_loss": 2.5}), (3, {"loss": 1.0})])
    logs.catch_up()
    assert logs.values("loss") == {1: 3.0, 2: 2.0, 3: 1.0}
    assert logs.values("val_loss") == {2: 2.5}
    write(run, [(2, {"loss": 1.5})])
    logs.catch_up()
    assert logs.values("loss") == {1: 3.0, 2: 1.5}
    band = band_of_runs("both", [run, RunFolder(tmp_path / "nothing")], "loss")
    assert band is not None
    assert band.mean == (3.0, 1.5)
