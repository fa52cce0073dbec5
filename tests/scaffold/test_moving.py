"""What of a file moves into a project, and what is said of the rest. Nothing is imported here."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from workbench.scaffold.module_text import (
    moved_files,
    moved_module,
    neighbour_module,
    neighbours,
)
from workbench.scaffold.moving import Moved, what_moves
from workbench.scaffold.source_file import SourceFile, read_source

SOURCES = Path(__file__).with_name("sources")

HEAD = "import keras\nfrom keras import layers, ops\n\n"


def read(tmp_path: Path, text: str, name: str = "mine.py") -> SourceFile:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_source(path)


def notebook(tmp_path: Path, *cells: str) -> SourceFile:
    found = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    return read(tmp_path, json.dumps({"cells": found, "nbformat": 4}), "mine.ipynb")


def beside_of(source: SourceFile) -> tuple[Path, ...]:
    """The files beside it that what moves of it imports."""
    moved = what_moves(source)
    code = [each.node for each in (*moved.imports, *moved.body) if not each.is_scope]
    return neighbours(code, source.path.parent, [source.path.resolve()])


def text_of(source: SourceFile) -> str:
    moved = what_moves(source)
    text = moved_module(source, moved, "acme", moved_files([source], "acme", beside_of(source))).text
    ast.parse(text)
    return text


def names(moved: Moved) -> dict[str, str]:
    return {each.node.name: kind.value for each, kind in moved.entries}


def left(moved: Moved) -> dict[str, str]:
    return {each.what: each.why for each in moved.left_out}


# ------------------------------------------------------------------- three files


def test_a_script_gives_its_layers_and_losses_with_what_they_need():
    moved = what_moves(read_source(SOURCES / "gated_price.py"))
    assert names(moved) == {
        "ColumnGate": "layer",
        "ScaledDense": "layer",
        "RelativeError": "loss",
        "log_cosh_error": "loss",
    }
    given = [name for each in moved.body for name in each.binds]
    assert given == ["EPSILON", "squash", "_scaled", *names(moved)]
    assert [each.text for each in moved.imports] == [
        "from __future__ import annotations",
        "import math",
        "import tensorflow as tf",
        "from tensorflow import keras",
        "from tensorflow.keras import layers",
    ]
    why = left(moved)
    assert why['if __name__ == "__main__":'] == "it runs only as a script"
    assert why["tf.random.set_seed(SEED)"] == "it is code that runs, not a definition"
    assert why["def plot(history):"] == "nothing that is moved needs it"
    assert {each.what: each.where for each in moved.left_out}["def main():"] == "gated_price.py:99"
    assert (moved.to_do, moved.missing) == ((), {})


def test_the_users_code_stays_as_it_is_written():
    source = read_source(SOURCES / "gated_price.py")
    text = text_of(source)
    original = (SOURCES / "gated_price.py").read_text()
    for part in (
        "# like tanh, but cheaper",
        "EPSILON = 1e-6   # below this",
        "# (after the third try with a softmax)\n@keras",
    ):
        assert part in text
    begin, end = original.index("    def build(self"), original.index("class ScaledDense")
    assert original[begin:end].rstrip() in text
    # tensorflow.keras has no `saving`
    assert text.count('@keras.utils.register_keras_serializable(package="acme")') == 4
    assert text.startswith('"""House prices with a gated network.\n')


def test_a_notebook_gives_the_last_of_two_definitions_and_no_magics():
    moved = what_moves(read_source(SOURCES / "attention-pool.ipynb"))
    assert names(moved) == {"AttentionPool": "layer", "Standardize": "layer", "SensorHead": "layer"}
    (pool,) = [each for each in moved.body if "AttentionPool" in each.binds]
    assert "second try: learned weights" in pool.text
    why = left(moved)
    again = (
        "'AttentionPool' is defined again (attention-pool.ipynb, code cell 5, line 7), and that one is moved"
    )
    assert why["class AttentionPool(layers.Layer):"] == again
    for magic in ("%matplotlib inline", "!pip install -q keras", "layers.Dense?", "%%time", "%%bash"):
        assert why[magic] == "it is for Jupyter, not Python"
    (missing,) = moved.missing.values()
    assert list(missing) == ["n_features"]
    (text,) = moved.to_do
    assert text.startswith(
        "'SensorHead' needs 'n_features', which is not there: in attention-pool.ipynb, code cell 2, line 2"
    )
    assert "`n_features = data.shape[-1]`" in text


