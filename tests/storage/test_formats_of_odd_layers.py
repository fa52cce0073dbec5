"""Models whose files Keras gets wrong by itself: names that are alike or missing, weights made late, odd classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.storage.models import (
    FORMATS,
    NOTES,
    arrays,
    same,
)
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.catalog.single_file import scan
from workbench.errors import FileError
from workbench.storage import layer_paths
from workbench.storage.formats import KerasRegistry, load, load_weights, save


@keras.saving.register_keras_serializable("acme-layers")
class Twins(keras.Model):
    """Two layers of one name, and two weights of one name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.left = keras.layers.Dense(3, name="same")
        self.right = keras.layers.Dense(3, name="same")
        self.a = self.add_weight(shape=(3,), initializer="random_normal", name="w")
        self.b = self.add_weight(shape=(3,), initializer="random_normal", name="w")

    def call(self, inputs: Any) -> Any:
        return self.left(inputs) * self.a - self.right(inputs) * self.b


@pytest.mark.parametrize("format", FORMATS)
def test_layers_and_weights_of_one_name_stay_apart(format: str, tmp_path: Path) -> None:
    model = Twins()
    inputs = np.random.default_rng(1).normal(size=(4, 3)).astype("float32")
    expected = np.asarray(model(inputs))
    save(model, tmp_path / f"m{format}", {}, probe=inputs)
    assert same(expected, np.asarray(load(tmp_path / f"m{format}", KerasRegistry()).model(inputs)))
    fresh = Twins()
    fresh(inputs)
    load_weights(fresh, tmp_path / f"m{format}")
    assert same(expected, np.asarray(fresh(inputs)))
    if format != ".h5":  # Keras' own reader of .h5 compares weights of the model itself by value, and fails
        fresh = Twins()
        fresh(inputs)
        fresh.load_weights(tmp_path / f"m{format}")
        assert same(expected, np.asarray(fresh(inputs)))


@keras.saving.register_keras_serializable("acme-layers")
class Lazy(keras.Model):
    """Its build() makes a weight and leaves the layers to the first call, one of them to training."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden, self.aux = keras.layers.Dense(4), keras.layers.Dense(1)

    def build(self, shape: Any) -> None:
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        z = self.hidden(inputs) * self.gain
        if training:
            self.add_loss(keras.ops.mean(self.aux(z)) ** 2)
        return z


@pytest.mark.parametrize("format", FORMATS)
def test_weights_that_keras_would_drop_come_back(format: str, tmp_path: Path) -> None:
    model = Lazy()
    model.compile("adam", "mse")
    inputs = np.random.default_rng(1).normal(size=(16, 3)).astype("float32")
    model.fit(inputs, np.ones((16, 4)), verbose=0)
    (warning,) = save(model, tmp_path / f"m{format}", {}, probe=inputs).warnings
    assert "Lazy.build() does not build every layer" in warning
    loaded = load(tmp_path / f"m{format}", KerasRegistry())
    assert "aux/kernel" in layer_paths.weights_by_path(loaded.model)
    assert same(arrays(model.weights), arrays(loaded.model.weights))
    histories = [
        m.fit(inputs, np.ones((16, 4)), shuffle=False, verbose=0).history for m in (model, loaded.model)
    ]
    assert histories[0] == histories[1]


@keras.saving.register_keras_serializable(package="tests")
class Nameless(keras.layers.Layer):
    """Its author named none of its weights, as many do not: Keras numbers them through the process."""

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale + self.shift


@pytest.mark.parametrize("format", FORMATS)
def test_weights_without_names_come_back(format: str, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), Nameless(), Nameless(), keras.layers.Dense(1)])
    model.set_weights(
        [np.random.default_rng(0).normal(size=w.shape).astype("float32") for w in model.get_weights()]
    )
    probe = np.ones((2, 3), "float32")
    save(model, tmp_path / f"m{format}", {}, probe=probe)
    other = keras.Sequential([keras.Input((3,)), Nameless(), Nameless(), keras.layers.Dense(1)])
    load_weights(other, tmp_path / f"m{format}")
    np.testing.assert_array_equal(other.predict(probe, verbose=0), model.predict(probe, verbose=0))


@keras.saving.register_keras_serializable("acme-layers")
class FirstTry(keras.Layer):
    """No `get_config`; Keras' own keeps the name only where it finds the word `kwargs`."""

    def __init__(self, start: float = 1.0, **others: Any) -> None:
        super().__init__(**others)
        self.start = start

    def build(self, shape: Any) -> None:
        self.gain = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(self.start), name="gain"
        )

    def call(self, inputs: Any) -> Any:
        return inputs * self.gain


