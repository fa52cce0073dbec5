"""The document's models: their weights, their losses and metrics, and that they survive saving and XLA."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kwb_custom import ReconstructingRegressor, ResidualBlock, ResidualRegressor

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(96, 10)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2] + 3).astype("float32")

MODELS = [ResidualRegressor, ReconstructingRegressor]


@pytest.fixture(autouse=True)
def _seeded():
    keras.utils.set_random_seed(1)


def compiled(model, **kwargs):
    model.compile(keras.optimizers.Adam(1e-3), "mse", **kwargs)
    return model


def reconstruction_mse(model, inputs):
    """The mean squared error of the reconstruction, by numpy."""
    z = inputs.astype("float64")
    for layer in model.hidden:
        z = z @ layer.kernel.numpy() + layer.bias.numpy()
        z = 1.05070098 * np.where(z > 0, z, 1.67326324 * np.expm1(np.minimum(z, 0)))
    rebuilt = z @ model.reconstruct.kernel.numpy() + model.reconstruct.bias.numpy()
    return np.mean((rebuilt - inputs) ** 2)


# Weights


def test_residual_regressor_has_each_weight_once():
    model = ResidualRegressor(1)
    model.build((None, 10))
    counts = {name: model.get_layer(name).count_params() for name in ("hidden", "block1", "block2", "output")}
    assert counts == {"hidden": 330, "block1": 1_860, "block2": 1_860, "output": 31}
    assert model.count_params() == 330 + 1_860 + 1_860 + 31
    assert len({id(variable) for variable in model.weights}) == len(model.weights) == 12


def test_residual_regressor_applies_block1_four_times():
    model = ResidualRegressor(2)
    outputs = model(X)
    z = model.get_layer("hidden")(X)
    for name in ("block1", "block1", "block1", "block1", "block2", "output"):
        z = model.get_layer(name)(z)
    np.testing.assert_allclose(outputs, z, rtol=1e-5)


def test_residual_regressor_equals_the_class_written_by_hand():
    class ByHand(keras.Model):
        def __init__(self, output_dim):
            super().__init__()
            self.hidden1 = keras.layers.Dense(30, activation="elu", kernel_initializer="he_normal")
            self.block1 = ResidualBlock(2, 30)
            self.block2 = ResidualBlock(2, 30)
            self.out = keras.layers.Dense(output_dim)

        def call(self, inputs):
            z = self.hidden1(inputs)
            for _ in range(1 + 3):
                z = self.block1(z)
            return self.out(self.block2(z))

    keras.utils.set_random_seed(5)
    by_hand = ByHand(1)(X)
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(ResidualRegressor(1)(X), by_hand)


@pytest.mark.parametrize("width", [3, 10])
def test_the_reconstruction_is_as_wide_as_the_input(width):
    model = ReconstructingRegressor(2)
    model.build((None, width))
    assert model.get_layer("reconstruct").units == width
    assert model.count_params() == (width * 30 + 30) + 4 * 930 + (30 * 2 + 2) + (30 * width + width)
    assert model(np.zeros((4, width), "float32")).shape == (4, 2)


# Losses and metrics


@pytest.mark.parametrize("weight", [0.0, 0.05, 2.0])
def test_the_loss_is_the_main_loss_and_the_weighted_reconstruction_error(weight):
    model = compiled(ReconstructingRegressor(1, reconstruction_weight=weight))
    loss = model.evaluate(X, Y, batch_size=len(X), verbose=0)
    main = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert loss == pytest.approx(main + weight * reconstruction_mse(model, X), rel=1e-5)
    assert weight * reconstruction_mse(model, X) > 0 or weight == 0


def test_add_loss_gives_one_term_of_the_layer():
    model = ReconstructingRegressor(1)
    model(X)
    (term,) = model.losses
    assert float(term) == pytest.approx(0.05 * reconstruction_mse(model, X), rel=1e-5)


def test_the_reconstruction_error_is_reported_in_training_and_not_in_validation():
    model = compiled(ReconstructingRegressor(1), metrics=["mae"])
    logs = model.fit(X, Y, epochs=2, validation_split=0.25, verbose=0).history
    assert set(logs) == {"loss", "mae", "reconstruction_error", "val_loss", "val_mae"}
    assert all(value > 0 for value in logs["reconstruction_error"])
    assert set(model.evaluate(X, Y, verbose=0, return_dict=True)) == {"loss", "mae"}
    assert len(model.evaluate(X, Y, verbose=0)) == 2
    assert set(model.test_on_batch(X, Y, return_dict=True)) == {"loss", "mae"}
    assert set(model.train_on_batch(X, Y, return_dict=True)) == {"loss", "mae", "reconstruction_error"}


def test_the_reported_reconstruction_error_is_the_mean_over_the_epoch():
    model = compiled(ReconstructingRegressor(1))
    model.build((None, 10))
    model.optimizer.learning_rate = 0.0  # the weights stay, so numpy can follow
    logs = model.fit(X, Y, epochs=2, batch_size=32, verbose=0).history["reconstruction_error"]
    expected = reconstruction_mse(model, X)
    assert logs == pytest.approx([expected, expected], rel=1e-5)


def test_only_training_updates_the_reconstruction_error():
    model = ReconstructingRegressor(1)
    model(X)
    model(X, training=False)
    assert float(model.reconstruction_error.count) == 0
    model(X, training=True)
    assert float(model.reconstruction_error.result()) == pytest.approx(reconstruction_mse(model, X), rel=1e-5)


@pytest.mark.parametrize(
    "settings", [{"run_eagerly": True}, {"steps_per_execution": 2}, {"jit_compile": True}]
)
def test_the_logs_are_right_however_the_steps_run(settings):
    model = compiled(ReconstructingRegressor(1), **settings)
    logs = model.fit(X, Y, epochs=2, batch_size=48, validation_data=(X, Y), verbose=0).history
    assert set(logs) == {"loss", "reconstruction_error", "val_loss"}
    assert logs["val_loss"][1] < logs["val_loss"][0]


def test_a_loop_of_steps_inside_xla_trains_and_keeps_the_metric():
    """A training engine may run `train_step` and `test_step` inside one compiled `tf.while_loop`."""
    model, reference = (compiled(ReconstructingRegressor(1)) for _ in range(2))
    for each in (model, reference):
        each.build((None, 10))
        each.optimizer.build(each.trainable_variables)
        each.test_on_batch(X[:2], Y[:2])  # builds the loss
        each.reset_metrics()
    reference.set_weights(model.get_weights())
    batches_x, batches_y = tf.constant(X.reshape(3, 32, 10)), tf.constant(Y.reshape(3, 32, 1))

    def loop(step):
        @tf.function(jit_compile=True)
        def run():
            def body(i):
                step((batches_x[i], batches_y[i]))
                return [i + 1]

            tf.while_loop(lambda i: i < 3, body, [tf.constant(0)])

        run()

    loop(model.train_step)
    trained = {name: float(value) for name, value in model.get_metrics_result().items()}
    logs = reference.fit(X, Y, batch_size=32, shuffle=False, verbose=0).history
    assert trained == pytest.approx({name: values[0] for name, values in logs.items()}, rel=1e-4)
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)

    model.reset_metrics()
    loop(model.test_step)
    tested = {name: float(value) for name, value in model.get_metrics_result().items()}
    assert tested == pytest.approx(model.evaluate(X, Y, batch_size=32, verbose=0, return_dict=True), rel=1e-5)
    assert set(tested) == {"loss"}


# Use


@pytest.mark.parametrize("model_class", MODELS)
def test_compile_fit_evaluate_predict(model_class):
    model = compiled(model_class(1))
    losses = model.fit(X, Y, epochs=15, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 3
    assert model.predict(X, verbose=0).shape == (96, 1)
    loss = model.evaluate(X, Y, verbose=0)
    assert np.isscalar(loss)
    assert loss < losses[0] / 3


@pytest.mark.parametrize("model_class", MODELS)
@pytest.mark.parametrize("trained", [True, False])
def test_saved_and_loaded_by_plain_keras(model_class, trained, tmp_path):
    model = model_class(2)
    targets = np.concatenate([Y, -Y], axis=1)
    compiled(model).fit(X, targets, verbose=0) if trained else model.build((None, 10))
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert type(loaded) is model_class
    assert [variable.path for variable in loaded.weights] == [variable.path for variable in model.weights]
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    if trained:
        for each in (model, loaded):
            each.fit(X, targets, epochs=2, shuffle=False, verbose=0)
        np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("model_class", MODELS)
def test_weights_alone(model_class, tmp_path):
    model, fresh = model_class(1), model_class(1)
    expected = model.predict(X, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    fresh.build((None, 10))
    assert not np.array_equal(fresh.predict(X, verbose=0), expected)
    fresh.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(fresh.predict(X, verbose=0), expected)


def in_a_stack(model):
    return keras.Sequential([keras.Input((10,)), model, keras.layers.Dense(1)])


def in_a_graph(model):
    inputs = keras.Input((10,))
    return keras.Model(inputs, keras.layers.Dense(1)(model(inputs)))


class InAClass(keras.Model):
    def __init__(self, model):
        super().__init__()
        self.inner = model
        self.out = keras.layers.Dense(1)

    def call(self, inputs):
        return self.out(self.inner(inputs))


@pytest.mark.parametrize("outer", [in_a_stack, in_a_graph, InAClass])
@pytest.mark.parametrize("model_class", MODELS)
def test_models_are_layers(model_class, outer):
    model = compiled(outer(model_class(4)))
    losses = model.fit(X, Y, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_inside_another_model_the_reconstruction_still_counts(tmp_path):
    inner = ReconstructingRegressor(1, reconstruction_weight=2.0)
    inputs = keras.Input((10,))
    outer = compiled(keras.Model(inputs, inner(inputs)))
    loss = outer.evaluate(X, Y, batch_size=len(X), verbose=0)
    main = np.mean((outer.predict(X, verbose=0) - Y) ** 2)
    assert loss == pytest.approx(main + 2.0 * reconstruction_mse(inner, X), rel=1e-5)

    before = inner.get_layer("reconstruct").kernel.numpy()
    outer.fit(X, Y, verbose=0)
    assert np.abs(inner.get_layer("reconstruct").kernel.numpy() - before).max() > 0
    outer.save(tmp_path / "outer.keras")
    loaded = keras.models.load_model(tmp_path / "outer.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), outer.predict(X, verbose=0))
    assert loaded.layers[-1].reconstruction_weight == 2.0


@pytest.mark.parametrize("model_class", MODELS)
def test_the_dtype_policy_reaches_every_layer(model_class, tmp_path):
    model = compiled(model_class(1, dtype="mixed_float16"))
    losses = model.fit(X * 200, Y, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all(), "the squares of the reconstruction would overflow float16"
    assert {layer.compute_dtype for layer in model._flatten_layers()} == {"float16"}
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in model.weights} == {"float32"}
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert {layer.dtype_policy.name for layer in loaded._flatten_layers()} == {"mixed_float16"}


# Configuration


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (ResidualRegressor(3, name="r"), {"output_dim": 3, "name": "r"}),
        (
            ReconstructingRegressor(2, reconstruction_weight=0.5, name="c"),
            {"output_dim": 2, "reconstruction_weight": 0.5, "name": "c"},
        ),
    ],
    ids=["ResidualRegressor", "ReconstructingRegressor"],
)
def test_the_configuration_makes_an_equal_model(model, expected):
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert type(twin) is type(model)
    assert twin.get_config() == model.get_config()
    assert {key: twin.get_config()[key] for key in expected} == expected


@pytest.mark.parametrize("model_class", MODELS)
def test_classes_are_registered_under_the_distribution(model_class):
    assert keras.saving.get_registered_name(model_class) == f"kwb>{model_class.__name__}"


@pytest.mark.parametrize("model_class", MODELS)
def test_wrong_arguments_and_inputs_are_named(model_class):
    with pytest.raises(ValueError, match=rf"{model_class.__name__}: output_dim must be a whole number"):
        model_class(0)
    with pytest.raises(ValueError, match=rf"{model_class.__name__} expects an input of shape .* known width"):
        model_class(1)(keras.Input((None,)))


@pytest.mark.parametrize("weight", [-0.05, float("nan"), "much"])
def test_a_wrong_reconstruction_weight_is_named(weight):
    with pytest.raises(ValueError, match="reconstruction_weight must be a finite number of at least 0"):
        ReconstructingRegressor(1, reconstruction_weight=weight)
