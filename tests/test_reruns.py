"""A test of the app that fails once is run once more, and listed; a test of anything else is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFTEST = """\
from pathlib import Path
from tests.reruns import rerun_once

def pytest_collection_modifyitems(config, items):
    rerun_once(config, items, Path(__file__).parent)
"""
FAILS_FIRST = """\
from pathlib import Path

def test_fails_first():
    before = Path(__file__).with_suffix(".seen")
    seen = before.exists()
    before.touch()
    assert seen

def test_never_passes():
    assert False
"""
LISTENS = """\
import psutil

def test_listens():
    # the process of the tests and those above it, among them the one that hands out the tests
    for process in [psutil.Process(), *psutil.Process().parents()]:
        try:
            found = process.net_connections("inet")
        except psutil.AccessDenied:
            continue
        if "pytest" in " ".join(process.cmdline()):
            assert {each.laddr.ip for each in found if each.status == "LISTEN"} <= {"127.0.0.1", "::1"}
"""


def test_one_rerun_for_the_folder_alone_also_with_several_processes(tmp_path: Path) -> None:
    pytest.importorskip("pytest_rerunfailures")
    for folder in ("app", "numbers"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"test_{folder}.py").write_text(FAILS_FIRST)
    (tmp_path / "app" / "conftest.py").write_text(CONFTEST)
    (tmp_path / "app" / "test_sockets.py").write_text(LISTENS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\naddopts = -raR -n 2 --dist loadfile -p no:cacheprovider\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout
    reruns = sorted(line for line in lines if line.startswith("RERUN "))
    assert reruns == [f"RERUN app/test_app.py::test_{name}" for name in ("fails_first", "never_passes")]
    failed = sorted({line.split(" - ")[0] for line in lines if line.startswith("FAILED ")})
    assert failed == [
        "FAILED app/test_app.py::test_never_passes",
        "FAILED numbers/test_numbers.py::test_fails_first",
        "FAILED numbers/test_numbers.py::test_never_passes",
    ]
    assert "3 failed, 2 passed, 2 rerun" in lines[-1]


def test_the_folders_that_have_a_rerun() -> None:
    with_reruns = {
        path.parent.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("conftest.py")
        if "rerun_once" in path.read_text(encoding="utf-8")
    }
    assert with_reruns == {"tests/tui", "tests/queue"}
