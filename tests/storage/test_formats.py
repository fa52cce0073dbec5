"""Saving to each format and loading back: the same model, for every kind of model."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from tests.storage.models import (
    FORMATS,
    KINDS,
    NOTES,
    SharedRegressor,
    arrays,
    cells,
    data_for,
    same,
    trained,
)
from workbench.errors import FileError
from workbench.storage import formats, layer_paths
from workbench.storage.formats import KerasRegistry, load, load_weights, save


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


def test_loading_without_compiling(trained_models: Any, tmp_path: Path) -> None:
    save(trained_models["functional"], tmp_path / "m.h5", {})
    assert not load(tmp_path / "m.h5", KerasRegistry(), compile=False).model.compiled


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