def test_a_model_brings_its_layers_constants_and_dataclass():
    moved = what_moves(read_source(SOURCES / "wide_and_deep.py"))
    assert names(moved) == {
        "DeepBlock": "layer",
        "Bins": "layer",
        "WideAndDeep": "model",
        "Patience": "callback",
    }
    texts = [each.text for each in moved.body]
    assert any(text.startswith("try:\n    import orjson as json") for text in texts)
    assert (
        texts.index('ACTIVATIONS["deep"] = "elu"')
        == texts.index('ACTIVATIONS = {"wide": "linear", "deep": "relu"}') + 1
    )
    assert "half = lambda width: max(width // 2, 1)" in texts
    assert "KNOTS = np.linspace(-2.0, 2.0, 9)" in texts
    assert not any("Widths" in text for text in texts)
    text = text_of(read_source(SOURCES / "wide_and_deep.py"))
    assert text.count("register_keras_serializable") == 3  # one was there
    assert '@keras.saving.register_keras_serializable(package="churn")\nclass DeepBlock' in text


# ------------------------------------------------------------------- what is found


@pytest.mark.parametrize(
    ("head", "base", "kind"),
    [
        ("import keras", "keras.layers.Layer", "layer"),
        ("import keras as k", "k.Model", "model"),
        ("import tensorflow as tf", "tf.keras.layers.Dense", "layer"),
        ("from keras.layers import *", "Layer", "layer"),
        ("from tensorflow.keras.layers import *", "Dense", "layer"),
        ("from keras.optimizers.schedules import LearningRateSchedule as S", "S", "schedule"),
        ("from keras import optimizers", "optimizers.Adam", "optimizer"),
        ("from keras import metrics as m", "m.Mean", "metric"),
        ("import keras", "keras.initializers.Initializer", "initializer"),
        ("import keras", "keras.regularizers.Regularizer", "regularizer"),
        ("import keras", "keras.constraints.Constraint", "constraint"),
        ("import keras_hub", "keras_hub.layers.TransformerEncoder", "layer"),
        ("try:\n    from keras import Layer\nexcept ImportError:\n    from tf_keras.layers import *", "Layer", "layer"),
    ],
)  # fmt: skip
def test_a_class_is_what_it_inherits(tmp_path, head, base, kind):
    assert names(what_moves(read(tmp_path, f"{head}\n\nclass A({base}):\n    pass\n"))) == {"A": kind}


def test_what_keras_cannot_use_stays_behind(tmp_path):
    text = (
        "import torch.nn as nn\nfrom unknown import FancyLayer, Thing\nimport keras\n"
        "class Net(nn.Module): pass\nclass A(FancyLayer): pass\nclass B(Thing): pass\nclass G(keras.Layer): pass\n"
        "async def fetch(x): return x\ndef helper(x): return x\n"
    )
    moved = what_moves(read(tmp_path, text))
    assert names(moved) == {"G": "layer"}
    assert "its base is unknown.FancyLayer" in left(moved)["class A(FancyLayer): pass"]
    assert left(moved)["async def fetch(x): return x"] == "nothing that is moved needs it"


def test_functions_are_found_by_signature_registration_and_what_they_return(tmp_path):
    text = HEAD + (
        "def rmse(y_true, y_pred):\n    return ops.sqrt(ops.mean((y_true - y_pred) ** 2))\n"
        "def top_accuracy(y_true, y_pred):\n    return ops.mean(y_true == y_pred)\n"
        "@keras.saving.register_keras_serializable()\ndef swoosh(x):\n    return x * ops.tanh(x)\n"
        "def softly(x):\n    return x\n"
        "def net(width=8):\n    model = keras.Sequential([layers.Dense(width)])\n    return model\n"
        "def show(y_true, y_pred):\n    print(y_true)\n"
    )
    moved = what_moves(read(tmp_path, text))
    assert names(moved) == {"rmse": "loss", "top_accuracy": "metric", "swoosh": "layer", "net": "model"}
    assert (
        "@keras.saving.register_keras_serializable(package"
        not in text_of(read(tmp_path, text)).split("def net")[0][-90:]
    )


