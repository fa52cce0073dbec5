"""`kwb` where there is no terminal: closed descriptors, readers that leave, full disks, old encodings, no home."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.hostile.files import keras_file
from tests.hostile.terminal import KWB, run_in_terminal

COMMAND = shlex.join(KWB)
LONG = """\
kwb: 1
name: small
data: {use: diabetes}
model: {sequential: [{use: Dense, units: 1}]}
train: {epochs: 300, loss: mse, engine: plain, batch_size: 512}
"""


def shell(script: str, folder: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """What a script does; `kwb` is the command."""
    whole = f'set -o pipefail; kwb() {{ {COMMAND} "$@"; }}; {script}'
    return subprocess.run(
        ["bash", "-c", whole], cwd=folder, capture_output=True, env=os.environ | env, timeout=120
    )


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ("kwb catalog | head -1", 0, ""),
        ("kwb catalog --json | head -c 10", 0, ""),
        ("kwb plugins >&-", 0, ""),
        ("kwb inspect nothing.keras 2>&-", 3, ""),
        ("kwb plugins <&- | grep -q kwb_keras", 0, ""),
        ("kwb plugins >&- 2>&- <&-", 0, ""),
        ("kwb catalog > /dev/full", 3, "kwb: standard output: cannot be written: No space left on device."),
        ("kwb schema > /dev/full", 3, "kwb: standard output: cannot be written: No space left on device."),
        ("kwb", 2, "kwb: the workbench needs a terminal. Without one: kwb --batch RECIPE, or kwb COMMAND --json."),
        ("cd /proc; kwb new-plugin acme", 3, "kwb: acme: cannot be written: No such file or directory."),
    ],
)  # fmt: skip
def test_a_script_gets_one_sentence_and_a_code(script: str, code: int, message: str, tmp_path: Path) -> None:
    done = shell(script, tmp_path)
    assert done.stderr.decode().strip() == message
    assert done.returncode == code


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "ascii"])
def test_an_old_encoding_never_fails(encoding: str, tmp_path: Path) -> None:
    keras_file(
        tmp_path / "m.keras", edit=lambda c: c["config"]["layers"][1]["config"].update(name="価格 ✓ ä")
    )
    done = shell("kwb plugins; kwb inspect m.keras", tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode(encoding)
    assert "+ kwb_keras" in text
    assert "\\u4fa1\\u683c +" in text
    assert not done.stderr


def test_predictions_of_any_name_go_to_an_old_encoding(tmp_path: Path) -> None:
    """A letter that the encoding does not have is written by its number, as JSON does; numbers are as in Keras."""
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    (tmp_path / "rows.csv").write_text("x,größe 価格\n1,2\n-2,1\n", "utf-8")
    (tmp_path / "r.yaml").write_text(
        "kwb: 1\ndata: {use: csv, path: rows.csv, inputs: {features: [x]}, targets: [größe 価格]}\n"
        "model: {sequential: [{use: Dense, units: 1}]}\ntrain: {epochs: 1}\n",
        "utf-8",
    )
    script = "kwb predict m.keras --data r.yaml; kwb predict m.keras --data r.yaml --json"
    done = shell(script, tmp_path, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    table, _, as_json = done.stdout.decode("latin-1").partition("[")
    wanted = pytest.approx(model.predict(np.array([[1.0], [-2]]), verbose=0)[:, 0], rel=1e-5)
    rows = list(csv.DictReader(table.splitlines()))
    assert [float(row["größe \\u4fa1\\u683c"]) for row in rows] == wanted
    assert [row["größe 価格"] for row in json.loads(f"[{as_json}")] == wanted


def test_neither_home_nor_a_wide_terminal_is_needed(tmp_path: Path) -> None:
    for columns in ("1", "0", "-3", "wide"):
        done = shell("unset HOME TERM; kwb --help; kwb plugins", tmp_path, COLUMNS=columns)
        assert done.returncode == 0, done.stderr
        assert not done.stderr


def test_a_training_whose_reader_leaves_is_trained_and_saved(tmp_path: Path) -> None:
    """Two at once, of one recipe in one folder: each has a run of its own."""
    (tmp_path / "small.yaml").write_text(LONG)
    done = shell(
        "kwb --batch small.yaml --json | head -1 > first & a=$!\n"
        "kwb --batch small.yaml | head -1 > second & b=$!\n"
        "wait $a; echo $?; wait $b; echo $?",
        tmp_path,
    )
    assert done.stdout.split() == [b"0", b"0"]
    assert not done.stderr
    models = list((tmp_path / "saved" / "runs").glob("small-*/model.keras"))
    assert len(models) == 2


def test_the_app_without_a_place_for_its_state_says_so_and_works(tmp_path: Path) -> None:
    from tests.hostile.terminal import Terminal

    nowhere = "/dev/null/state"
    terminal = Terminal(["digits"], tmp_path, env={"KWB_STATE_DIR": nowhere, "KWB_CONFIG_DIR": nowhere})
    try:
        terminal.until_shown("KWB_STATE_DIR")
        terminal.until_shown("●", 120)
        terminal.press("\x11")  # ctrl+q
        assert terminal.wait() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_the_app_needs_a_terminal_that_moves_its_cursor(term: str, tmp_path: Path) -> None:
    done = run_in_terminal([], tmp_path, env={"TERM": term})
    assert done.process.returncode == 2
    assert done.text.startswith("kwb: the workbench needs a terminal that can move its cursor")
