"""The document's layers: what they compute, refuse, and keep when saved."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kwb_custom import MyDense, MyGaussianNoise, MyMultiLayer, ResidualBlock, exponential, exponential_layer

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(64, 6)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2] + 3).astype("float32")

WEIGHTED = {
    "MyDense": lambda **kwargs: MyDense(6, activation="tanh", **kwargs),
    "MyGaussianNoise": lambda **kwargs: MyGaussianNoise(0.25, seed=5, **kwargs),
    "ResidualBlock": lambda **kwargs: ResidualBlock(3, 6, **kwargs),
    "exponential_layer": lambda **kwargs: exponential_layer(**kwargs),
}


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(1)


def functional_multi() -> keras.Model:
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    positive = keras.layers.Dense(6, activation="softplus")(right)
    joined = keras.layers.Concatenate()(list(MyMultiLayer(name="multi")([left, positive])))
    return keras.Model([left, right], keras.layers.Dense(1)(joined))


# What they compute


def test_exponential_is_e_to_the_power_of_each_element():
    np.testing.assert_allclose(exponential_layer()(X), np.exp(X), rtol=1e-6)
    assert exponential_layer(name="power").name == "power"
    assert not exponential_layer().weights
    np.testing.assert_allclose(exponential(X), np.exp(X), rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 6)])
def test_my_dense_is_the_activation_of_inputs_times_kernel_plus_bias(shape):
    inputs = RANDOM.normal(size=shape).astype("float32")
    layer = MyDense(5, activation="relu")
    outputs = layer(inputs)
    layer.bias.assign(np.arange(5) / 10)
    expected = np.maximum(inputs @ layer.kernel.numpy() + layer.bias.numpy(), 0)
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-4, atol=1e-6)
    assert tuple(outputs.shape) == (*shape[:-1], 5) == layer.compute_output_shape(shape)
    assert layer.count_params() == 6 * 5 + 5


def test_my_dense_is_linear_without_activation_and_takes_a_function():
    linear = MyDense(2)
    np.testing.assert_allclose(linear(X), X @ linear.kernel.numpy(), rtol=1e-4, atol=1e-5)
    assert MyDense(2, activation=keras.ops.sin)(X).shape == (64, 2)


def test_my_multi_layer_gives_sum_product_and_quotient():
    left, right = X, np.abs(X) + 1
    total, product, quotient = MyMultiLayer()((left, right))
    np.testing.assert_allclose(total, left + right, rtol=1e-6)
    np.testing.assert_allclose(product, left * right, rtol=1e-6)
    np.testing.assert_allclose(quotient, left / right, rtol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((None, 6), (None, 6), (None, 6)),
        ((None, 6), (None, 1), (None, 6)),
        ((None, 1), (8, 6), (8, 6)),
        ((None, 3, 6), (6,), (None, 3, 6)),
    ],
)
def test_my_multi_layer_broadcasts_as_numpy_does(first, second, expected):
    assert MyMultiLayer().compute_output_shape([first, second]) == (expected, expected, expected)


def test_my_gaussian_noise_acts_in_training_only():
    layer = MyGaussianNoise(0.5)
    zeros = np.zeros((400, 50), "float32")
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=False), X)
    noise = np.asarray(layer(zeros, training=True))
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 0.5) < 0.02
    assert not np.array_equal(noise, layer(zeros, training=True)), "each call draws again"


def test_my_gaussian_noise_repeats_from_a_seed_and_is_still_at_zero():
    np.testing.assert_array_equal(
        MyGaussianNoise(1.0, seed=3)(X, training=True), MyGaussianNoise(1.0, seed=3)(X, training=True)
    )
    np.testing.assert_array_equal(MyGaussianNoise(0)(X, training=True), X)


def test_predict_is_without_noise():
    model = keras.Sequential([keras.Input((6,)), MyGaussianNoise(10.0)])
    np.testing.assert_array_equal(model.predict(X, verbose=0), X)


def test_residual_block_adds_its_dense_layers_to_its_input():
    block = ResidualBlock(2, 6)
    outputs = block(X)
    z = X
    for layer in block.hidden:
        z = z @ layer.kernel.numpy() + layer.bias.numpy()
        z = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
    np.testing.assert_allclose(outputs, X + z, rtol=1e-4, atol=1e-5)
    assert block.count_params() == 2 * (6 * 6 + 6)
    assert [layer.name for layer in block.hidden] == ["hidden1", "hidden2"]


# What they refuse


@pytest.mark.parametrize("units", [0, -1, 2.5, "8", None, True])
def test_units_must_be_a_positive_whole_number(units):
    with pytest.raises(ValueError, match="MyDense: units must be a whole number of at least 1"):
        MyDense(units)


@pytest.mark.parametrize("stddev", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_stddev_must_be_a_finite_number_of_at_least_zero(stddev):
    with pytest.raises(ValueError, match="MyGaussianNoise: stddev must be a finite number of at least 0"):
        MyGaussianNoise(stddev)


@pytest.mark.parametrize("arguments", [{"n_layers": 0, "n_neurons": 3}, {"n_layers": 1, "n_neurons": -3}])
def test_residual_block_arguments_must_be_positive(arguments):
    with pytest.raises(ValueError, match=r"ResidualBlock: n_\w+ must be a whole number of at least 1"):
        ResidualBlock(**arguments)


def test_numpy_numbers_are_numbers():
    assert MyDense(np.int64(3)).get_config()["units"] == 3
    assert MyGaussianNoise(np.float32(0.5)).get_config()["stddev"] == 0.5


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="reluu"):
        MyDense(3, activation="reluu")


def test_residual_block_names_both_widths():
    with pytest.raises(
        ValueError, match=r"n_neurons=30 wide\. Received shape \(None, 10\)\. A Dense\(30\) before it"
    ):
        keras.Sequential([keras.Input((10,)), ResidualBlock(2, 30)])


def test_my_multi_layer_in_a_stack_says_to_use_a_graph():
    with pytest.raises(
        ValueError,
        match=r"MyMultiLayer expects 2 inputs.*A layer in a Sequential stack gets 1: use a functional",
    ):
        keras.Sequential([keras.Input((10,)), MyMultiLayer(), keras.layers.Dense(1)])


def test_my_multi_layer_refuses_three_inputs_and_unequal_shapes():
    with pytest.raises(ValueError, match=r"expects 2 inputs.*Received 3"):
        MyMultiLayer()([X, X, X])
    with pytest.raises(ValueError, match=r"same shape. Received shapes \(64, 6\) and \(64, 5\): 6 is not 5"):
        MyMultiLayer()([X, X[:, :5]])


@pytest.mark.parametrize("make", [lambda: MyDense(3), lambda: ResidualBlock(1, 6)])
def test_an_input_of_unknown_width_is_refused(make):
    with pytest.raises(ValueError, match="with a known width"):
        make()(keras.Input((None,)))
    with pytest.raises(ValueError, match=r"expects 1 input\. Received 2"):
        make()([X, X])


# Configuration, and the three ways of use


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (MyDense(7, activation="selu", name="d"), {"units": 7, "activation": "selu", "name": "d"}),
        (MyMultiLayer(name="m", trainable=False), {"name": "m", "trainable": False}),
        (MyGaussianNoise(0.7, seed=9, name="n"), {"stddev": 0.7, "seed": 9, "name": "n"}),
        (ResidualBlock(3, 8, name="r"), {"n_layers": 3, "n_neurons": 8, "name": "r"}),
        (exponential_layer(name="e"), {"name": "e"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_configuration_makes_an_equal_layer(layer, expected):
    record = keras.saving.serialize_keras_object(layer)
    twin = keras.saving.deserialize_keras_object(record)
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()
    assert {key: twin.get_config()[key] for key in expected} == expected


def test_classes_and_functions_are_registered_under_the_distribution():
    for thing, name in [
        (MyDense, "MyDense"),
        (MyMultiLayer, "MyMultiLayer"),
        (MyGaussianNoise, "MyGaussianNoise"),
        (ResidualBlock, "ResidualBlock"),
        (exponential, "exponential"),
    ]:
        assert keras.saving.get_registered_name(thing) == f"kwb>{name}"
        assert keras.saving.get_registered_object(f"kwb>{name}") is thing


class Subclassed(keras.Model):
    def __init__(self, layer):
        super().__init__()
        self.first = layer
        self.last = keras.layers.Dense(1)

    def call(self, inputs, training=None):
        return self.last(self.first(inputs))


def sequential(layer):
    return keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(1)])


def functional(layer):
    inputs = keras.Input((6,))
    return keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))


@pytest.mark.parametrize("way", [sequential, functional, Subclassed])
def test_all_one_input_layers_train_in_each_way(way):
    """One model of each way holds them all, nested, so that each way is traced once."""
    layer = keras.Sequential([make() for make in WEIGHTED.values()])
    model = way(layer)
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=30, batch_size=16, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before / 2


def test_my_multi_layer_trains_in_a_subclassed_model():
    class TwoInputs(keras.Model):
        def __init__(self):
            super().__init__()
            self.positive = keras.layers.Dense(6, activation="softplus")
            self.multi = MyMultiLayer()
            self.out = keras.layers.Dense(1)

        def call(self, inputs):
            total, product, quotient = self.multi((inputs["left"], self.positive(inputs["right"])))
            return self.out(total + product + quotient)

    model = TwoInputs()
    model.compile("adam", "mse")
    history = model.fit({"left": X, "right": X}, Y, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.parametrize("name", WEIGHTED)
def test_saved_and_loaded_by_plain_keras(name, tmp_path):
    model = sequential(WEIGHTED[name](name="subject"))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")  # in safe mode
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert loaded.get_layer("subject").get_config() == model.get_layer("subject").get_config()
    model.save_weights(tmp_path / "m.weights.h5")
    fresh = sequential(WEIGHTED[name](name="subject"))
    fresh.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(fresh.predict(X, verbose=0), model.predict(X, verbose=0))


def test_my_multi_layer_saved_and_loaded_by_plain_keras(tmp_path):
    model = functional_multi()
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict([X, X], verbose=0), model.predict([X, X], verbose=0))


# Precision and compilation


@pytest.mark.parametrize("name", WEIGHTED)
def test_the_dtype_policy_is_kept(name):
    layer = WEIGHTED[name](dtype="mixed_bfloat16")
    outputs = layer(X, training=True) if name == "MyGaussianNoise" else layer(X)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in layer.weights} <= {"float32"}
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert twin.dtype_policy.name == "mixed_bfloat16"


def test_all_layers_train_under_xla():
    inputs = keras.Input((6,))
    z = inputs
    for make in WEIGHTED.values():
        z = make()(z)
    total, product, quotient = MyMultiLayer()([z, keras.layers.Dense(6, activation="softplus")(inputs)])
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()([total, product, quotient])))
    model.compile(keras.optimizers.Adam(3e-3), "mse", jit_compile=True)
    assert model.jit_compile is True
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=30, batch_size=16, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before / 2
