"""The larger trainings are the same for the expert and for kwb: the same rows, and a table of both at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.larger import ROOT
from tests.benchmarks.larger_workloads import LARGER
from workbench.training.engines import Arrays, Stream


def of_kwb(rows: Arrays | Stream) -> tuple[np.ndarray, np.ndarray]:
    parts = [rows] if isinstance(rows, Arrays) else list(rows.batches(0, 0, 1))
    return np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])


@pytest.mark.parametrize("name", LARGER)
def test_both_train_on_the_same_rows(tmp_path: Path, name: str) -> None:
    workload, rows = LARGER[name], 300
    workload.write(tmp_path, rows)
    batches = list(workload.dataset(tmp_path, rows).as_numpy_iterator())
    x, y = (np.concatenate([batch[which] for batch in batches]) for which in (0, 1))
    read, some = workload.rows_of_kwb(tmp_path, rows)
    own_x, own_y = of_kwb(read)
    assert some.shape[1:] == x.shape[1:]
    assert own_x.shape == x.shape
    assert sorted(np.ravel(own_y)) == pytest.approx(sorted(np.ravel(y)), abs=1e-6)
    # Sorted by their sums: the orders are drawn differently. Two libraries unpack a jpeg to 1 apart.
    sums, own_sums = (np.sort(each.reshape(rows, -1).sum(axis=1, dtype=float)) for each in (x, own_x))
    np.testing.assert_allclose(own_sums, sums, rtol=1e-2 if name == "resnet" else 1e-5, atol=1e-4)


@pytest.mark.slow
def test_a_table_gives_ratios() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.larger",
        "--json",
        "--rows",
        "9000",
        "--workload",
        "table",
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)["table"]
    assert found["kwb"]["note"] in ("plain", "steps", "chunk", "chunk-xla")
    for ratio in ("throughput", "total", "memory"):
        assert found[ratio] > 0
