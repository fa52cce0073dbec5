"""Models as public guides explain them, written anew: a plugin file, and what each of them is trained with."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

PACKAGE = keras.saving.register_keras_serializable(package="guides")


@PACKAGE
def mixture_loss(y_true: Any, y_pred: Any) -> Any:
    """The negative log likelihood of a mixture of normal distributions: weights, means, log deviations."""
    weights, means, logs = ops.split(y_pred, 3, axis=-1)
    density = -0.5 * ops.square((y_true - means) * ops.exp(-logs)) - logs
    return -ops.logsumexp(ops.log_softmax(weights, axis=-1) + density, axis=-1)


@PACKAGE
class Pinball(keras.losses.Loss):
    """The loss of quantiles, one for each output."""

    def __init__(self, quantiles: Any = (0.1, 0.5, 0.9), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.quantiles = tuple(quantiles)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = y_true - y_pred
        levels = ops.convert_to_tensor(self.quantiles, error.dtype)
        return ops.mean(ops.maximum(levels * error, (levels - 1) * error), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantiles": self.quantiles}


@PACKAGE
class Flow(keras.Model):
    """Real NVP: couplings of halves, trained by the likelihood of the data alone."""

    def __init__(self, couplings: int = 3, units: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.couplings, self.units = couplings, units
        self.scales = [layers.Dense(units, "tanh", name=f"scale_{n}") for n in range(couplings)]
        self.shifts = [layers.Dense(units, "relu", name=f"shift_{n}") for n in range(couplings)]

    def build(self, shape: Any) -> None:
        self.outs = [
            layers.Dense(shape[-1], n, name=f"out_{i}") for i, n in enumerate(["tanh", None] * self.couplings)
        ]
        for scale, shift in zip(self.scales, self.shifts, strict=True):
            scale.build(shape)
            shift.build(shape)
        for out in self.outs:
            out.build((None, self.units))
        self.built = True

    def call(self, inputs: Any) -> Any:
        z, determinant = inputs, 0.0
        for number in range(self.couplings):
            mask = ops.cast(ops.arange(inputs.shape[-1]) % 2 == number % 2, inputs.dtype)
            kept = z * mask
            scale = self.outs[2 * number](self.scales[number](kept)) * (1 - mask)
            shift = self.outs[2 * number + 1](self.shifts[number](kept)) * (1 - mask)
            z = kept + (1 - mask) * (z * ops.exp(scale) + shift)
            determinant = determinant + ops.sum(scale, axis=-1)
        self.add_loss(ops.mean(0.5 * ops.sum(ops.square(z), axis=-1) - determinant))
        return z

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "couplings": self.couplings, "units": self.units}


@PACKAGE
class GraphConvolution(layers.Layer):
    """Features of nodes, mixed along the edges of each row's own graph."""

    def __init__(self, units: int, activation: Any = "relu", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.activation = units, keras.activations.get(activation)
        self.dense = layers.Dense(units)

    def build(self, nodes_shape: Any, edges_shape: Any) -> None:
        self.dense.build(nodes_shape)

    def call(self, nodes: Any, edges: Any) -> Any:
        edges = edges + ops.eye(edges.shape[-1], dtype=edges.dtype)
        shares = edges / ops.sum(edges, axis=-1, keepdims=True)
        return self.activation(ops.matmul(shares, self.dense(nodes)))

    def compute_output_shape(self, nodes_shape: Any, edges_shape: Any) -> Any:
        return (*nodes_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        activation = keras.activations.serialize(self.activation)
        return {**super().get_config(), "units": self.units, "activation": activation}


@PACKAGE
class GatedResidual(layers.Layer):
    """A residual network whose own gate says how much of it counts."""

    def __init__(self, units: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.dropout = units, dropout
        self.hidden, self.linear = layers.Dense(units, "elu"), layers.Dense(units)
        self.gate, self.project = layers.Dense(units, "sigmoid"), layers.Dense(units)
        self.drop, self.norm = layers.Dropout(dropout, seed=1), layers.LayerNormalization()

    def build(self, shape: Any) -> None:
        inner = (*shape[:-1], self.units)
        self.hidden.build(shape)
        for each in (self.linear, self.gate, self.norm):
            each.build(inner)
        self.project.build(shape)
        self.drop.build(inner)

    def call(self, inputs: Any, training: bool = False) -> Any:
        inner = self.drop(self.linear(self.hidden(inputs)), training=training)
        return self.norm(self.project(inputs) + inner * self.gate(inner))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "dropout": self.dropout}


@PACKAGE
class Translator(keras.Model):
    """An encoder and a decoder with attention; the decoder sees the word before."""

    def __init__(self, words: int, units: int = 6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words, self.units = words, units
        self.source = layers.Embedding(words, units, mask_zero=True)
        self.target = layers.Embedding(words, units, mask_zero=True)
        self.encoder = layers.GRU(units, return_sequences=True, return_state=True)
        self.decoder = layers.GRU(units, return_sequences=True)
        self.attention, self.out = layers.AdditiveAttention(), layers.Dense(words)

    def call(self, inputs: Any) -> Any:
        source = self.source(inputs["source"])
        states, last = self.encoder(source)
        decoded = self.decoder(self.target(inputs["before"]), initial_state=last)
        found = self.attention([decoded, states])
        return self.out(ops.concatenate([decoded, found], axis=-1))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "words": self.words, "units": self.units}


@PACKAGE
class KeyValueMemory(layers.Layer):
    """What is read from learned memory cells, by the likeness of the query to their keys."""

    def __init__(self, cells: int, width: int, heads: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells, self.width, self.heads = cells, width, heads

    def build(self, shape: Any) -> None:
        self.keys = self.add_weight(name="keys", shape=(self.heads, self.cells, shape[-1]))
        self.values = self.add_weight(name="values", shape=(self.heads, self.cells, self.width))
        self.sharpness = self.add_weight(name="sharpness", shape=(self.heads,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        like = ops.einsum("...d,hcd->...hc", inputs, self.keys) * self.sharpness[:, None]
        read = ops.einsum("...hc,hcw->...hw", ops.softmax(like, axis=-1), self.values)
        return ops.sum(read, axis=-2)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": self.cells, "width": self.width, "heads": self.heads}


@PACKAGE
def wavenet(steps: int, channels: int, filters: int = 6, blocks: int = 3) -> keras.Model:
    """Causal convolutions, each looking twice as far back; what every block found is added up."""
    inputs = keras.Input((steps, channels))
    x, found = layers.Conv1D(filters, 1)(inputs), []
    for block in range(blocks):
        kernel = {"kernel_size": 2, "padding": "causal", "dilation_rate": 2**block}
        gated = layers.Conv1D(filters, activation="tanh", **kernel)(x) * layers.Conv1D(
            filters, activation="sigmoid", **kernel
        )(x)
        found.append(layers.Conv1D(filters, 1)(gated))
        x = layers.Add()([x, found[-1]])
    x = layers.Activation("relu")(layers.Add()(found))
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(x)))


@PACKAGE
class SqueezeExcite(layers.Layer):
    """Channels weighed by what the whole picture has of them."""

    def __init__(self, ratio: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, shape: Any) -> None:
        self.squeeze = layers.Dense(max(shape[-1] // self.ratio, 1), "relu", name="squeeze")
        self.excite = layers.Dense(shape[-1], "sigmoid", name="excite")
        self.squeeze.build((None, shape[-1]))
        self.excite.build((None, max(shape[-1] // self.ratio, 1)))

    def call(self, inputs: Any) -> Any:
        weights = self.excite(self.squeeze(ops.mean(inputs, axis=(1, 2))))
        return inputs * weights[:, None, None, :]

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "ratio": self.ratio}


@PACKAGE
class Experts(layers.Layer):
    """A mixture of layers, each row its own; a penalty keeps all of them busy."""

    def __init__(self, experts: Any, balance: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.experts, self.balance = list(experts), balance
        self.router = layers.Dense(len(self.experts), "softmax")

    def build(self, shape: Any) -> None:
        self.router.build(shape)
        for expert in self.experts:
            if not expert.built:  # one that comes back from a configuration is
                expert.build(shape)

    def call(self, inputs: Any) -> Any:
        shares = self.router(inputs)
        self.add_loss(self.balance * ops.sum(ops.square(ops.mean(shares, axis=0))))
        outputs = ops.stack([expert(inputs) for expert in self.experts], axis=1)
        return ops.sum(outputs * shares[..., None], axis=1)

    def compute_output_shape(self, shape: Any) -> Any:
        return self.experts[0].compute_output_shape(shape)

    def get_config(self) -> dict[str, Any]:
        experts = [keras.saving.serialize_keras_object(expert) for expert in self.experts]
        return {**super().get_config(), "experts": experts, "balance": self.balance}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Experts:
        experts = [keras.saving.deserialize_keras_object(each) for each in config.pop("experts")]
        return cls(experts, **config)


@PACKAGE
class VectorQuantizer(layers.Layer):
    """The nearest of learned vectors, with the gradient passed through; the losses of a VQ-VAE."""

    def __init__(self, codes: int, commitment: float = 0.25, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.codes, self.commitment = codes, commitment

    def build(self, shape: Any) -> None:
        self.book = self.add_weight(name="book", shape=(self.codes, shape[-1]), initializer="random_uniform")

    def call(self, inputs: Any) -> Any:
        distances = ops.sum(ops.square(inputs[..., None, :] - self.book), axis=-1)
        chosen = ops.take(self.book, ops.argmin(distances, axis=-1), axis=0)
        self.add_loss(self.commitment * ops.mean(ops.square(ops.stop_gradient(chosen) - inputs)))
        self.add_loss(ops.mean(ops.square(chosen - ops.stop_gradient(inputs))))
        return inputs + ops.stop_gradient(chosen - inputs)

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "codes": self.codes, "commitment": self.commitment}


@PACKAGE
class Evolution(layers.Layer):
    """A neural differential equation, by steps of Euler through one layer."""

    def __init__(self, field: Any, steps: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.field, self.steps = field, steps

    def build(self, shape: Any) -> None:
        if not self.field.built:  # one that comes back from a configuration is
            self.field.build(shape)

    def call(self, inputs: Any) -> Any:
        state = inputs
        for _ in range(self.steps):
            state = state + self.field(state) / self.steps
        return state

    def compute_output_shape(self, shape: Any) -> Any:
        return shape

    def get_config(self) -> dict[str, Any]:
        field = keras.saving.serialize_keras_object(self.field)
        return {**super().get_config(), "field": field, "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Evolution:
        return cls(keras.saving.deserialize_keras_object(config.pop("field")), **config)


@PACKAGE
class Patches(layers.Layer):
    """A picture cut into squares, each with what is learned of its place."""

    def __init__(self, size: int, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.width = size, width
        self.project = layers.Dense(width)

    def build(self, shape: Any) -> None:
        self.count = (shape[1] // self.size) * (shape[2] // self.size)
        self.project.build((None, self.count, self.size * self.size * shape[3]))
        self.places = self.add_weight(
            name="places", shape=(self.count, self.width), initializer="random_normal"
        )

    def call(self, inputs: Any) -> Any:
        pieces = ops.image.extract_patches(inputs, self.size, padding="valid")
        return self.project(ops.reshape(pieces, (-1, self.count, pieces.shape[-1]))) + self.places

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], (shape[1] // self.size) * (shape[2] // self.size), self.width)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "width": self.width}


RANDOM = np.random.default_rng(8)
ROWS = 40
TABLE = RANDOM.normal(size=(ROWS, 6)).astype("float32")
ONE = (TABLE[:, :1] * TABLE[:, 1:2] + 0.3 * TABLE[:, 2:3]).astype("float32")
NODES = RANDOM.normal(size=(ROWS, 5, 3)).astype("float32")
EDGES = (RANDOM.uniform(size=(ROWS, 5, 5)) < 0.4).astype("float32")
WORDS = RANDOM.integers(1, 9, size=(ROWS, 7)).astype("int32")
IMAGES = RANDOM.uniform(size=(ROWS, 8, 8, 2)).astype("float32")
LABELS = RANDOM.integers(0, 3, size=ROWS).astype("int32")
