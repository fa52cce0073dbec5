"""Floating-point operations in loops: equal to a count by hand, and to TensorFlow's own of the same model unrolled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from workbench.probing.cost import measure
from workbench.probing.probe_report import LayerCost

ROWS, STEPS, FEATURES, UNITS = 8, 12, 6, 10


class OfEachRow(layers.Layer):
    """Calls a layer on one row after the other, in a loop."""

    def __init__(self, inner: layers.Layer) -> None:
        super().__init__(name="of_each_row")
        self.inner = inner

    def build(self, shape: tuple[int, ...]) -> None:
        self.inner.build((1, *shape[1:]))

    def call(self, x: Any) -> Any:
        return ops.map(lambda row: self.inner(row[None])[0], x)


class OfItself(layers.Layer):
    """The attention of a sequence to itself."""

    def __init__(self, inner: layers.Layer) -> None:
        super().__init__(name="of_itself")
        self.inner = inner

    def build(self, shape: tuple[int, ...]) -> None:
        self.inner.build(shape, shape)

    def call(self, x: Any) -> Any:
        return self.inner(x, x)


class InAFunction(layers.Layer):
    def build(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], UNITS), name="kernel")

    @tf.function
    def product(self, x: Any) -> Any:
        return tf.matmul(x, self.kernel)

    def call(self, x: Any) -> Any:
        return self.product(x)


def costs(*model: layers.Layer, batch: int | None = None) -> dict[str, LayerCost]:
    """What the layers of a sequential model cost on random rows."""
    built = keras.Sequential([keras.Input((STEPS, FEATURES), batch_size=batch), *model, layers.Dense(1)])
    built.compile("sgd", "mse")
    built.optimizer.build(built.trainable_variables)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(ROWS, STEPS, FEATURES)), tf.float32)
    y = tf.zeros((ROWS, 1))
    return {each.path: each for each in measure(built, built.train_step, (x, y), {}).layers}


def by_tensorflow(cell: layers.Layer, rows: int) -> float:
    """Operations of one forward step of a cell, as TensorFlow counts them in a graph without loops."""
    state = [tf.zeros((rows, size)) for size in tf.nest.flatten(cell.state_size)]
    function = tf.function(lambda x: cell(x, state)[0]).get_concrete_function(tf.zeros((rows, FEATURES)))
    profiler = tf.compat.v1.profiler
    options = {**profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
    with function.graph.as_default():
        return float(profiler.profile(function.graph, options=options).total_float_ops)


@pytest.mark.parametrize(
    ("layer", "gates"), [(layers.LSTM, 4), (layers.GRU, 3), (layers.SimpleRNN, 1)], ids=["LSTM", "GRU", "RNN"]
)
def test_the_cell_of_a_recurrent_layer_counts_as_often_as_there_are_steps(layer: Any, gates: int) -> None:
    products = 2 * ROWS * STEPS * gates * UNITS * (FEATURES + UNITS)
    found = costs(layer(UNITS, name="rnn"))
    cell = found["rnn/cell"]
    assert "rnn/cell#2" not in found
    assert products <= cell.forward_operations <= 1.2 * products
    assert cell.forward_operations == STEPS * by_tensorflow(layer(UNITS).cell, ROWS)
    # The gradients with regard to both kernels and the state before; none with regard to the data.
    backward = 2 * ROWS * STEPS * gates * UNITS * (FEATURES + 2 * UNITS)
    assert backward <= cell.backward_operations <= 1.2 * backward


def test_as_many_as_those_of_the_unrolled_layer() -> None:
    rolled = costs(layers.LSTM(UNITS, name="rnn"))["rnn/cell"]
    unrolled = costs(layers.LSTM(UNITS, name="rnn", unroll=True))
    cells = [each for path, each in unrolled.items() if path.startswith("rnn/cell")]
    assert len(cells) == STEPS
    assert rolled.forward_operations == sum(each.forward_operations for each in cells)
    # TensorFlow leaves out the gradient with regard to the state before the first step where it is not in a loop.
    assert rolled.backward_operations == STEPS * cells[1].backward_operations


def test_a_layer_that_is_called_for_each_row() -> None:
    found = costs(OfEachRow(layers.Dense(UNITS, name="inner")), batch=ROWS)
    inner = found["of_each_row/inner"]
    products = 2 * ROWS * STEPS * FEATURES * UNITS
    assert products <= inner.forward_operations <= 1.2 * products
    assert products <= inner.backward_operations <= 1.2 * products  # with regard to the kernel alone


def test_a_loop_in_a_loop() -> None:
    found = costs(OfEachRow(layers.LSTM(UNITS, name="inner")), batch=ROWS)
    # Keras calls it on the first row before, to know the shape.
    cells = [each for path, each in found.items() if path.startswith("of_each_row/inner/cell")]
    cell = max(cells, key=lambda each: each.forward_operations)
    assert cell.forward_operations == ROWS * STEPS * by_tensorflow(layers.LSTM(UNITS).cell, 1)
    backward = 2 * ROWS * STEPS * 4 * UNITS * (2 * FEATURES + 2 * UNITS)  # with regard to the row as well
    assert backward <= cell.backward_operations <= 1.2 * backward


def test_a_function_of_tensorflow_in_a_layer() -> None:
    # Of a size that the function does not know no number is known either.
    found = costs(InAFunction(name="product"), batch=ROWS)["product"]
    products = 2 * ROWS * STEPS * FEATURES * UNITS
    assert found.forward_operations == products
    assert 2 * products <= found.backward_operations <= 2.1 * products


def test_attention_has_its_products() -> None:
    heads, size = 2, 5
    found = costs(OfItself(layers.MultiHeadAttention(heads, size, name="attention")))
    inside = [each for path, each in found.items() if path.startswith("of_itself/inner")]
    projections = 4 * 2 * ROWS * STEPS * FEATURES * heads * size
    products = 2 * 2 * ROWS * heads * STEPS * STEPS * size
    forward = sum(each.forward_operations for each in inside)
    assert projections + products <= forward <= 1.2 * (projections + products)


def test_two_layers_do_not_share_what_they_cost() -> None:
    found = costs(layers.LSTM(UNITS, name="one", return_sequences=True), layers.LSTM(UNITS, name="two"))
    first = 2 * ROWS * STEPS * 4 * UNITS * (FEATURES + UNITS)
    second = 2 * ROWS * STEPS * 4 * UNITS * (UNITS + UNITS)
    assert first <= found["one/cell"].forward_operations <= 1.2 * first
    assert second <= found["two/cell"].forward_operations <= 1.2 * second
