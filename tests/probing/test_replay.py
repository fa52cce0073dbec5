"""`kwb replay`: ten ways to a number that is not finite, each named with its layer and its line, or its row of data."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Kwb

LAYERS = Path(__file__).with_name("nan_layers.py")
LINES = {
    line.rpartition("# ")[2].strip(): number
    for number, line in enumerate(LAYERS.read_text().splitlines(), 1)
    if "  # " in line
}


@dataclass(frozen=True)
class Planted:
    """A recipe that trains to a number which is not finite, and where it comes from."""

    model: str
    log: str = "loss"
    train: str = "loss: mse"
    line: str = ""
    layer: str = ""
    operation: str = ""
    kind: str = "operation"
    step: int | None = None
    part: str = "training"


def layer(text: str) -> str:
    return f"{{sequential: [{{use: Dense, units: 4}}, {text}, {{use: Dense, units: 1}}]}}"


PLANTED = {
    "log of 0": Planted(layer("{use: LogOfZero}"), line="log", layer="log_of_zero", operation="Log", step=1),
    "overflow in float16": Planted(
        layer("{use: ExpOfLarge}"),
        train="loss: mse, dtype: mixed_float16",
        line="exp",
        layer="exp_of_large",
        operation="Exp",
    ),
    "division": Planted(layer("{use: Ratio}"), line="ratio", layer="ratio", operation="RealDiv"),
    "exploding rate": Planted(
        "{sequential: [{use: Dense, units: 4}, {use: Dense, units: 1}]}",
        train="loss: mse, optimizer: {use: SGD, learning_rate: 1000.0}",
    ),
    "backward only": Planted(
        layer("{use: SafeInOneDirection}"),
        log="weights",
        line="backward",
        layer="safe_in_one_direction",
        operation="Log",
        kind="gradient",
    ),
    "in a metric": Planted(
        "{sequential: [{use: Dense, units: 1}]}",
        log="log_error",
        train="loss: mse, metrics: [log_error]",
        line="metric",
        operation="Log",
        step=1,
    ),
    "in validation": Planted(
        layer("{use: OnlyInTests}"),
        log="val_loss",
        line="validation",
        layer="only_in_tests",
        operation="RealDiv",
        part="validation",
        step=1,
    ),
    "custom train_step": Planted(
        "{use: OwnStep}", train="optimizer: sgd", line="own step", operation="Sqrt", step=1
    ),
    "a mask of -inf that leaves nothing": Planted(
        layer("{use: AllMasked}"), line="masked", layer="all_masked", operation="Softmax", step=1
    ),
    "complex numbers": Planted(
        layer("{use: ComplexRatio}"), line="complex", layer="complex_ratio", operation="RealDiv", step=1
    ),
    "outside of TensorFlow": Planted(
        layer("{use: OutsideOfTensorFlow}"),
        line="outside",
        layer="outside_of_tensor_flow",
        kind="value",
        step=1,
    ),
    "run eagerly": Planted(
        layer("{use: LogOfZero}"),
        train="loss: mse, run_eagerly: true",
        line="log",
        layer="log_of_zero",
        operation="Log",
        step=1,
    ),
    "a callback at the beginning of an epoch": Planted(
        layer("{use: Tempered}"),
        train="loss: mse, callbacks: [Cold], epochs: 4",
        line="temperature",
        layer="tempered",
        operation="RealDiv",
        step=1,
    ),
    "initializer": Planted(
        "{sequential: [{use: Dense, units: 4, kernel_initializer: {use: BadStart}}, {use: Dense, units: 1}]}",
        log="weights",
        line="initializer",
        operation="Sqrt",
        step=1,
    ),
}


def train(folder: Path, kwb: Kwb, planted: Planted, data: str = "", count: int = 2) -> Any:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(100, 3))
    np.savetxt(
        folder / "rows.csv", np.c_[x, x.sum(1)], delimiter=",", header="a,b,c,y", comments="", fmt="%.6f"
    )
    epochs = "" if "epochs:" in planted.train else f"epochs: {count}, "
    text = (
        f"kwb: 1\nname: planted\nseed: 2\n"
        f"data: {data or '{use: csv, path: rows.csv, targets: [y], split: {validation: 0.2}}'}\n"
        f"model: {planted.model}\ntrain: {{{epochs}batch_size: 20, {planted.train}}}\n"
    )
    (folder / "planted.yaml").write_text(text)
    done = kwb("--batch", "planted.yaml", "--plugin", str(LAYERS), cwd=folder)
    assert done.returncode in (0, 1), done.stderr
    return done


def replayed(folder: Path, kwb: Kwb, code: int = 0) -> dict[str, Any]:
    done = kwb("replay", "planted", "--plugin", str(LAYERS), "--json", cwd=folder)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", PLANTED)
def test_names_layer_operation_and_line(name: str, tmp_path: Path, kwb: Kwb) -> None:
    planted = PLANTED[name]
    trained = train(tmp_path, kwb, planted)
    found = replayed(tmp_path, kwb)
    assert found["log"] == planted.log, trained.stderr
    assert found["part"] == planted.part
    assert found["reason"] == ""
    if planted.step is not None:
        assert found["step"] == planted.step
    first = found["origins"][0]
    assert first["kind"] == planted.kind
    if planted.line:
        assert first["code"]["line"] == LINES[planted.line]
        assert Path(first["code"]["file"]) == LAYERS
    if planted.layer:
        assert first["layer"] == planted.layer
    if planted.operation:
        assert first["operation"] == planted.operation
    assert first["hint"]


def test_the_rows_of_the_data_are_named(tmp_path: Path, kwb: Kwb) -> None:
    rng = np.random.default_rng(3)
    rows = np.c_[rng.normal(size=(100, 3)), rng.normal(size=100)]
    rows[36, 1] = 1e25  # a finite number, and its square is none of 32 bits
    np.savetxt(tmp_path / "one.csv", rows, delimiter=",", header="a,b,c,y", comments="", fmt="%.6g")
    planted = PLANTED["exploding rate"]
    train(tmp_path, kwb, replace(planted, train="loss: mse"), "{use: csv, path: one.csv, targets: [y]}")
    found = replayed(tmp_path, kwb)
    assert found["rows"] == [37]
    assert found["data"].startswith("In row 37 of the data 'b' has the size 1e+25")
    assert found["origins"][0]["operation"] == "Square"
    done = kwb("replay", "planted", cwd=tmp_path)
    assert "rows      37 of the data (from 1)" in done.stdout
    assert "Hint: Look at this row" in done.stdout


@pytest.mark.parametrize("engine", ["plain", "steps", "chunk", "chunk-xla"])
def test_begins_at_the_last_checkpoint_with_the_engine_of_the_run(
    engine: str, tmp_path: Path, kwb: Kwb
) -> None:
    """The rate is good for three epochs, then 1e6 times as high: the loss is nan some steps later."""
    rates = "{use: PiecewiseConstantDecay, boundaries: [13], values: [0.01, 1.0e+6]}"
    planted = replace(
        PLANTED["exploding rate"],
        train=f"loss: mse, checkpoint_seconds: 0, engine: {engine}, optimizer: {{use: SGD, learning_rate: {rates}}}",
    )
    train(tmp_path, kwb, planted, count=40)
    found = replayed(tmp_path, kwb)
    assert found["began"].startswith("the checkpoint")
    assert found["epoch"] > 3
    assert found["reason"] == ""
    assert found["origins"][0]["kind"] in ("operation", "gradient")
    assert "smaller learning rate" in found["hint"]


def test_a_run_without_such_a_number_has_nothing_to_replay(tmp_path: Path, kwb: Kwb) -> None:
    train(tmp_path, kwb, replace(PLANTED["exploding rate"], train="loss: mse"))
    done = kwb("replay", "planted", cwd=tmp_path)
    assert done.returncode == 3
    assert "nothing to replay" in done.stderr
    assert kwb("replay", "nowhere", cwd=tmp_path).returncode == 3


def test_a_training_that_went_on_is_replayed_from_its_epochs(tmp_path: Path, kwb: Kwb) -> None:
    planted = replace(PLANTED["division"], train="loss: mse, on_nan: continue")
    train(tmp_path, kwb, planted)
    found = replayed(tmp_path, kwb)
    assert (found["log"], found["epoch"]) == ("loss", 1)
    assert found["origins"][0]["code"]["line"] == LINES["ratio"]


def test_a_step_that_was_left_out_is_replayed(tmp_path: Path, kwb: Kwb) -> None:
    rng = np.random.default_rng(3)
    rows = np.c_[np.abs(rng.normal(size=(100, 3))) + 0.1, rng.normal(size=100)]
    rows[36] = -1.0  # of this row the logarithm's input is below 0
    np.savetxt(tmp_path / "one.csv", rows, delimiter=",", header="a,b,c,y", comments="", fmt="%.6g")
    planted = replace(
        PLANTED["log of 0"],
        model="{sequential: [{use: LogOfZero}, {use: Dense, units: 1}]}",
        train="loss: mse, on_nan: skip, shuffle: false",
    )
    train(tmp_path, kwb, planted, "{use: csv, path: one.csv, targets: [y]}")
    found = replayed(tmp_path, kwb)
    assert (found["epoch"], found["step"], found["rows"]) == (1, 2, [37])
    assert found["origins"][0]["code"]["line"] == LINES["log"]


def test_a_moving_average_that_makes_the_validation_infinite(tmp_path: Path, kwb: Kwb) -> None:
    """The losses of the training stay finite: it is found where the average became so, not where it is used."""
    train(tmp_path, kwb, Planted(layer("{use: Averaged}"), train="loss: mse, on_nan: continue"))
    found = replayed(tmp_path, kwb)
    assert (found["log"], found["part"], found["epoch"], found["step"]) == ("weights", "training", 1, 1)
    assert found["origins"][0]["code"]["line"] == LINES["average"]
    assert found["origins"][0]["operation"] == "Square"
    assert found["weights"] == ["averaged/average"]


def test_a_checkpoint_whose_optimizer_is_infinite_is_no_beginning(tmp_path: Path, kwb: Kwb) -> None:
    """The square of a large gradient is infinite in Adam's velocity, while loss and weights are finite for longer."""
    rng = np.random.default_rng(3)
    rows = np.c_[rng.normal(size=(100, 3)), rng.normal(size=100)]
    rows[36, 3] = 1e18
    np.savetxt(tmp_path / "one.csv", rows, delimiter=",", header="a,b,c,y", comments="", fmt="%.6g")
    planted = Planted(
        "{sequential: [{use: Rescaling, scale: 100.0}, {use: Dense, units: 1}]}",
        train="loss: mse, optimizer: adam, checkpoint_seconds: 0, engine: plain",
    )
    train(tmp_path, kwb, planted, "{use: csv, path: one.csv, targets: [y]}")
    (run,) = (tmp_path / "saved" / "runs").iterdir()
    newest = np.load(max(run.glob("checkpoints/*/*.npz")))
    infinite = [
        name for name in newest if newest[name].dtype.kind == "f" and not np.isfinite(newest[name]).all()
    ]
    assert infinite
    assert all(name.startswith("optimizer/") for name in infinite)
    found = replayed(tmp_path, kwb)
    assert (found["log"], found["epoch"], found["origins"][0]["operation"]) == ("weights", 1, "Square")
    assert found["origins"][0]["phase"] == "update"
    assert found["data"].startswith("In row 37 of the data 'y' has the size 1e+18")


