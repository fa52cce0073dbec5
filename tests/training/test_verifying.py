"""`kwb verify`: equal in a fresh process, and the name of what has changed where it is not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Kwb

pytestmark = pytest.mark.slow

PLUGIN = """
import keras
from keras.callbacks import CSVLogger

__all__ = ["CSVLogger", "Scaled"]

class Scaled(keras.layers.Layer):
    \"\"\"A dense layer.\"\"\"

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, x):
        return 1.5 * keras.ops.matmul(x, self.kernel)

    def get_config(self):
        return super().get_config() | {"units": self.units}
"""

RECIPE = """
kwb: 1
name: houses
data:
  use: csv
  path: houses.csv
  targets: [price]
  split: {validation: 0.2}
  scale: standard
model: {sequential: [{use: Scaled, units: 4}, {use: Dropout, rate: 0.2}, {use: Dense, units: 1}]}
train:
  loss: mse
  epochs: 3
  batch_size: 16
  callbacks: [{use: CSVLogger, filename: saved/log.csv}]
seed: 3
save: [saved/houses.keras]
"""


@dataclass(frozen=True)
class Job:
    """A folder with a run in it, and the command in that folder."""

    folder: Path
    kwb: Kwb

    @property
    def run(self) -> Path:
        (run,) = (self.folder / "saved" / "runs").iterdir()
        return run

    def train(self, code: int = 0) -> None:
        done = self._kwb("--batch", "houses.yaml")
        assert done.returncode == code, done.stderr

    def verify(self, *options: str) -> tuple[int, dict[str, Any]]:
        before = self._contents()
        done = self._kwb("verify", str(self.run), "--json", *options)
        assert self._contents() == before
        return done.returncode, json.loads(done.stdout)

    def _kwb(self, *arguments: str) -> Any:
        done = self.kwb(*arguments, "--plugin", "scaled.py", cwd=self.folder, timeout=300)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def _contents(self) -> dict[str, str]:
        files = [path for path in (self.folder / "saved").rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def houses(folder: Path, kwb: Kwb, *, recipe: str = RECIPE, plugin: str = PLUGIN) -> Job:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3)).round(4)
    towns = rng.choice(["Bern", "Chur"], 200)
    lines = [f"{a},{b},{town},{c}" for (a, b, c), town in zip(rows, towns, strict=True)]
    (folder / "houses.csv").write_text("\n".join(["size,age,town,price", *lines]) + "\n")
    (folder / "houses.yaml").write_text(recipe)
    (folder / "scaled.py").write_text(plugin)
    return Job(folder, kwb)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, kwb: Kwb) -> Path:
    job = houses(tmp_path_factory.mktemp("trained"), kwb)
    job.train()
    return job.folder


@pytest.fixture
def job(trained: Path, tmp_path: Path, kwb: Kwb) -> Job:
    """A copy of the run, its recipe's folder and all; what is changed in it changes no other."""
    shutil.copytree(trained, tmp_path / "copy")
    copy = Job(tmp_path / "copy", kwb)
    environment = json.loads((copy.run / "environment.json").read_text())
    environment["recipe_folder"] = str(copy.folder)
    (copy.run / "environment.json").write_text(json.dumps(environment))
    return copy


def kinds(found: dict[str, Any]) -> list[str]:
    return [change["kind"] for change in found["changes"]]


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def test_all_of_it_is_equal(job: Job) -> None:
    code, found = job.verify("--all")
    assert (code, found["status"], found["changes"]) == (0, "equal", [])
    assert found["equal_until"] == {"epochs": 3, "steps": 0}


def test_so_many_steps_are_equal(job: Job) -> None:
    code, found = job.verify("--steps", "3")
    assert (code, found["status"]) == (0, "equal")
    assert (1, 0) >= tuple(found["equal_until"].values()) >= (0, 3)


def test_a_changed_row_is_named(job: Job) -> None:
    def change(text: str) -> str:
        lines = text.split("\n")
        size, rest = lines[78].split(",", 1)
        return "\n".join([*lines[:78], f"{float(size) + 1},{rest}", *lines[79:]])

    edit(job.folder / "houses.csv", change)
    code, found = job.verify()
    assert (code, found["status"], found["repeatable"]) == (1, "different", True)
    assert kinds(found) == ["data"]
    assert "row 78 changed" in found["changes"][0]["text"]
    assert "in column size" in found["changes"][0]["text"]
    assert found["equal_until"] == {"epochs": 0, "steps": 0}
    assert found["differs_at"] == {"epochs": 0, "steps": 1}


def test_a_changed_line_of_a_plugin_is_named(job: Job) -> None:
    edit(job.folder / "scaled.py", lambda text: text.replace("1.5", "1.25"))
    code, found = job.verify()
    assert (code, found["status"], found["repeatable"]) == (1, "different", True)
    assert [(change["kind"], change["name"]) for change in found["changes"]] == [("plugin", "scaled.py")]
    assert any(path.endswith("kernel") for path in found["weights"])


