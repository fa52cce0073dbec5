"""Layers and models as arguments of others, in every form and nested; the right values are those of plain Keras."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as kl

OWN = '''
import keras
from keras import ops


class Halves(keras.Model):
    """Two parts, one after the other."""

    def __init__(self, encoder, decoder=None, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder

    def call(self, inputs):
        hidden = self.encoder(inputs)
        return hidden if self.decoder is None else self.decoder(hidden)


class Chain(keras.layers.Layer):
    """Any number of layers, in a list or in a map."""

    def __init__(self, parts, named=None, **kwargs):
        super().__init__(**kwargs)
        self.parts, self.named = list(parts), dict(named or {})

    def call(self, inputs):
        for part in [*self.parts, *self.named.values()]:
            inputs = part(inputs)
        return inputs


class Net(keras.Sequential):
    """A stack that is made in __init__."""

    def __init__(self, units=3, **kwargs):
        super().__init__([keras.layers.Dense(units, "tanh"), keras.layers.Dense(units)], **kwargs)


class Tied(keras.layers.Layer):
    """The transposed kernel of another layer."""

    def __init__(self, dense, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense

    def call(self, inputs):
        return ops.matmul(inputs, ops.transpose(self.dense.kernel))


class Cross(keras.layers.Layer):
    """The second tensor is optional, as in deep & cross networks."""

    def build(self, shape):
        self.inner = keras.layers.Dense(shape[-1])
        self.inner.build(shape)

    def call(self, x0, x=None):
        x = x0 if x is None else x
        return x0 * self.inner(x) + x


class Average(keras.layers.Layer):
    """One argument that is a list of tensors."""

    def call(self, inputs, training=None):
        return sum(inputs) / len(inputs)


class Twin(keras.Model):
    """Two towers, which may be one."""

    def __init__(self, left, right, **kwargs):
        super().__init__(**kwargs)
        self.left, self.right = left, right

    def call(self, inputs):
        return self.left(inputs) - 2.0 * self.right(inputs)
'''


@pytest.fixture(scope="module")
def own(with_file):
    return with_file(OWN)


def seeded():
    keras.utils.clear_session()
    keras.utils.set_random_seed(42)


def connected(*lines):
    """A model of one input, of a function from its symbol to its output."""
    inputs = keras.Input((8,))
    (make,) = lines
    return keras.Model(inputs, make(inputs))


def stacked(*items):
    return keras.Sequential([keras.Input((8,)), *items])


def _tied():
    dense = kl.Dense(3)
    return lambda own: connected(lambda x: own.Tied(dense)(dense(x)))


GRAPH = "{inputs: {x: [8]}, graph: ['h = Dense(4, \"relu\")(x)', 'z = Dense(2)(h)'], outputs: z}"


def _graph():
    inputs = keras.Input((8,))
    hidden = kl.Dense(4, "relu")(inputs)
    return keras.Model(inputs, kl.Dense(2)(hidden))


# What is written under `model` (with what else of the recipe), and the same by hand.
SAME = {
    "a class": (
        "{use: Halves, encoder: {use: Net, units: 4}, decoder: {use: Dense, units: 1}}",
        lambda own: own.Halves(own.Net(4), kl.Dense(1)),
    ),
    "stacks": (
        "{use: Halves, encoder: {sequential: [{use: Dense, units: 4, activation: relu}, {use: Dense, units: 2}]}, "
        "decoder: {sequential: [{use: Dense, units: 1}]}}",
        lambda own: own.Halves(
            keras.Sequential([kl.Dense(4, "relu"), kl.Dense(2)]), keras.Sequential([kl.Dense(1)])
        ),
    ),
    "a graph": (f"{{use: Halves, encoder: {GRAPH}}}", lambda own: own.Halves(_graph())),
    "three deep": (
        "{use: Halves, encoder: {use: Halves, encoder: {sequential: [{use: Halves, encoder: "
        "{sequential: [{use: Dense, units: 2}]}}]}}}",
        lambda own: own.Halves(own.Halves(keras.Sequential([own.Halves(keras.Sequential([kl.Dense(2)]))]))),
    ),
    "lists and maps": (
        "{sequential: [{use: Chain, parts: [{use: Dense, units: 5}, {sequential: [{use: Dense, units: 4}]}], "
        "named: {last: {use: Net, units: 2}}}]}",
        lambda own: stacked(own.Chain([kl.Dense(5), keras.Sequential([kl.Dense(4)])], {"last": own.Net(2)})),
    ),
    "wrappers": (
        "{sequential: [{use: Reshape, target_shape: [2, 4]}, {use: TimeDistributed, layer: {sequential: "
        "[{use: Dense, units: 3}]}}, {use: Bidirectional, layer: {use: RNN, cell: {use: GRUCell, units: 2}}}]}",
        lambda own: stacked(
            kl.Reshape((2, 4)),
            kl.TimeDistributed(keras.Sequential([kl.Dense(3)])),
            kl.Bidirectional(kl.RNN(kl.GRUCell(2))),
        ),
    ),
    "a stack in a stack": (
        "{sequential: [{use: Dense, units: 4}, {sequential: [{use: Dense, units: 3}], name: inner}]}",
        lambda own: stacked(kl.Dense(4), keras.Sequential([kl.Dense(3)])),
    ),
    "a graph in a stack": (
        f"{{sequential: [{GRAPH}, {{use: Dense, units: 3}}]}}",
        lambda own: stacked(_graph(), kl.Dense(3)),
    ),
    "tied weights": (
        "{inputs: {x: [8]}, layers: {d: {use: Dense, units: 3}}, graph: [h = d(x), y = Tied(dense=d)(h)], outputs: y}",
        lambda own: _tied()(own),
    ),
    "tied weights, all of them named": (
        "{inputs: {x: [8]}, layers: {d: {use: Dense, units: 3}, t: {use: Tied, dense: {use: d}}}, "
        "graph: [h = d(x), y = t(h)], outputs: y}",
        lambda own: _tied()(own),
    ),
    "in a line": (
        "{inputs: {x: [8]}, graph: ['y = Halves(encoder=Sequential([Dense(4), Dense(2)]), decoder=Net(3))(x)'], "
        "outputs: y}",
        lambda own: connected(own.Halves(keras.Sequential([kl.Dense(4), kl.Dense(2)]), own.Net(3))),
    ),
    "a list in a line": (
        "{inputs: {x: [8]}, layers: {d: {use: Dense, units: 8}}, "
        "graph: ['y = Chain([d, Dense(8), d])(x)'], outputs: y}",
        lambda own: connected(own.Chain([d := kl.Dense(8), kl.Dense(8), d])),
    ),
    "an optional tensor by position": (
        "{inputs: {x: [8]}, graph: [h = Cross()(x), 'y = Cross()(x, h)'], outputs: y}",
        lambda own: connected(lambda x: own.Cross()(x, own.Cross()(x))),
    ),
    "an optional tensor by keyword": (
        "{inputs: {x: [8]}, graph: [h = Cross()(x), 'y = Cross()(x, x=h)'], outputs: y}",
        lambda own: connected(lambda x: own.Cross()(x, own.Cross()(x))),
    ),
    "a list of tensors": (
        "{inputs: {x: [8]}, graph: [h = Dense(8)(x), 'y = Average()(x, h)'], outputs: y}",
        lambda own: connected(lambda x: own.Average()([x, kl.Dense(8)(x)])),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_it_is_the_model_that_plain_keras_makes(own, name):
    module, build, _ = own
    text, plain = SAME[name]
    built = build(text)
    seeded()
    expected = plain(module)
    x = built.batch()
    expected(x)
    assert [w.shape for w in built.model.weights] == [w.shape for w in expected.weights]
    np.testing.assert_allclose(built.predict(), expected(x, training=False), atol=1e-6)


def test_a_layer_of_the_recipe_is_one_wherever_it_is_named(own):
    module, build, _ = own
    both = build(
        "{use: Twin, left: {use: enc}, right: {use: enc}}",
        extra="layers: {enc: {sequential: [{use: Dense, units: 2}]}}",
    )
    assert both.model.left is both.model.right
    assert both.model.left.name == "enc"
    assert len(both.model.weights) == 2
    seeded()
    encoder = keras.Sequential([kl.Dense(2)])
    np.testing.assert_allclose(both.predict(), module.Twin(encoder, encoder)(both.batch()), atol=1e-6)


def test_a_layer_of_the_recipe_in_a_stack_in_a_graph_and_inside_another_layer(own):
    _, build, _ = own
    shared = "layers: {d: {use: Dense, units: 8}, pair: {use: Chain, parts: [{use: d}, {use: d}]}}"
    stack = build("{sequential: [d, pair, d]}", extra=shared).model
    assert len(stack.weights) == 2
    lines = "{inputs: {x: [8]}, graph: [h = d(x), 'y = Chain([pair, d])(h)'], outputs: y}"
    assert len(build(lines, extra=shared).model.weights) == 2


def test_a_state_and_a_mask_where_keras_takes_them(build, graph):
    model = build(
        graph(
            "s = Reshape([4, 2])(x)",
            "m = Masking(0.0)(s)",
            "h, a, b = LSTM(3, return_sequences=True, return_state=True)(m)",
            "g = LSTM(3)(h, initial_state=[a, b], training=False)",
            "k = LSTM(3)(h, [a, b])",
            "d = Dropout(0.5)(g, training=True)",
            "y = Add()(d, k)",
        )
    )
    called = {layer.name: layer._inbound_nodes[0].arguments for layer in model.model.layers}
    assert [tuple(state.shape) for state in called["lstm_1"].kwargs["initial_state"]] == [(None, 3)] * 2
    assert [tuple(state.shape) for state in called["lstm_2"].args[1]] == [(None, 3)] * 2
    assert called["lstm_1"].kwargs["training"] is False
    assert called["dropout"].kwargs["training"] is True


def test_what_is_given_by_keyword_gives_what_plain_keras_gives(build, graph):
    lines = ("s = Reshape([4, 2])(x)", "g = Reshape([4])(h)", "y = GRU(3)(s, initial_state=i, mask=g)")
    built = build(graph("h = Dense(4, 'sigmoid')(x)", "i = Dense(3)(x)", *lines))
    seeded()
    hidden, first, gru = kl.Dense(4, "sigmoid"), kl.Dense(3), kl.GRU(3)
    expected = connected(
        lambda x: gru(kl.Reshape((4, 2))(x), initial_state=first(x), mask=kl.Reshape((4,))(hidden(x)))
    )
    np.testing.assert_allclose(built.predict(), expected(built.batch()), atol=1e-6)


def test_a_saved_model_as_an_argument_keeps_its_weights_and_may_be_frozen(own, tmp_path):
    _, build, _ = own
    encoder = stacked(kl.Dense(4, "relu"))
    encoder.compile("adam", "mse")
    encoder.save(tmp_path / "enc.keras")
    text = "{use: Halves, encoder: {load: enc.keras, trainable: %s}, decoder: {use: Dense, units: 1}}"
    for trainable, count in (("true", 4), ("false", 2)):
        built = build(text % trainable, folder=tmp_path)
        np.testing.assert_allclose(built.model.encoder(built.batch()), encoder(built.batch()), atol=1e-6)
        assert len(built.model.trainable_weights) == count
        assert getattr(built.model.encoder, "optimizer", None) is None


def test_a_model_inside_another_can_be_frozen(own):
    _, build, _ = own
    model = build("{use: Halves, encoder: {sequential: [{use: Dense, units: 2}], trainable: false}}").model
    assert len(model.weights) == 2
    assert model.trainable_weights == []


def test_parts_have_the_names_that_the_recipe_has_for_them(own):
    _, build, _ = own
    paths = build(SAME["stacks"][0]).rows()
    assert list(paths) == ["encoder", "encoder/dense", "encoder/dense_1", "decoder", "decoder/dense_2"]


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (
            "{use: Halves, encoder: {sequential: [{use: Dense, units: 4}, {use: Dense, unitz: 2}]}}",
            "model.encoder.sequential[1]: Dense has no argument 'unitz'. Did you mean 'units'?",
        ),
        (
            "{use: Halves, encoder: {sequential: [{use: Dense, units: 4}, {use: LSTM, units: 2}]}}",
            "model.encoder.sequential[1]: LSTM cannot take an input of shape (batch, 4): expected ndim=3",
        ),
        (
            "{sequential: [{use: Chain, parts: [{use: Dense, units: 4}, "
            "{use: Chain, parts: [{use: LSTM, units: 2}]}]}]}",
            "model.sequential[0].parts[1].parts[0]: LSTM cannot take an input of shape (batch, 4): expected ndim=3",
        ),
        (
            "{use: Halves, encoder: {inputs: {x: [8]}, graph: ['y = Dense(2)(z)'], outputs: y}}",
            "model.encoder.graph[0]: no tensor is called 'z' here.",
        ),
        (
            "{use: Halves, encoder: {inputs: {x: [8]}, graph: ['y = LSTM(2)(x)'], outputs: y}}",
            "model.encoder.graph[0]: LSTM cannot take an input of shape (batch, 8): expected ndim=3",
        ),
        ("{use: Halves, encoder: {load: none.keras}}", "model.encoder.load: there is no file 'none.keras'."),
        (
            "{use: Halves, encoder: {use: Denze, units: 3}}",
            "model.encoder: nothing that can stand here is called 'Denze'. Did you mean 'Dense' (kwb_keras)?",
        ),
        (
            "{use: Halves, encoder: Dense}",
            "model: Halves cannot take an input of shape (batch, 8): TypeError: 'str' object is not callable. "
            "To make a layer for it write `encoder: {use: Dense}`.",
        ),
        (
            "{inputs: {x: [8]}, layers: {d: {use: Dense, units: 3}}, "
            "graph: [h = d(x), y = Tied(dense=e)(h)], outputs: y}",
            "model.graph[1].dense: no layer is named 'e' here. Name it under `layers`; a text has quotes: \"e\".",
        ),
        (
            "{inputs: {x: [8]}, layers: {d: {use: Dense, units: 3}}, graph: [y = Tied(dense=d)(x)], outputs: y}",
            "model.graph[0]",
        ),
    ],
)
def test_an_error_names_the_key_at_any_depth(own, model, shown):
    _, _, error = own
    assert error(model).startswith(shown)


def test_an_architecture_of_keras_is_a_model_and_a_layer(build, graph):
    image = {"x": (32, 32, 3)}
    arguments = "weights: null, input_shape: [32, 32, 3], alpha: 0.35"
    whole = build(f"{{use: MobileNetV2, {arguments}, classes: 3}}", image)
    seeded()
    plain = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, classes=3)
    np.testing.assert_allclose(whole.predict(), plain(whole.batch(), training=False), atol=1e-5)
    backbone = f"{{b: {{use: MobileNetV2, {arguments}, include_top: false, pooling: avg, trainable: false}}}}"
    lines = graph("h = b(x)", "y = Dense(2)(h)", inputs="{x: [32, 32, 3]}", layers=backbone)
    model = build(lines, image).model
    assert model.get_layer("b").output_shape == (None, 1280)
    assert len(model.trainable_weights) == 2


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (
            "{use: MobileNetV2, weights: null, clases: 3}",
            "model: MobileNetV2 has no argument 'clases'. Did you mean 'classes'?",
        ),
        (
            "{use: MobileNetV2, weights: null, input_shape: [8, 8]}",
            "model: MobileNetV2 refuses its arguments: ",
        ),
    ],
)
def test_what_a_function_that_returns_a_model_refuses(error, model, shown):
    assert error(model).startswith(shown)


def test_a_dtype_policy_by_name_by_class_and_by_path(build, stack):
    policies = "{d: {use: Dense, units: 2, dtype: {use: DTypePolicy, name: mixed_bfloat16}}}"
    assert build("{sequential: [d]}", extra=f"layers: {policies}").model.layers[0].compute_dtype == "bfloat16"
    assert build(stack("{use: Dense, units: 2, dtype: float64}")).model.layers[0].compute_dtype == "float64"
    by_path = (
        "{use: DTypePolicyMap, policy_map: {d: {use: DTypePolicy, name: float64}}, default_policy: float32}"
    )
    layer = build(stack(f"{{use: Dense, name: d, units: 2, dtype: {by_path}}}")).model.layers[0]
    plain = keras.dtype_policies.DTypePolicyMap("float32", {"d": keras.dtype_policies.DTypePolicy("float64")})
    assert layer.get_config()["dtype"] == kl.Dense(2, name="d", dtype=plain).get_config()["dtype"]
    assert "float64" in str(layer.get_config()["dtype"])


def test_a_dtype_policy_that_keras_does_not_have(error, stack):
    text = error(stack("{use: Dense, units: 2, dtype: {use: DTypePolicie, name: float32}}"))
    assert text == (
        "model.sequential[0].dtype: there is no dtype policy 'DTypePolicie'. Did you mean 'DTypePolicy'?"
    )
