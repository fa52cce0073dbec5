"""`--slurm`: the script of an array job, run by bash as Slurm runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.bases import recipe
from workbench.errors import WorkbenchError
from workbench.search.journal import Journal
from workbench.search.slurm import fields_of
from workbench.search.state import TrialState

SEARCH = {"over": {"train.batch_size": [32, 64]}, "method": "grid"}


def run(folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    (folder / "r.yaml").write_text(recipe(search=SEARCH))
    kwb = "from workbench.cli import command; command()"
    command = [sys.executable, "-c", kwb, "search", "r.yaml", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.slow
def test_the_tasks_of_the_printed_script_do_the_search(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    fields = ("partition=gpu", "slurm_time=04:00:00", "slurm_array_parallelism=2", "setup=export MARK=1")
    script = run(
        folder, "--slurm", "2", "--workers", "1", "--dry-run", *(f"--slurm-set={each}" for each in fields)
    ).stdout
    for line in ("--partition=gpu", "--time=04:00:00", "--array=0-1%2", "--job-name=kwb-small"):
        assert f"#SBATCH {line}\n" in script
    assert (folder / "saved" / "searches" / "small" / "slurm").is_dir()
    tasks = [
        subprocess.Popen(
            ["bash", "-c", script], cwd=tmp_path, env={**os.environ, "SLURM_ARRAY_TASK_ID": str(number)}
        )
        for number in range(2)
    ]
    assert [task.wait(300) for task in tasks] == [0, 0]
    state = Journal(folder / "saved" / "searches" / "small" / "journal.jsonl").read()
    assert [trial.state for trial in state.trials] == [TrialState.DONE, TrialState.DONE]
    assert len(list((folder / "saved" / "runs").iterdir())) == 2


def test_without_sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no `sbatch`" in run(tmp_path, "--slurm", "2", code=2).stderr
    assert "go with --slurm" in run(tmp_path, "--dry-run", code=2).stderr


@pytest.mark.parametrize("refuses", [False, True])
def test_what_sbatch_is_given_and_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    """A program in place of Slurm's: it keeps what it gets, and answers as `sbatch --parsable` does."""
    programs = tmp_path / "bin"
    programs.mkdir()
    answer = 'echo "sbatch: error: invalid partition" >&2; exit 1' if refuses else 'echo "4711;cluster"'
    (programs / "sbatch").write_text(
        f'#!/bin/bash\necho "$@" > "{programs}/given"\ncat > "{programs}/script"\n{answer}\n'
    )
    (programs / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    done = run(tmp_path, "--slurm", "3", "--json", code=2 if refuses else 0)
    assert (programs / "given").read_text() == "--parsable\n"
    script = (programs / "script").read_text()
    assert script.startswith("#!/bin/bash\n")
    assert "#SBATCH --array=0-2\n" in script
    if refuses:
        assert "sbatch: error: invalid partition" in done.stderr
        assert "sbatch: sbatch" not in done.stderr
    else:
        assert json.loads(done.stdout)["job"] == "4711"


def test_the_address_of_a_database_is_not_in_the_script(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'hunter2.db'}"
    printed = json.loads(run(tmp_path, "--slurm", "2", "--dry-run", "--json", "--storage", storage).stdout)
    assert "hunter2" not in printed["script"]
    refused = subprocess.run(["bash", "-c", printed["script"]], capture_output=True, text=True, check=False)
    assert refused.returncode
    assert "KWB_STORAGE" in refused.stderr


@pytest.mark.parametrize("wrong", ["slurm_partitoin=gpu", "time", "mem=", "time=1\n2", "array_parallelism=0"])
def test_wrong_fields(wrong: str) -> None:
    with pytest.raises(WorkbenchError):
        fields_of([wrong])
    with pytest.raises(WorkbenchError, match="twice"):
        fields_of(["mem=1G", "slurm_mem=2G"])
