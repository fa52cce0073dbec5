"""A recipe's model is the one written by hand in plain Keras: as many weights, the same first predictions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from kwb_custom import layers, models
from kwb_custom.functions import exponential_layer

TWO = {"left": (8,), "right": (8,)}


def by_hand(make: Any, inputs: Any) -> Any:
    """The model that `make` gives in a fresh Keras, from the recipe's seed, built by a call."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(42)
    model = make()
    model(inputs)
    return model


def same(built: Any, make: Any) -> None:
    batch = built.batch()
    ours = np.array(built.model(batch))
    theirs = by_hand(make, batch)
    assert built.model.count_params() == theirs.count_params()
    assert [tuple(w.shape) for w in built.model.weights] == [tuple(w.shape) for w in theirs.weights]
    np.testing.assert_array_equal(ours, np.array(theirs(batch)))


def test_residual_regressor_as_a_class(build):
    built = build("{use: ResidualRegressor, output_dim: 1}", {"x": (10,)})
    same(built, lambda: models.ResidualRegressor(1))
    rows = built.rows()
    counts = [rows[path].parameters for path in ("hidden", "block1", "block2", "out")]
    assert counts == [330, 1860, 1860, 31]
    assert built.model.count_params() == 330 + 1860 + 1860 + 31


def test_reconstructing_regressor_as_a_class(build):
    built = build("{use: ReconstructingRegressor, output_dim: 2}")
    same(built, lambda: models.ReconstructingRegressor(2))


@pytest.mark.parametrize(
    ("use", "make"),
    [
        ("{use: MyDense, units: 5, activation: relu}", lambda: layers.MyDense(5, "relu")),
        ("{use: MyGaussianNoise, stddev: 0.5}", lambda: layers.MyGaussianNoise(0.5)),
        ("Exponential", exponential_layer),
        ("{use: ResidualBlock, n_layers: 2, n_neurons: 8}", lambda: layers.ResidualBlock(2, 8)),
        ("{use: ResidualRegressor, output_dim: 3}", lambda: models.ResidualRegressor(3)),
        ("{use: ReconstructingRegressor, output_dim: 3}", lambda: models.ReconstructingRegressor(3)),
    ],
)
def test_each_class_in_a_stack(build, stack, use, make):
    same(
        build(stack(use, "{use: Dense, units: 1}")),
        lambda: keras.Sequential([keras.Input((8,)), make(), keras.layers.Dense(1)]),
    )


@pytest.mark.parametrize(
    ("line", "make"),
    [
        ("z = MyDense(5, activation='relu')(x)", lambda: layers.MyDense(5, "relu")),
        ("z = MyGaussianNoise(0.5)(x)", lambda: layers.MyGaussianNoise(0.5)),
        ("z = Exponential()(x)", exponential_layer),
        ("z = ResidualBlock(2, n_neurons=8)(x)", lambda: layers.ResidualBlock(2, 8)),
        ("z = ResidualRegressor(3)(x)", lambda: models.ResidualRegressor(3)),
        ("z = ReconstructingRegressor(3)(x)", lambda: models.ReconstructingRegressor(3)),
    ],
)
def test_each_class_in_a_graph(build, graph, line, make):
    def hand():
        x = keras.Input((8,))
        z = make()(x)
        return keras.Model(x, keras.layers.Dense(1)(z))

    same(build(graph(line, "y = Dense(1)(z)")), hand)


def test_the_layer_of_two_inputs_in_a_graph(build, graph):
    def hand():
        left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
        total, product, ratio = layers.MyMultiLayer()([left, right])
        z = keras.layers.Concatenate()([total, product, ratio])
        return keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(z))

    lines = ["a, b, c = MyMultiLayer()(left, right)", "z = Concatenate()(a, b, c)", "y = Dense(1)(z)"]
    same(build(graph(*lines, inputs="{left: [8], right: [8]}"), TWO), hand)


def test_a_layer_called_twice_has_one_set_of_weights(build, graph):
    def hand():
        x = keras.Input((8,))
        block = layers.ResidualBlock(2, 30)
        z = keras.layers.Dense(30, activation="relu")(x)
        return keras.Model(x, keras.layers.Dense(1)(block(block(z))))

    lines = ["z = Dense(30, activation='relu')(x)", "z = block(z)", "z = block(z)", "y = Dense(1)(z)"]
    block = "{block: {use: ResidualBlock, n_layers: 2, n_neurons: 30}}"
    built = build(graph(*lines, layers=block))
    # `layers:` are made first, so the draws differ; what a graph shares is the count of weights.
    by_plain = by_hand(hand, built.batch())
    assert built.model.count_params() == by_plain.count_params() == 270 + 2 * 930 + 31
    assert [row.path for row in built.rows().values()].count("block") == 1


def test_the_same_recipe_gives_the_same_weights_however_many_models_came_before(build, stack):
    text = stack("{use: Dense, units: 3}", "{use: MyDense, units: 2}")
    first, second = build(text), build(text)
    np.testing.assert_array_equal(first.predict(), second.predict())
    assert list(first.rows()) == list(second.rows()) == ["dense", "my_dense"]
