"""`kwb devices`, and what a training says about its devices."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Kwb
from tests.worker.conftest import recipe

KWB = [sys.executable, "-c", "from workbench.cli import command; command()"]


def alone(*command: str, **variables: str) -> str:
    """What a command prints, in a process that TensorFlow is loaded into anew: it reads its variables once."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("TF_")
    } | variables
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_for_people(kwb: Kwb) -> None:
    done = kwb("devices")
    assert (done.returncode, done.stderr) == (0, "")
    labels = [line[:12].strip() for line in done.stdout.splitlines()]
    assert [
        label
        for label in labels
        if label in ("processor", "cores", "threads", "memory", "TensorFlow", "Keras")
    ] == [
        "processor",
        "cores",
        "threads",
        "memory",
        "TensorFlow",
        "Keras",
    ]
    assert {"GPU", "GPUs"} & set(labels)
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.skipif(shutil.which("taskset") is None, reason="taskset is not installed")
def test_cores_threads_and_growth_as_tensorflow_has_them() -> None:
    first = str(min(os.sched_getaffinity(0)))
    found = json.loads(alone("taskset", "-c", first, *KWB, "devices", "--json"))
    assert found["processor"]["allowed_cores"] == found["processor"]["cores"] == 1
    assert found["processor"]["machine_cores"] == os.cpu_count()
    tensorflow = found["tensorflow"]
    assert (tensorflow["intra_op"], tensorflow["inter_op"], tensorflow["growth"]) == (1, 1, True)
    assert 0 < found["memory"]["free"] <= found["memory"]["total"]
    variables = {"TF_NUM_INTRAOP_THREADS": "5", "TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    tensorflow = json.loads(alone(*KWB, "devices", "--json", **variables))["tensorflow"]
    assert (tensorflow["intra_op"], tensorflow["growth"]) == (5, False)


def test_a_tensorflow_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libstdc++.so.6: not found')\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([*KWB, "devices"], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0
    assert "TensorFlow  cannot be loaded: ImportError: libstdc++.so.6: not found" in done.stdout
    assert "memory" in done.stdout


def test_a_training_names_its_devices(kwb: Kwb, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(recipe())
    done = kwb("--batch", "small.yaml", cwd=tmp_path)
    line = next(line for line in done.stdout.splitlines() if line.startswith("on "))
    assert line.endswith("GiB of memory")
    (kept,) = (tmp_path / "saved" / "runs").glob("*/environment.json")
    devices = json.loads(kept.read_text())["devices"]
    assert list(devices)[:5] == ["cpu", "cores", "threads", "gpus", "memory_gib"]
    done = kwb("--batch", "small.yaml", "--json", cwd=tmp_path)
    started = json.loads(done.stdout.splitlines()[0])
    assert started["environment"]["devices"] == devices
