"""Twelve wrong recipes (and a few more): one clear message, exit code 2 or 3, no traceback, no half-written file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workbench.cli import main

BASE = """\
kwb: 1
name: price
data: {use: csv, path: houses.csv, targets: [price], split: {validation: 0.2}, scale: standard}
model:
  sequential:
    - {use: MyDense, units: 8, activation: relu}
    - {use: MyDense, units: 1}
train: {epochs: 1, loss: mse}
save: [out/price.keras, out/price.h5]
"""

# What is changed in BASE; the exit code; and what the message must say, in this order.
WRONG = {
    "an unknown layer": (
        ("MyDense, units: 8", "MyDens, units: 8"),
        2,
        ["price.yaml:6", "model.sequential[0]", "no layer 'MyDens'", "Did you mean 'MyDense' (kwb_custom)?"],
    ),
    "a misspelt key": (("epochs:", "epoch:"), 2, ["price.yaml:8", "train.epoch", "Did you mean 'epochs'?"]),
    "a wrong type": (
        ("epochs: 1", "epochs: many"),
        2,
        ["price.yaml:8", "train.epochs", "whole number", "'many'"],
    ),
    "a two-input layer in a stack": (
        ("- {use: MyDense, units: 1}", "- MyMultiLayer"),
        2,
        [
            "price.yaml:7",
            "model.sequential[1]",
            "MyMultiLayer expects 2 inputs; a layer in a stack gets 1",
            "graph",
        ],
    ),
    "a shape mismatch": (
        ("- {use: MyDense, units: 1}", "- {use: ResidualBlock, n_layers: 1, n_neurons: 30}"),
        2,
        ["price.yaml:7", "model.sequential[1]", "ResidualBlock", "(batch, 8)", "30"],
    ),
    "a missing file": (("houses.csv", "hauses.csv"), (2, 3), ["hauses.csv"]),
    "a missing column": (("[price]", "[prize]"), 2, ["price.yaml:3", "'prize'", "Did you mean 'price'?"]),
    "a non-numeric target": (("[price]", "[town]"), 2, ["'town'", "classes"]),
    "bad YAML": (("scale: standard}", "scale: standard"), 2, ["price.yaml:", "not valid YAML"]),
    "NaN in data": (("houses.csv", "holes.csv"), 2, ["holes.csv:6", "'size'", "missing: drop"]),
    "an unwritable save path": (("out/price.keras", "houses.csv/price.keras"), 3, ["save[0]", "houses.csv"]),
    "an unknown format to save": (("out/price.keras", "out/price.onnx"), 3, ["save[0]", ".onnx", ".keras"]),
    "an unknown argument": (
        ("units: 1}", "unit: 1}"),
        2,
        ["price.yaml:7", "no argument 'unit'", "Did you mean 'units'?"],
    ),
    "an unknown dataset": (
        ("use: csv", "use: cvs"),
        2,
        ["price.yaml:3", "no dataset 'cvs'", "Did you mean 'csv'"],
    ),
    "a misspelt data option": (("scale:", "scael:"), 2, ["price.yaml:3", "scael", "Did you mean 'scale'?"]),
    "a loss that is none": (("loss: mse", "loss: mze"), 2, ["price.yaml:8", "no loss 'mze'", "Did you mean"]),
    "no loss": ((", loss: mse", ""), 2, ["price.yaml:8", "loss", "mse"]),
    "an unknown activation": (("relu", "rilu"), 2, ["price.yaml:6", "MyDense", "rilu"]),
    "a wrong version": (("kwb: 1", "kwb: 7"), 2, ["price.yaml:1", "7"]),
}

ROWS = ["size,rooms,town,price", *(f"{60 + i},{1 + i % 4},{'ab'[i % 2]},{100 + 3 * i}" for i in range(40))]


@pytest.fixture
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with data, as the working directory."""
    (tmp_path / "houses.csv").write_text("\n".join(ROWS) + "\n")
    (tmp_path / "holes.csv").write_text("\n".join([*ROWS[:5], ",3,a,99", *ROWS[5:]]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    captured = capfd.readouterr()
    return code, captured.err


@pytest.mark.parametrize("error", WRONG)
def test_a_wrong_recipe_is_refused_plainly(
    working_directory: Path, capfd: pytest.CaptureFixture[str], error: str
) -> None:
    (old, new), code, words = WRONG[error]
    assert old in BASE
    (working_directory / "price.yaml").write_text(BASE.replace(old, new))
    before = sorted(working_directory.rglob("*"))
    given, message = run(capfd, "--batch", "price.yaml")
    assert given == code or (isinstance(code, tuple) and given in code), message
    position = 0
    for word in words:
        assert word in message[position:], message
        position = message.index(word, position)
    assert "Traceback" not in message
    assert len([line for line in message.splitlines() if line.startswith("kwb: ")]) == 1, message
    assert sorted(working_directory.rglob("*")) == before, "something was written"


def test_an_unreadable_place_to_save_is_found_before_training(
    working_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if os.geteuid() == 0:
        place = "/proc/kwb/price.keras"  # root may write anywhere but here
    else:
        (working_directory / "closed").mkdir(mode=0o500)
        place = "closed/price.keras"
    (working_directory / "price.yaml").write_text(BASE.replace("out/price.keras", place))
    code, message = run(capfd, "--batch", "price.yaml")
    assert code == 3
    assert "save[0]" in message
    assert not (working_directory / "saved").exists()


def test_class_weights_beside_sample_weights(
    working_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = BASE.replace("targets: [price]", "targets: [price], ignore: [town], sample_weight: size")
    (working_directory / "price.yaml").write_text(
        text.replace("loss: mse", "loss: mse, class_weight: {0: 2.0}")
    )
    code, message = run(capfd, "--batch", "price.yaml")
    assert code == 2
    assert "price.yaml:8: train.class_weight: give either class weights or `data.sample_weight`" in message
    assert not (working_directory / "saved").exists()


EVALUATES_BADLY = """\
import keras


class Careless(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def test_step(self, data):
        raise RuntimeError("no rows for me")
"""


def test_a_model_that_cannot_be_evaluated_is_saved_all_the_same(
    working_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (working_directory / "careless.py").write_text(EVALUATES_BADLY)
    text = BASE.replace(
        "targets: [price], split: {validation", "targets: [price], ignore: [town], split: {test"
    )
    start, end = text.index("model:"), text.index("train:")
    (working_directory / "price.yaml").write_text(text[:start] + "model: Careless\n" + text[end:])
    assert main(["--batch", "price.yaml", "--json", "--plugin", "careless.py"]) == 1
    captured = capfd.readouterr()
    assert '"event": "failed"' in captured.out.splitlines()[-1]
    shown = "evaluating on the test part failed: no rows for me."
    assert shown in captured.out.splitlines()[-1]
    assert shown in captured.err
    assert (working_directory / "out" / "price.keras").exists()
    assert main(["evaluate", "out/price.keras", "--data", "houses.csv", "--plugin", "careless.py"]) == 1
    assert "out/price.keras: evaluating failed: no rows for me." in capfd.readouterr().err


LIAR = """\
import keras


class Liar(keras.layers.Layer):
    def call(self, inputs):
        return inputs[:, :1]

    def compute_output_shape(self, input_shape):
        return input_shape
"""


def test_a_layer_that_gives_another_shape_than_it_says(
    working_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (working_directory / "liar.py").write_text(LIAR)
    text = BASE.replace("targets: [price]", "targets: [price], ignore: [town]")
    (working_directory / "price.yaml").write_text(
        text.replace("{use: MyDense, units: 8, activation: relu}", "Liar")
    )
    code, message = run(capfd, "--batch", "price.yaml", "--plugin", "liar.py")
    assert code == 1
    assert "kwb: price.yaml: calling the model on the first rows failed: " in message
    assert "internal error" not in message
    assert "Arguments received" not in message


def test_a_layer_of_a_plugin_for_another_interface_is_refused(
    working_directory: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = working_directory / "site"
    (site / "future-1.0.dist-info").mkdir(parents=True)
    (site / "future-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: future\nVersion: 1.0\n"
    )
    (site / "future-1.0.dist-info" / "entry_points.txt").write_text("[kwb]\nfuture = future_plugin\n")
    (site / "future_plugin.py").write_text("KWB_API = 99\n")
    monkeypatch.syspath_prepend(site)
    (working_directory / "price.yaml").write_text(
        BASE.replace("use: MyDense, units: 8", "use: FutureDense, units: 8")
    )
    code, message = run(capfd, "--batch", "price.yaml")
    assert code == 2
    assert "no layer 'FutureDense'" in message
    assert "Not loaded: future" in message
    assert main(["plugins"]) == 0
    assert "interface 99; this kwb has 1" in capfd.readouterr().out


def test_the_same_recipe_unchanged_trains(working_directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (working_directory / "price.yaml").write_text(
        BASE.replace("targets: [price]", "targets: [price], ignore: [town]")
    )
    code, message = run(capfd, "--batch", "price.yaml")
    assert code == 0, message
    assert (working_directory / "out" / "price.keras").exists()
    assert (working_directory / "out" / "price.h5").exists()


def test_with_json_the_error_is_an_event_too(
    working_directory: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (working_directory / "price.yaml").write_text(BASE.replace("[price]", "[prize]"))
    assert main(["--batch", "price.yaml", "--json"]) == 2
    captured = capfd.readouterr()
    assert '"event": "failed"' in captured.out
    assert "prize" in captured.out


def test_with_json_an_error_of_our_own_ends_the_stream_too(
    working_directory: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from workbench.training.session import Session

    def run(self: Session) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Session, "run", run)
    (working_directory / "price.yaml").write_text(BASE)
    assert main(["--batch", "price.yaml", "--json"]) == 1
    (line,) = capfd.readouterr().out.splitlines()
    assert json.loads(line)["error"]["what"] == "an internal error: ZeroDivisionError('oh')."


def test_debug_shows_the_traceback(working_directory: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (working_directory / "price.yaml").write_text(BASE.replace("[price]", "[prize]"))
    code, message = run(capfd, "--batch", "price.yaml", "--debug")
    assert code == 2
    assert "Traceback" in message