def test_private_and_abstract_classes_move_only_where_they_are_needed(tmp_path):
    text = HEAD + (
        "import abc\nclass _Base(layers.Layer):\n    pass\nclass Top(layers.Layer, abc.ABC):\n    pass\n"
        "class _Alone(layers.Layer):\n    pass\nclass A(_Base, Top):\n    pass\n"
    )
    moved = what_moves(read(tmp_path, text))
    assert names(moved) == {"A": "layer"}
    assert [n for each in moved.body for n in each.binds] == ["_Base", "Top", "A"]
    assert "its name begins with '_'" in left(moved)["class _Alone(layers.Layer):"]


# ------------------------------------------------------------------- what it needs


def test_a_value_of_running_code_that_the_definition_needs_leaves_the_class_out(tmp_path):
    text = HEAD + (
        "n = load().shape[1]\nclass A(layers.Layer):\n    def __init__(self, units=n):\n        super().__init__()\n"
        "class B(A):\n    pass\nclass C(layers.Layer):\n    pass\n"
    )
    moved = what_moves(read(tmp_path, text))
    assert names(moved) == {"C": "layer"}
    why = left(moved)
    assert (
        why["class A(layers.Layer):"]
        == "it needs 'n' (mine.py:4), which comes from code that runs: it is not moved"
    )
    assert why["class B(A):"].startswith("it needs 'A' (mine.py:5), which cannot be moved (it needs 'n'")


@pytest.mark.parametrize(
    ("constant", "pure"),
    [
        ("8", True),
        ("(1, -2.5, 'a')", True),
        ("[i ** 2 for i in range(4)]", True),
        ("float('inf')", True),
        ("np.linspace(0, 1, 5).astype('float32')", True),
        ("re.compile('a+')", True),
        ("lambda x: open(x)", True),
        ("functools.partial(max, 2)", True),
        ("', '.join(['a', 'b'])", True),
        ("tf.constant([1.0])", True),
        ("layers.Dense(8)", False),
        ("keras.Sequential([])", False),
        ("np.load('a.npy')", False),
        ("np.random.normal(size=3)", False),
        ("open('a').read()", False),
        ("int(input())", False),
        ("pandas.read_csv('a')", False),
        ("os.environ['HOME']", False),
        ("make()", True),
        ("work()", False),
    ],
)
def test_a_constant_moves_where_it_only_defines_something(tmp_path, constant, pure):
    text = (
        "import functools, os, re\nimport numpy as np\nimport tensorflow as tf\nimport pandas\n" + HEAD
        + "def make():\n    return dict(a=1)\ndef work():\n    return np.loadtxt('a')\n"
        + f"VALUE = {constant}\nclass A(layers.Layer):\n    def call(self, x):\n        return x * VALUE\n"
    )  # fmt: skip
    moved = what_moves(read(tmp_path, text))
    assert names(moved) == {"A": "layer"}
    assert any("VALUE" in each.binds for each in moved.body) is pure
    assert bool(moved.missing) is not pure
    if not pure:
        assert "# TODO: 'VALUE': in mine.py:12" in text_of(read(tmp_path, text))


def test_local_names_that_a_constant_has_too_are_no_need(tmp_path):
    text = HEAD + (
        "x = work()\nscale = work()\nclass A(layers.Layer):\n    def call(self, x):\n        scale = 2\n"
        "        def inner(y):\n            return y * scale\n        return inner([x for x in [x]][0])\n"
    )
    moved = what_moves(read(tmp_path, text))
    assert (names(moved), moved.missing) == ({"A": "layer"}, {})


