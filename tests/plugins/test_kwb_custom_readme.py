"""The tutorial in plugins/README.md: its files, taken from the page, are a plugin that works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from workbench.catalog import Kind

README = Path(__file__).parents[2] / "plugins" / "README.md"

TRAIN = """
import keras, numpy as np
from workbench.assembly.forms import maker_of
from workbench.catalog import Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.data.loading import load
from workbench.recipe.document import read

catalog = Catalog(discover())
document = read(recipe_file(catalog.find(Kind.RECIPE, "waves")))
recipe = document.recipe
keras.utils.set_random_seed(recipe.seed)
data = load(recipe.data, catalog, folder=document.folder, seed=recipe.seed)
(x,), (y,) = data.train.inputs.values(), data.train.targets.values()
assert x.shape == (320, 2), x.shape
maker = maker_of(catalog, document.find, load_model=None)
layers = [maker.layer(spec, "model") for spec in recipe.model.sequential]
model = keras.Sequential([keras.Input((2,)), *layers])
model.compile(maker.make(Kind.OPTIMIZER, recipe.train.optimizer, "train.optimizer"), recipe.train.loss.use)
losses = model.fit(x, y, epochs=recipe.train.epochs, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 2, losses
model.save("waves.keras")
loaded = keras.models.load_model("waves.keras")
assert np.array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
assert keras.saving.get_registered_name(type(layers[1])) == "acme-layers>Gate"

from pathlib import Path
from acme.days import days
from workbench.data.streaming import prepare
from workbench.recipe.schema import Data

Path("days").mkdir()
rows = np.random.default_rng(0).random((200, 3))
for day in range(4):
    np.save(f"days/{day}.npy", rows[50 * day:50 * day + 50])
streamed = prepare(Data.model_validate({"use": "days", "split": {"test": 0.2}}), days("days"), seed=0)
for part, count in ((streamed.train, 160), (streamed.test, 40)):
    found = part.read_all()
    assert found.rows == count
    np.testing.assert_allclose(found.inputs["features"], rows[found.index, :2], rtol=1e-6)
    np.testing.assert_allclose(found.targets["power"][:, 0], rows[found.index, 2], rtol=1e-6)
"""


def files_of_the_tutorial() -> dict[str, str]:
    """Each block that follows a paragraph beginning with a file's name in bold."""
    parts = re.split(r"^\*\*`([\w./-]+)`\*\*", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    blocks = {
        name: re.search(r"^```\w+\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }
    return {name: block[1] for name, block in blocks.items() if block}


@pytest.fixture
def installed(tmp_path):
    """The tutorial's distribution in a folder, with the metadata that an installer would write."""
    for name, text in files_of_the_tutorial().items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(metadata)
    points = "\n".join(f"{name} = {module}" for name, module in project["entry-points"]["kwb"].items())
    (info / "entry_points.txt").write_text(f"[kwb]\n{points}\n")
    return tmp_path


def test_the_tutorials_plugin_is_found_trains_and_reloads(installed):
    environment = {**os.environ, "PYTHONPATH": str(installed), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], cwd=installed, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_tutorials_files_are_all_there():
    assert files_of_the_tutorial().keys() == {
        "pyproject.toml",
        "acme/plugin.py",
        "acme/layers.py",
        "acme/data.py",
        "acme/days.py",
        "acme/recipes/waves.yaml",
    }


@pytest.fixture
def loop(tmp_path):
    """The files of the loop in which one writes a layer: each block that begins with its name."""
    text = README.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:python|yaml)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        if found := re.match(r"# ([\w.]+)\n", block):
            (tmp_path / found[1]).write_text(block)
    assert {path.name for path in tmp_path.iterdir()} == {"gate.py", "gated.yaml"}
    return tmp_path


def line_of(file, text):
    return next(number for number, line in enumerate(file.read_text().splitlines(), 1) if text in line)


def test_the_loop_of_a_layer(loop, kwb):
    """Its commands, one after the other, with an edit where the page says so, and one that makes a nan at the end."""
    text = README.read_text(encoding="utf-8").partition("## The loop in which one writes a layer")[2]
    block = re.search(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    commands = [line.partition("#")[0].split()[1:] for line in block[1].splitlines()]
    assert [each[0] for each in commands] == [
        "probe",
        "probe",
        "probe",
        "probe",
        "check",
        "--batch",
        "replay",
    ]
    gate = loop / "gate.py"
    for command in commands:
        if "--batch" in command:
            gate.write_text(gate.read_text().replace("ops.tanh(x)", "ops.log(x)"))
        done = kwb(*command, cwd=loop, timeout=300)
        expected = 1 if "--batch" in command else 0  # the logarithm of a negative number
        assert done.returncode == expected, (command, done.stdout, done.stderr)
        if "--keep" in command:
            gate.write_text(gate.read_text().replace("strength=0.5", "strength=0.25"))
        if "--compare" in command:
            assert "~ gate.strength: 0.5 → 0.25" in done.stdout
        if "replay" in command:
            assert "the result of Log, in the call of 'gate' (Gate), is not finite." in done.stdout
            assert f"gate.py:{line_of(gate, 'return x')} in call" in done.stdout


def test_every_hook_is_named():
    text = README.read_text(encoding="utf-8")
    missing = [kind.plural for kind in Kind if f"_{kind.plural}`" not in text]
    assert not missing
