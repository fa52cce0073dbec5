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


def test_a_file_of_which_nothing_moves_is_named(tmp_path, capsys):
    (tmp_path / "one.py").write_text(LAYER)
    (tmp_path / "two.py").write_text("print(1)\n")
    assert new_plugin(tmp_path / "new", [tmp_path / "one.py", tmp_path / "two.py"], "--no-check") == 2
    assert "two.py: nothing in it can be moved" in capsys.readouterr().err


CORE = (
    "import keras\n\n\nclass Core(keras.Layer):\n    '''Doubles.'''\n"
    "    def call(self, x):\n        return 2.0 * x\n"
)
MORE = (
    "class Sub(Core):\n    '''Doubles and adds.'''\n"
    "    def call(self, x):\n        return super().call(x) + {0}\n"
)
LAYOUTS = {
    "a star, and what it brings": {
        "base.py": f"import numpy as np\n{CORE}",
        "more.py": f"from base import *\n\n\n{MORE.format('np.float32(1)')}",
    },
    "a star, with __all__ and code that runs": {
        "base.py": f"__all__ = ['Core', 'DATA']\n{CORE}\n\nDATA = sum(range(3))\n",
        "more.py": f"from base import *\n\n\n{MORE.format('DATA')}",
    },
    "a value of code that runs": {
        "base.py": f"{CORE}\n\nDATA = [number for number in range(3)].pop()\n",
        "more.py": f"from base import Core, DATA\n\n\n{MORE.format('DATA')}",
    },
    "an import that another one brings": {
        "base.py": f"import math, os\n{CORE}",
        "more.py": f"from base import Core, math\n\n\n{MORE.format('math.floor(1.5)')}",
    },
    "two that import each other": {
        "base.py": f"{CORE}\n    def twin(self):\n        from more import Sub\n\n        return Sub()\n",
        "more.py": f"import base\n\n\n{MORE.format(1).replace('Core', 'base.Core')}",
    },
    "an import inside of a function": {
        "base.py": CORE,
        "more.py": "import keras\n\n\nclass Sub(keras.Layer):\n    '''Doubles.'''\n    def call(self, x):\n"
        "        from base import Core\n\n        return Core()(x)\n",
    },
    "an import that may fail, of a module that is renamed": {
        "plugin.py": CORE,
        "more.py": "try:\n    from plugin import Core\nexcept ImportError:\n    Core = None\n\n\n"
        + MORE.format(1),
    },
    "a class by way of a third file": {
        "base.py": CORE,
        "middle.py": "from base import Core\n\nTWO = 2\n",
        "more.py": f"from middle import TWO, Core\n\n\n{MORE.format('TWO')}",
    },
    "a file beside them, which takes something from one": {
        "base.py": f"{CORE}\n\ndef scaled(x):\n    return x * 3.0\n",
        "beside/helper.py": "",
        "helper.py": "from base import scaled\n\n\ndef both(x):\n    return scaled(x) + 1.0\n",
        "more.py": f"from base import Core\nfrom helper import both\n\n\n{MORE.format('both(1.0)')}",
    },
    "a package of theirs": {
        "theirs/__init__.py": "",
        "theirs/base.py": CORE,
        "theirs/more.py": f"from theirs.base import Core\n\n\n{MORE.format(1)}",
    },
    "a package of theirs, imported from inside": {
        "theirs/__init__.py": "",
        "theirs/deep/__init__.py": "",
        "theirs/base.py": CORE,
        "theirs/deep/more.py": "from .. import base\nfrom ..base import Core\n\n\n"
        + MORE.format("len(base.__name__) * 0 + 1"),
    },
}


@pytest.mark.slow
def test_what_moves_computes_what_it_did(tmp_path, capsys):
    """Of each layout the package computes what the files do, where they are."""
    lines = []
    for number, (layout, texts) in enumerate(LAYOUTS.items()):
        folder = tmp_path / f"files{number}"
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        given = [folder / name for name in texts if "helper" not in name and "__init__" not in name]
        moved = [part for file in given for part in ("--from", str(file))]
        options = ["--folder", str(tmp_path / f"project{number}"), "--no-check", "--json"]
        assert main(["new-plugin", f"acme{number}", *moved, *options]) == 0, layout
        report = json.loads(capsys.readouterr().out)
        assert {"Core", "Sub"} <= {entry["name"] for entry in report["entries"]}, layout
        assert set(report["dependencies"]) <= {"numpy"}, layout
        module = next(name for name in texts if name.endswith("more.py"))
        own = module.removesuffix(".py").replace("/", ".")
        lines.append(
            (layout, str(folder), own, str(tmp_path / f"project{number}" / "src"), f"acme{number}.more")
        )
    code = (
        "import importlib, json, sys\nimport keras\nx = keras.ops.ones((1, 1))\n"
        "def value(folder, module):\n"
        "    before = set(sys.modules)\n    sys.path.insert(0, folder)\n"
        "    found = float(importlib.import_module(module).Sub()(x)[0, 0])\n"
        "    sys.path.remove(folder)\n"
        "    for name in set(sys.modules) - before:\n"
        "        if getattr(sys.modules[name], '__file__', None) and folder in sys.modules[name].__file__:\n"
        "            del sys.modules[name]\n"
        "    return found\n"
        "for layout, folder, module, site, moved in json.loads(sys.argv[1]):\n"
        "    print(json.dumps([layout, value(folder, module), value(site, moved)]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [layout for layout, _, _ in found] == list(LAYOUTS)
    assert [layout for layout, own, moved in found if own != moved] == []


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


def test_a_folder_called_like_a_library_is_none(tmp_path):
    (tmp_path / "keras").mkdir()
    path = tmp_path / "keras" / "layers.py"
    path.write_text(
        "import keras\nfrom keras import layers\n\n\nclass A(layers.Layer):\n    '''Nothing.'''\n"
    )
    assert new_plugin(tmp_path / "new", [path], "--no-check") == 0
    assert "from keras import layers" in (tmp_path / "new" / "src" / "acme_gates" / "layers.py").read_text()


@pytest.mark.parametrize("helper", ["", "print 'x'\n"])
def test_a_file_that_only_a_script_imports_is_not_read(tmp_path, helper):
    (tmp_path / "conf.py").write_text(helper)
    for name in ("one", "two"):
        layer = LAYER.replace("class A", f"class {name.title()}")
        (tmp_path / f"{name}.py").write_text(f"{layer}\n\nif __name__ == '__main__':\n    import conf\n")
    assert new_plugin(tmp_path / "alone", [tmp_path / "one.py"], "--no-check") == 0
    assert new_plugin(tmp_path / "both", [tmp_path / "one.py", tmp_path / "two.py"], "--no-check") == 0
    assert not (tmp_path / "alone" / "src" / "acme_gates" / "conf.py").exists()
