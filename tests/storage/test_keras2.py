"""`.h5` files of Keras 2: the arguments that Keras 3 dropped or renamed are translated, or named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from workbench.errors import FileError
from workbench.storage.formats import KerasRegistry, load, load_weights

RANDOM = np.random.default_rng(4)
OF_RNN = {"time_major": False, "implementation": 2}
LSTM = {"return_state": False, "go_backwards": False, "stateful": False, "unroll": False, **OF_RNN}


def write(path: Path, model: Any, old: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
    """The model as Keras 2.11 writes it: its layers' configurations changed by `old`, inner layers without a module."""

    def changed(layer: Any) -> Any:
        config = {key: changed_value(value) for key, value in layer["config"].items()}
        return {"class_name": layer["class_name"], "config": old(layer["class_name"], config)}

    def changed_value(value: Any) -> Any:
        if isinstance(value, dict) and "class_name" in value:
            return value["config"]["name"] if value["class_name"] == "DTypePolicy" else changed(value)
        return value

    layers = []
    for layer in json.loads(model.to_json())["config"]["layers"]:
        if layer["class_name"] == "InputLayer":
            config = {"batch_input_shape": layer["config"]["batch_shape"], "dtype": "float32"}
            config |= {"sparse": False, "ragged": False, "name": "input_1"}
            layers.append({"class_name": "InputLayer", "config": config})
        else:
            layers.append(changed(layer))
    optimizer = {"name": "Adam", "learning_rate": 0.01, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999}
    optimizer |= {"epsilon": 1e-7, "amsgrad": False, "jit_compile": False, "is_legacy_optimizer": False}
    training = {"loss": "mse", "metrics": None, "weighted_metrics": None, "loss_weights": None}
    training |= {"optimizer_config": {"class_name": "Custom>Adam", "config": optimizer}}
    with h5py.File(path, "w") as file:
        file.attrs.update({"keras_version": "2.11.0", "backend": "tensorflow"})
        file.attrs["model_config"] = json.dumps(
            {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
        )
        file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs.update({"keras_version": "2.11.0", "backend": "tensorflow"})
        group.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            weights = layer.trainable_weights + layer.non_trainable_weights
            own = group.create_group(layer.name)
            names = [f"{layer.name}/{at}/{weight.name}:0" for at, weight in enumerate(weights)]
            own.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, weights, strict=True):
                own[name] = np.asarray(weight)


def more(**arguments: Any) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """What Keras 2 wrote beside, by class."""
    return lambda name, config: {**config, **arguments.get(name, {})}


CASES: dict[str, tuple[list[Any], Any]] = {
    "DepthwiseConv2D and SeparableConv2D": (
        [
            keras.Input((6, 6, 2)),
            keras.layers.DepthwiseConv2D(3),
            keras.layers.SeparableConv2D(3, 2),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ],
        more(DepthwiseConv2D={"groups": 1}, SeparableConv2D={"groups": 1}, BatchNormalization={"axis": [3]}),
    ),
    "LSTM, Bidirectional GRU": (
        [
            keras.Input((4, 3)),
            keras.layers.LSTM(2, return_sequences=True),
            keras.layers.Bidirectional(keras.layers.GRU(2, reset_after=False)),
            keras.layers.LeakyReLU(negative_slope=0.1),
            keras.layers.Dense(1),
        ],
        lambda name, config: (
            {"name": config["name"], "alpha": 0.1, "dtype": "float32", "trainable": True}
            if name == "LeakyReLU"
            else more(
                LSTM=LSTM | {"unit_forget_bias": True}, GRU=OF_RNN, Bidirectional={"time_major": False}
            )(name, config)
        ),
    ),
    "TimeDistributed, SimpleRNN": (
        [
            keras.Input((4, 3)),
            keras.layers.TimeDistributed(keras.layers.Dense(2)),
            keras.layers.RNN(keras.layers.SimpleRNNCell(2)),
            keras.layers.Dense(1),
        ],
        more(RNN=OF_RNN),
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("case", CASES)
def test_files_of_keras_2_give_the_same_predictions(case: str, tmp_path: Path) -> None:
    layers, old = CASES[case]
    keras.utils.set_random_seed(2)
    model = keras.Sequential(layers)
    path = tmp_path / "old.h5"
    write(path, model, old)
    x = RANDOM.normal(size=(5, *model.input_shape[1:])).astype("float32")
    y = RANDOM.normal(size=(5, 1)).astype("float32")
    loaded = load(path, KerasRegistry())
    np.testing.assert_allclose(loaded.model.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    model.compile("adam", "mse")
    assert loaded.model.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    assert float(loaded.model.optimizer.learning_rate) == pytest.approx(0.01)


def test_what_keras_3_has_no_word_for_is_named(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(2, name="memory")])
    path = tmp_path / "old.h5"
    write(path, model, more(LSTM={"time_major": True}))
    with pytest.raises(FileError) as refused:
        load(path, KerasRegistry())
    shown = str(refused.value)
    assert "its layer 'memory' (LSTM) has time_major=True, which Keras 3 does not have" in shown
    assert len(shown) < 300
    load_weights(model, path)  # the way out that the error names