@pytest.mark.parametrize("format", FORMATS)
def test_layers_whose_config_holds_no_name_keep_it(format: str, tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), FirstTry(2.0), FirstTry(3.0)])
    saved = save(model, tmp_path / f"m{format}", NOTES)
    again = load(saved.path, KerasRegistry()).model
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert [float(layer.gain) for layer in again.layers] == [2.0, 3.0]


@keras.saving.register_keras_serializable("acme-layers")
class Closed(keras.Layer):
    """Its `__init__` takes none of what Keras writes into every layer's config."""

    def __init__(self) -> None:
        super().__init__()

    def call(self, inputs: Any) -> Any:
        return inputs


def test_a_class_that_cannot_be_rebuilt_is_reported_by_its_own_error(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), Closed(), keras.layers.Dense(1)])
    with pytest.raises(FileError) as caught:
        save(model, tmp_path / "m.keras", NOTES)
    assert "Closed.__init__() got an unexpected keyword argument" in caught.value.what
    assert "**kwargs" in caught.value.hint


def test_a_class_of_a_notebook_loads_from_a_plugin_file(tmp_path: Path) -> None:
    source = (
        "import keras\n"
        "class Notebook(keras.Model):\n"
        "    def __init__(self, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.dense = keras.layers.Dense(1)\n"
        "    def call(self, inputs):\n"
        "        return self.dense(inputs)\n"
    )
    notebook: dict[str, Any] = {"__name__": "__main__"}
    exec(source, notebook)
    model, inputs = notebook["Notebook"](), np.ones((2, 3), "float32")
    wanted = model.predict(inputs, verbose=0)
    model.save(tmp_path / "m.keras")
    with pytest.raises(FileError, match=r"needs the class 'Notebook'.*--plugin FILE\.py"):
        load(tmp_path / "m.keras", Resolver(Catalog(())))
    file = tmp_path / "mine.py"
    file.write_text(source)
    mine = Plugin("mine", str(file), "", PluginState.LOADED, scan(file))
    loaded = load(tmp_path / "m.keras", Resolver(Catalog((mine,)))).model
    assert same(loaded.predict(inputs, verbose=0), wanted)


@keras.saving.register_keras_serializable("acme-layers")
class OwnVariables(keras.layers.Dense):
    """Its variable comes first among its weights, and last in what it writes: Keras' newer layout does not read it."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.extra = keras.Variable(np.arange(units) + 1.0, name="extra", dtype="float32")

    def save_own_variables(self, store: Any) -> None:
        super().save_own_variables(store)
        store["extra"] = np.asarray(keras.ops.convert_to_numpy(self.extra))

    def load_own_variables(self, store: Any) -> None:
        self.extra.assign(store["extra"])
        for index, weight in enumerate(self.weights):
            weight.assign(store[f"{index}"])

    def call(self, inputs: Any) -> Any:
        return super().call(inputs) + self.extra


def test_a_layer_that_does_not_read_what_it_writes_has_an_h5_file(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), OwnVariables(2), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    rows = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")
    model.fit(rows, rows[:, :1], epochs=2, verbose=0)
    with pytest.raises(
        FileError, match="The shape of the target variable"
    ):  # as plain Keras refuses its own file
        save(model, tmp_path / "m.keras", {}, probe=rows)
    assert save(model, tmp_path / "m.h5", {"kept": 1}, probe=rows).warnings == ()
    again = load(tmp_path / "m.h5", KerasRegistry())
    assert again.notes == {"kept": 1}
    assert same(arrays(model.weights), arrays(again.model.weights))
    assert same(arrays(model.optimizer.variables), arrays(again.model.optimizer.variables))
