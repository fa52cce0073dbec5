"""Trainings by one and by several processes, compared."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.conftest import Kwb


@cache
def _why_no_networks() -> str:
    """Why a process cannot have a network of its own here; empty where it can."""
    code = "from workbench.group.network import make_own_network; make_own_network()"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return tried.stderr.strip().splitlines()[-1][:120] if tried.returncode else ""


# TensorFlow's server listens on every interface, so it runs in networks of its own alone, also in tests.
needs_networks = pytest.mark.skipif(bool(_why_no_networks()), reason=_why_no_networks())


def children(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(stat.parent.name))
    found = list(parents.get(pid, ()))
    for each in found:
        found += parents.get(each, ())
    return sorted(found)


def is_member(pid: int) -> bool:
    """Whether a process is one of several that train: it was forked, or was started alone."""
    with suppress(OSError):
        if b"child_main" in (line := Path(f"/proc/{pid}/cmdline").read_bytes()):
            return True
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        return (
            b"worker.fork_server" in line
            and b"worker.fork_server" in Path(f"/proc/{parent}/cmdline").read_bytes()
        )
    return False  # it has ended


@dataclass(frozen=True)
class Trained:
    """What has come of a training.

    Attributes:
        logs: of each epoch.
        evaluation: on the test part.
        weights: the datasets of the saved model, its optimizer's included.
    """

    logs: list[dict[str, float]]
    evaluation: dict[str, float]
    weights: dict[str, np.ndarray]
    run: Path


def trained(kwb: Kwb, folder: Path, recipe: str, *arguments: str) -> Trained:
    """Train with `kwb --batch` to the end."""
    result = kwb("--batch", recipe, "--json", *arguments, cwd=folder, timeout=300)
    assert result.returncode == 0, (result.stderr[-2000:], result.stdout[-500:])
    return read_trained(folder, result.stdout)


def read_trained(folder: Path, said: str) -> Trained:
    """What has come of a training that has printed its events."""
    happened = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    run = folder / next(each["folder"] for each in happened if each["event"] == "run_started")
    return Trained(
        [each["logs"] for each in happened if each["event"] == "epoch"],
        next(each["evaluation"] for each in happened if each["event"] == "finished"),
        weights_of(run / "model.keras"),
        run,
    )


def weights_of(file: Path) -> dict[str, np.ndarray]:
    """All arrays of numbers in a model file; not the seeds of what draws random numbers."""
    with zipfile.ZipFile(file) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    found: dict[str, np.ndarray] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub" and "seed_generator" not in name:
            found[name] = np.asarray(item, dtype=np.float64)

    with h5py.File(content) as opened:
        opened.visititems(take)
    return found


def difference(found: Trained, other: Trained) -> float:
    """The largest difference of two trainings, as part of a number's size."""
    pairs = [*zip(found.logs, other.logs, strict=True), (found.evaluation, other.evaluation)]
    return max(_worst(one, another)[0] for one, another in [*pairs, (found.weights, other.weights)])


def assert_equal(found: Trained, wanted: Trained, *, within: float = 1e-5, logs_within: float = 1e-5) -> None:
    """The same number of epochs, and numbers that differ by no more than rounding."""
    assert len(found.logs) == len(wanted.logs)
    for epoch, (one, other) in enumerate(zip(found.logs, wanted.logs, strict=True), start=1):
        _assert_close(one, other, logs_within, f"epoch {epoch}")
    _assert_close(found.evaluation, wanted.evaluation, logs_within, "test part")
    _assert_close(found.weights, wanted.weights, within, "weights")


def _assert_close(found: Mapping[str, Any], wanted: Mapping[str, Any], within: float, what: str) -> None:
    worst, name = _worst(found, wanted)
    assert worst <= within, f"{what}: {name} differs by {worst:.2g} of its size"


def _worst(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[float, str]:
    """The largest difference, and of what."""
    assert found.keys() == wanted.keys()
    worst = (0.0, "")
    for name, value in wanted.items():
        size = max(1e-3, float(np.max(np.abs(value), initial=0.0)))
        far = float(np.max(np.abs(np.asarray(found[name]) - value), initial=0.0)) / size
        worst = max(worst, (far, name))
    return worst
