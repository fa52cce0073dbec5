"""Killed at random moments and resumed: the same weights to the last bit, the same history, no torn or stray file.

A chain is one run that is killed several times, wherever it happens to be (training, writing a checkpoint, saving),
and resumed each time until it ends. KWB_KILLS=60 makes it sixty kills; CI makes twelve.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests import loaded_kwb
from tests.loaded_kwb import Process
from workbench.storage.event_stream import read_events

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KWB_KILLS", "12"))
CHAIN = 4
SEED = int(os.environ.get("KWB_KILLS_SEED", "20261123"))

RECIPE = """\
kwb: 1
name: digits-dropout
seed: 3
data:
  use: digits
  split: {validation: 0.2, test: 0.1}
model:
  sequential:
    - Flatten
    - {use: MyDense, units: 24, activation: relu}
    - {use: Dropout, rate: 0.3}
    - {use: MyGaussianNoise, stddev: 0.05}
    - {use: Dense, units: 10, activation: softmax}
train:
  epochs: 25
  batch_size: 32
  optimizer:
    use: Adam
    learning_rate: {use: ExponentialDecay, initial_learning_rate: 1.0e-2, decay_steps: 50, decay_rate: 0.9}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  callbacks: [{use: EarlyStopping, monitor: val_loss, patience: 4, restore_best_weights: true}]
  engine: chunk
  checkpoint_seconds: 0
save: [out/digits.keras, out/digits.h5]
"""


def kwb(folder: Path, *arguments: str) -> Process:
    return Process(["--batch", "recipe.yaml", "--json", *arguments], folder)


def working_directory(folder: Path) -> Path:
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def weights(folder: Path) -> dict[str, bytes]:
    """Every weight of both saved files, to the bit."""
    found: dict[str, bytes] = {}
    with h5py.File(folder / "out" / "digits.h5") as file:
        file["model_weights"].visititems(
            lambda name, item: (
                found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def history(folder: Path) -> dict[int, Any]:
    """The logs of each epoch, as the stream last reported them."""
    (run,) = (folder / "saved" / "runs").iterdir()
    events = [event for event, _, _ in read_events(run / "events.jsonl")]
    return {event.epoch: event.logs for event in events if event.kind == "epoch"}  # type: ignore[attr-defined]


def files(folder: Path) -> set[str]:
    """Every file, with what differs from run to run left out of the names."""
    names = set()
    for path in folder.rglob("*"):
        parts = list(path.relative_to(folder).parts)
        if path.is_file() and "checkpoints" not in parts:
            names.add("/".join("RUN" if part.startswith("digits-dropout-") else part for part in parts))
    return names


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that nobody kills, and the seconds from its first event to its end."""
    folder = working_directory(tmp_path_factory.mktemp("kills") / "undisturbed")
    process = kwb(folder)
    process.stdout.readline()
    began = time.monotonic()
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return folder, time.monotonic() - began


def killed_after(folder: Path, seconds: float, *arguments: str) -> bool:
    """Run until `seconds` after the first event, then SIGKILL. False if it had ended before."""
    process = kwb(folder, *arguments)
    process.stdout.readline()
    reader = threading.Thread(target=process.stdout.read, daemon=True)
    reader.start()
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    reader.join()
    process.stdout.close()
    return process.returncode != 0


@pytest.mark.parametrize("chain", range(KILLS // CHAIN))
def test_each_resume_ends_as_if_nothing_had_happened(
    undisturbed: tuple[Path, float], tmp_path: Path, chain: int
) -> None:
    reference, seconds = undisturbed
    draw = random.Random(SEED + chain)
    folder = working_directory(tmp_path / "killed")
    moments = [draw.uniform(0.0, seconds) for _ in range(CHAIN)]
    for number, moment in enumerate(moments):
        if not killed_after(folder, moment, *(["--resume"] if number else [])):
            break
    process = kwb(folder, "--resume")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, (moments, err)
    assert json.loads(out.splitlines()[-1])["status"] == "done"
    assert weights(folder) == weights(reference), moments
    assert history(folder) == history(reference), moments
    assert files(folder) == files(reference), moments
    (run,) = (folder / "saved" / "runs").iterdir()
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert len(kept) == 2, kept
    assert all(name.isdigit() for name in kept), kept


def test_two_processes_never_own_one_run(tmp_path: Path) -> None:
    folder = working_directory(tmp_path / "shared")
    first = kwb(folder, "--set", "train.epochs=100000", "--set", "train.callbacks=[]")
    first.stdout.readline()
    (run,) = (folder / "saved" / "runs").iterdir()
    try:
        second = loaded_kwb.run(["--batch", str(run)], folder)
        assert second.returncode == 3
        assert "another process is working on this run" in second.stderr
    finally:
        first.kill()
        first.communicate()


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    undisturbed: tuple[Path, float], tmp_path: Path
) -> None:
    folder = working_directory(tmp_path / "damaged")
    first = kwb(folder)
    # By what it has done and not by the clock: on a machine that is busy at one time only, half the
    # seconds of another run may be the whole of this one.
    while json.loads(first.stdout.readline()).get("epoch") != 4:
        pass
    first.kill()
    first.communicate()
    (run,) = (folder / "saved" / "runs").iterdir()
    older, newest = sorted((run / "checkpoints").glob("[0-9]*"))[-2:]
    content = bytearray((newest / "variables.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (newest / "variables.npz").write_bytes(bytes(content))
    process = kwb(folder, "--resume")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    started = json.loads(out.splitlines()[0])
    assert started["resumed_from"] == str(older.relative_to(folder))
    assert weights(folder) == weights(undisturbed[0])


def test_a_changed_recipe_is_not_resumed_but_trained_anew(undisturbed: tuple[Path, float]) -> None:
    folder, _ = undisturbed
    process = kwb(folder, "--resume", "--set", "train.epochs=1", "--set", "train.batch_size=50")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    records = [json.loads(line) for line in out.splitlines()]
    assert records[0]["resumed_from"] is None
    assert np.isfinite(records[-1]["logs"]["loss"])