def test_another_seed_is_named(job: Job) -> None:
    edit(job.run / "recipe.yaml", lambda text: text.replace("seed: 3", "seed: 4"))
    code, found = job.verify()
    assert (code, found["status"]) == (1, "different")
    (change,) = (change for change in found["changes"] if change["kind"] == "seed")
    assert (change["before"], change["now"]) == (3, 4)
    assert found["equal_until"] is None
    assert found["differs_at"] == {"epochs": 0, "steps": 0}


def test_another_version_of_a_library_is_named_also_where_the_weights_are_equal(job: Job) -> None:
    receipt = job.run / "receipt.jsonl"
    records = [json.loads(line) for line in receipt.read_text().splitlines()]
    now = records[0]["start"]["versions"]["tensorflow"]
    records[0]["start"]["versions"]["tensorflow"] = "2.0.1"
    receipt.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    code, found = job.verify("--steps", "1")
    assert (code, found["status"]) == (0, "equal")
    (change,) = found["changes"]
    assert (change["kind"], change["name"], change["before"], change["now"]) == (
        "version",
        "tensorflow",
        "2.0.1",
        now,
    )


@pytest.mark.parametrize("what", ["receipt", "data"])
def test_what_cannot_be_verified_says_why(job: Job, what: str) -> None:
    path = job.run / "receipt.jsonl" if what == "receipt" else job.folder / "houses.csv"
    path.unlink()
    code, found = job.verify()
    assert (code, found["status"]) == (3, "unknown")
    assert ("no receipt" if what == "receipt" else "houses.csv") in found["reason"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_damaged_receipt_is_unknown_whatever_it_holds(job: Job, at: int) -> None:
    path = job.run / "receipt.jsonl"
    kinds = {next(iter(json.loads(line))): line for line in path.read_text().splitlines()}
    start = json.loads(kinds["start"])["start"]
    damaged = [
        "no receipt",
        json.dumps({"start": {**start, "steps": "many"}}) + "\n" + kinds["weights"] + "\n" + kinds["state"],
        json.dumps({"start": {**start, "data": {"data": []}}})
        + "\n"
        + kinds["weights"]
        + "\n"
        + kinds["state"],
    ]
    path.write_text(damaged[at])
    code, found = job.verify("--steps", "1")
    assert (code, found["status"]) == (3, "unknown")
    assert "receipt.jsonl is no receipt of a training" in found["reason"].replace(": ", " ")


def test_a_stream_is_equal_and_its_changed_row_is_named(tmp_path: Path, kwb: Kwb) -> None:
    job = houses(
        tmp_path, kwb, recipe=RECIPE.replace("  scale: standard\n", "  scale: standard\n  stream: true\n")
    )
    job.train()
    assert job.verify()[0] == 0
    lines = (tmp_path / "houses.csv").read_text().split("\n")
    line = next(number for number, text in enumerate(lines) if "Bern" in text)
    edit(job.folder / "houses.csv", lambda text: text.replace("Bern", "Chur", 1))
    code, found = job.verify()
    assert (code, kinds(found)) == (1, ["data"])
    assert f"row {line} changed" in found["changes"][0]["text"]
    assert "in column town" in found["changes"][0]["text"]


def test_a_training_that_does_not_repeat_itself_blames_nothing(tmp_path: Path, kwb: Kwb) -> None:
    plugin = PLUGIN.replace("import keras\n", "import keras\nimport os\n", 1)
    plugin = plugin.replace("1.5 * ", "(1.5 + int.from_bytes(os.urandom(4)) / 2**32) * ")
    # The first step of Adam is as long whatever the gradient is.
    recipe = RECIPE.replace("  loss: mse\n", "  loss: mse\n  optimizer: {use: SGD, learning_rate: 0.01}\n")
    recipe = recipe.replace("save: [saved/houses.keras]\n", "")  # such a model cannot be saved whole
    job = houses(tmp_path, kwb, recipe=recipe, plugin=plugin)
    job.train()
    edit(job.folder / "houses.csv", lambda text: text.replace("Bern", "Chur", 1))
    code, found = job.verify("--steps", "1")
    assert (code, found["status"], found["repeatable"]) == (1, "different", False)


def test_a_training_that_failed_is_verified_up_to_there(tmp_path: Path, kwb: Kwb) -> None:
    recipe = RECIPE.replace("  epochs: 3\n", "  epochs: 3\n  optimizer: {use: SGD, learning_rate: 1.0e+12}\n")
    job = houses(tmp_path, kwb, recipe=recipe)
    job.train(1)
    code, found = job.verify("--all")
    assert (code, found["status"]) == (0, "equal")
    assert found["compared"] >= 2
