"""The built-in recipes whose models bring their training along: killed and resumed, and the files that they write."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SETTINGS = ["train.epochs=8", "train.callbacks=[]", "train.engine=chunk", "train.checkpoint_seconds=0"]


def start(folder: Path, name: str, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    command = [
        sys.executable,
        "-c",
        "from workbench.cli import command; command()",
        "--batch",
        name,
        "--json",
    ]
    options = [option for setting in SETTINGS for option in ("--set", setting)]
    return subprocess.Popen([*command, *options, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True)


def epochs(lines: list[dict[str, Any]]) -> dict[int, Any]:
    return {line["epoch"]: line["logs"] for line in lines if line["event"] == "epoch"}


def whole(folder: Path, name: str, *arguments: str) -> list[dict[str, Any]]:
    process = start(folder, name, *arguments)
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_killed_and_resumed_it_ends_as_if_nothing_had_happened(name: str, tmp_path: Path) -> None:
    undisturbed = whole(tmp_path / "undisturbed", name)
    process = start(tmp_path / "killed", name)
    assert process.stdout is not None
    before = []
    for line in process.stdout:  # a step of the third epoch, after a checkpoint
        before.append(json.loads(line))
        if before[-1]["event"] == "checkpoint" and before[-1]["epoch"] > 2:
            break
    process.kill()
    process.wait()
    process.stdout.close()
    after = whole(tmp_path / "killed", name, "--resume")
    assert after[0]["resumed_from"]
    assert epochs(before) | epochs(after) == epochs(undisturbed)
    saved = [line["path"] for line in after if line["event"] == "saved"]
    assert [path.rpartition("/")[2] for path in saved] == ["model.keras", f"{name}.keras", f"{name}.h5"]
    assert not [line for line in after if line["event"] == "message" and line["level"] != "info"]
    if name == "gan":
        rates = [line["learning_rates"] for line in after if line["event"] == "epoch"]
        assert rates[-1] == pytest.approx({"d_optimizer": 3e-4, "g_optimizer": 3e-4})
