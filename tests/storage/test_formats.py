"""Saving to each format and loading back: the same model, for every kind of model."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from tests.storage.models import (
    FORMATS,
    KINDS,
    Residual,
    SharedRegressor,
    arrays,
    data_for,
    same,
    softsquare,
    trained,
)
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.catalog.single_file import scan
from workbench.errors import ExitCode, FileError
from workbench.storage import formats, layer_paths
from workbench.storage.formats import KerasRegistry, load, load_weights, save

NOTES = {"scaling": {"mean": [0.5, 1.0], "scale": [2.0, 3.0]}, "recipe": {"name": "price"}, "kwb": "0.1.0"}
cells = pytest.mark.parametrize(("kind", "format"), [(kind, form) for kind in KINDS for form in FORMATS])


@cells
def test_a_reloaded_model_is_the_same(kind: str, format: str, trained_models: Any, tmp_path: Path) -> None:
    model = trained_models[kind]
    inputs, _ = data_for(model)
    saved = save(model, tmp_path / f"m{format}", NOTES, probe=inputs)
    loaded = load(saved.path, KerasRegistry())
    assert (saved.format, saved.warnings, loaded.warnings) == (format, (), ())
    assert loaded.notes == NOTES
    assert same(model.predict(inputs, verbose=0), loaded.model.predict(inputs, verbose=0))
    mine, again = layer_paths.variables_by_path(model), layer_paths.variables_by_path(loaded.model)
    assert list(mine) == list(again)
    assert same(arrays(mine.values()), arrays(again.values()))
    assert same(arrays(model.optimizer.variables), arrays(loaded.model.optimizer.variables))
    assert float(loaded.model.optimizer.learning_rate) == pytest.approx(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_as_without_the_detour(kind: str, tmp_path: Path) -> None:
    model = trained(kind)
    data = data_for(model)
    for format in FORMATS:
        save(model, tmp_path / f"m{format}", NOTES)
    history = model.fit(*data, epochs=2, batch_size=16, shuffle=False, verbose=0).history
    for format in FORMATS:
        detour = load(tmp_path / f"m{format}", KerasRegistry()).model
        assert detour.fit(*data, epochs=2, batch_size=16, shuffle=False, verbose=0).history == history
        assert same(arrays(model.variables), arrays(detour.variables))  # dropout and noise included
        assert same(arrays(model.optimizer.variables), arrays(detour.optimizer.variables))


@cells
def test_plain_keras_opens_what_it_can(kind: str, format: str, trained_models: Any, tmp_path: Path) -> None:
    model = trained_models[kind]
    inputs, _ = data_for(model)
    path = tmp_path / f"m{format}"
    save(model, path, NOTES)
    expected = model.predict(inputs, verbose=0)
    fresh = KINDS[kind]()
    fresh(inputs)
    fresh.load_weights(path)
    assert same(expected, fresh.predict(inputs, verbose=0))
    if format == ".keras" or (format == ".h5" and kind != "subclassed"):
        plain = keras.models.load_model(path)
        assert same(expected, plain.predict(inputs, verbose=0))
        if format == ".keras":
            assert same(arrays(model.optimizer.variables), arrays(plain.optimizer.variables))
        if kind == "sequential":
            plain.compile("sgd", "mse")
            plain.fit(*data_for(model), verbose=0)


@cells
def test_weights_alone_go_into_a_model_of_the_same_kind(
    kind: str, format: str, trained_models: Any, tmp_path: Path
) -> None:
    model = trained_models[kind]
    inputs, _ = data_for(model)
    save(model, tmp_path / f"m{format}", NOTES)
    fresh = KINDS[kind]()
    fresh(inputs)
    fresh.compile("adam", "mse")
    fresh.optimizer.build(fresh.trainable_variables)
    slots = arrays(fresh.optimizer.variables)
    load_weights(fresh, tmp_path / f"m{format}")
    assert same(model.predict(inputs, verbose=0), fresh.predict(inputs, verbose=0))
    assert same(slots, arrays(fresh.optimizer.variables))


@pytest.mark.parametrize("format", FORMATS)
def test_weights_with_the_optimizer_go_on_where_the_file_was_made(
    format: str, trained_models: Any, tmp_path: Path
) -> None:
    model = trained_models["subclassed"]
    inputs, _ = data_for(model)
    save(model, tmp_path / f"m{format}", NOTES)
    fresh = KINDS["subclassed"]()
    fresh(inputs)
    fresh.compile(keras.optimizers.Adam(0.01), "mse")
    load_weights(fresh, tmp_path / f"m{format}", optimizer=True)
    assert same(arrays(model.variables), arrays(fresh.variables))  # seed generators included
    assert same(arrays(model.optimizer.variables), arrays(fresh.optimizer.variables))
    fresh.compile("sgd", "mse")
    with pytest.raises(FileError, match=r"does not fit: .*optimizer"):
        load_weights(fresh, tmp_path / f"m{format}", optimizer=True)


@pytest.mark.slow
def test_a_fresh_process_gives_the_same_predictions(trained_models: Any, tmp_path: Path) -> None:
    for kind, model in trained_models.items():
        inputs, _ = data_for(model)
        np.save(tmp_path / f"{kind}.npy", model.predict(inputs, verbose=0))
        for format in FORMATS:
            save(model, tmp_path / f"{kind}{format}", NOTES)
    script = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import numpy as np
from tests.storage.models import FORMATS, KINDS, data_for
from workbench.storage.formats import KerasRegistry, load
for kind in KINDS:
    for format in FORMATS:
        model = load({str(tmp_path)!r} + f"/{{kind}}{{format}}", KerasRegistry()).model
        found = model.predict(data_for(model)[0], verbose=0)
        print(kind, format, float(np.abs(found - np.load({str(tmp_path)!r} + f"/{{kind}}.npy")).max()))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [(kind, format) for kind, format, _ in rows] == [(k, f) for k in KINDS for f in FORMATS]
    assert max(float(difference) for *_, difference in rows) <= 1e-6


def test_each_weight_of_an_h5_file_lies_in_it_once(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(300, name="wide")])
    save(model, tmp_path / "m.h5", {})
    with h5py.File(tmp_path / "m.h5") as file:
        found: list[Any] = []
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    assert (tmp_path / "m.h5").stat().st_size < 2 * 300 * 300 * 4


def test_the_state_of_seed_generators_is_kept(trained_models: Any, tmp_path: Path) -> None:
    model = trained_models["subclassed"]
    state = layer_paths.state_by_path(model)
    assert list(state) == ["drop/seed_generator_state"]
    save(model, tmp_path / "m.keras", {})
    again = layer_paths.state_by_path(load(tmp_path / "m.keras", KerasRegistry()).model)
    plain = layer_paths.state_by_path(keras.models.load_model(tmp_path / "m.keras"))
    assert same(arrays(state.values()), arrays(again.values()))
    assert not same(arrays(state.values()), arrays(plain.values()))


def test_saving_does_not_move_the_model(trained_models: Any, tmp_path: Path) -> None:
    model = trained_models["subclassed"]
    before = arrays(model.variables) + arrays(model.optimizer.variables) + arrays(model.metrics_variables)
    save(model, tmp_path / "m.h5", {}, probe=data_for(model)[0])
    after = arrays(model.variables) + arrays(model.optimizer.variables) + arrays(model.metrics_variables)
    assert same(before, after)


def test_saving_does_not_move_the_random_numbers_of_the_process(trained_models: Any, tmp_path: Path) -> None:
    drawn = []
    for saving in (False, True):
        keras.utils.set_random_seed(9)
        if saving:
            save(trained_models["subclassed"], tmp_path / "m.h5", {}, probe=np.ones((2, 5), "float32"))
        drawn.append((random.random(), np.random.random(), keras.initializers.GlorotUniform().seed))
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("format", FORMATS)
def test_a_compiled_model_used_as_a_layer(format: str, tmp_path: Path) -> None:
    def whole(compiled: bool) -> Any:
        inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)], name="inner")
        if compiled:
            inner.compile(keras.optimizers.SGD(momentum=0.9), "mse")
            inner.fit(np.ones((4, 3)), np.ones((4, 4)), verbose=0)
        start = keras.Input((3,))
        return keras.Model(start, keras.layers.Dense(1, name="out")(inner(start)))

    model = whole(compiled=True)
    save(model, tmp_path / f"m{format}", {}, probe=np.ones((2, 3), "float32"))
    again = load(tmp_path / f"m{format}", KerasRegistry()).model
    assert same(arrays(model.weights), arrays(again.weights))
    fresh = whole(compiled=False)
    load_weights(fresh, tmp_path / f"m{format}")
    assert same(arrays(model.weights), arrays(fresh.weights))


def test_a_model_compiled_and_never_trained_is_saved_with_its_optimizer(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    assert save(model, tmp_path / "m.keras", {}).warnings == ()
    loaded = load(tmp_path / "m.keras", KerasRegistry())
    assert loaded.warnings == ()
    assert len(loaded.model.optimizer.variables) == 4


def test_a_loss_scaling_optimizer_comes_back(tmp_path: Path) -> None:
    dense = keras.layers.Dense(4, dtype="mixed_float16")
    model = keras.Sequential([keras.Input((3,)), dense, keras.layers.Dense(1, dtype="float32")])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)), "mse")
    model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
    save(model, tmp_path / "m.h5", {})
    again = load(tmp_path / "m.h5", KerasRegistry()).model
    assert same(arrays(model.optimizer.variables), arrays(again.optimizer.variables))


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


@pytest.mark.slow
def test_a_model_too_large_for_hdf5_attributes_is_saved(tmp_path: Path) -> None:
    start = keras.Input((2,))
    name = "a_branch_with_a_long_name_" + "_" * 180
    branches = [keras.layers.Dense(1, name=f"{name}{index:04}")(start) for index in range(400)]
    model = keras.Model(start, keras.layers.Add()(branches))
    weights = model.get_weights()
    save(model, tmp_path / "m.h5", {}, check=False)
    model.set_weights([np.zeros_like(weight) for weight in weights])
    model.load_weights(tmp_path / "m.h5")
    assert same(weights, model.get_weights())
    with h5py.File(tmp_path / "m.h5") as file:
        assert len(file["kwb/config.json"]) > 1 << 17


def plain_model(compile: bool = True) -> Any:
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((5,)), Residual(1, 5), keras.layers.Dense(1)])
    if compile:
        model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        model.fit(*data_for(model), shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("format", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_of_plain_keras_load_and_train_on(format: str, tmp_path: Path) -> None:
    model = plain_model()
    slots = arrays(model.optimizer.variables)
    config = dict(model._compile_config.config)
    model.save(tmp_path / f"plain{format}")
    model._compile_config.config.update(config)  # saving .h5 takes the optimizer out of it
    loaded = load(tmp_path / f"plain{format}", KerasRegistry())
    assert (loaded.notes, loaded.warnings) == ({}, ())
    assert same(slots, arrays(loaded.model.optimizer.variables))
    data = data_for(model)
    histories = [m.fit(*data, epochs=2, shuffle=False, verbose=0).history for m in (model, loaded.model)]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("format", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_loss_nobody_registered_leaves_the_model_uncompiled(format: str, tmp_path: Path) -> None:
    def my_own_loss(y: Any, p: Any) -> Any:
        return keras.ops.mean(keras.ops.square(y - p))

    model = plain_model(compile=False)
    model.compile("adam", my_own_loss)
    model.save(tmp_path / f"plain{format}")
    loaded = load(tmp_path / f"plain{format}", KerasRegistry())
    assert not loaded.model.compiled
    assert "uncompiled" in loaded.warnings[0]
    assert "my_own_loss" in loaded.warnings[0]
    assert same(arrays(model.weights), arrays(loaded.model.weights))


def test_loading_without_compiling(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["functional"], tmp_path / "m.h5", {})
    assert not load(tmp_path / "m.h5", KerasRegistry(), compile=False).model.compiled


def test_the_weights_of_plain_keras_need_a_model(tmp_path: Path) -> None:
    model = plain_model()
    model.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(FileError, match="holds weights only") as refused:
        load(tmp_path / "w.weights.h5", KerasRegistry())
    assert refused.value.exit_code is ExitCode.FILE
    fresh = plain_model(compile=False)
    load_weights(fresh, tmp_path / "w.weights.h5")
    assert same(arrays(model.weights), arrays(fresh.weights))


@pytest.mark.parametrize("name", ["ours.keras", "ours.h5", "ours.weights.h5", "plain.h5", "plain.weights.h5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weights_that_do_not_fit_are_named_with_both_shapes(name: str, tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4, name="a"), keras.layers.Dense(2, name="b")]
    )
    path = tmp_path / name
    if name.startswith("ours"):
        save(model, path, {})
    elif name == "plain.h5":
        model.save(path)
    else:
        model.save_weights(path)
    other = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(4, name="a"), keras.layers.Dense(3, name="b")]
    )
    before = arrays(other.weights)
    with pytest.raises(
        FileError, match=r"b/kernel' has shape \(4, 3\) in the model and \(4, 2\) in the file"
    ):
        load_weights(other, path)
    assert same(before, arrays(other.weights))
    longer = keras.Sequential([*other.layers, keras.layers.Dense(1)])
    longer.build((None, 5))
    with pytest.raises(FileError, match=r"model"):
        load_weights(longer, path)


def test_a_name_of_another_format_is_refused(trained_models: Any, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"not a format of a model file: '.pt'") as refused:
        save(trained_models["functional"], tmp_path / "m.pt", {})
    assert ".keras, .h5 or .weights.h5" in refused.value.hint
    assert formats.format_of("m.hdf5") == ".h5"


def test_a_model_without_weights_yet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no weights yet"):
        save(SharedRegressor(3), tmp_path / "m.keras", {})
    assert list(tmp_path.iterdir()) == []


def test_plain_keras_ignores_what_kwb_adds(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["functional"], tmp_path / "m.keras", NOTES)
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        assert json.loads(file.read("kwb.json"))["notes"] == NOTES
        assert file.testzip() is None
    assert callable(softsquare)


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
