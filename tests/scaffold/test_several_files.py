"""`kwb new-plugin --from A --from B`: several files that build on one another become one plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scaffold.test_file_layouts import CORE, MORE
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
    assert "def unused" in layers, "what others import is there as a whole"
    assert layers.count("@keras.saving.register_keras_serializable") == 1, "Base is abstract"
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
    readme = (tmp_path / "new" / "README.md").read_text()
    assert "moved here from `a/mine.py`, `b/mine.py`, `c/mine.py`." in readme
    assert "| `src/acme_gates/mine.py` | the code that was moved from `a/mine.py` |" in readme


def test_a_file_of_which_nothing_moves_is_left_out(tmp_path, capsys):
    (tmp_path / "one.py").write_text(LAYER)
    (tmp_path / "__init__.py").write_text("from .one import A\n")  # as `--from theirs/*.py` gives it
    paths = [tmp_path / "__init__.py", tmp_path / "one.py"]
    assert new_plugin(tmp_path / "new", paths, "--no-check", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in report["entries"]] == ["A"]
    assert any(text.startswith("'__init__.py' was left out") for text in report["to_do"])
    assert any(each["where"] == "__init__.py:1" for each in report["left_out"])
    assert "moved here from `one.py`." in (tmp_path / "new" / "README.md").read_text()
    package = tmp_path / "new" / "src" / "acme_gates"
    assert {path.name for path in package.glob("*.py")} == {"__init__.py", "plugin.py", "one.py"}
    assert new_plugin(tmp_path / "none", paths[:1], "--no-check") == 2
    assert "__init__.py: nothing in it can be moved" in capsys.readouterr().err


@pytest.mark.slow
def test_what_cannot_be_imported_keeps_the_others_from_nothing(tmp_path, capsys):
    (tmp_path / "one.py").write_text(LAYER)
    (tmp_path / "two.py").write_text(
        f"import not_installed_here\n{CORE}\n\nprint(not_installed_here)\n".replace(
            "2.0 * x", "not_installed_here.twice(x)"
        )
    )
    paths = [tmp_path / "one.py", tmp_path / "two.py"]
    assert new_plugin(tmp_path / "new", paths, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    said = [text for text in report["to_do"] if "could be tried" in text]
    assert len(said) == 1
    assert said[0].startswith("nothing of 'two.py' could be tried, as it cannot be imported here")
    assert {entry["name"]: bool(entry["expected_failures"]) for entry in report["entries"]} == {
        "A": False,
        "Core": False,
    }
    assert any(path.endswith("recipes/acme-gates.yaml") for path in report["written"]), "the other one trains"


def test_a_file_that_is_used_by_its_whole_name_is_to_be_looked_at(tmp_path, capsys):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "base.py").write_text(CORE)
    more = f"import theirs.base\n\n\n{MORE.format(1).replace('(Core)', '(theirs.base.Core)')}"
    (tmp_path / "theirs" / "more.py").write_text(more)
    paths = [tmp_path / "theirs" / name for name in ("more.py", "base.py")]
    assert new_plugin(tmp_path / "new", paths, "--no-check", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in report["entries"]} == {"Core", "Sub"}
    assert any(text.startswith("more.py:1: 'import theirs.base' gives a name") for text in report["to_do"])


def test_what_of_a_whole_file_is_no_entry_is_said(tmp_path, capsys):
    (tmp_path / "base.py").write_text(
        f"import keras\nfrom elsewhere import SomeLayer\nfrom ..above import over\n\n\n"
        f"class Unknown(SomeLayer):\n    pass\n\n\n"
        f"if keras:\n    class Inner(keras.Layer):\n        pass\n\n\n{CORE}\n\n"
        "if __name__ == '__main__':\n    print(1)\n"
    )
    (tmp_path / "more.py").write_text(f"from base import Core\n\n\n{MORE.format(1)}")
    assert (
        new_plugin(tmp_path / "new", [tmp_path / "base.py", tmp_path / "more.py"], "--no-check", "--json")
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert {entry["name"] for entry in report["entries"]} == {"Core", "Sub"}
    said = "\n".join(report["to_do"])
    assert "base.py:3: '..above' is" in said or "base.py:3: 'above' is" in said
    assert "'Unknown' (base.py:6) has no entry: its base is elsewhere.SomeLayer" in said
    assert "base.py:10: what is defined under a condition has no entry" in said
    assert "runs at import" not in said, "what only a script does is not run"


def test_the_nearest_module_of_a_name_is_meant(tmp_path, capsys):
    (tmp_path / "deep" / "layers").mkdir(parents=True)
    (tmp_path / "deep" / "layers" / "__init__.py").write_text("ONE = 1\n")
    (tmp_path / "layers.py").write_text(CORE)
    (tmp_path / "deep" / "more.py").write_text(
        "import keras\nfrom layers import ONE\n\n\nclass Sub(keras.Layer):\n    '''Adds.'''\n"
        "    def call(self, x):\n        return x + ONE\n"
    )
    paths = [tmp_path / "layers.py", tmp_path / "deep" / "more.py"]
    assert new_plugin(tmp_path / "new", paths, "--no-check", "--json") == 0
    assert "from acme_gates.layers import ONE" not in (tmp_path / "new/src/acme_gates/more.py").read_text()
    assert "'layers' is a folder beside the file" in " ".join(json.loads(capsys.readouterr().out)["to_do"])


def test_a_folder_called_like_a_library_is_none(tmp_path):
    (tmp_path / "keras").mkdir()
    path = tmp_path / "keras" / "layers.py"
    path.write_text(
        "import keras\nfrom keras import layers\n\n\nclass A(layers.Layer):\n    '''Nothing.'''\n"
    )
    assert new_plugin(tmp_path / "new", [path], "--no-check") == 0
    assert "from keras import layers" in (tmp_path / "new" / "src" / "acme_gates" / "layers.py").read_text()


@pytest.mark.parametrize("helper", ["", "print 'x'\n", "import pandas\nfrom one import One\n"])
def test_a_file_that_only_a_script_imports_is_not_read(tmp_path, helper, capsys):
    (tmp_path / "conf.py").write_text(helper)
    for name in ("one", "two"):
        layer = LAYER.replace("class A", f"class {name.title()}")
        (tmp_path / f"{name}.py").write_text(f"{layer}\n\nif __name__ == '__main__':\n    import conf\n")
    assert new_plugin(tmp_path / "alone", [tmp_path / "one.py"], "--no-check") == 0
    assert new_plugin(tmp_path / "both", [tmp_path / "one.py", tmp_path / "two.py"], "--no-check") == 0
    for project in ("alone", "both"):
        assert not (tmp_path / project / "src" / "acme_gates" / "conf.py").exists()
        assert "__main__" not in (tmp_path / project / "src" / "acme_gates" / "one.py").read_text()
    assert "pandas" not in capsys.readouterr().out
