"""Files that import one another in the ways that people write: as a plugin they compute what they did."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench.cli import main

CORE = (
    "import keras\n\n\nclass Core(keras.Layer):\n    '''Doubles.'''\n"
    "    def call(self, x):\n        return 2.0 * x\n"
)
MORE = (
    "class Sub(Core):\n    '''Doubles and adds.'''\n"
    "    def call(self, x):\n        return super().call(x) + {0}\n"
)
LAYOUTS = {
    "what only a script takes": {
        "base.py": f"{CORE}\n\ndef load():\n    import pandas\n\n    return pandas\n",
        "more.py": f"{CORE.replace('Core', 'Sub')}\n\nif __name__ == '__main__':\n"
        "    from base import load\n\n    load()\n",
    },
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
        "helper.py": "from base import scaled\n\n\ndef both(x):\n    return scaled(x) + 1.0\n",
        "more.py": f"from base import Core\nfrom helper import both\n\n\n{MORE.format('both(1.0)')}",
    },
    "a package of theirs": {
        "theirs/__init__.py": "",
        "theirs/base.py": CORE,
        "theirs/more.py": f"from theirs.base import Core\n\n\n{MORE.format(1)}",
    },
    "a package of theirs, with what it offers in its __init__": {
        "theirs/base.py": CORE,
        "theirs/__init__.py": "from .base import Core\n\nTWO = 2\n",
        "theirs/more.py": "from theirs import base\nfrom . import TWO, Core\n\n\n"
        + MORE.format("TWO + 0 * len(base.__name__)"),
    },
    "a module of the library, beside which another folder has a file of its name": {
        "copy.py": CORE,
        "deep/more.py": "import copy, keras\n\n\nclass Sub(keras.Layer):\n    '''Copies.'''\n"
        "    def call(self, x):\n        return copy.copy(x)\n",
    },
    "a late import of Keras": {
        "base.py": "import tensorflow as tf\n\n\nclass Core(tf.keras.layers.Layer):\n    '''Doubles.'''\n"
        "    def call(self, x):\n        return 2.0 * x\n\n\nimport keras\n\nZERO = keras.ops.zeros(())\n",
        "more.py": f"from base import Core, ZERO\n\n\n{MORE.format('ZERO')}",
    },
    "another encoding": {
        "base.py": f"# -*- coding: latin-1 -*-\n{CORE}\n\nNAME = 'é'\n",
        "more.py": f"from base import Core, NAME\n\n\n{MORE.format('ord(NAME)')}",
    },
    "an import behind a backslash": {
        "base.py": f"{CORE}\n\nONE = 1.0\n",
        "more.py": "from base import Core\n\n\n"
        "def one(): \\\n    import math, base; return base.ONE + math.floor(0.5)\n"
        f"\n\n{MORE.format('one()')}",
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
            (folder / name).write_text(text, "latin-1" if "latin-1" in text else "utf-8")
        given = [folder / name for name, text in texts.items() if text and "helper" not in name]
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