def test_what_is_defined_again_comes_before_those_that_build_on_it(tmp_path):
    source = notebook(
        tmp_path,
        HEAD + "class Base(layers.Layer):\n    a = 1",
        "class A(Base):\n    pass",
        "class Base(layers.Layer):\n    a = 2",
        "LIST = [1]\nLIST = LIST + [2]\nclass C(layers.Layer):\n    def call(self, x):\n        return x * LIST[1]",
    )
    moved = what_moves(source)
    assert [each.text for each in moved.body][:2] == [
        "class Base(layers.Layer):\n    a = 2",
        "class A(Base):\n    pass",
    ]
    assert [each.text for each in moved.body][2:4] == ["LIST = [1]", "LIST = LIST + [2]"]


def test_a_call_that_changes_what_is_moved_is_named(tmp_path):
    text = (
        HEAD
        + "SIZES = [1]\nSIZES.append(2)\nclass A(layers.Layer):\n    def call(self, x):\n        return x * SIZES[1]\n"
    )
    moved = what_moves(read(tmp_path, text))
    assert moved.to_do == (
        "mine.py:5: `SIZES.append(2)` is left out; see whether 'SIZES' is right without it",
    )


def test_a_name_that_nobody_defines_is_named_unless_a_star_import_may(tmp_path):
    body = "class A(Layer):\n    def call(self, x):\n        return relu(x)\n"
    moved = what_moves(read(tmp_path, f"from keras import Layer\n{body}"))
    assert moved.to_do == ("'A' needs 'relu', which the file does not define",)
    source = read(tmp_path, f"from keras.ops import *\nfrom keras import Layer\n{body}")
    assert what_moves(source).to_do == ()
    assert "from keras.ops import *" in text_of(source)


def test_types_under_type_checking_and_in_texts_move_along(tmp_path):
    text = HEAD + (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from os import PathLike\nMask = 'list[int]'\n"
        "class A(layers.Layer):\n    def call(self, x, mask: 'Mask' = None) -> 'PathLike':\n        return x\n"
    )
    moved_text = text_of(read(tmp_path, text))
    assert "if TYPE_CHECKING:\n    from os import PathLike" in moved_text
    assert "Mask = 'list[int]'" in moved_text


def test_several_statements_on_a_line_are_parted(tmp_path):
    moved = what_moves(
        read(tmp_path, HEAD + "A = 1; B = load(); C = 'ä'; D = 2\nclass L(layers.Layer):\n    x = A, C, D\n")
    )
    assert [each.text for each in moved.body][:3] == ["A = 1", "C = 'ä'", "D = 2"]


def test_of_an_import_of_several_modules_only_those_needed_come(tmp_path):
    text = text_of(
        read(
            tmp_path,
            "import math, matplotlib.pyplot as plt\n" + HEAD + "class A(layers.Layer):\n    x = math.pi\n",
        )
    )
    assert "import math\n" in text
    assert "matplotlib" not in text


# ------------------------------------------------------------------- files beside it


def test_files_beside_it_move_along_under_their_new_names(tmp_path):
    (tmp_path / "helpers.py").write_text(
        "import deeper\nfrom deeper import two\n\ndef one(x):\n    return two(x)\n"
    )
    (tmp_path / "deeper.py").write_text("def two(x):\n    return 2 * x\n")
    text = (
        "import helpers as h\nfrom helpers import one\nfrom .helpers import one as same\n"
        + HEAD
        + ("class A(layers.Layer):\n    def call(self, x):\n        return h.one(one(same(x)))\n")
    )
    source = read(tmp_path, text)
    assert (
        "from acme import helpers as h\nfrom acme.helpers import one\nfrom acme.helpers import one as same\n"
        in text_of(source)
    )
    assert [path.name for path in beside_of(source)] == ["helpers.py", "deeper.py"]
    files = moved_files([source], "acme", beside_of(source))
    assert neighbour_module(tmp_path / "helpers.py", files).text.startswith(
        "from acme import deeper\nfrom acme.deeper import two\n"
    )


def test_a_folder_beside_it_is_named_and_not_moved(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "__init__.py").write_text("")
    text = (
        HEAD
        + "from tools import one\nfrom .gone import two\n"
        + "class A(layers.Layer):\n    def call(self, x):\n        return one(x)\n"
    )
    moved = what_moves(read(tmp_path, text))
    (text,) = moved.to_do
    assert text.startswith(
        "'A' needs 'one', which is not there: 'tools' is a folder beside the file: copy what is needed"
    )
