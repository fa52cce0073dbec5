"""A stranger's recipe, model and layers by name: trained, saved, and met again without their plugin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(kwb, installed, tmp_path_factory) -> tuple[Path, list[dict[str, Any]]]:
    """The folder that `kwb --batch gated --json` ran in, and its events."""
    folder = tmp_path_factory.mktemp("gated")
    done = kwb("--batch", "gated", "--json", path=[installed("acme-layers")], cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_strangers_recipe_trains_by_name(trained):
    folder, events = trained
    losses = [event["logs"]["loss"] for event in events if event["event"] == "epoch"]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert events[-1]["event"] == "finished"
    assert events[-1]["status"] == "done"
    assert (folder / "gated.keras").is_file()


def test_its_layers_are_reported_with_their_plugin(trained):
    _, events = trained
    (assembled,) = [event for event in events if event["event"] == "assembled"]
    rows = {row["path"]: (row["class"], row["plugin"], row["parameters"]) for row in assembled["layers"]}
    assert rows == {
        "gate": ("Gate", "acme", 10),
        "hidden": ("Dense", "kwb_keras", 88),
        "out": ("Dense", "kwb_keras", 9),
    }


def test_the_saved_model_is_used_where_the_plugin_is(trained, kwb, installed):
    folder, events = trained
    done = kwb(
        "evaluate", "gated.keras", "--data", "gated", "--json", path=[installed("acme-layers")], cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == pytest.approx(events[-1]["evaluation"], rel=1e-5)


def test_without_the_plugin_inspect_says_which_distribution_to_install(trained, kwb, installed):
    folder, _ = trained
    done = kwb("inspect", "gated.keras", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    needs = {need["registered"]: need for need in json.loads(done.stdout)["needs"]}
    assert needs["acme-layers>GatedRegressor"]["distribution"] == "acme-layers"
    assert needs["acme-layers>GatedRegressor"]["installed"] is False
    assert "'acme-layers' (NOT INSTALLED)" in kwb("inspect", "gated.keras", cwd=folder).stdout
    there = kwb("inspect", "gated.keras", "--json", cwd=folder, path=[installed("acme-layers")])
    assert all(need["installed"] for need in json.loads(there.stdout)["needs"])


def test_without_the_plugin_loading_is_refused_naming_the_distribution(trained, kwb):
    folder, _ = trained
    done = kwb("evaluate", "gated.keras", "--data", "diabetes", cwd=folder)
    assert done.returncode == 3
    assert "acme-layers" in done.stderr
    assert "install" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_strangers_layers_and_data_in_a_recipe_of_our_own(kwb, installed, tmp_path):
    (tmp_path / "r.yaml").write_text(
        """
kwb: 1
data: {use: ramps, rows: 40, inputs: {left: [a], right: [b]}}
model:
  inputs: {left: [1], right: [1]}
  graph:
    - z = Mix()(left, right)
    - z = acme.Gate(0.5)(z)
    - z = Halve()(z)
    - y = Dense(1)(z)
  outputs: [y]
train: {epochs: 1, loss: mse, engine: plain}
save: [m.keras, m.h5]
"""
    )
    path = [installed("acme-layers")]
    done = kwb("--batch", "r.yaml", "--json", path=path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    needs = json.loads(kwb("inspect", "m.keras", "--json", path=path, cwd=tmp_path).stdout)["needs"]
    assert {need["registered"] for need in needs} == {
        "acme-layers>Mix",
        "acme-layers>Gate",
        "acme-layers>halve",
    }
