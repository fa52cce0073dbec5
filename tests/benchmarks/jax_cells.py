"""The column of JAX written by hand: an epoch is one compiled `lax.scan` over batches, Adam spelt out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.benchmarks.timing import Clock, Measured, orders
from tests.benchmarks.workloads import WORKLOADS

Weights = Any
Model = tuple[Weights, Callable[[Weights, Any], tuple[jax.Array, Any]]]
"""First weights, and a function of weights and inputs that gives outputs and an extra loss."""

_rng = np.random.default_rng(0)


def _dense(before: int, after: int) -> Weights:
    kernel = _rng.normal(size=(before, after)) * np.sqrt(2 / (before + after))
    return jnp.asarray(kernel, "float32"), jnp.zeros(after)


def _apply(weights: Weights, x: jax.Array) -> jax.Array:
    return x @ weights[0] + weights[1]


def _block(weights: Weights, x: jax.Array) -> jax.Array:
    z = x
    for layer in weights:
        z = jax.nn.elu(_apply(layer, z))
    return x + z


def _residual() -> Model:
    def call(w: Weights, x: jax.Array) -> tuple[jax.Array, Any]:
        z = jax.nn.elu(_apply(w["hidden"], x))
        for _ in range(4):
            z = _block(w["block1"], z)
        return _apply(w["out"], _block(w["block2"], z)), 0.0

    blocks = {name: [_dense(30, 30), _dense(30, 30)] for name in ("block1", "block2")}
    return {"hidden": _dense(8, 30), **blocks, "out": _dense(30, 1)}, call


def _reconstructing() -> Model:
    def call(w: Weights, x: jax.Array) -> tuple[jax.Array, Any]:
        z = x
        for layer in w["hidden"]:
            z = jax.nn.selu(_apply(layer, z))
        return _apply(w["out"], z), 0.05 * jnp.mean((_apply(w["reconstruct"], z) - x) ** 2)

    hidden = [_dense(8 if i == 0 else 30, 30) for i in range(5)]
    return {"hidden": hidden, "out": _dense(30, 1), "reconstruct": _dense(30, 8)}, call


def _two_inputs() -> Model:
    def call(w: Weights, x: Any) -> tuple[jax.Array, Any]:
        left, right = (
            _block(w["block"], jax.nn.elu(_apply(w["hidden"], x[name]))) for name in ("left", "right")
        )
        return _apply(w["out"], _block(w["block"], left + right)), 0.0

    return {"hidden": _dense(8, 30), "block": [_dense(30, 30), _dense(30, 30)], "out": _dense(30, 1)}, call


def _relu_stack(*widths: int) -> Model:
    def call(w: Weights, x: jax.Array) -> tuple[jax.Array, Any]:
        for layer in w[:-1]:
            x = jax.nn.relu(_apply(layer, x))
        return _apply(w[-1], x), 0.0

    return [_dense(before, after) for before, after in pairwise(widths)], call


def _cnn() -> Model:
    def convolve(w: Weights, x: jax.Array) -> jax.Array:
        z = jax.lax.conv_general_dilated(x, w[0], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        z = jax.nn.relu(z + w[1])
        return jax.lax.reduce_window(z, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def call(w: Weights, x: jax.Array) -> tuple[jax.Array, Any]:
        for layer in w["convolutions"]:
            x = convolve(layer, x)
        z = jax.nn.relu(_apply(w["hidden"], x.reshape(x.shape[0], -1)))
        return _apply(w["out"], z), 0.0

    def kernel(*shape: int) -> Weights:
        return jnp.asarray(_rng.normal(size=shape) * 0.1, "float32"), jnp.zeros(shape[-1])

    convolutions = [kernel(3, 3, 1, 16), kernel(3, 3, 16, 32)]
    return {"convolutions": convolutions, "hidden": _dense(800, 64), "out": _dense(64, 10)}, call


def _lstm() -> Model:
    def call(w: Weights, x: jax.Array) -> tuple[jax.Array, Any]:
        def tick(state: Any, now: jax.Array) -> Any:
            h, c = state
            i, f, g, o = jnp.split(_apply(w["input"], now) + h @ w["recurrent"], 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((x.shape[0], 32))
        (h, _), _ = jax.lax.scan(tick, (zero, zero), jnp.swapaxes(x, 0, 1))
        return _apply(w["out"], h), 0.0

    return {"input": _dense(16, 128), "recurrent": _dense(32, 128)[0], "out": _dense(32, 1)}, call


MODELS: dict[str, Callable[[], Model]] = {
    "residual-regressor": _residual,
    "reconstructing-regressor": _reconstructing,
    "my-dense": lambda: _relu_stack(8, 30, 30, 1),
    "two-inputs": _two_inputs,
    "mlp": lambda: _relu_stack(784, 512, 512, 10),
    "cnn": _cnn,
    "lstm": _lstm,
}


def scan(workload: str, rows: int, epochs: int) -> Measured:
    """Train for so many epochs; a short last batch goes through the step compiled for its size."""
    found = WORKLOADS[workload]
    inputs, targets = found.data(rows)
    x, y = jax.tree.map(jnp.asarray, inputs), jnp.asarray(targets)
    classes = workload in ("mlp", "cnn")
    weights, call = MODELS[workload]()

    def loss_of(weights: Weights, x: Any, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        outputs, extra = call(weights, x)
        if classes:
            loss = -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], axis=1))
            metric = jnp.mean(jnp.argmax(outputs, axis=1) == y)
        else:
            loss, metric = jnp.mean((outputs - y) ** 2), jnp.mean(jnp.abs(outputs - y))
        return loss + extra, metric

    def step(state: Any, rows: jax.Array) -> tuple[Any, None]:
        weights, mean, square, time, losses, metrics = state
        batch = jax.tree.map(lambda array: array[rows], x)
        (loss, metric), gradient = jax.value_and_grad(loss_of, has_aux=True)(weights, batch, y[rows])
        time = time + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**time) / (1 - 0.9**time)
        mean = jax.tree.map(lambda m, g: m + 0.1 * (g - m), mean, gradient)
        square = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), square, gradient)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, mean, square)
        return (weights, mean, square, time, losses + loss, metrics + metric), None

    epoch = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)[0])
    last = jax.jit(lambda state, rows: step(state, rows)[0])
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state: Any = (weights, zeros, zeros, jnp.float32(0), jnp.float32(0), jnp.float32(0))
    whole = rows // found.batch_size * found.batch_size
    clock = Clock()
    for order in orders(rows, epochs):
        clock.epoch_begins()
        state = epoch(state, order[:whole].reshape(-1, found.batch_size))
        if whole < rows:
            state = last(state, order[whole:])
        float(state[4])
        clock.epoch_ends()
    return clock.measured(-(-rows // found.batch_size), jax.__version__)
