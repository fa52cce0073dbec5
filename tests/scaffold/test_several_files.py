"""`kwb new-plugin --from A --from B`: several files that build on one another become one plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scaffold.test_from_file import LAYER
from workbench.cli import main

BLOCKS = '''
"""Layers that others build on."""
import abc

import keras

STEP = 0.5


def halved(x):
    return x * STEP


def unused(x):
    return x


class Base(keras.layers.Layer, abc.ABC):
    """Scales what it is called with."""

    @abc.abstractmethod
    def factor(self): ...

    def call(self, x):
        return halved(x) * self.factor()


class Wide(keras.layers.Layer):
    """Doubles what it is called with."""

    def call(self, x):
        return 2.0 * x


if __name__ == "__main__":
    print(Wide()(1.0))
'''
GATES = '''
import plugin as blocks
from plugin import Base


class Tripled(Base):
    """Three halves of what it is called with."""

    def factor(self):
        return 3.0


class Halved(blocks.Base):
    """A half of a half."""

    def call(self, x):
        return blocks.halved(super().call(x))

    def factor(self):
        return 1.0
'''
NOTEBOOK = [
    "import keras\nfrom gates import Tripled",
    "class Nested(keras.layers.Layer):\n"
    '    """A layer with one of another file inside."""\n'
    "    def __init__(self, **kwargs):\n        super().__init__(**kwargs)\n        self.inner = Tripled()\n"
    "    def call(self, x):\n        return self.inner(x)\n",
    "Nested()(keras.ops.ones((1, 2)))",
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files, one of them called as a module that every plugin has."""
    cells = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in NOTEBOOK]
    texts = {
        "plugin.py": BLOCKS,
        "gates.py": GATES,
        "nested.ipynb": json.dumps({"cells": cells, "nbformat": 4}),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in reversed(texts)]  # what is built on comes last


def new_plugin(folder: Path, files: list[Path], *options: str) -> int:
    given = [part for file in files for part in ("--from", str(file))]
    return main(["new-plugin", "acme-gates", *given, "--folder", str(folder), *options])


def test_each_file_is_a_module_and_its_imports_are_those_of_the_package(tmp_path, files, capsys):
    folder = tmp_path / "new"
    assert new_plugin(folder, files, "--no-check", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {
        entry["name"]: entry["where"].partition(":")[0].partition(",")[0] for entry in report["entries"]
    } == {
        "Nested": "nested.ipynb",
        "Tripled": "gates.py",
        "Halved": "gates.py",
        "Wide": "plugin.py",
    }
    package = folder / "src" / "acme_gates"
    assert {path.name for path in package.glob("*.py")} == {
        "__init__.py", "plugin.py", "layers.py", "gates.py", "nested.py",
    }  # fmt: skip
    gates = (package / "gates.py").read_text()
    assert "from acme_gates import layers as blocks" in gates
    assert "from acme_gates.layers import Base" in gates
    layers = (package / "layers.py").read_text()
    assert "def halved" in layers
    assert "class Base" in layers
    assert "unused" not in layers
    assert any(each["what"].startswith("def unused") for each in report["left_out"])
    readme = (folder / "README.md").read_text()
    assert "moved here from `nested.ipynb`, `gates.py`, `plugin.py`." in readme
    assert "| `src/acme_gates/layers.py` | the code that was moved from `plugin.py` |" in readme


def test_what_moved_computes_what_the_files_do(tmp_path, files):
    folder = tmp_path / "new"
    assert new_plugin(folder, files, "--no-check") == 0
    code = (
        "from acme_gates.nested import Nested; from acme_gates.gates import Halved; import keras\n"
        "x = keras.ops.ones((1, 1))\n"
        "print(float(Nested()(x)[0, 0]), float(Halved()(x)[0, 0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path / "new",
        env={**os.environ, "PYTHONPATH": str(folder / "src")}, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1.5", "0.25"]


@pytest.mark.slow
def test_what_moved_is_tried_out(tmp_path, files, capsys):
    assert new_plugin(tmp_path / "new", files, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in report["entries"]} == {"Nested", "Tripled", "Halved", "Wide"}
    assert not any(entry["expected_failures"] for entry in report["entries"])
    assert report["to_do"] == []
    assert any(path.endswith("recipes/acme-gates.yaml") for path in report["written"]), "one of them trains"


def test_a_name_in_two_files_is_refused(tmp_path, capsys):
    paths = [tmp_path / "one.py", tmp_path / "two.py"]
    for path in paths:
        path.write_text(LAYER)
    assert new_plugin(tmp_path / "new", paths, "--no-check") == 2
    said = capsys.readouterr().err
    assert "two.py:3: 'A' is also defined in one.py:3" in said
    assert not (tmp_path / "new").exists()


def test_a_file_given_twice_moves_once(tmp_path, capsys):
    path = tmp_path / "one.py"
    path.write_text(LAYER)
    assert new_plugin(tmp_path / "new", [path, tmp_path / "." / "one.py"], "--no-check", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["entries"]) == 1


def test_files_of_one_name_become_two_modules(tmp_path):
    paths = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "mine.py")
        paths[-1].write_text(LAYER.replace("class A", f"class {name.upper()}"))
    assert new_plugin(tmp_path / "new", paths, "--no-check") == 0
    package = tmp_path / "new" / "src" / "acme_gates"
    for module, name in {"mine": "A", "layers": "B", "moved": "C"}.items():
        assert f"class {name}(" in (package / f"{module}.py").read_text()


def test_a_file_of_which_nothing_moves_is_named(tmp_path, capsys):
    (tmp_path / "one.py").write_text(LAYER)
    (tmp_path / "two.py").write_text("print(1)\n")
    assert new_plugin(tmp_path / "new", [tmp_path / "one.py", tmp_path / "two.py"], "--no-check") == 2
    assert "two.py: nothing in it can be moved" in capsys.readouterr().err


def test_star_imports_of_another_file(tmp_path, capsys):
    (tmp_path / "base.py").write_text(LAYER + "\n\nRATE = 2.0\n")
    (tmp_path / "more.py").write_text(
        "from base import *\n\n\nclass B(A):\n    '''Twice.'''\n    def call(self, x):\n        return x * RATE\n"
    )
    assert (
        new_plugin(tmp_path / "new", [tmp_path / "more.py", tmp_path / "base.py"], "--no-check", "--json")
        == 0
    )
    assert {entry["name"] for entry in json.loads(capsys.readouterr().out)["entries"]} == {"A", "B"}
    package = tmp_path / "new" / "src" / "acme_gates"
    assert "RATE = 2.0" in (package / "base.py").read_text()
    assert "from acme_gates.base import *" in (package / "more.py").read_text()
