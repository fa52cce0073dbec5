"""`kwb stop`: a run is ended by its name from another terminal, and saved."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.loaded_kwb import Process
from tests.main_job.conftest import Kwb
from workbench.errors import FileError
from workbench.storage.ownership import ask_to_stop, own
from workbench.storage.run_folder import RunFolder
from workbench.storage.runs import list_runs


@pytest.mark.slow
def test_a_run_is_stopped_by_name_and_saved(tmp_path: Path, kwb: Kwb) -> None:
    settings = ["--set", "train.epochs=1000000", "--set", "train.callbacks=[]"]
    training = Process(["--batch", "residual-regressor", "--json", *settings], tmp_path)
    try:
        while json.loads(training.stdout.readline())["event"] != "epoch":
            pass
        stopped = kwb("stop", "residual-regressor")
        assert stopped.code == 0, stopped.err
        assert f"process {training.pid} on {os.uname().nodename} stops after its batch" in stopped.err
        assert "interrupted in epoch" in stopped.err
        training.communicate(timeout=30)
        assert training.returncode == 143
        (run,) = list_runs(tmp_path / "saved" / "runs")
        assert run.folder.model.is_file()
    finally:
        training.kill()
    again = kwb("stop", "residual-regressor")
    assert again.code == 3
    assert "nobody is working on this run" in again.err


def test_what_cannot_be_stopped_is_reported(tmp_path: Path, kwb: Kwb) -> None:
    unknown = kwb("stop", "prices")
    assert unknown.code == 3
    assert "there is no run 'prices'" in unknown.err
    run = RunFolder(tmp_path / "saved" / "runs" / "prices-20260101-000000")
    run.path.mkdir(parents=True)
    run.recipe.write_text("kwb: 1\n")
    with own(run):
        run.lock.write_text("process 1 on another-machine\n")
        elsewhere = kwb("stop", "prices")
    assert elsewhere.code == 3
    assert "process 1 on another-machine is working on it" in elsewhere.err
    assert "Stop it there" in elsewhere.err


def test_a_process_that_only_has_the_number_of_a_former_owner_is_left_alone(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "prices-20260101-000000")
    run.path.mkdir()
    with own(run), subprocess.Popen(["sleep", "60"]) as bystander:
        try:
            run.lock.write_text(f"process {bystander.pid} on {os.uname().nodename}\n")
            os.utime(run.lock, (1_700_000_000, 1_700_000_000))  # written long before it began
            with pytest.raises(FileError, match="changed hands"):
                ask_to_stop(run)
            assert bystander.poll() is None
        finally:
            bystander.kill()
