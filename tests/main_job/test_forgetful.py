"""A class that a file would not give back is found before training, not after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Run, kwb_in

pytestmark = pytest.mark.slow

PLUGIN = '''\
"""Layers as people first write them."""
import keras


class Forgetful(keras.layers.Layer):
    """Scales by a weight; get_config forgets `start`."""

    def __init__(self, start: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        return inputs * self.scale * self.start

    def get_config(self):
        return {**super().get_config(), "dtype": "float32"}
'''

RECIPE = """\
kwb: 1
name: forgetful
data: {use: diabetes, scale: standard}
model:
  sequential:
    - {use: Forgetful, start: 3.0}
    - {use: Dense, units: 1}
train: {epochs: 2, loss: mse}
"""


@pytest.fixture
def working_directory(tmp_path: Path) -> Path:
    (tmp_path / "layers.py").write_text(PLUGIN)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_with_files_to_save_it_is_refused_before_training(working_directory: Path) -> None:
    arguments = ["--batch", "recipe.yaml", "--plugin", "layers.py", "--set", "save=[out/model.keras]"]
    done = kwb_in(working_directory, arguments)
    assert done.code == 3
    assert "Forgetful" in done.err
    assert "'start'" in done.err
    assert not (working_directory / "saved").exists()
    assert not (working_directory / "out").exists()


def test_with_none_it_trains_and_says_so(working_directory: Path) -> None:
    done = kwb_in(working_directory, ["--batch", "recipe.yaml", "--plugin", "layers.py", "--json"])
    assert done.code == 0, done.err
    warnings = [record for record in done.of("message") if record["level"] == "warning"]
    (warning,) = [record for record in warnings if "scale_targets" not in record["text"]]
    assert "would not come back from a file" in warning["text"]
    assert "'start'" in warning["text"]
    assert len(done.of("epoch")) == 2
    (saved,) = done.of("saved")
    assert saved["path"].endswith("model.weights.h5")


def test_a_model_that_came_back_is_tried_again_once_its_code_changes(working_directory: Path) -> None:
    state = working_directory / "state"
    layers = working_directory / "layers.py"
    layers.write_text(PLUGIN.replace('"dtype": "float32"', '"start": self.start'))
    arguments = ["--batch", "recipe.yaml", "--plugin", "layers.py", "--set", "save=[out/model.keras]"]

    def train(*more: str) -> Run:
        return kwb_in(working_directory, [*arguments, *more], {"KWB_STATE_DIR": str(state)})

    for more in ((), ("--set", "seed=2"), ("--set", "train.epochs=3")):
        assert train(*more).code == 0
    known = list((state / "saveable").iterdir())
    assert len(known) == 2, "the number of epochs is a part of `train`, the seed is not"
    layers.write_text(PLUGIN)
    forgetful = train()
    assert forgetful.code == 3
    assert "'start'" in forgetful.err
    assert list((state / "saveable").iterdir()) == known


READS = {
    "a module in another folder": (
        "import sys\nsys.path.insert(0, FOLDER)\nimport kept_elsewhere\nKEEPS = lambda: kept_elsewhere.KEEPS",
        "elsewhere/kept_elsewhere.py",
        ("KEEPS = True\n", "KEEPS = False\n"),
    ),
    "a file beside it": (
        "from pathlib import Path\n"
        "KEEPS = lambda: (Path(__file__).parent / 'keeps.txt').read_text().strip() == 'yes'",
        "keeps.txt",
        ("yes\n", "no\n"),
    ),
    "an environment variable": (
        "import os\nKEEPS = lambda: os.environ.get('KEEPS_START') == 'yes'",
        "",
        ("yes", "no"),
    ),
}


@pytest.mark.parametrize("what", READS)
def test_a_model_is_tried_again_once_what_its_code_reads_changes(working_directory: Path, what: str) -> None:
    """`get_config` forgets an argument because of something that is not in the plugin's own files."""
    code, name, values = READS[what]
    folder = working_directory / "plugin"
    elsewhere = working_directory / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    forgets = '{**super().get_config(), "dtype": "float32"}'
    assert forgets in PLUGIN
    config = f'{forgets[:-1]}, **({{"start": self.start}} if KEEPS() else {{}})}}'
    heading = code.replace("FOLDER", repr(str(elsewhere)))
    (folder / "layers.py").write_text(f"{PLUGIN.replace(forgets, config)}\n\n{heading}\n")
    arguments = ["--batch", "recipe.yaml", "--plugin", "plugin/layers.py", "--set", "save=[out/model.keras]"]
    codes = []
    for value in (*values, values[0]):
        if name:
            where = folder if name == "keeps.txt" else working_directory
            (where / name).write_text(value)
        environment = {"KWB_STATE_DIR": str(working_directory / "state"), "KEEPS_START": value}
        codes.append(kwb_in(working_directory, arguments, environment).code)
    assert codes == [0, 3, 0]
