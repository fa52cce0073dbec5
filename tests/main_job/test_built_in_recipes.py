"""Every built-in recipe trains headless: the event stream, the run's folder, the saved files."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.tui.training.record import RECORDED

from .conftest import BUILT_IN, Run

pytestmark = pytest.mark.slow

Runs = Callable[[str], Run]


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_stream_tells_the_whole_run_in_order(built_in_runs: Runs, name: str) -> None:
    run = built_in_runs(name)
    assert run.code == 0, run.err
    assert run.err == ""
    kinds = [record["event"] for record in run.records]
    assert kinds[:2] == ["run_started", "assembled"]
    assert kinds[-1] == "finished"
    assert kinds.index("engine_chosen") < kinds.index("epoch") < kinds.index("saved")
    assert {record["v"] for record in run.records} == {1}
    assert len({record["run"] for record in run.records}) == 1
    times = [record["time"] for record in run.records]
    assert times == sorted(times)
    (assembled,) = run.of("assembled")
    paths = {layer["path"] for layer in assembled["layers"]}
    top = [layer for layer in assembled["layers"] if paths.isdisjoint(_above(layer["path"]))]
    assert sum(layer["parameters"] for layer in top) == assembled["parameters"]
    # A Sequential inside of a model class is no entry of a plugin.
    known = ("kwb_custom", "kwb_keras", "keras")
    assert all(layer["plugin"] in known for layer in assembled["layers"])


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_loss_falls_and_the_test_part_is_evaluated(built_in_runs: Runs, name: str) -> None:
    epochs = built_in_runs(name).of("epoch")
    assert [record["epoch"] for record in epochs] == list(range(1, len(epochs) + 1))
    assert epochs[-1]["logs"]["loss"] < 0.7 * epochs[0]["logs"]["loss"]
    assert epochs[-1]["logs"]["val_loss"] < epochs[0]["logs"]["val_loss"]
    (finished,) = built_in_runs(name).of("finished")
    assert finished["status"] == "done"
    assert math.isfinite(finished["evaluation"]["loss"])
    assert finished["evaluation"].keys() == {k for k in finished["logs"] if f"val_{k}" in finished["logs"]}


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_run_folder_keeps_recipe_events_environment_and_model(built_in_runs: Runs, name: str) -> None:
    run = built_in_runs(name)
    folder = run.folder / run.of("run_started")[0]["folder"]
    assert (folder / "events.jsonl").read_text() == run.out
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["packages"]["keras"]
    assert environment["plugins"]["kwb_custom"]["distribution"] == "kwb"
    assert "epochs: 15" in (folder / "recipe.yaml").read_text()
    for saved in run.of("saved"):
        assert (run.folder / saved["path"]).stat().st_size > 1000
    assert [saved["format"] for saved in run.of("saved")] == [".keras", ".keras", ".h5"]


def test_the_recorded_run_that_the_app_is_tested_with_is_what_a_training_writes(built_in_runs: Runs) -> None:
    def fields(records: list[dict[str, Any]]) -> dict[str, Any]:
        found = {record["event"]: record.keys() for record in records}
        recipe = records[0]["recipe"]
        return found | {
            "recipe": recipe.keys(),
            "train": recipe["train"].keys(),
            "data": recipe["data"].keys(),
        }

    lines = (RECORDED / "finished" / "events.jsonl").read_text().splitlines()
    recorded = fields([json.loads(line) for line in lines])
    wrote = fields(built_in_runs("residual-regressor").records)
    assert recorded.keys() >= {"run_started", "assembled", "engine_chosen", "epoch", "internals", "finished"}
    for kind in recorded.keys() & wrote.keys():
        assert recorded[kind] == wrote[kind], f"python -m tests.tui.training.record: {kind}"


def test_the_reconstruction_error_shows_in_training_only(built_in_runs: Runs) -> None:
    run = built_in_runs("reconstructing-regressor")
    for record in run.of("epoch"):
        assert record["logs"]["reconstruction_error"] > 0
        assert "val_reconstruction_error" not in record["logs"]
    assert "reconstruction_error" not in run.of("finished")[0]["evaluation"]


def test_the_added_loss_stands_apart_from_the_main_loss(built_in_runs: Runs) -> None:
    run = built_in_runs("reconstructing-regressor")
    for internals, epoch in zip(run.of("internals"), run.of("epoch"), strict=True):
        losses = dict(internals["losses"])
        assert len(losses) == 2
        main = losses.pop("main")
        (added,) = losses.values()
        assert added == pytest.approx(0.05 * epoch["logs"]["reconstruction_error"], rel=0.02)
        assert main + added == pytest.approx(epoch["logs"]["loss"], rel=1e-5)


def _above(path: str) -> set[str]:
    """The paths above one: `hidden` of `hidden/0`, which is a layer's own or that of a list of layers."""
    parts = path.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts))}
