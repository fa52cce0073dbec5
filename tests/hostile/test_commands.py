"""What every command writes to a real terminal, where names and texts of files and plugins try to drive it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.files import NASTY, SHOWN, dense_config, h5_file, keras_file, weights_h5_file
from tests.hostile.terminal import KWB, run_in_terminal

FILE_NAME = NASTY.replace("/", "")  # a name that a file can have
FILE_SHOWN = SHOWN.replace("/", "")

PLUGIN = f"""
import keras

class Odd(keras.layers.Layer):
    pass

Odd.__doc__ = {NASTY!r}
"""
RECIPE = "kwb: 1\nname: odd\ndata: {use: %s}\nmodel: {sequential: [{use: MyDense, units: 1}]}\ntrain: {loss: mse}\n"


def named(name: Any) -> Callable[[dict[str, Any]], None]:
    def edit(config: dict[str, Any]) -> None:
        config["config"]["name"] = name
        config["config"]["layers"][1]["config"]["name"] = name

    return edit


def of_class(config: dict[str, Any]) -> None:
    config["config"]["layers"][1] |= {
        "class_name": NASTY,
        "module": NASTY,
        "registered_name": f"{NASTY}>{NASTY}",
    }


def h5_weight(file: Any) -> None:
    file.create_dataset(NASTY.replace("/", "").replace("\0", ""), data=[1.0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nasty")
    keras_file(folder / "named.keras", edit=named(NASTY))
    keras_file(folder / "classed.keras", edit=of_class)
    keras_file(folder / FILE_NAME, b"not json".decode(), members={"config.json": NASTY.encode()})
    legacy = {"class_name": "Sequential", "config": dense_config()["config"]}
    named(NASTY)(legacy)
    h5_file(folder / "named.h5", legacy)
    weights_h5_file(folder / "odd.weights.h5", h5_weight)
    (folder / "odd.py").write_text(PLUGIN)
    (folder / "broken.py").write_text(f"raise RuntimeError({NASTY!r})")
    (folder / "odd.yaml").write_text(RECIPE % json.dumps(NASTY))
    (folder / "raw.yaml").write_bytes((RECIPE % NASTY).encode())
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "shown"),
    [
        (["inspect", "named.keras"], 0, f"Sequential '{SHOWN}'"),
        (["inspect", "classed.keras"], 0, SHOWN),
        (["inspect", "named.h5"], 0, f"Sequential '{SHOWN}'"),
        (["inspect", "odd.weights.h5"], 0, FILE_SHOWN),
        (["inspect", FILE_NAME], 3, FILE_SHOWN),
        (["inspect", NASTY], 3, SHOWN),
        (["inspect", "x" * 300], 3, "the name is too long"),
        (["--batch", "x" * 5000], 2, "no recipe file"),
        (["inspect", "--json", "named.keras"], 0, r"\u202egnp"),
        (["inspect", f"--{FILE_NAME}"], 2, FILE_SHOWN[:20]),
        ([NASTY, NASTY, "--batch"], 2, r"\x1b]0;owned"),
        (["--batch", NASTY], 2, SHOWN),
        (["--batch", "odd.yaml"], 2, SHOWN),
        (["--batch", "raw.yaml"], 2, "raw.yaml"),
        (["--batch", "digits", "--set", NASTY], 2, SHOWN[:20]),
        (["--batch", "digits", "--set", f"train.{NASTY}=1"], 2, SHOWN[:20]),
        (["watch", FILE_NAME], 3, FILE_SHOWN),
        (["stop", FILE_NAME], 3, FILE_SHOWN),
        (["new-plugin", NASTY], 2, SHOWN),
        (["check", NASTY], 2, SHOWN),
        (["check", "MyDense", "-k", NASTY], 2, "a\\x1b[2j"),
        (["catalog", NASTY], 0, SHOWN),
        (["catalog", "--no-plugin", NASTY], 2, SHOWN),
        (["catalog", "--plugin", "odd.py", "Odd"], 0, SHOWN[:5]),
        (["catalog", "--plugin", "odd.py", "--plugin", "broken.py", "Odd"], 2, SHOWN[:5]),
    ],
    ids=lambda value: (
        " ".join(value).replace(NASTY, "NASTY").replace(FILE_NAME, "NASTY") if isinstance(value, list) else ""
    ),
)
def test_nothing_is_obeyed(folder: Path, arguments: list[str], code: int, shown: str) -> None:
    done = run_in_terminal(arguments, folder, size=(50, 2000))
    assert not done.unsafe, done.written
    assert done.process.returncode == code, done.text
    assert shown in done.text.replace("\r\n", "\n"), done.text


def test_the_same_into_a_file(folder: Path) -> None:
    for arguments in (
        ["inspect", "named.keras"],
        ["inspect", "classed.keras", "--debug"],
        ["--batch", "odd.yaml", "--debug"],
    ):
        done = subprocess.run([*KWB, *arguments], cwd=folder, capture_output=True, env=os.environ, timeout=60)
        text = (done.stdout + done.stderr).decode()
        assert SHOWN in text
        assert not any(character in text for character in "\x1b\x07\x9b\u202e\u2028")


@pytest.mark.slow
def test_classes_of_strange_names_are_trained_on_and_predicted(folder: Path) -> None:
    word = NASTY.replace("\r", "").replace("\n", "").replace("\t", "")
    shown = SHOWN.replace(r"\r", "").replace(r"\n", "").replace(r"\t", "")
    rows = "".join(f"{number},{word if number % 2 else 'plain'}\n" for number in range(40))
    (folder / "classes.csv").write_text(f"a,kind\n{rows}")
    (folder / "classes.yaml").write_text(
        "kwb: 1\nname: classes\ndata: {use: csv, path: classes.csv, targets: [kind], classes: [kind]}\n"
        "model: {sequential: [{use: Dense, units: 2, activation: softmax}]}\n"
        "train: {epochs: 2, loss: sparse_categorical_crossentropy}\nsave: [saved/classes.keras]\n"
    )
    trained = run_in_terminal(["--batch", "classes.yaml"], folder)
    assert trained.process.returncode == 0, trained.text
    predicted = run_in_terminal(["predict", "saved/classes.keras", "--data", "classes.csv"], folder)
    assert predicted.process.returncode == 0, predicted.text
    assert shown in predicted.text
    assert not trained.unsafe
    assert not predicted.unsafe
    whole = subprocess.run(
        [*KWB, "predict", "saved/classes.keras", "--data", "classes.csv"],
        cwd=folder,
        capture_output=True,
        timeout=120,
    )
    assert word in whole.stdout.decode()  # data for a program stays as it is
