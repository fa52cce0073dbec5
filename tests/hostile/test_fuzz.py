"""Thousands of files changed at random: each is fine or refused in a sentence, in seconds, and nothing dies.

A few hundred by default. `KWB_FUZZ=5000` makes five thousand, from the same seeds on; a failure names the seed.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from tests.hostile.asking import Asker, Ended, Harness
from tests.hostile.files import dense_config, h5_file, keras_file, weights_h5_file
from tests.hostile.mutations import bytes_changed, json_changed, text_changed
from workbench import events
from workbench.cli.rendering import inspection_lines
from workbench.errors import FileError
from workbench.escaping import escape_line, to_json

WHOLE = int(os.environ.get("KWB_FUZZ", "300"))
MOST_SECONDS = 5.0  # of the processor
MOST_MEMORY = 1 << 30

RECIPE = """\
kwb: 1
name: prices
data: {use: diabetes, split: {validation: 0.2, test: 0.1}, scale: [bmi, age]}
model:
  graph:
    inputs: [x]
    layers:
      - h = {use: Dense, units: 8, activation: relu}(x)
      - y = {use: Dense, units: 1}(h)
    outputs: [y]
train:
  epochs: 5
  optimizer: {use: Adam, learning_rate: 0.01}
  loss: mse   # a comment
  metrics: [mae]
  callbacks:
    - {use: EarlyStopping, patience: 3}
save: [saved/prices.keras]
"""
STACK = """\
kwb: 1
name: small
data:
  use: csv
  path: table.csv
  targets: [y]
