"""`kwb new-plugin --from`: a project with what a file defines, which installs, and passes its own tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.whole import part, whole
from workbench.cli import main

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).with_name("sources")
FILES = ("gated_price.py", "attention-pool.ipynb", "wide_and_deep.py")

LAYER = "import keras\n\nclass A(keras.Layer):\n    '''Does nothing.'''\n    def call(self, x):\n        return x\n"


@dataclass(frozen=True)
class Project:
    """A project with the code of a file, and what the command said of it."""

    folder: Path
    report: dict

    @property
    def package(self) -> str:
        return self.folder.name.replace("-", "_")

    def entries(self) -> dict[str, dict]:
        return {entry["name"]: entry for entry in self.report["entries"]}


@pytest.fixture(scope="module")
def made(kwb, tmp_path_factory):
    """`made("wide_and_deep.py")` is the project of that file; each is made once."""
    found: dict[str, Project] = {}

    def make(file: str) -> Project:
        if file not in found:
            before = (SOURCES / file).read_bytes()
            folder = tmp_path_factory.mktemp("moved") / f"acme-{Path(file).stem.replace('_', '-')}"
            arguments = ("--from", str(SOURCES / file), "--folder", str(folder), "--json")
            done = kwb("new-plugin", folder.name, *arguments, timeout=400)
            assert done.returncode == 0, done.stderr
            assert (SOURCES / file).read_bytes() == before
            found[file] = Project(folder, json.loads(done.stdout))
        return found[file]

    return make


def moved(tmp_path: Path, text: str, *options: str, name: str = "mine.py") -> int:
    (tmp_path / name).write_text(text)
    folder = str(tmp_path / "acme-mine")
    return main(
        [
            "new-plugin",
            "acme-mine",
            "--from",
            str(tmp_path / name),
            "--folder",
            folder,
            "--no-check",
            *options,
        ]
    )


# ------------------------------------------------------------------- what is written


def test_the_files_of_a_project_and_what_is_said(tmp_path, capsys):
    assert moved(tmp_path, f"import sklearn.cluster\n{LAYER}\n    x = sklearn\n\nprint(A())\n") == 0
    out = capsys.readouterr().out
    assert "Copied from" in out
    assert f"    {'layer':<11} {'A':<28} mine.py:4" in out
    assert "Dependencies, besides kwb: scikit-learn" in out
    assert "    mine.py:11: print(A())\n        it is code that runs, not a definition" in out
    assert out.endswith("then: kwb check acme_mine\n")
    folder = tmp_path / "acme-mine"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        ".github/workflows/tests.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/acme_mine/__init__.py",
        "src/acme_mine/mine.py",
        "src/acme_mine/plugin.py",
        "tests/test_contract.py",
    }
    assert 'dependencies = ["kwb", "scikit-learn"]' in (folder / "pyproject.toml").read_text()


def test_the_workflow_runs_the_tests_with_each_python(tmp_path):
    assert moved(tmp_path, LAYER) == 0
    flow = YAML(typ="safe").load(tmp_path / "acme-mine" / ".github" / "workflows" / "tests.yml")
    job = flow["jobs"]["tests"]
    assert job["strategy"]["matrix"]["python-version"] == ["3.11", "3.12", "3.13"]
    assert job["steps"][1]["with"]["python-version"] == "${{ matrix.python-version }}"
    assert [step["run"] for step in job["steps"] if "run" in step] == ["pip install -e '.[dev]'", "pytest"]


def test_the_report_as_json(tmp_path, capsys):
    text = (
        LAYER
        + "    def __init__(self, units):\n        super().__init__()\nx = 1\nimport nowhere_to_be_found as n\n"
    )
    assert moved(tmp_path, text + "class B(A):\n    y = n\n", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["entries"][0] == {
        "kind": "layer",
        "name": "A",
        "where": "mine.py:3",
        "example": {},
        "no_value_for": ["units"],
        "expected_failures": {},
    }
    assert report["left_out"] == [
        {"what": "x = 1", "where": "mine.py:9", "why": "nothing that is moved needs it"}
    ]
    assert report["dependencies"] == ["nowhere-to-be-found"]
    assert report["registered"] == ["A", "B"]
    assert str(tmp_path / "acme-mine" / "README.md") in report["written"]
    assert any("a guess at what pip calls it" in text for text in report["to_do"])
    assert any("needs an example with values for units" in text for text in report["to_do"])
    plugin = (tmp_path / "acme-mine" / "src" / "acme_mine" / "plugin.py").read_text()
    assert (
        '# TODO: kwb found no value for units. Say what makes an instance:\n        # example={"units": ...},'
        in plugin
    )


@pytest.mark.parametrize(
    ("name", "text", "code", "why"),
    [
        ("a.py", "def f(:\n", 2, "no valid Python"),
        ("a.py", "", 2, "there is no code in it"),
        ("a.py", "import keras\nx = 1\n", 2, "nothing in it can be moved"),
        ("a.py", "from other import FooLayer\nclass A(FooLayer): pass\n", 2, "its base is other.FooLayer"),
        (
            "a.py",
            "n = f()\nimport keras\nclass A(keras.Layer):\n    n = n + len(n)\n    def f(x=n): pass\n",
            2,
            "it needs 'n' (a.py:1)",
        ),
        ("a.py", f"def f(x):\n    return x\n{LAYER}", 0, ""),
        ("a.ipynb", "{", 3, "no notebook"),
        ("a.csv", "a,b", 2, "neither a Python file nor a notebook"),
    ],
)
def test_an_error_writes_nothing(tmp_path, capsys, name, text, code, why):
    assert moved(tmp_path, text, name=name) == code
    assert why in capsys.readouterr().err
    assert (tmp_path / "acme-mine").exists() is (code == 0)
    assert {path.name for path in tmp_path.iterdir()} <= {name, "acme-mine"}


def test_nothing_is_written_over_and_options_go_together(tmp_path, capsys):
    (tmp_path / "acme-mine").mkdir()
    (tmp_path / "acme-mine" / "notes").write_text("mine")
    assert moved(tmp_path, LAYER) == 2
    assert "nothing is written over" in capsys.readouterr().err
    assert main(["new-plugin", "acme-mine", "--no-check"]) == 2
    assert "--no-check goes with --from" in capsys.readouterr().err


# ------------------------------------------------------------------- what is tried out


@pytest.mark.slow
def test_examples_and_expected_failures_of_a_script(made):
    project = made("gated_price.py")
    entries = project.entries()
    assert entries["ScaledDense"]["example"] == {"units": 8}
    failures = {name: list(entry["expected_failures"]) for name, entry in entries.items()}
    assert failures == {
        "ColumnGate": [],
        "ScaledDense": ["config_keeps_arguments"],
        "RelativeError": [],
        "log_cosh_error": [],
    }
    assert "scale" in entries["ScaledDense"]["expected_failures"]["config_keeps_arguments"]
    assert project.report["dependencies"] == []
    assert "(Path" not in (project.folder / "README.md").read_text()


@pytest.mark.slow
def test_a_sequence_layer_gets_its_shape_and_a_missing_value_is_an_expected_failure(made):
    project = made("attention-pool.ipynb")
    plugin = (project.folder / "src" / project.package / "plugin.py").read_text()
    assert 'example={"units": 8},\n        input_shapes=[[6, 8]],' in plugin
    failures = {name: entry["expected_failures"] for name, entry in project.entries().items()}
    assert (failures["AttentionPool"], failures["Standardize"]) == ({}, {})
    assert failures["SensorHead"] == {
        "call": "it cannot be called on (batch, 8): NameError: name 'n_features' is not defined"
    }


@pytest.mark.slow
def test_a_model_with_nested_layers_and_a_library(made):
    project = made("wide_and_deep.py")
    failures = {name: list(entry["expected_failures"]) for name, entry in project.entries().items()}
    assert failures == {"DeepBlock": ["registered_name"], "Bins": [], "WideAndDeep": [], "Patience": []}
    assert project.report["dependencies"] == ["numpy", "scikit-learn"]
    assert "the code can do without orjson: pyproject.toml does not name it" in project.report["to_do"]
    recipe = YAML(typ="safe").load(
        project.folder / "src" / project.package / "recipes" / "acme-wide-and-deep.yaml"
    )
    assert {"use": "acme_wide_and_deep.DeepBlock", "units": 8} in recipe["model"]["sequential"]


@pytest.mark.slow
@pytest.mark.parametrize("file", part("environments", FILES, ["attention-pool.ipynb"]))
def test_its_own_tests_pass(made, tmp_path, file):
    project = made(file)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--quiet"]
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        *options,
        "--target",
        str(tmp_path),
        str(project.folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stdout
    expected = sum(len(entry["expected_failures"]) for entry in project.entries().values())
    found = re.search(r"(\d+) xfailed", done.stdout)
    assert (int(found[1]) if found else 0) == expected


@pytest.mark.slow
@pytest.mark.skipif(
    not whole("environments"), reason="it installs TensorFlow three times: KWB_WHOLE=environments"
)
@pytest.mark.parametrize("file", FILES)
def test_it_installs_and_passes_in_a_new_environment(made, tmp_path, file):
    project = made(file)
    wheels = tmp_path / "wheels"
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    install = [python, "-m", "pip", "install", "-q", "--find-links", wheels, "-e", f"{project.folder}[dev]"]
    done = subprocess.run(install, capture_output=True, text=True, timeout=1200, env=environment)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [python, "-m", "pytest", "-q"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=600,
        env=environment,
    )
    assert done.returncode == 0, done.stdout
    print(file, done.stdout.strip().splitlines()[-1])


def test_failures_of_one_reason_stand_together():
    from workbench.catalog import Kind
    from workbench.scaffold.plugin_text import MovedEntry, plugin_text
    from workbench.scaffold.writing import Names

    failures = {"call": "it fails", "graph": "it fails", "xla": 'it "calls" Python'}
    entry = MovedEntry(
        Kind.LAYER, "A", "mine", "", "mine.py:1", (), {"units": 2, "on": True}, 2, failures=failures
    )
    text = plugin_text(Names("acme", "acme"), [entry], recipe=False)
    added = {}
    registry = type("Registry", (), {"add": lambda self, *names, **values: added.update(values)})()
    module: dict = {}
    exec(text, module)
    module["kwb_register_layers"](registry)
    assert added == {
        "example": {"units": 2, "on": True},
        "inputs": 2,
        "expected_failures": {check: f"TODO: {reason}" for check, reason in failures.items()},
    }
