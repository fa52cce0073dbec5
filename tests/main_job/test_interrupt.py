"""Ctrl-C, or a lost connection: training stops after the batch, the work is saved, and the exit code says so."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench.storage.runs import list_runs

pytestmark = pytest.mark.slow

# A test that is itself run under nohup must not hand that on.
HANGS_UP = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
KWB = "from workbench.cli import command; command()"
COMMAND = [sys.executable, "-c", HANGS_UP + KWB]


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_saves_and_says_so(tmp_path: Path, signal_number: int) -> None:
    command = [*COMMAND, "--batch", "residual-regressor", "--json", "--set", "train.epochs=100000"]
    command += ["--set", "train.callbacks=[]"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(json.loads(line))
            if lines[-1]["event"] == "epoch":
                break
        process.send_signal(signal_number)
        asked = time.time() + 1.0  # one batch, and the epoch it ends
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    lines += [json.loads(line) for line in rest.splitlines()]
    assert process.returncode == (143 if signal_number == signal.SIGTERM else 130)
    assert lines[-1]["event"] == "finished"
    assert lines[-1]["status"] == "interrupted"
    saved = [line["path"] for line in lines if line["event"] == "saved"]
    assert [Path(path).suffix for path in saved] == [".keras", ".keras", ".h5"]
    assert all((tmp_path / path).exists() for path in saved)
    later = [line for line in lines if line["event"] == "epoch" and line["time"] > asked]
    assert not later


@pytest.mark.skipif(shutil.which("setsid") is None, reason="setsid is not installed")
@pytest.mark.parametrize("how", ["as usual", "nohup", "disowned"])
def test_a_terminal_that_is_lost_while_training(tmp_path: Path, how: str) -> None:
    """Its own lines and bar go nowhere then. One that hears of no hang-up goes on."""
    goes_on = how != "as usual"
    command = {
        "as usual": COMMAND,
        "nohup": ["nohup", sys.executable, "-c", KWB],
        "disowned": [sys.executable, "-c", HANGS_UP.replace("SIG_DFL", "SIG_IGN") + KWB],
    }[how]
    command = [*command, "--batch", "residual-regressor", "--set", "train.callbacks=[]"]
    command += ["--set", f"train.epochs={300 if goes_on else 100_000}"]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *command], cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        runs = tmp_path / "saved" / "runs"
        end = time.monotonic() + 60
        while not any(run.epoch > 2 for run in list_runs(runs)):
            assert time.monotonic() < end
            if how != "nohup":
                os.read(ours, 1 << 16)
            time.sleep(0.02)
        os.close(ours)
        assert process.wait(60) == (0 if goes_on else 130)
    finally:
        process.kill()
    (run,) = list_runs(runs)
    assert run.status == ("done" if goes_on else "interrupted")
    assert run.folder.model.is_file()


def test_a_step_that_never_ends_does_not_outlive_its_terminal(tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(
        "import keras\n\n\nclass Stuck(keras.layers.Layer):\n    def call(self, inputs):\n"
        "        open('begun', 'w').close()\n        while True:\n            pass\n"
    )
    (tmp_path / "stuck.yaml").write_text(
        "kwb: 1\nname: stuck\ndata: diabetes\nmodel: {sequential: [Stuck, {use: Dense, units: 1}]}\n"
        "train: {epochs: 1, loss: mse}\n"
    )
    code = f"{HANGS_UP}import workbench.batch; workbench.batch.PATIENCE = 1.0; {KWB}"
    command = [sys.executable, "-c", code, "--plugin", "stuck.py", "--batch", "stuck.yaml"]
    process = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        assert process.wait(60) == 1
    finally:
        process.kill()
