"""`kwb new-plugin`: a project that installs, is found, keeps the contract, trains, and passes its own tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.scaffold.writing import Names, names_of, write_project

NAMES = Names("acme-gates", "acme_gates")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "acme-gates"
    write_project(NAMES, folder)
    return folder


@pytest.fixture(scope="module")
def site(project, tmp_path_factory) -> Path:
    """The project, installed by pip into a folder."""
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("acme-gates", NAMES),
        ("Acme_Gates", NAMES),
        ("acme.gates", NAMES),
        ("gates2", Names("gates2", "gates2")),
    ],
)
def test_a_name_becomes_one_for_pip_and_one_for_python(name, names):
    assert names_of(name) == names


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("2gates", "begins with a letter"),
        ("acme gates", "a plugin cannot be called 'acme gates'"),
        ("../gates", "cannot be called"),
        ("gates-", "cannot be called"),
        ("", "cannot be called"),
        ("class", "a word of Python"),
        ("json", "there is a package 'json' already"),
        ("workbench", "there is a package 'workbench' already"),
        ("kwb_custom", "For example kwb-custom-layers."),
    ],
)
def test_a_name_that_cannot_be_is_refused(name, why):
    with pytest.raises(WorkbenchError, match=why):
        names_of(name)


def test_the_files_are_named_and_nothing_is_left_to_fill_in(project):
    files = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert files == {
        ".github/workflows/tests.yml",
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/acme_gates/__init__.py",
        "src/acme_gates/layers.py",
        "src/acme_gates/plugin.py",
        "src/acme_gates/recipes/acme-gates.yaml",
        "tests/test_contract.py",
        "tests/test_recipe.py",
    }
    for file in files:
        text = (project / file).read_text()
        assert "$" not in text.replace("${{ matrix.python-version }}", "")
        assert "PACKAGE" not in text


def test_its_code_is_formatted_and_without_lint(project):
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--line-length=110", str(project)],
            capture_output=True,
            text=True,
        )
        if "No module named ruff" in done.stderr:
            pytest.skip("ruff is not installed")
        assert done.returncode == 0, done.stdout


def test_the_command_tells_the_files_and_what_to_do_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "Acme-Gates"]) == 0
    out = capsys.readouterr().out
    assert "acme-gates/src/acme_gates/layers.py" in out
    assert out.endswith("Next: pip install -e 'acme-gates[dev]', then: kwb check acme_gates\n")
    assert (tmp_path / "acme-gates" / "pyproject.toml").is_file()


def test_a_folder_can_be_named_and_an_empty_one_is_used(tmp_path):
    (tmp_path / "empty").mkdir()
    assert main(["new-plugin", "acme-gates", "--folder", str(tmp_path / "empty")]) == 0
    assert (tmp_path / "empty" / "src" / "acme_gates" / "plugin.py").is_file()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_nothing_is_written_over(tmp_path, monkeypatch, capsys, what):
    monkeypatch.chdir(tmp_path)
    kept = Path("acme-gates/notes.txt") if what == "folder" else Path("acme-gates")
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    assert main(["new-plugin", "acme-gates"]) == 2
    assert "nothing is written over. --folder names another." in capsys.readouterr().err
    assert list(Path("acme-gates").rglob("*")) == ([kept] if what == "folder" else [])
    assert kept.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_an_error_of_a_file(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["new-plugin", "acme-gates", "--folder", str(tmp_path / "file" / "below")]) == 3
    assert "cannot be written" in capsys.readouterr().err


def test_it_is_listed(kwb, site):
    done = kwb("plugins", "--json", path=[site])
    (row,) = [row for row in json.loads(done.stdout) if row["plugin"] == "acme_gates"]
    assert (row["state"], row["error"], row["warning"]) == ("loaded", None, None)
    assert row["distribution"] == "acme-gates"
    assert [entry["name"] for entry in row["entries"]] == ["Gate", "acme-gates"]


@pytest.mark.slow
def test_it_keeps_the_contract(kwb, site):
    done = kwb("check", "acme_gates", "--json", path=[site])
    assert done.returncode == 0, done.stdout
    summary = json.loads(done.stdout)["summary"]
    assert (summary["entries"], summary["failed"], summary["xfail"], summary["skipped"]) == (2, 0, 0, 0)


@pytest.mark.slow
def test_its_recipe_trains_and_says_what_its_file_needs(kwb, site, tmp_path):
    done = kwb("--batch", "acme-gates", "--json", path=[site], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    losses = [event["logs"]["loss"] for event in events if event["event"] == "epoch"]
    assert losses[-1] < losses[0] / 2
    file = "saved/acme-gates.keras"
    needs = json.loads(kwb("inspect", file, "--json", path=[site], cwd=tmp_path).stdout)["needs"]
    assert needs == [{"registered": "acme-gates>Gate", "distribution": "acme-gates", "installed": True}]


@pytest.mark.slow
def test_its_own_tests_pass_and_can_be_chosen(project, site):
    paths = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    for arguments, count in (([], 20), (["-k", "Gate-saves"], 3)):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=300,
            env=os.environ | {"PYTHONPATH": paths},
        )
        assert done.returncode == 0, done.stdout
        passed = int(done.stdout.split(" passed")[0].split()[-1])
        assert passed == count if arguments else passed > count


def test_its_files_are_in_the_wheel(tmp_path):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    import zipfile

    (wheel,) = tmp_path.glob("*.whl")
    packed = {
        name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("workbench/scaffold/project/")
    }
    real = {str(path.relative_to(root)) for path in (root / "workbench/scaffold/project").rglob("*.in")}
    assert packed == real