model: {sequential: [{use: Dense, units: 4}, {use: Dropout, rate: 0.5}, {use: Dense, units: 1}]}
train: {epochs: 3, loss: mse, batch_size: 16, class_weight: {0: 1.0}}
"""


@dataclass
class Files:
    """The sound files that are changed, in memory."""

    folder: Path
    table: str
    npz: bytes
    parquet: bytes
    keras: bytes
    h5: bytes
    weights: bytes


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("fuzz")
    chance = np.random.default_rng(0)
    rows = [
        (number, round(float(chance.normal()), 3), "red" if number % 3 else "blue", number / 7)
        for number in range(40)
    ]
    table = "a,b,colour,y\n" + "".join(f"{a},{b},{c},{y}\n" for a, b, c, y in rows)
    arrays = io.BytesIO()
    np.savez(arrays, x=chance.normal(size=(40, 3)).astype("float32"), y=np.arange(40.0))
    parquet = io.BytesIO()
    columns = {"a": [r[0] for r in rows], "colour": [r[2] for r in rows], "y": [r[3] for r in rows]}
    pyarrow.parquet.write_table(pyarrow.table(columns), parquet)
    return Files(
        folder,
        table,
        arrays.getvalue(),
        parquet.getvalue(),
        keras_file(folder / "m.keras").read_bytes(),
        h5_file(folder / "m.h5").read_bytes(),
        weights_h5_file(folder / "m.weights.h5").read_bytes(),
    )


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.close()


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    harness = Harness()
    yield harness
    harness.close()


def seeds(part: float, kind: int) -> Iterator[random.Random]:
    """A random generator for each file of a kind; `part` of all files are of it."""
    for number in range(max(int(WHOLE * part), 1)):
        chance = random.Random(kind * 1_000_003 + number)
        chance.seed_name = f"{kind}/{number}"  # type: ignore[attr-defined]
        yield chance


def is_shown_safely(text: str) -> None:
    shown = escape_line(text)
    assert shown == text, shown
    assert len(text) < 3000
    assert "Traceback" not in text
    assert "internal error" not in text


def hold(harness: Harness, do: str, path: Path, seed: str, codes: tuple[int, ...]) -> int:
    """Have something done with a file; its exit code."""
    before = harness.memory()
    try:
        answer = harness.ask({"do": do, "path": str(path)})
    except Ended as ended:
        raise AssertionError(f"seed {seed}: {do} of {path} ended the process: {ended}") from None
    assert answer["code"] in (0, *codes), f"seed {seed}: {answer['message']}"
    is_shown_safely(answer["message"])
    assert answer["seconds"] < MOST_SECONDS, f"seed {seed}: {answer}"
    assert not before or harness.memory() - before < MOST_MEMORY, f"seed {seed}"
    return int(answer["code"])


def hold_model(asker: Asker, harness: Harness, path: Path, seed: str) -> None:
    """What `kwb inspect`, and then `kwb evaluate`, do with a file."""
    looked = asker.ask_of("inspect", path)
    if "error" in looked:
        is_shown_safely(str(FileError.from_record(looked["error"])))
        ended = looked["error"]["what"].startswith("reading it ended")
        assert not ended or any(
            f"SIG{name}" in looked["error"]["what"] for name in ("SEGV", "BUS", "FPE", "ABRT")
        )
    else:
        record = looked["result"]
        text = to_json(record)
        assert text.isascii()
        assert text.isprintable()
        assert all(escape_line(line) for line in inspection_lines(record, str(path)) if line)
    checked = asker.ask_of("check", path)
    assert asker.memory() < MOST_MEMORY, seed
    if "error" not in checked:
        hold(harness, "model", path, seed, (3,))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "part", "kind"), [("m.keras", 0.16, 1), ("m.h5", 0.14, 2), ("m.weights.h5", 0.08, 3)]
)
def test_model_files_of_changed_bytes(
    name: str, part: float, kind: int, files: Files, asker: Asker, harness: Harness, tmp_path: Path
) -> None:
    content = {"m.keras": files.keras, "m.h5": files.h5, "m.weights.h5": files.weights}[name]
    for chance in seeds(part, kind):
        path = tmp_path / name
        path.write_bytes(bytes_changed(content, chance))
        hold_model(asker, harness, path, chance.seed_name)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_model_files_of_changed_values(asker: Asker, harness: Harness, tmp_path: Path) -> None:
    for chance in seeds(0.12, 4):
        config = json_changed(dense_config(), chance)
        path = keras_file(tmp_path / "m.keras", config)
        if chance.random() < 0.3:
            legacy = {
                "class_name": "Sequential",
                "config": config.get("config") if isinstance(config, dict) else config,
            }
            path = h5_file(tmp_path / "m.h5", legacy)
        hold_model(asker, harness, path, chance.seed_name)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_archives_of_changed_members(files: Files, asker: Asker, harness: Harness, tmp_path: Path) -> None:
    for chance in seeds(0.08, 5):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(io.BytesIO(files.keras)) as source, zipfile.ZipFile(path, "w") as out:
            chosen = chance.choice(source.namelist())
            for member in source.namelist():
                content = source.read(member)
                packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
                out.writestr(member, bytes_changed(content, chance) if member == chosen else content, packing)
        hold_model(asker, harness, path, chance.seed_name)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_recipes(harness: Harness, tmp_path: Path) -> None:
    fine = 0
    for chance in seeds(0.2, 6):
        path = tmp_path / "r.yaml"
        text = chance.choice((RECIPE, STACK))
        if chance.random() < 0.25:
            path.write_bytes(bytes_changed(text.encode(), chance))
        else:
            path.write_bytes(text_changed(text, chance).encode(errors="surrogatepass"))
        fine += hold(harness, "recipe", path, chance.seed_name, (2,)) == 0  # type: ignore[attr-defined]
    assert fine  # some changes do no harm: it is not that everything is refused


def data_file(files: Files, chance: random.Random, folder: Path) -> Path:
    kind = chance.choice(("csv", "csv", "npz", "parquet", "gz"))
    path = folder / f"t.{'csv.gz' if kind == 'gz' else kind}"
    table = files.table.encode()
    contents: dict[str, Callable[[], bytes]] = {
        "csv": lambda: (
            text_changed(files.table, chance).encode(errors="surrogatepass")
            if chance.random() < 0.6
            else bytes_changed(table, chance)
        ),
        "npz": lambda: bytes_changed(files.npz, chance),
        "parquet": lambda: bytes_changed(files.parquet, chance),
        "gz": lambda: bytes_changed(gzip.compress(table, mtime=0), chance),
    }
    path.write_bytes(contents[kind]())
    return path


@pytest.mark.slow
def test_data_files(files: Files, harness: Harness, tmp_path: Path) -> None:
    fine = 0
    for chance in seeds(0.16, 7):
        path = data_file(files, chance, tmp_path)
        fine += hold(harness, "data", path, chance.seed_name, (2, 3)) == 0  # type: ignore[attr-defined]
    assert fine


def stream() -> str:
    """The events of a short run."""
    logs = {"loss": 1.0, "val_loss": float("nan")}
    kept = [
        events.RunStarted("saved/runs/small-1", {"name": "small", "train": {"epochs": 2}}, {}, None),
        events.Epoch(1, 2, logs, 0.5, 10.0, 0.001),
        events.Message("warning", "something"),
        events.Epoch(2, 2, logs, 0.5, 10.0, 0.001),
        events.Finished("done", logs, {}, 1.0),
    ]
    return "".join(events.to_json(event, "small", 1.0) + "\n" for event in kept)


@pytest.mark.slow
def test_run_folders(harness: Harness, tmp_path: Path) -> None:
    run = tmp_path / "small-1"
    run.mkdir()
    for chance in seeds(0.04, 8):
        recipe, kept = STACK, stream()
        if chance.random() < 0.5:
            recipe = text_changed(recipe, chance)
        lines = [json.dumps(json_changed(json.loads(line), chance)) for line in kept.splitlines()]
        (run / "recipe.yaml").write_bytes(recipe.encode(errors="surrogatepass"))
        (run / "events.jsonl").write_bytes(bytes_changed("\n".join(lines).encode(), chance))
        hold(harness, "run", run, chance.seed_name, (2, 3))  # type: ignore[attr-defined]


@pytest.mark.slow
def test_settings_and_state(harness: Harness, tmp_path: Path) -> None:
    text = (
        "theme: kwb-safe\nanimations: false\nplugins: [~/x.py]\nkeymap:\n  app.save: f9\nruns: saved/runs\n"
    )
    state: dict[str, Any] = {
        "mode": "train",
        "text": "a",
        "name": "b",
        "folder": "/x",
        "path": None,
        "process": [1, 2],
    }
    for chance in seeds(0.02, 9):
        path = tmp_path / "settings.yaml"
        changed = (
            text_changed(text, chance) if chance.random() < 0.6 else json.dumps(json_changed(state, chance))
        )
        path.write_bytes(changed.encode(errors="surrogatepass"))
        hold(harness, "settings", path, chance.seed_name, (2,))  # type: ignore[attr-defined]
