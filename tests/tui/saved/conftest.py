"""Files to look into: some that real trainings left, some made by hand, some damaged or hostile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import Kwb

GATE = '''
import keras


class Gate(keras.layers.Layer):
    """Weighs each feature."""

    def build(self, shape):
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, x):
        return x * self.gain
'''

GATED = """
kwb: 1
name: gated
data: {use: csv, path: prices.csv, targets: [price], split: {test: 0.25}}
model: {sequential: [Gate, {use: Dense, units: 1}]}
train: {epochs: 1, loss: mse}
save: saved/gated.keras
"""

# Saved by kwb itself, with weights, times and notes that are the same on every machine.
FIXED = """
import keras, numpy as np, sys
from workbench.storage import formats
model = keras.Sequential([keras.Input((4,), name="features"), keras.layers.Dense(8, activation="relu", name="hidden"),
                          keras.layers.Dropout(0.1, name="dropout"), keras.layers.Dense(1, name="price")], name="price")
model.compile(optimizer=keras.optimizers.Adam(0.002), loss="mse")
for weight in model.weights:
    weight.assign(np.sin(np.arange(weight.numpy().size)).reshape(weight.shape))
model.layers[-1].bias.assign([np.nan])
notes = {"kwb": "0.1.0", "run": "price-20260101-120000", "epoch": 12,
         "recipe": {"kwb": 1, "name": "price", "data": {"use": "housing"}},
         "preparation": {"inputs": [{"name": "features"}], "targets": [{"name": "price"}]}}
formats.save(model, sys.argv[1], notes, check=False)
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, kwb: Kwb) -> Path:
    """A folder after `kwb --batch`: a regression, a classification, and one with a layer of a plugin file."""
    folder = tmp_path_factory.mktemp("trained")
    for recipe in ("residual-regressor", "digits"):
        done = kwb("--batch", recipe, "--set", "train.epochs=2", cwd=folder)
        assert done.returncode == 0, done.stderr
    (folder / "gate.py").write_text(GATE)
    (folder / "gated.yaml").write_text(GATED)
    rows = "".join(f"{n},{n % 7},{3 * n + n % 7}\n" for n in range(40))
    (folder / "prices.csv").write_text(f"size,rooms,price\n{rows}")
    done = kwb("--batch", "gated.yaml", "--plugin", "gate.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def from_training(trained: Path, working_directory: Path) -> Path:
    """The working directory with all that the trainings left in it; the newest file is residual-regressor.keras."""
    shutil.copytree(trained, working_directory, dirs_exist_ok=True)
    saved = working_directory / "saved"
    moment = time.time()
    order = ("residual-regressor.keras", "digits.h5", "gated.keras", "digits.keras", "residual-regressor.h5")
    for age, name in enumerate(order):
        os.utime(saved / name, (moment - age, moment - age))
    return saved


@pytest.fixture(scope="session")
def fixed_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fixed") / "price.keras"
    done = subprocess.run(
        [sys.executable, "-c", FIXED, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return path


Put = Callable[..., Path]


@pytest.fixture
def put(working_directory: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """`put("a.h5", source or bytes)`: a file in `saved/`, each older than the one before, at a fixed time."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    placed = 0

    def place(name: str, content: Path | bytes) -> Path:
        nonlocal placed
        path = working_directory / "saved" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        placed += 1
        os.utime(path, (1_760_000_000 - placed * 60,) * 2)
        return path

    return place


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    """A `.weights.h5` as plain Keras writes it, with values that are the same everywhere."""
    path = tmp_path / "plain.weights.h5"
    with h5py.File(path, "w") as file:
        values = np.linspace(-1, 1, 60, dtype=np.float32).reshape(12, 5) ** 3
        file["layers/dense/vars/0"] = values
        file["layers/dense/vars/1"] = np.array([0, 1, np.nan, np.inf, -np.inf], np.float32)
    return path


def archive(path: Path, config: object, **members: bytes) -> Path:
    """A zip file that has the members of a `.keras` file."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": ""}))
        for name, content in members.items():
            file.writestr(name, content)
    return path
