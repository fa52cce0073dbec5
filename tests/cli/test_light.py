"""Commands that only look never import keras, nor anything as heavy: they answer at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

HEAVY = ["keras", "tensorflow", "torch", "jax", "sklearn", "pyarrow", "pandas", "textual"]


@pytest.fixture(scope="module")
def h5_file(tmp_path_factory) -> Path:
    """A weights file as plain Keras lays it out, written without keras."""
    path = tmp_path_factory.mktemp("files") / "m.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", data=[[1.0, 2.0]])
    return path


def modules_after(*arguments: str) -> tuple[int, set[str]]:
    """The exit code of `kwb ARGUMENTS`, and the modules its process had imported."""
    code = (
        "import contextlib, io, json, sys\n"
        "from workbench.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    code = main({list(arguments)!r})\n"
        "print(json.dumps([code, sorted(sys.modules)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    exit_code, modules = json.loads(done.stdout)
    return exit_code, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["plugins"],
        ["plugins", "--json"],
        ["catalog"],
        ["catalog", "dense", "--kind", "layer"],
        ["schema"],
        ["inspect", "--help"],
        ["check", "--help"],
        ["check", "--list"],
        ["new-plugin", "--help"],
    ],
    ids=" ".join,
)
def test_looking_imports_nothing_heavy(arguments):
    code, modules = modules_after(*arguments)
    assert code == 0
    assert not modules.intersection([*HEAVY, "numpy", "h5py"])


def test_inspecting_a_file_imports_no_keras(h5_file):
    code, modules = modules_after("inspect", str(h5_file), "--json")
    assert code == 0
    assert not modules.intersection(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--batch", "nothing-of-that-name"],
        ["--batch", "gone.yaml"],
        ["inspect", "gone.keras"],
        ["--batch"],
        ["check", "nothing-of-that-name"],
        ["check", "MyDense", "-k", "no-such-check"],
        ["new-plugin", "json"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_reported_before_anything_heavy_is_imported(arguments):
    code, modules = modules_after(*arguments)
    assert code in (2, 3)
    assert not modules.intersection(["keras", "tensorflow"])


def test_what_moves_into_a_plugin_is_decided_without_importing_it(tmp_path):
    source = "tests/scaffold/sources/wide_and_deep.py"
    code, modules = modules_after(
        "new-plugin", "acme-moved", "--from", source, "--folder", str(tmp_path / "acme"), "--no-check"
    )
    assert code == 0
    assert not modules.intersection([*HEAVY, "sklearn", "wide_and_deep"])


def test_help_does_not_even_load_the_plugins():
    _, modules = modules_after("--help")
    assert not modules.intersection(["kwb_custom", "kwb_keras", "kwb_datasets", "pydantic", "ruamel.yaml"])
