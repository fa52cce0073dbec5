"""What the classes and functions of a plugin file are taken for."""

from __future__ import annotations

import pytest

from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.entries import Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import resolve
from workbench.catalog.single_file import scan
from workbench.errors import RecipeError

FILE = """
from __future__ import annotations
import keras, numpy
from keras import layers, ops
from keras.applications import MobileNetV2
from workbench.plugin import Source

def net(hidden=8):
    x = inputs = keras.Input((10,))
    return keras.Model(inputs, layers.Dense(hidden)(x))

def added(units):
    model = keras.Sequential()
    model.add(layers.Dense(units))
    return model

def around(units=3):
    return added(units)

def annotated(units) -> keras.Model:
    return BUILDERS[units]()

def zoo():
    return MobileNetV2(weights=None)

def huber_fn(y_true, y_pred, delta=1.0):
    return ops.abs(y_true - y_pred)

def my_loss(a, b):
    return ops.mean(a - b)

def softplus(z):
    return ops.log(1.0 + ops.exp(z))

def small_values(shape, dtype="float32"):
    return 0.1 * ops.ones(shape, dtype)

def l1_regularizer(weights):
    return ops.sum(ops.abs(weights))

def positive(weights):
    return ops.relu(weights)

def decay(epoch):
    return 0.1**epoch

def load_rows(n=10):
    return {"x": numpy.zeros(n), "y": numpy.zeros(n)}

def waves(n=10):
    source = Source(columns={"x": numpy.zeros(n)}, targets=())
    return source

def settings():
    return {"units": 3}

def show(history):
    print(history)

def mlp(x, hidden, rate):
    return x

def number():
    return 3

def _hidden(z):
    return z

class L(keras.losses.Loss): ...
class M(keras.metrics.Metric): ...
class C(keras.callbacks.Callback): ...
class I(keras.initializers.Initializer): ...
class R(keras.regularizers.Regularizer): ...
class K(keras.constraints.Constraint): ...
class O(keras.optimizers.SGD): ...
class S(keras.optimizers.schedules.LearningRateSchedule): ...
class Helper: ...
"""


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "kinds.py"
    path.write_text(FILE)
    return {entry.name: entry for entry in scan(path)}


def test_each_is_what_it_inherits_or_what_it_returns_and_accepts(entries):
    assert {name: entry.kind.value for name, entry in entries.items() if not entry.guessed} == {
        **dict.fromkeys(["net", "added", "around", "annotated", "zoo"], "model"),
        **dict.fromkeys(["load_rows", "waves"], "dataset"),
        "huber_fn": "loss",
        "small_values": "initializer",
        "decay": "schedule",
        "L": "loss",
        "M": "metric",
        "C": "callback",
        "I": "initializer",
        "R": "regularizer",
        "K": "constraint",
        "O": "optimizer",
        "S": "schedule",
    }
    assert {name: entry.kind.value for name, entry in entries.items() if entry.guessed} == {
        "my_loss": "loss",
        "softplus": "layer",
        "l1_regularizer": "regularizer",
        "positive": "constraint",
    }


def test_a_guessed_function_is_what_is_wanted_of_it(entries, catalog):
    path = next(iter(entries.values())).distribution
    own = Plugin("kinds", path, "", PluginState.LOADED, tuple(entries.values()))
    both = Catalog((*catalog.plugins, own))
    for kind in (Kind.REGULARIZER, Kind.CONSTRAINT, Kind.LAYER, Kind.METRIC):
        found = both.find(kind, "positive")
        assert found.kind is kind
        assert resolve(found).__name__ == "positive"
    with pytest.raises(RecipeError, match="no optimizer 'positive'"):
        both.find(Kind.OPTIMIZER, "positive")
    assert both.find(Kind.INITIALIZER, "small_values").kind is Kind.INITIALIZER
    with pytest.raises(RecipeError, match="no regularizer 'decay'"):
        both.find(Kind.REGULARIZER, "decay")


def test_the_file_of_the_command_line_goes_before_a_plugin(tmp_path, catalog):
    path = tmp_path / "mine.py"
    path.write_text(
        "import keras\nclass ResidualBlock(keras.Layer):\n    def call(self, x):\n        return x\n"
    )
    mine = Plugin("mine", str(path), "", PluginState.LOADED, scan(path))
    both = Catalog((*catalog.plugins, mine))
    found = both.find(Kind.LAYER, "ResidualBlock")
    assert found.plugin == "mine"
    assert [entry.qualified_name for entry in both.hidden_by(found, "ResidualBlock")] == [
        "kwb_custom.ResidualBlock"
    ]
    assert both.find(Kind.LAYER, "kwb_custom.ResidualBlock").plugin == "kwb_custom"
    assert both.hidden_by(both.find(Kind.LAYER, "Dense"), "Dense") == []
    other = Plugin("other", str(tmp_path / "other.py"), "", PluginState.LOADED, ())
    twice = Catalog(
        (*both.plugins, Plugin("too", f"{path}x.py", "", PluginState.LOADED, tuple(mine.entries)), other)
    )
    with pytest.raises(RecipeError, match="several plugins offer a layer 'ResidualBlock'"):
        twice.find(Kind.LAYER, "ResidualBlock")
