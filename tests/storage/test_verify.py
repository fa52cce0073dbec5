"""Layers that Keras saves without a word and does not give back: each is caught before its file takes its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from tests.storage.models import FORMATS, arrays, same
from workbench.errors import FileError
from workbench.storage import layer_paths, verify
from workbench.storage.formats import KerasRegistry, check_saveable, load, save

register = keras.saving.register_keras_serializable("acme-layers")
INPUTS = np.random.default_rng(2).normal(size=(6, 3)).astype("float32")


@register
class ForgetsWidth(keras.Layer):
    """Its get_config leaves out an argument that decides a weight's shape."""

    def __init__(self, units: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")

    def call(self, inputs: Any) -> Any:
        return inputs @ self.kernel

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@register
class ForgetsNoise(keras.Layer):
    """It leaves out an argument that shows only in training: weights and predictions agree."""

    def __init__(self, stddev: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stddev = stddev

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs + keras.random.normal(keras.ops.shape(inputs)) * self._stddev if training else inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@register
class ReturnsAnother(keras.Layer):
    """Its get_config gives back another value than it was made with."""

    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor / 2}


@register
class ForgetsSwitch(keras.Model):
    """A model without a get_config of its own: Keras gives back the defaults."""

    def __init__(self, deep: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deep = deep
        self.hidden = [keras.layers.Dense(3) for _ in range(3 if deep else 1)]

    def call(self, inputs: Any) -> Any:
        for layer in self.hidden:
            inputs = layer(inputs)
        return inputs


@register
class NeedsArgument(keras.Layer):
    """It leaves out an argument without a default."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@register
class HidesLayer(keras.Layer):
    """A layer in a place that Keras does not track."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.box = SimpleNamespace(dense=keras.layers.Dense(3))

    def call(self, inputs: Any) -> Any:
        return self.box.dense(inputs)


@register
class KeepsValue(keras.Layer):
    """It draws a value that is neither a weight nor in its configuration."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shift = float(np.random.default_rng().normal())

    def call(self, inputs: Any) -> Any:
        return inputs + self.shift


@register
class TakesArguments(keras.Layer):
    """Keras cannot make a configuration of positional arguments."""

    def __init__(self, *sizes: int) -> None:
        super().__init__()
        self.sizes = sizes

    def call(self, inputs: Any) -> Any:
        return inputs


class Unregistered(keras.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


@register
class LosesWeights(keras.Layer):
    """It saves its weights under other values."""

    def build(self, shape: Any) -> None:
        self.gain = self.add_weight(shape=(shape[-1],), initializer="ones", name="gain")

    def call(self, inputs: Any) -> Any:
        return inputs * self.gain

    def save_own_variables(self, store: Any) -> None:
        store["0"] = np.zeros(self.gain.shape, "float32")


def stack(layer: Any) -> Any:
    model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(1)])
    model(INPUTS)
    return model


def alone(model: Any) -> Any:
    model(INPUTS)
    return model


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "a width": (
        lambda: stack(ForgetsWidth(4)),
        "ForgetsWidth.get_config ('forgets_width') does not give back 'units'",
    ),
    "noise": (
        lambda: stack(ForgetsNoise(0.1)),
        "ForgetsNoise.get_config ('forgets_noise') does not give back 'stddev'",
    ),
    "another value": (
        lambda: stack(ReturnsAnother(3.0)),
        "the argument 'factor' does not come back (3.0 in the model, 1.5",
    ),
    "a switch of a model": (
        lambda: alone(ForgetsSwitch(True)),
        "ForgetsSwitch.get_config does not give back 'deep'",
    ),
    "an argument without default": (lambda: stack(NeedsArgument(4)), "NeedsArgument.get_config"),
    "a hidden layer": (lambda: stack(HidesLayer()), "its predictions differ after reloading"),
    "a value of its own": (lambda: stack(KeepsValue()), "its predictions differ after reloading"),
    "positional arguments": (lambda: stack(TakesArguments(1, 2)), "cannot be saved"),
    "an unregistered class": (lambda: stack(Unregistered()), "needs the class 'Unregistered'"),
    "other weights": (lambda: stack(LosesWeights()), "the weight 'loses_weights/gain' has other values"),
    "a lambda": (lambda: stack(keras.layers.Lambda(lambda x: x * 2)), "is a Python lambda"),
    "a function of Keras": (
        lambda: stack(keras.layers.Lambda(keras.ops.exp)),
        "calls 'exp', which no plugin",
    ),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_would_not_come_back_is_not_saved(bad: str, tmp_path: Path) -> None:
    make, words = BAD[bad]
    model = make()
    for format in FORMATS:
        path = tmp_path / f"m{format}"
        path.write_bytes(b"the old file")
        with pytest.raises(FileError) as error:
            save(model, path, {}, probe=INPUTS)
        assert words in error.value.what
        assert error.value.where == str(path)
        assert path.read_bytes() == b"the old file"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(f"m{format}" for format in FORMATS)
    with pytest.raises(FileError):
        check_saveable(model, probe=INPUTS)


def test_hints_say_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(FileError) as error:
        save(stack(ForgetsNoise(0.1)), tmp_path / "m.keras", {})
    assert "(0.1 in the model, 1.0 after reloading)" in error.value.what
    assert error.value.hint == "Let get_config return {**super().get_config(), 'stddev': self.stddev}."
    with pytest.raises(FileError) as error:
        save(stack(HidesLayer(name="hider")), tmp_path / "m.keras", {}, probe=INPUTS)
    assert "hider/box/dense (Dense)" in error.value.hint


def test_defaults_need_not_be_given_back(tmp_path: Path) -> None:
    save(stack(ForgetsWidth()), tmp_path / "m.keras", {}, probe=INPUTS)
    save(stack(ForgetsNoise(1.0)), tmp_path / "m.h5", {}, probe=INPUTS)


def test_a_hidden_layer_is_reported_of_even_where_nothing_differs(tmp_path: Path) -> None:
    (warning,) = save(stack(HidesLayer(name="hider")), tmp_path / "m.keras", {}).warnings
    assert "hider/box/dense (Dense)" in warning


@register
class Elaborate(keras.Model):
    """Layers in lists, dicts, nested lists and behind underscores; a layer under two names; metrics."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = {"a": [keras.layers.Dense(3)], "b": [keras.layers.Dense(3), keras.layers.Dense(3)]}
        self._private = keras.layers.Dense(3)
        self.again = self._private
        self.pair = (keras.layers.LayerNormalization(), keras.layers.Dropout(0.5))
        self.size = keras.metrics.Mean(name="size")
        self.note = SimpleNamespace(text="no layer here", numbers=[1, 2])

    def call(self, inputs: Any, training: bool = False) -> Any:
        z = inputs
        for layer in (*self.blocks["a"], *self.blocks["b"], self._private, self.again, *self.pair):
            z = layer(z)
        self.size.update_state(keras.ops.mean(z))
        return z


def test_layers_in_the_containers_that_keras_tracks_come_back(tmp_path: Path) -> None:
    model = alone(Elaborate())
    paths = [path for path in layer_paths.layers_by_path(model) if path]
    assert paths == ["blocks/a/0", "blocks/b/0", "blocks/b/1", "_private", "pair/0", "pair/1"]
    for format in FORMATS:
        assert save(model, tmp_path / f"m{format}", {}, probe=INPUTS).warnings == ()
        again = load(tmp_path / f"m{format}", KerasRegistry()).model
        assert same(arrays(model.weights), arrays(again.weights))


def test_a_custom_compile_is_reported_of_and_does_not_stop_saving(tmp_path: Path) -> None:
    @register
    class OwnCompile(keras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(1)

        def compile(self, *args: Any, **kwargs: Any) -> None:
            super().compile(*args, **kwargs)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = OwnCompile()
    model.compile("adam", "mse")
    model.fit(INPUTS, np.ones((6, 1)), verbose=0)
    warnings = save(model, tmp_path / "m.keras", {}, probe=INPUTS).warnings
    assert any("loaded uncompiled" in warning for warning in warnings)
    assert not load(tmp_path / "m.keras", KerasRegistry()).model.compiled


def test_a_changed_optimizer_state_is_noticed(trained_models: Any, tmp_path: Path) -> None:
    model = trained_models["subclassed"]
    save(model, tmp_path / "m.keras", {})
    other = load(tmp_path / "m.keras", KerasRegistry()).model
    assert verify.compare(model, other) == ()
    other.optimizer.variables[3].assign_add(keras.ops.ones_like(other.optimizer.variables[3]))
    with pytest.raises(FileError, match=r"the optimizer's '.*' has another value"):
        verify.compare(model, other)


def test_a_weight_off_by_one_bit_is_noticed(trained_models: Any, tmp_path: Path) -> None:
    model = trained_models["subclassed"]
    save(model, tmp_path / "m.keras", {})
    other = load(tmp_path / "m.keras", KerasRegistry()).model
    kernel = np.array(other.out.kernel)
    kernel[0, 0] = np.nextafter(kernel[0, 0], np.float32(9))
    other.out.kernel.assign(kernel)
    with pytest.raises(FileError, match="'out/kernel' has other values"):
        verify.compare(model, other)
