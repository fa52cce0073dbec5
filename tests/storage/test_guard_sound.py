"""What is refused names what is missing, and sound files pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.storage.guarded_files import (
    Config,
    Plugins,
    edited,
    layer,
    refusal,
)
from workbench.errors import FileError
from workbench.storage import container, guard
from workbench.storage.formats import KerasRegistry, load, save


def named(registered: str) -> Callable[[Config], None]:
    return lambda config: layer(config, 2).update(
        registered_name=registered, class_name=registered.split(">")[1]
    )


def test_a_missing_plugin_is_named_with_its_distribution(good: dict[str, Path], tmp_path: Path) -> None:
    error = refusal(edited(good["keras"], tmp_path / "m.keras", named("other-layers>Gate")))
    assert error.what == "needs plugin distribution 'other-layers' (class Gate)."
    assert error.hint.startswith("Install it: pip install other-layers. If it is a file of your own")


def test_a_class_missing_from_an_installed_plugin(good: dict[str, Path], tmp_path: Path) -> None:
    error = refusal(edited(good["keras"], tmp_path / "m.keras", named("kwb>MyDens")))
    assert "'MyDens' of 'kwb', which the installed version does not register" in error.what
    assert "kwb>MyDense" in error.hint


@pytest.mark.parametrize("registered", ["Custom>Gate", "x; rm -rf ~>Gate", "--index-url=evil>Gate", ">Gate"])
def test_no_command_is_made_of_what_a_stranger_wrote(
    registered: str, good: dict[str, Path], tmp_path: Path
) -> None:
    error = refusal(edited(good["keras"], tmp_path / "m.keras", named(registered)))
    assert "pip" not in error.hint
    assert "--plugin FILE.py" in error.hint


# What is sound


@pytest.mark.parametrize("format", ["keras", "h5", "weights.h5", "plain.h5"])
def test_sound_files_pass(format: str, good: dict[str, Path]) -> None:
    plugins = Plugins()
    checked = guard.check_file(good[format], plugins)
    assert checked.config is not None
    assert checked.uncompilable == ""
    assert plugins.listed == 0  # only what the file names is imported


@pytest.mark.slow
def test_every_stock_layer_passes(tmp_path: Path) -> None:
    """No false alarm: each layer, initializer, regularizer, loss and metric of Keras as Keras writes it."""
    spaces = [
        keras.layers,
        keras.initializers,
        keras.regularizers,
        keras.constraints,
        keras.losses,
        keras.metrics,
    ]
    spaces += [keras.optimizers, keras.optimizers.schedules]

    def nothing(named: guard.Named) -> None:
        raise AssertionError(f"{named} is not Keras'")

    seen = 0
    for space in spaces:
        for found in vars(space).values():
            try:
                config = keras.saving.serialize_keras_object(found())
            except Exception:
                continue  # it cannot be made without arguments
            list(guard.check_config(config, nothing))
            seen += 1
    assert seen > 150
    for activation in ("relu", "gelu", "softmax", "log_softmax", "leaky_relu", "hard_sigmoid"):
        dense = keras.layers.Dense(1, activation=activation)
        list(guard.check_config(keras.saving.serialize_keras_object(dense), nothing))
    fit = keras.layers.Dense(
        1, activation=keras.activations.gelu, kernel_initializer=keras.initializers.HeNormal(1)
    )
    list(guard.check_config(keras.saving.serialize_keras_object(fit), nothing))


def test_operators_and_functions_in_a_graph_pass(tmp_path: Path) -> None:
    start = keras.Input((4, 4, 3))
    z = keras.layers.Conv2D(8, 3, padding="same", groups=1)(start) * 2.0
    z = keras.ops.concatenate([z, keras.ops.relu(z)], axis=-1)[:, 1:]
    z = keras.ops.mean(z, axis=[1, 2])
    z = keras.layers.LSTM(5)(keras.ops.expand_dims(z, 1))
    model = keras.Model(start, keras.layers.Dense(2)(z - 1.0))
    for format in (".keras", ".h5"):
        save(model, tmp_path / f"m{format}", {}, probe=np.ones((2, 4, 4, 3), "float32"))
        assert load(tmp_path / f"m{format}", KerasRegistry()).warnings == ()


def test_reading_a_large_sound_file_keeps_to_its_budget(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2000,)), keras.layers.Dense(3000)])
    save(model, tmp_path / "m.keras", {})
    found = container.read(tmp_path / "m.keras")
    assert found.stored == 4 * model.count_params()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format", [".keras", ".h5"])
def test_a_class_that_a_notebook_did_not_register_is_taken_from_a_plugin(format: str, tmp_path: Path) -> None:
    class Doubling(keras.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    class Adopting(KerasRegistry):
        def resolve_registered(self, name: str) -> object | None:
            if name == "Doubling":
                keras.saving.get_custom_objects()[name] = Doubling
            return super().resolve_registered(name)

    keras.Sequential([keras.Input((2,)), Doubling(), keras.layers.Dense(1)]).save(tmp_path / f"m{format}")
    if format == ".keras":
        with pytest.raises(FileError, match="neither Keras' nor registered"):
            load(tmp_path / f"m{format}", KerasRegistry())
    try:
        model = load(tmp_path / f"m{format}", Adopting()).model
    finally:
        keras.saving.get_custom_objects().pop("Doubling", None)
    assert type(model.layers[0]) is Doubling
