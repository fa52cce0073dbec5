"""`--plugin FILE.py`: what one file offers, with no packaging."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

LAYERS = '''
"""Two layers and a model."""
import keras
from keras.layers import Dense
from neighbour import FACTOR


class Scale(keras.layers.Layer):
    """Multiplies by a factor.

    More than one line of help.
    """

    def call(self, inputs):
        return FACTOR * inputs


class Join(keras.layers.Layer):
    def call(self, first, second, training=None):
        return keras.ops.concatenate([first, second])


class Tiny(keras.Model):
    """One dense layer."""

    def __init__(self, units=1, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = Dense(units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def call(self, inputs):
        return self.dense(inputs)


class _Hidden(keras.layers.Layer):
    pass
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "layers.py").write_text(LAYERS)
    (tmp_path / "neighbour.py").write_text("FACTOR = 3.0\n")
    return tmp_path


def listed(kwb, file: Path, *, path: list[Path] | None = None) -> dict:
    """The row of a plugin file in `kwb plugins --json`."""
    done = kwb("plugins", "--json", "--plugin", file.name, cwd=file.parent, path=path or [])
    assert done.returncode == 0, done.stderr
    rows = {row["plugin"]: row for row in json.loads(done.stdout)}
    assert rows["kwb_keras"]["state"] == "loaded"
    return rows[file.stem]


@pytest.mark.slow
def test_the_layers_and_models_it_defines_are_found(kwb, folder):
    row = listed(kwb, folder / "layers.py")
    assert (row["state"], row["error"]) == ("loaded", None)
    assert row["distribution"] == str(folder / "layers.py")
    entries = {entry["name"]: entry for entry in row["entries"]}
    assert {name: entry["kind"] for name, entry in entries.items()} == {
        "Scale": "layer",
        "Join": "layer",
        "Tiny": "model",
    }
    assert entries["Scale"]["summary"] == "Multiplies by a factor."
    assert entries["Scale"]["target"] == f"{folder / 'layers.py'}:Scale"
    assert entries["Join"]["inputs"] == 2
    assert entries["Join"]["summary"] == ""


@pytest.mark.slow
def test_what_all_lists_counts_wherever_it_was_defined(kwb, folder, installed):
    file = folder / "borrowed.py"
    file.write_text("from acme_layers.layers import Gate, Mix\n__all__ = ['Gate']\n")
    row = listed(kwb, file, path=[installed("acme-layers")])
    assert [entry["name"] for entry in row["entries"]] == ["Gate"]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import keras\n\ndef f(:\n", "{file}:3: importing it failed: SyntaxError: invalid syntax."),
        ("import keras\n\nkeras.nothing\n", "{file}:3: importing it failed: AttributeError: "),
        ("import sys\nsys.exit(3)\n", "{file}:2: importing it failed: it called sys.exit(3)."),
        ("import os\nos._exit(4)\n", "{file}: importing it ended the process: exit code 4"),
        ("x = 1\n", "{file}: it offers nothing that a recipe can use: no layer, model, loss, "),
        ("__all__ = ['Gate']\n", "{file}: its __all__ lists 'Gate', which it does not have."),
    ],
    ids=["syntax error", "raises", "sys.exit", "kills the process", "no layers", "wrong __all__"],
)
def test_a_file_that_cannot_be_used_says_why_and_where(kwb, tmp_path, source, error):
    file = tmp_path / "mine.py"
    file.write_text(source)
    row = listed(kwb, file)
    assert (row["state"], row["entries"]) == ("error", [])
    assert row["error"].startswith(error.format(file=file))


def test_a_missing_file_is_reported(kwb, tmp_path):
    row = listed(kwb, tmp_path / "nowhere.py")
    assert row["error"] == f"no such file: {tmp_path / 'nowhere.py'}"


@pytest.mark.slow
def test_its_layers_train_by_name_and_the_saved_file_says_what_it_needs(kwb, folder):
    (folder / "r.yaml").write_text(
        """
kwb: 1
data: diabetes
model:
  sequential: [Scale, {use: layers.Tiny, units: 2}, {use: Dense, units: 1}]
train: {epochs: 1, loss: mse, engine: plain}
save: m.keras
"""
    )
    done = kwb("--batch", "r.yaml", "--plugin", "layers.py", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert {tuple(line.split()[:3]) for line in done.stdout.splitlines()} >= {
        ("scale", "Scale", "layers"),
        ("tiny", "Tiny", "layers"),
    }
    needs = json.loads(kwb("inspect", "m.keras", "--json", cwd=folder).stdout)["needs"]
    assert {need["registered"] for need in needs} == {"layers>Scale", "layers>Tiny"}


@pytest.mark.slow
def test_training_with_a_file_that_cannot_be_used_stops_at_once(kwb, folder):
    (folder / "broken.py").write_text("import keras\n1 / 0\n")
    done = kwb("--batch", "residual-regressor", "--plugin", "broken.py", cwd=folder)
    assert done.returncode == 2
    assert f"{folder / 'broken.py'}:2: importing it failed: ZeroDivisionError" in done.stderr
    assert not (folder / "saved").exists()
