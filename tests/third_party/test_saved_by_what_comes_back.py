"""Other people's layers: a file is judged by what comes back, and what cannot come back has its weights at least."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.cli import main
from workbench.storage.run_folder import RunFolder

RECIPE = """\
kwb: 1
name: borrowed
data: {use: diabetes, scale: standard, split: {test: 0.2}}
model:
  inputs: {features: [10]}
  graph:
    - a = Dense(3)(features)
    - b = LAYER(a)
    - y = Dense(1)(b)
  outputs: [y]
train: {epochs: 1, loss: mse, engine: plain, watch: none}
save: [FILES]
"""

PARTS = '''
"""What tutorials and packages bring."""
import dataclasses

import keras
import numpy as np
import tensorflow as tf


class Plain(keras.layers.Layer):
    """Neither **kwargs nor get_config."""

    def __init__(self, units):
        super().__init__()
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


class Holder(keras.layers.Layer):
    """An argument that is no plain value, without a get_config; `Right` is the same with the code that kwb shows."""

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell

    def call(self, inputs):
        return self.cell(inputs)


class Drawn(keras.layers.Layer):
    """Random in inference, by TensorFlow's generator."""

    def call(self, inputs):
        return inputs + tf.random.normal(tf.shape(inputs))


class Seeded(keras.layers.Layer):
    """Random in inference, by Keras' own global one."""

    def call(self, inputs):
        return inputs + keras.random.normal(keras.ops.shape(inputs))


class Unrepeated(keras.layers.Layer):
    """Random in inference, by a generator that nobody can set."""

    def call(self, inputs):
        return inputs + float(np.random.default_rng().normal())