def test_losses_of_other_names_that_were_left_out(tmp_path: Path, kwb: Kwb) -> None:
    rng = np.random.default_rng(3)
    rows = np.c_[rng.normal(size=(100, 3)), rng.normal(size=100)]
    rows[99] = 0.0  # in the last step, whose logs are those of the epoch
    np.savetxt(tmp_path / "one.csv", rows, delimiter=",", header="a,b,c,y", comments="", fmt="%.6g")
    planted = Planted("{use: OwnNames}", train="optimizer: sgd, on_nan: skip, shuffle: false")
    done = train(tmp_path, kwb, planted, "{use: csv, path: one.csv, targets: [y]}")
    assert "step 5 of epoch 1 was left out" in done.stdout + done.stderr
    assert "training failed" not in done.stderr
    found = replayed(tmp_path, kwb)
    assert (found["log"], found["step"], found["rows"]) == ("d_loss", 5, [100])
    assert found["origins"][0]["code"]["line"] == LINES["own names"]


def test_what_has_changed_since_the_run_is_said(tmp_path: Path, kwb: Kwb) -> None:
    train(tmp_path, kwb, PLANTED["log of 0"])
    assert replayed(tmp_path, kwb)["changed"] == []
    rows = (tmp_path / "rows.csv").read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([*rows[:5], "1,2,3,4", *rows[6:]]) + "\n")
    done = kwb("replay", "planted", "--plugin", str(LAYERS), cwd=tmp_path)
    assert "changed since the run:" in done.stdout
    assert "row 5 changed" in done.stdout


def test_a_plugin_file_that_is_missing_is_named(tmp_path: Path, kwb: Kwb) -> None:
    train(tmp_path, kwb, PLANTED["log of 0"])
    done = kwb("replay", "planted", cwd=tmp_path)
    assert done.returncode == 2
    assert f"It was trained with --plugin {LAYERS}." in done.stderr


def test_the_run_is_read_only(tmp_path: Path, kwb: Kwb) -> None:
    train(tmp_path, kwb, PLANTED["log of 0"])

    def files() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file()}

    before = files()
    replayed(tmp_path, kwb)
    assert files() == before
