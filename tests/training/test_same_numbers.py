"""The same recipe gives the same numbers in every run: a choice of an engine is kept.

KWB_WHOLE=numbers runs each recipe five times in processes of their own; CI runs it twice.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from tests.whole import whole
from workbench.events import EngineChosen
from workbench.training.engines import Arrays, Choices, FitSettings, choose, fit, measuring
from workbench.training.engines.choices import LONGER, Kept

RUNS = 5 if whole("numbers") else 2

RECIPE = """
kwb: 1
name: noisy
seed: 3
data:
  use: digits
  split: {{validation: 0.2}}
model:
  sequential:
    - {{use: RandomFlip, mode: horizontal}}
    - {{use: RandomRotation, factor: 0.1}}
    - {{use: GaussianNoise, stddev: 0.1}}
    - {{use: Flatten}}
    - {{use: Dense, units: 16, activation: relu}}
    - {{use: Dropout, rate: 0.3}}
    - {{use: Dense, units: 10, activation: softmax}}
train: {{epochs: {epochs}, loss: sparse_categorical_crossentropy, metrics: [accuracy]}}
save: [saved.weights.h5, saved.keras, saved.h5]
"""

rng = np.random.default_rng(1)
X = rng.normal(size=(256, 4)).astype("float32")
DATA = Arrays(X, X[:, :1])


def logs_of(output: str) -> list[dict[str, float]]:
    events = [json.loads(line) for line in output.splitlines()]
    return [event["logs"] for event in events if event["event"] == "epoch"]


def content(path: Path) -> str:
    """A hash of all that a saved file holds, but for the moment and the run that it names."""
    found = hashlib.sha256()

    def add(name: str, value: bytes) -> None:
        if name.endswith("metadata.json"):
            value = json.dumps(json.loads(value) | {"date_saved": ""}).encode()
        if name.endswith("kwb.json"):
            record = json.loads(value)
            value = json.dumps(record | {"notes": record["notes"] | {"run": "", "run_id": ""}}).encode()
        found.update(name.encode() + value)

    def add_item(name: str, item: Any) -> None:
        found.update(repr([(key, np.asarray(item.attrs[key]).tolist()) for key in item.attrs]).encode())
        if isinstance(item, h5py.Dataset):
            add(name, item[()].tobytes())

    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                add(name, archive.read(name))
    else:
        with h5py.File(path) as file:
            file.visititems(add_item)
    return found.hexdigest()


def test_random_layers_give_the_same_logs_and_files_in_every_run(kwb: Any, tmp_path: Path) -> None:
    """Also with the epochs doubled, as far as the shorter one goes."""
    runs = []
    for number, epochs in enumerate([*[4] * RUNS, 8]):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "recipe.yaml").write_text(RECIPE.format(epochs=epochs))
        done = kwb("--batch", "recipe.yaml", "--json", cwd=folder, timeout=400)
        assert done.returncode == 0, done.stderr
        saved = [content(folder / name) for name in ("saved.weights.h5", "saved.keras", "saved.h5")]
        runs.append((logs_of(done.stdout), saved))
    *same, (longer, _) = runs
    assert len(same[0][0]) == 4
    assert all(run == same[0] for run in same)
    assert longer[:4] == same[0][0]


@pytest.fixture
def measures_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(measuring, "MEASURING", 0.01)
    monkeypatch.setattr(measuring.Measuring, "_xla_may_pay", lambda self: True)
    monkeypatch.setattr(measuring.Measuring, "_compiling", 0.0)  # measured at the second step


def trained(choices: Choices, engine: str = "auto", epochs: int = 2, units: int = 4) -> EngineChosen:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(units), layers.Dense(1)])
    model.compile("adam", "mse")
    chosen: list[EngineChosen] = []
    settings = FitSettings(epochs=epochs, engine=engine)  # type: ignore[arg-type]
    fit(model, DATA, None, settings, on_chosen=chosen.append, choices=choices)
    return chosen[-1]


class Difference(layers.Layer):
    """Adds the difference of two functions of its input, or the same the other way round: no operation differs."""

    def __init__(self, swapped: bool) -> None:
        super().__init__()
        self.swapped = swapped

    def call(self, x: Any) -> Any:
        a, b = keras.ops.tanh(x), keras.ops.sigmoid(x)
        return x + keras.ops.stop_gradient(b - a if self.swapped else a - b)


class Branches(Difference):
    """Does one thing or another, by a condition: the functions of its branches are the same, and change places."""

    def call(self, x: Any) -> Any:
        branches = [lambda: keras.ops.tanh(x), lambda: keras.ops.sigmoid(x)]
        return keras.ops.cond(keras.ops.sum(x) > 0.0, *(reversed(branches) if self.swapped else branches))


@pytest.mark.parametrize("kind", [Difference, Branches])
def test_the_same_operations_connected_otherwise_are_another_step(tmp_path: Path, kind: Any) -> None:
    """A layer that was edited: XLA was compared with plain Keras for what the layer was before."""
    for swapped, kept in ((False, 1), (False, 1), (True, 2)):
        model = keras.Sequential([layers.Input((4,)), layers.Dense(4), kind(swapped), layers.Dense(1)])
        model.compile("adam", "mse")
        fit(model, DATA, None, FitSettings(epochs=20), on_chosen=lambda _: None, choices=Choices(tmp_path))
        assert len(list(tmp_path.iterdir())) == kept


@pytest.mark.usefixtures("measures_xla")
@pytest.mark.parametrize("other", ["chunk", "chunk-xla"])
def test_what_was_chosen_is_chosen_again(tmp_path: Path, other: str) -> None:
    """For any number of epochs; measured again when asked for, when the model is another or the file is broken."""
    choices = Choices(tmp_path / "engines")
    first = trained(choices)
    (file,) = (tmp_path / "engines").iterdir()
    kept = json.loads(file.read_text())
    assert (kept["engine"], kept["speeds"]) == (first.engine, first.candidates)
    file.write_text(json.dumps(kept | {"engine": other, "day": "2001-02-03"}))
    for epochs in (2, 4):
        again = trained(choices, epochs=epochs)
        assert (again.engine, again.reason) == (other, "as measured on 2001-02-03")
    assert "2001" not in trained(choices, units=5).reason
    assert "times" in trained(choices, "measure").reason
    file.write_text("{")
    assert "times" in trained(choices).reason
    assert json.loads(file.read_text())["speeds"], "a broken file is replaced"


@pytest.mark.usefixtures("measures_xla")
def test_a_longer_training_leaves_a_shorter_one_its_choice(tmp_path: Path) -> None:
    choices = Choices(tmp_path / "engines")
    trained(choices)
    (file,) = (tmp_path / "engines").iterdir()
    short = json.loads(file.read_text()) | {"engine": "chunk", "speeds": {"chunk": 1.0}, "xla_settled": False}
    file.write_text(json.dumps(short | {"steps": 16, "day": "2001-02-03"}))
    measured = trained(choices, epochs=20)
    assert "chunk-xla" in measured.candidates
    (other,) = set((tmp_path / "engines").iterdir()) - {file}
    other.write_text(json.dumps(json.loads(other.read_text()) | {"engine": "chunk-xla", "day": "2002-02-03"}))
    for epochs, engine, year in ((2, "chunk", 2001), (20, "chunk-xla", 2002), (2, "chunk", 2001)):
        again = trained(choices, epochs=epochs)
        assert (again.engine, again.reason) == (engine, f"as measured on {year}-02-03")
    trained(choices, "measure")
    assert list((tmp_path / "engines").iterdir()) == [file], "of a machine that was busy nothing is left"


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "engines").write_text("a file")
    assert trained(Choices(tmp_path / "engines"), epochs=20).engine == "chunk"


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "[" * 100_000, '{"engine": "chunk"}', "NaN speed"])
def test_a_file_that_is_broken_is_no_choice(tmp_path: Path, text: str) -> None:
    choices = Choices(tmp_path)
    kept = Kept("chunk", {"chunk": float("nan") if text == "NaN speed" else 10.0}, 100, xla_settled=True)
    choices.keep("key", kept)
    if text != "NaN speed":
        assert choices.get("key") == kept
        (tmp_path / "key.json").write_text(text)
    assert choices.get("key") is None


def test_what_a_short_training_chose_serves_one_that_is_not_far_longer() -> None:
    short = Kept("chunk", {"chunk": 10.0}, 100, xla_settled=False)
    assert short.holds(LONGER * 100)
    assert not short.holds(LONGER * 100 + 1)
    assert Kept("chunk-xla", {"chunk": 1.0, "chunk-xla": 9.0}, 100, xla_settled=True).holds(10**9)


DRAWING = '''\
"""A layer that draws in every way there is."""
import random

import keras
import numpy as np
import tensorflow as tf


class Drawing(keras.layers.Layer):
    """Adds noise."""

    def __init__(self, rate: float = 0.3, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.drop = keras.layers.Dropout(rate)

    def build(self, shape):
        start = np.random.normal() + random.random()
        self.scale = self.add_weight(shape=(shape[-1],), initializer=keras.initializers.Constant(start))
        self.drop.build(shape)

    def call(self, x, training=False):
        x = self.drop(x * self.scale, training=training)
        if not training:
            return x
        return x + 0.1 * tf.random.normal(tf.shape(x)) + 0.1 * keras.random.normal((1,))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}
'''


@pytest.mark.slow
def test_a_model_that_is_known_to_come_back_trains_to_the_same_numbers(
    tmp_path: Path, kwb: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not saved and reloaded the second time; to do so must draw nothing from what training draws."""
    monkeypatch.setenv("KWB_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "drawing.py").write_text(DRAWING)
    (tmp_path / "recipe.yaml").write_text(
        "kwb: 1\nname: drawn\nseed: 4\ndata: {use: diabetes, scale: standard, split: {validation: 0.2}}\n"
        "model: {sequential: [{use: Dense, units: 4}, {use: Drawing}, {use: Dense, units: 1}]}\n"
        "train: {epochs: 3, loss: mae, engine: chunk}\n"
    )
    logs = []
    for known in (0, 1):
        found = list((tmp_path / "state" / "saveable").glob("*"))
        assert len(found) == known
        done = kwb("--batch", "recipe.yaml", "--plugin", "drawing.py", "--json", cwd=tmp_path, timeout=200)
        assert done.returncode == 0, done.stderr
        logs.append(logs_of(done.stdout))
    assert logs[0] == logs[1]
