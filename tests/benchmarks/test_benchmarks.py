"""The training benchmark runs, and its workloads are the same model in every column that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import ROOT, measure
from tests.benchmarks.workloads import WORKLOADS


@pytest.mark.slow
def test_two_columns_of_a_workload_give_a_table_and_a_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--epochs", "3", "--out", str(tmp_path)]
    chosen = ["--workload", "my-dense", "--column", "plain", "--column", "kwb"]
    ran = subprocess.run([*command, *chosen], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "a stack of MyDense" in ran.stdout
    (file,) = tmp_path.glob("*.json")
    results = json.loads(file.read_text())["results"]["my-dense"]
    for column in ("plain", "kwb"):
        cell = results[column]
        assert cell["steps_per_second"] > 0
        assert 0 < cell["first_epoch"] < cell["total"]
        assert cell["peak_memory"] > 50
    assert results["kwb"]["note"] in ("plain", "steps", "chunk", "chunk-xla")


def test_a_cell_that_fails_says_why() -> None:
    assert "KeyError" in measure("no-such-workload", "plain", 32, 3)["note"]


@pytest.mark.parametrize("package", ["jax", "torch"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_models_written_by_hand_have_the_parameters_of_the_keras_model(workload: str, package: str) -> None:
    pytest.importorskip(package)
    from tests.benchmarks.keras_cells import model_of

    found = WORKLOADS[workload]
    x, _ = found.data(2)
    model = model_of(workload)
    model(x)
    if package == "jax":
        import jax

        from tests.benchmarks.jax_cells import MODELS as by_hand

        weights, _call = by_hand[workload]()
        count = sum(leaf.size for leaf in jax.tree.leaves(weights))
    else:
        from tests.benchmarks.torch_cells import MODELS as modules

        count = sum(weight.numel() for weight in modules[workload]().parameters())
        # PyTorch's recurrent layers have two biases where Keras has one.
        count -= 128 if workload == "lstm" else 0
    assert count == sum(int(weight.numpy().size) for weight in model.trainable_weights)


def test_loading_is_compared_on_the_same_numbers() -> None:
    pytest.importorskip("pandas")
    from tests.benchmarks.loading import KINDS, compare

    found = compare(rows=2_000, runs=1)
    assert list(found) == list(KINDS)
    for measured in found.values():
        # Both scale by their 1,600 training rows: the squares of each of 19 columns then have the mean 1.
        assert measured["kwb"]["sum"] == pytest.approx(19 * 1600, rel=1e-5)
        assert measured["pandas"]["sum"] == pytest.approx(19 * 1600, rel=1e-5)
        assert measured["ratio"] > 0
