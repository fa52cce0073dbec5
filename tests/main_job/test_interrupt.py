"""Ctrl-C: training stops after the batch, the work is saved, and the exit code says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from workbench.cli import command; command()"]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_and_says_so(tmp_path: Path, signal_number: int) -> None:
    command = [*COMMAND, "--batch", "residual-regressor", "--json", "--set", "train.epochs=100000"]
    command += ["--set", "train.callbacks=[]"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(json.loads(line))
        if lines[-1]["event"] == "epoch":
            break
    process.send_signal(signal_number)
    asked = time.time() + 1.0  # one batch, and the epoch it ends
    rest, _ = process.communicate(timeout=60)
    lines += [json.loads(line) for line in rest.splitlines()]
    assert process.returncode == 130
    assert lines[-1]["event"] == "finished"
    assert lines[-1]["status"] == "interrupted"
    saved = [line["path"] for line in lines if line["event"] == "saved"]
    assert [Path(path).suffix for path in saved] == [".keras", ".keras", ".h5"]
    assert all((tmp_path / path).exists() for path in saved)
    later = [line for line in lines if line["event"] == "epoch" and line["time"] > asked]
    assert not later
