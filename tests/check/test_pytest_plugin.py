"""The pytest plugin: it is there wherever kwb is installed, makes checks tests, and leaves other runs alone."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

MARKED = """
import pytest

@pytest.mark.kwb_checks({names})
def test_contract(check):
    check()
"""

# What a run has imported when its first test begins.
OTHER_PEOPLES = """
import sys

def test_nothing_of_kwb_was_imported():
    ours = {name for name in sys.modules if name.startswith(("workbench", "kwb_"))}
    assert ours == {"workbench", "workbench.check", "workbench.check.pytest_plugin"}
    assert not {"keras", "tensorflow", "h5py", "pydantic"} & set(sys.modules)
"""


def pytest_run(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of its own, in a folder that knows nothing of this repository."""
    (folder / "test_it.py").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--strict-markers", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
    )


def test_it_is_installed_with_kwb():
    found = {point.name: point.value for point in entry_points(group="pytest11")}
    assert found.get("kwb") == "workbench.check.pytest_plugin", "run: pip install -e '.[dev]'"


def test_a_run_of_other_people_imports_nothing_more(tmp_path):
    done = pytest_run(tmp_path, OTHER_PEOPLES, "-W", "error")
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_marker_makes_a_test_of_each_check(tmp_path):
    done = pytest_run(tmp_path, MARKED.format(names="'custom-stack'"), "--collect-only")
    assert done.returncode == 0, done.stdout
    tests = [line.partition("[")[2].rstrip("]") for line in done.stdout.splitlines() if "[" in line]
    assert tests == [
        "kwb_custom.custom-stack-expected_failures",
        "kwb_custom.custom-stack-recipe_reads",
        "kwb_custom.custom-stack-recipe_names",
    ]


GATE = """
import keras

class Gate(keras.layers.Layer):
    def __init__(self, start=1.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def get_config(self):
        return {"name": self.name}
"""


def test_checks_pass_and_fail_as_tests(tmp_path):
    (tmp_path / "gate.py").write_text(GATE)
    text = MARKED.format(names="'Gate', plugin_files=[__import__('pathlib').Path('gate.py')]")
    done = pytest_run(tmp_path, text, "-k", "Gate-config_keeps_arguments] or Gate-constructor]")
    assert done.returncode == 1, done.stdout
    assert "start" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


@pytest.mark.parametrize("name", ["'acme-that-is-not-there'", "'MyDens'"])
def test_a_wrong_name_ends_the_run_in_one_sentence(tmp_path, name):
    done = pytest_run(tmp_path, MARKED.format(names=name))
    assert done.returncode not in (0, 1, 5), done.stdout
    text = done.stdout + done.stderr
    assert "test_it.py::test_contract" in text
    assert name.strip("'") in text
    assert "Traceback" not in text
