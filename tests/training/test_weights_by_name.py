"""Weights of a file go to the layers of their names, whatever the order in which file and model have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse
from workbench.storage import formats
from workbench.training.preparing import PreparedRun, prepare

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(12, 3)).astype("float32")


def plain(names: tuple[str, ...] = ("width", "height"), units: int = 1) -> Any:
    """The model of `recipe`, in plain Keras: its outputs a list in the order of the names."""
    inputs = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(inputs)
    return keras.Model(inputs, [keras.layers.Dense(units, name=name)(hidden) for name in names])


def recipe(folder: Path, weights: str, names: tuple[str, ...] = ("width", "height")) -> Any:
    arrays = {name: RANDOM.normal(size=(12, 1)).astype("float32") for name in names}
    np.savez(folder / "data.npz", x=X, **arrays)
    model = {
        "inputs": {"x": [3]},
        "graph": [
            'h = Dense(4, activation="tanh", name="hidden")(x)',
            *(f'{name} = Dense(1, name="{name}")(h)' for name in names),
        ],
        "outputs": list(names),
    }
    data = {
        "use": "npz",
        "path": "data.npz",
        "inputs": {"x": "x"},
        "targets": {name: name for name in names},
    }
    content = {"kwb": 1, "data": data, "model": model, "weights": weights, "train": {"loss": "mse"}}
    return parse(json.dumps(content), name="r", folder=folder)


def kernels(model: Any) -> dict[str, np.ndarray]:
    return {layer.name: np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")}


def equal(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    return set(left) == set(right) and all(np.array_equal(left[name], right[name]) for name in left)


def warnings_of(prepared_run: PreparedRun) -> list[str]:
    return [str(warning) for warning in prepared_run.warnings if "position" in str(warning)]


SAVERS: dict[str, Callable[[Any, Path], None]] = {
    "pre.weights.h5": lambda model, path: model.save_weights(path),
    "pre.keras": lambda model, path: model.save(path),
    "pre.h5": lambda model, path: model.save(path),
    "kwb.h5": lambda model, path: formats.save(model, path.with_name("kwb.h5"), {}),
}


@pytest.mark.parametrize("file", SAVERS)
def test_outputs_of_a_list_reach_the_outputs_of_a_graph(file: str, tmp_path: Path, catalog: Catalog) -> None:
    """Keras orders the layers of the graph by the alphabet of its outputs: height before width."""
    model = plain()
    SAVERS[file](model, tmp_path / file)
    prepared_run = prepare(recipe(tmp_path, file), catalog)
    assert equal(kernels(prepared_run.model), kernels(model))
    assert not warnings_of(prepared_run)
    wanted = dict(zip(("width", "height"), model.predict(X, verbose=0), strict=True))
    given = prepared_run.model.predict(X, verbose=0)
    for name in wanted:
        np.testing.assert_allclose(given[name], wanted[name], rtol=1e-6)


@pytest.mark.parametrize("file", SAVERS)
def test_a_renamed_output_gets_the_weights_that_are_left(file: str, tmp_path: Path, catalog: Catalog) -> None:
    model = plain()
    SAVERS[file](model, tmp_path / file)
    prepared_run = prepare(recipe(tmp_path, file, ("width", "zheight")), catalog)
    found = kernels(prepared_run.model)
    assert np.array_equal(found["width"], kernels(model)["width"])
    assert np.array_equal(found["zheight"], kernels(model)["height"])
    (warning,) = warnings_of(prepared_run)
    assert "'zheight' those of 'height'" in warning
    assert file in warning


def test_names_that_keras_numbers_say_nothing(tmp_path: Path) -> None:
    """A notebook's dense_1 may be a recipe's dense; position is all there is."""
    keras.utils.clear_session()
    keras.layers.Dense(1)  # takes the name `dense`
    old = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(3) for _ in range(3))])
    assert [layer.name for layer in old.layers] == ["dense_1", "dense_2", "dense_3"]
    for file in ("w.weights.h5", "w.h5"):
        (old.save_weights if file.endswith("weights.h5") else old.save)(tmp_path / file)
        keras.utils.clear_session()
        new = keras.Sequential([keras.Input((3,)), *(keras.layers.Dense(3) for _ in range(3))])
        assert [layer.name for layer in new.layers] == ["dense", "dense_1", "dense_2"]
        assert not formats.load_weights(new, tmp_path / file)
        for mine, its in zip(new.layers, old.layers, strict=True):
            np.testing.assert_array_equal(mine.kernel, its.kernel)


def test_inside_a_nested_model(tmp_path: Path) -> None:
    def build(names: tuple[str, ...]) -> Any:
        inner = keras.Sequential([keras.layers.Dense(3, name=name) for name in names], name="inner")
        return keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1, name="last")])

    old, new = build(("a", "b")), build(("b", "a"))
    old.save_weights(tmp_path / "w.weights.h5")
    formats.load_weights(new, tmp_path / "w.weights.h5")
    for name in "ab":
        mine, its = (model.get_layer("inner").get_layer(name).kernel for model in (new, old))
        np.testing.assert_array_equal(mine, its)


def test_state_of_an_optimizer_goes_by_order_and_is_refused_elsewhere(tmp_path: Path) -> None:
    old, new = plain(), plain(("height", "width"))
    for model in (old, new):
        model.compile("adam", "mse")
    formats.save(old, tmp_path / "w.weights.h5", {})
    with pytest.raises(Exception, match="in another order"):
        formats.load_weights(new, tmp_path / "w.weights.h5", optimizer=True)


def test_targets_go_to_a_loaded_list_of_outputs_by_name(tmp_path: Path, catalog: Catalog) -> None:
    model = plain()
    model.compile("adam", "mse")
    model.save(tmp_path / "two.keras")
    document = recipe(tmp_path, "two.keras", ("height", "width"))
    content = {**document.resolved(), "model": {"load": "two.keras"}, "weights": None}
    prepared_run = prepare(parse(json.dumps(content), name="r", folder=tmp_path), catalog)
    assert prepared_run.assembly.structure.outputs == ("width", "height")
    arrays = prepared_run.feed(prepared_run.prepared.train)
    wanted = prepared_run.prepared.train.targets
    np.testing.assert_array_equal(arrays.y[0], wanted["width"])  # type: ignore[union-attr]
    np.testing.assert_array_equal(arrays.y[1], wanted["height"])  # type: ignore[union-attr]
