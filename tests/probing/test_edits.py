"""What an edit of a layer's code has changed: `kwb probe --keep FILE`, then `--compare FILE`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Kwb

GATE = """\
import keras
from keras import ops


@keras.saving.register_keras_serializable("edited")
class Gate(keras.layers.Layer):
    def __init__(self, strength=0.5, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength

    def build(self, shape):
        self.slope = self.add_weight(name="slope", shape=(shape[-1],), initializer="ones")

    def call(self, x):
        return x + self.strength * self.slope * ops.tanh(x)

    def get_config(self):
        return {**super().get_config(), "strength": self.strength}
"""

RECIPE = """\
kwb: 1
name: gated
seed: 1
data: {use: diabetes, split: {validation: 0.2}, scale: standard}
model: {sequential: [{use: Dense, units: 4}, {use: Gate}, {use: Dense, units: 1}]}
train: {epochs: 2, batch_size: 16, loss: mse}
"""


@pytest.fixture
def folder(tmp_path: Path, kwb: Kwb) -> Path:
    (tmp_path / "gate.py").write_text(GATE)
    (tmp_path / "gated.yaml").write_text(RECIPE)
    done = kwb("probe", "gated.yaml", "--plugin", "gate.py", "--keep", "before.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path


def compared(folder: Path, kwb: Kwb, code: str) -> dict:
    (folder / "gate.py").write_text(code)
    more = ("--compare", "before.npz", "--json")
    done = kwb("probe", "gated.yaml", "--plugin", "gate.py", *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_but_the_text(folder: Path, kwb: Kwb) -> None:
    edit = compared(folder, kwb, GATE.replace("    def call", "    # the same\n    def call"))["edit"]
    assert [edit[name] for name in ("layers", "arguments", "weights", "outputs")] == [[], [], [], []]
    assert edit["loss"][0] == edit["loss"][1]
    text = kwb("probe", "gated.yaml", "--plugin", "gate.py", "--compare", "before.npz", cwd=folder).stdout
    assert "The edit changes nothing: the same layers, weights and outputs." in text


def test_what_the_layer_computes(folder: Path, kwb: Kwb) -> None:
    before = np.load(folder / "before.npz")
    plain = json.loads(before["description"].tobytes())
    hidden = before[f"output{plain['outputs'].index('dense')}"]
    found = compared(folder, kwb, GATE.replace("ops.tanh(x)", "ops.sin(x)"))
    edit = found["edit"]
    assert edit["arguments"] == edit["weights"] == []
    assert [each["path"] for each in edit["outputs"]] == ["gate", "dense_1"]
    right = np.abs(0.5 * np.sin(hidden) - 0.5 * np.tanh(hidden)).max()  # by hand, with NumPy
    assert edit["outputs"][0]["largest"] == pytest.approx(right, rel=1e-4)
    assert edit["loss"][0] != edit["loss"][1]
    assert found["began"] == "the weights from before the edit"


def test_arguments_and_weights(folder: Path, kwb: Kwb) -> None:
    code = GATE
    for before, after in (
        ("strength=0.5", "strength=0.7, offset=0.0"),
        ("self.strength = strength", "self.strength = strength\n        self.offset = offset"),
        ('"strength": self.strength', '"strength": self.strength, "offset": self.offset'),
        ("shape=(shape[-1],), initializer", "shape=(), initializer"),
        (
            "    def call(self, x):",
            "        self.new = self.add_weight(name='new', shape=(2,))\n\n    def call(self, x):",
        ),
    ):
        assert before in code
        code = code.replace(before, after)
    edit = compared(folder, kwb, code)["edit"]
    arguments = {each["name"]: each for each in edit["arguments"]}
    assert (arguments["gate.strength"]["before"], arguments["gate.strength"]["after"]) == ("0.5", "0.7")
    assert arguments["gate.offset"]["what"] == "added"
    weights = {each["name"]: each for each in edit["weights"]}
    assert (weights["gate/slope"]["before"], weights["gate/slope"]["after"]) == ("float32 (4,)", "float32 ()")
    assert weights["gate/new"]["what"] == "added"
    assert edit["parameters"] == [4 * 10 + 4 + 4 + 4 + 1, 4 * 10 + 4 + 1 + 2 + 4 + 1]


def test_a_file_that_is_none(folder: Path, kwb: Kwb) -> None:
    done = kwb("probe", "gated.yaml", "--plugin", "gate.py", "--compare", "gated.yaml", cwd=folder)
    assert done.returncode == 3
    assert "is no file that `kwb probe --keep` has written" in done.stderr