class StandsFor(keras.layers.Layer):
    """An argument left at None becomes a number; more keys than arguments; a key of another name; own from_config."""

    def __init__(self, width=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.columns = width or 3
        self.seed = seed if seed is not None else int(np.random.default_rng().integers(1_000_000))
        self.dense = keras.layers.Dense(self.columns)

    def call(self, inputs):
        return self.dense(inputs)

    def get_config(self):
        return {**super().get_config(), "columns": self.columns, "seed": self.seed, "made_with": "2.0"}

    @classmethod
    def from_config(cls, config):
        columns = config.pop("columns")
        config.pop("made_with")
        return cls(columns, **config)


@dataclasses.dataclass
class Wiring:
    """A helper that stands in a layer's configuration."""

    scale: float = 1.0

    def get_config(self):
        return {"scale": self.scale}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Wired(keras.layers.Layer):
    def __init__(self, scale=2.0, wiring=None, **kwargs):
        super().__init__(**kwargs)
        self.wiring = keras.saving.deserialize_keras_object(wiring) if wiring else Wiring(scale)

    def call(self, inputs):
        return inputs * self.wiring.scale

    def get_config(self):
        return {**super().get_config(), "wiring": keras.saving.serialize_keras_object(self.wiring)}


class RawWeight(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

    def build(self, shape):
        self.gain = tf.Variable(tf.ones([shape[-1]]) * float(np.random.default_rng().normal()), name="gain")

    def call(self, inputs):
        return inputs * self.gain


class ForgetsSlope(keras.layers.Layer):
    """An argument that matters in training only, by the gradient."""

    def __init__(self, slope=1.0, **kwargs):
        super().__init__(**kwargs)
        self.slope_ = slope

    def call(self, inputs):
        return inputs * self.slope_ + keras.ops.stop_gradient(inputs * (1 - self.slope_))

    def get_config(self):
        return super().get_config()


class ForgetsNote(keras.layers.Layer):
    """An argument that nothing depends on."""

    def __init__(self, note="", **kwargs):
        super().__init__(**kwargs)
        self.note_ = note

    def call(self, inputs):
        return inputs

    def get_config(self):
        return super().get_config()
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: a process knows a plugin file by its path."""
    folder = tmp_path_factory.mktemp("parts")
    (folder / "parts.py").write_text(PARTS)
    return folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    """`run("Plain(4)", "x.keras")` trains with that layer: the exit code, and what was printed."""
    monkeypatch.chdir(folder)
    shutil.rmtree("saved", ignore_errors=True)

    def train(layer: str, *files: str, plugin: str = "parts.py") -> tuple[int, str]:
        Path("r.yaml").write_text(RECIPE.replace("LAYER", layer).replace("FILES", ", ".join(files)))
        code = main(["--batch", "r.yaml", "--plugin", plugin])
        shown = capfd.readouterr()
        return code, shown.out + shown.err

    return train


def command(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    shown = capfd.readouterr()
    return code, shown.out + shown.err


def test_a_class_without_a_configuration_has_its_weights(run: Any, capfd: Any) -> None:
    code, text = run("Plain(4)", "x.keras")
    assert code == 3
    assert "super().__init__(**kwargs)" in text
    assert "`save: [borrowed.weights.h5]` works" in text
    assert not Path("saved").exists()  # before training

    code, text = run("Plain(4)", "x.weights.h5")
    assert code == 0, text
    (folder,) = Path("saved/runs").iterdir()
    kept = RunFolder(folder)
    assert kept.weights.is_file()
    assert not kept.model.exists()
    scores = [
        command(capfd, "evaluate", *file, "--plugin", "parts.py")
        for file in (
            ("x.weights.h5", "--data", "r.yaml"),
            (str(kept.weights), "--data", "r.yaml"),
        )
    ]
    assert scores[0][0] == 0, scores[0][1]
    assert re.search("loss .*", scores[0][1])[0] == re.search("loss .*", scores[1][1])[0]
    code, text = command(capfd, "evaluate", "x.weights.h5", "--data", "diabetes", "--plugin", "parts.py")
    assert (code, "--recipe RECIPE" in text) == (3, True)
    code, text = command(
        capfd, "predict", "x.weights.h5", "--data", "diabetes", "--recipe", "r.yaml", "--plugin", "parts.py"
    )
    assert code == 0, text
    assert len([line for line in text.splitlines() if "," in line]) == 443


def test_the_code_that_a_refusal_shows_is_enough(run: Any) -> None:
    code, text = run("Holder(cell=Dense(3))", "x.keras")
    assert code == 3
    shown = text.partition("Add to Holder: ")[2]
    config, _, back = shown.partition("; @classmethod ")
    back = back.partition(")}).")[0] + ")})"
    right = f"class Right(Holder):\n    {config}\n\n    @classmethod\n    {back}\n"
    Path("right.py").write_text(f"import keras\nfrom parts import Holder\n\n\n{right}")
    code, text = run("Right(cell=Dense(3))", "x.keras", plugin="right.py")
    assert code == 0, text


@pytest.mark.parametrize("layer", ["Drawn()", "Seeded()", "StandsFor(3)", "StandsFor()", "Wired(3.0)"])
def test_what_plain_keras_gives_back_is_saved(run: Any, layer: str) -> None:
    code, text = run(layer, "x.keras", "x.h5")
    assert code == 0, text
    assert "nothing that was compared" not in text
    assert "no seed repeats" not in text


def test_what_nobody_can_repeat_is_saved_with_a_warning(run: Any) -> None:
    code, text = run("Unrepeated()", "x.keras")
    assert code == 0, text
    assert "draws random numbers that no seed repeats" in text
    code, text = run('ForgetsNote("made by hand")', "x.keras")
    assert code == 0, text
    assert "does not give back 'note'; nothing that was compared depends on it" in text


def test_what_is_lost_is_refused_before_training(run: Any) -> None:
    code, text = run("ForgetsSlope(0.1)", "x.keras")
    assert code == 3
    assert "does not give back 'slope' (0.1 in the model, 1.0 after reloading)" in text
    code, text = run("RawWeight()", "x.keras")
    assert code == 3
    assert "raw_weight/gain (tf.Variable). Make it with self.add_weight()" in text
    code, text = run("RawWeight()")
    assert code == 0
    assert "not trained and not saved, for Keras does not see it: raw_weight/gain (tf.Variable)" in text


def test_the_files_open_in_plain_keras_by_the_names_of_the_classes(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run("StandsFor(3)", "x.keras", "x.h5")
    assert code == 0, text
    monkeypatch.syspath_prepend(Path.cwd())
    cls = importlib.import_module("parts").StandsFor
    features = np.random.default_rng(0).normal(size=(4, 10)).astype("float32")
    models = [
        keras.saving.load_model(file, custom_objects={"StandsFor": cls}, compile=False)
        for file in ("x.keras", "x.h5")
    ]
    assert type(models[0].layers[2]) is cls
    np.testing.assert_array_equal(models[0](features), models[1](features))


def test_a_plugin_file_that_was_renamed(run: Any, capfd: Any, kwb: Any) -> None:
    code, text = run("Wired(3.0)", "x.keras")
    assert code == 0, text
    _, before = command(capfd, "evaluate", "x.keras", "--data", "r.yaml", "--plugin", "parts.py")
    shutil.copy("parts.py", "renamed.py")
    lost = kwb("evaluate", "x.keras", "--data", "diabetes")  # which does not know the class
    assert lost.returncode == 3
    assert "pip install" not in lost.stderr
    assert "--plugin FILE.py" in lost.stderr
    found = kwb("evaluate", "x.keras", "--data", "r.yaml", "--plugin", "renamed.py")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[-1] in before.splitlines()
    assert "the class 'Wired' of 'parts' is taken from renamed.py" in found.stderr


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pathlib", "Path"),  # of another distribution
        ("keras.src.saving.saving_lib", "H5IOStore"),
        ("kwb_file_parts_0", "keras"),  # of the file, and no class
        ("kwb_file_parts_0", "Elsewhere"),
    ],
)
def test_a_helper_that_is_not_the_layers_own_is_refused(run: Any, capfd: Any, module: str, name: str) -> None:
    code, text = run("Wired(3.0)", "x.keras")
    assert code == 0, text
    with zipfile.ZipFile("x.keras") as file:
        members = {each: file.read(each) for each in file.namelist()}
    config = members["config.json"].decode()
    assert '"class_name": "Wiring"' in config
    found = re.search(r'"module": "(kwb_file_parts_\w+)", "class_name": "Wiring"', config)
    assert found is not None
    named = found[0].replace(found[1], module).replace("Wiring", name)
    members["config.json"] = config.replace(found[0], named).replace('"Wiring"', f'"{name}"').encode()
    with zipfile.ZipFile("hostile.keras", "w") as file:
        for each, content in members.items():
            file.writestr(each, content)
    code, text = command(capfd, "evaluate", "hostile.keras", "--data", "r.yaml", "--plugin", "parts.py")
    assert code == 3, text
    assert name in text
    assert "Traceback" not in text


def test_whose_helpers_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = "class Cell:\n    def from_config(config): ...\nclass Other: ...\ndef make(): ...\n"
    for package in ("kwb_one", "kwb_two"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        for name in ("cells", "asleep"):
            (tmp_path / package / f"{name}.py").write_text(helper)
        (tmp_path / package / "layers.py").write_text("from .cells import Cell\nclass Layer: ...\n")
    for name in ("kwb_first", "kwb_second"):  # two distributions may have a part of one namespace
        (tmp_path / "kwb_space" / name).mkdir(parents=True)
        (tmp_path / "kwb_space" / name / "cells.py").write_text(helper)
    monkeypatch.syspath_prepend(tmp_path)
    owner = importlib.import_module("kwb_one.layers").Layer
    for name in ("kwb_one.cells", "kwb_two.cells", "kwb_space.kwb_first.cells", "kwb_space.kwb_second.cells"):
        importlib.import_module(name)
    trusted = Resolver(Catalog(())).resolve_helper
    assert trusted("kwb_one.cells", "Cell", owner) is sys.modules["kwb_one.cells"].Cell
    assert trusted("kwb_one.layers", "Cell", owner) is None  # imported there, defined elsewhere
    assert trusted("kwb_one.cells", "Other", owner) is None
    assert trusted("kwb_one.cells", "make", owner) is None
    assert trusted("kwb_one.asleep", "Cell", owner) is None
    assert "kwb_one.asleep" not in sys.modules
    assert trusted("kwb_two.cells", "Cell", owner) is None
    first = sys.modules["kwb_space.kwb_first.cells"].Cell
    assert trusted("kwb_space.kwb_second.cells", "Cell", first) is None
