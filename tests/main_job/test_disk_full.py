"""A disk that is full when training ends: said in plain words, and the old files are whole."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import kwb_in

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from workbench.cli import command; command()"]
ARGUMENTS = ["--batch", "residual-regressor", "--set", "train.epochs=2", "--json"]
LIMIT = 40_000  # bytes of a file: the events of this run fit, its model does not


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of an earlier, undisturbed run."""
    folder = tmp_path_factory.mktemp("full")
    done = kwb_in(folder, ARGUMENTS)
    assert done.code == 0, done.err
    return folder


def test_a_full_disk_is_reported_and_the_old_files_stay(folder: Path) -> None:
    files = {path: path.read_bytes() for path in (folder / "saved").glob("residual-regressor.*")}
    assert len(files) == 2

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))

    done = subprocess.run(
        [*COMMAND, *ARGUMENTS], cwd=folder, capture_output=True, text=True, timeout=120, preexec_fn=no_room
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records[-1]["event"] == "failed"
    assert "larger than" in records[-1]["error"]["what"] or "no space" in records[-1]["error"]["what"]
    assert len([record for record in records if record["event"] == "epoch"]) == 2
    for path, content in files.items():
        assert path.read_bytes() == content
    strays = [path.name for path in folder.rglob("*") if ".tmp-" in path.name or ".writing-" in path.name]
    assert strays == []
