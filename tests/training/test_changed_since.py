"""A run that goes on says what has changed since: a layer that made a nan is mended, and the run trains on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Kwb

LAYER = """
import keras
from keras import ops


class Fading(keras.layers.Layer):
    \"\"\"Its output is nan from the 12th step on: log(1) / log(1).\"\"\"

    def build(self, shape):
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")

    def call(self, x, training=False):
        if training:
            self.steps.assign_add(1.0)
        return x * ops.log(13.0 - self.steps) / ops.log(13.0 - self.steps)
"""
MENDED = LAYER.replace("x * ops.log(13.0 - self.steps) / ops.log(13.0 - self.steps)", "1.0 * x")
RECIPE = """
kwb: 1
name: fading
data: {use: csv, path: rows.csv, targets: [y]}
model: {sequential: [{use: Dense, units: 4}, Fading, {use: Dense, units: 1}]}
train: {epochs: 4, batch_size: 20, loss: mse, engine: plain, checkpoint_seconds: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fading(tmp_path)


def fading(folder: Path) -> Path:
    """Write the recipe, its layer and its rows."""
    x = np.random.default_rng(3).normal(size=(100, 2))
    np.savetxt(
        folder / "rows.csv", np.c_[x, x.sum(1)], delimiter=",", header="a,b,y", comments="", fmt="%.6f"
    )
    (folder / "fading.yaml").write_text(RECIPE)
    (folder / "fading.py").write_text(LAYER)
    return folder


def train(folder: Path, kwb: Kwb, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and the events of this start."""
    done = kwb("--batch", "fading.yaml", "--plugin", "fading.py", "--json", *options, cwd=folder)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def said(stream: list[dict[str, Any]]) -> tuple[str, str]:
    """The message about what has changed: its level and its text."""
    ((level, text),) = [
        (each["level"], each["text"])
        for each in stream
        if each["event"] == "message" and each["text"].startswith("goes on with")
    ]
    return level, text


def epochs(stream: list[dict[str, Any]]) -> list[int]:
    return [each["epoch"] for each in stream if each["event"] == "epoch"]


def test_a_mended_layer_trains_on_and_its_hashes_are_named(folder: Path, kwb: Kwb) -> None:
    code, first = train(folder, kwb)
    assert code == 1
    assert epochs(first) == [1, 2]  # of five steps each
    code, again = train(folder, kwb, "--resume")
    assert code == 1
    level, text = said(again)
    assert (level, text) == ("info", "goes on with the code, data, recipe and versions that it had before")
    (folder / "fading.py").write_text(MENDED)
    code, mended = train(folder, kwb, "--resume")
    assert code == 0
    before, now = (hashlib.sha256(each.encode()).hexdigest()[:8] for each in (LAYER, MENDED))
    assert said(mended) == (
        "warning",
        "goes on with what has changed since it was trained: plugin fading: the file fading.py changed "
        f"(sha256 {before}, now {now})",
    )
    assert epochs(mended) == [3, 4]
    assert len(list((folder / "saved" / "runs").iterdir())) == 1


def test_rows_and_more_epochs(folder: Path, kwb: Kwb) -> None:
    (folder / "fading.py").write_text(MENDED)
    assert train(folder, kwb)[0] == 0
    rows = (folder / "rows.csv").read_text().splitlines()
    rows[6] = "0.5,0.5,1.0"
    (folder / "rows.csv").write_text("\n".join(rows) + "\n")
    (folder / "fading.yaml").write_text(RECIPE.replace("epochs: 4", "epochs: 5"))
    code, stream = train(folder, kwb, "--resume")
    assert code == 0
    level, text = said(stream)
    assert level == "warning"
    assert "row 6 changed (training part)" in text
    assert "epochs" not in text  # more of them are no other training
    assert epochs(stream) == [5]
