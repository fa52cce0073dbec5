"""A run that is done goes on for more epochs, as if it had been meant to from the start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.cli import main

RECIPE = """\
kwb: 1
name: more
data: {use: diabetes, split: {validation: 0.2}, scale: standard}
model: {sequential: [{use: Dropout, rate: 0.2}, {use: Dense, units: 1}]}
train: {epochs: 1, loss: mse, engine: plain, watch: none}
"""


def test_a_done_run_goes_on_for_more_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def records(*arguments: str) -> list[dict[str, Any]]:
        assert main(["--batch", "more.yaml", "--json", *arguments]) == 0
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    def losses(reported: list[dict[str, Any]]) -> list[tuple[int, float]]:
        return [(each["epoch"], each["logs"]["loss"]) for each in reported if each["event"] == "epoch"]

    monkeypatch.chdir(tmp_path)
    Path("more.yaml").write_text(RECIPE)
    first, straight = records(), records("--set", "train.epochs=2")
    Path("saved/runs", straight[0]["run"], "recipe.yaml").unlink()  # not this run, the one of one epoch
    resumed = records("--resume", "--set", "train.epochs=2")
    assert resumed[0]["run"] == first[0]["run"]
    assert [each["reason"] for each in resumed if each["event"] == "engine_chosen"] == ["as before"]
    assert losses(resumed) == losses(straight)[1:]
    (nothing_left,) = records("--resume", "--set", "train.epochs=2")
    assert (nothing_left["event"], nothing_left["status"]) == ("finished", "done")
