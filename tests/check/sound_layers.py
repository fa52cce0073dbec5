"""Layers without an error, of the kinds that people write: what `mutating` puts errors into."""

import keras
import tensorflow as tf
from keras import ops


class Scale(keras.layers.Layer):
    def __init__(self, start=1.5, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.start)
        )

    def call(self, inputs):
        return inputs * self.scale

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "start": self.start}


class Affine(keras.layers.Layer):
    def __init__(self, units=4, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")

    def call(self, inputs):
        return self.activation(ops.matmul(inputs, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
        }


class Noise(keras.layers.Layer):
    def __init__(self, stddev=0.5, seed=3, **kwargs):
        super().__init__(**kwargs)
        self.stddev, self.seed = stddev, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if training:
            noise = keras.random.normal(ops.shape(inputs), dtype=inputs.dtype, seed=self.seeds)
            return inputs + self.stddev * noise
        return inputs

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class Residual(keras.layers.Layer):
    def __init__(self, hidden=6, rate=0.2, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.rate = hidden, rate
        self.inner = keras.layers.Dense(hidden, activation="relu")
        self.drop = keras.layers.Dropout(rate)
        self.outer = None

    def build(self, input_shape):
        self.outer = keras.layers.Dense(input_shape[-1])
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.hidden))

    def call(self, inputs, training=None):
        return inputs + self.outer(self.drop(self.inner(inputs), training=training))

    def get_config(self):
        return {**super().get_config(), "hidden": self.hidden, "rate": self.rate}


class RootMeanSquare(keras.layers.Layer):
    def __init__(self, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.gain = self.add_weight(name="gain", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return (
            inputs
            * ops.rsqrt(ops.mean(ops.square(inputs), axis=-1, keepdims=True) + self.epsilon)
            * self.gain
        )

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


class SelfAttention(keras.layers.Layer):
    def __init__(self, width=4, **kwargs):
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError("It takes sequences.")
        self.projection = self.add_weight(name="projection", shape=(input_shape[-1], 3 * self.width))

    def call(self, inputs):
        query, key, value = ops.split(ops.matmul(inputs, self.projection), 3, axis=-1)
        scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / self.width**0.5
        return ops.matmul(ops.softmax(scores), value)

    def get_config(self):
        return {**super().get_config(), "width": self.width}


class MaskedMean(keras.layers.Layer):
    def __init__(self, keep=False, **kwargs):
        super().__init__(**kwargs)
        self.keep = keep
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 3:
            raise ValueError("It takes sequences.")

    def call(self, inputs, mask=None):
        weights = ops.ones_like(inputs[..., :1])
        if mask is not None:
            weights = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        mean = ops.sum(inputs * weights, axis=1, keepdims=True) / (
            ops.sum(weights, axis=1, keepdims=True) + 1e-3
        )
        return inputs - mean

    def get_config(self):
        return {**super().get_config(), "keep": self.keep}


class GatedSum(keras.layers.Layer):
    def __init__(self, bias=0.5, **kwargs):
        super().__init__(**kwargs)
        self.bias = bias

    def build(self, input_shape):
        self.gate = self.add_weight(name="gate", shape=(input_shape[0][-1],), initializer="zeros")

    def call(self, inputs):
        first, second = inputs
        share = ops.sigmoid(self.gate + self.bias)
        return share * first + (1.0 - share) * second

    def get_config(self):
        return {**super().get_config(), "bias": self.bias}


class MovingMean(keras.layers.Layer):
    def __init__(self, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        self.momentum = momentum

    def build(self, input_shape):
        self.mean = self.add_weight(
            name="mean", shape=(input_shape[-1],), initializer="zeros", trainable=False
        )
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs, training=False):
        if training:
            axes = tuple(range(len(inputs.shape) - 1))
            now = ops.cast(ops.mean(inputs, axis=axes), self.mean.dtype)
            self.mean.assign(self.momentum * self.mean + (1.0 - self.momentum) * now)
        return (inputs - ops.cast(self.mean, inputs.dtype)) * self.scale

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


class Convolution(keras.layers.Layer):
    def __init__(self, filters=3, width=3, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.width = filters, width
        self.conv = keras.layers.Conv1D(filters, width, padding="same")

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, inputs):
        return ops.relu(self.conv(inputs))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "width": self.width}


class Penalty(keras.layers.Layer):
    def __init__(self, factor=0.01, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape):
        self.weight = self.add_weight(name="weight", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        self.add_loss(self.factor * ops.sum(ops.square(self.weight)))
        return inputs * self.weight

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Polynomial(keras.layers.Layer):
    def __init__(self, degree=2, **kwargs):
        super().__init__(**kwargs)
        self.degree = degree

    def build(self, input_shape):
        self.weights_of_powers = self.add_weight(
            name="powers", shape=(self.degree, input_shape[-1]), initializer="ones"
        )

    def call(self, inputs):
        total = ops.zeros_like(inputs)
        for power in range(self.degree):
            total = total + self.weights_of_powers[power] * ops.tanh(inputs) ** (power + 1)
        return total

    def get_config(self):
        return {**super().get_config(), "degree": self.degree}


class StopWords(keras.layers.Layer):
    def __init__(self, rate=0.3, seed=5, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = rate, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training:
            return inputs
        kept = keras.random.uniform(ops.shape(inputs)[:1], seed=self.seeds) > self.rate
        kept = ops.reshape(ops.cast(kept, inputs.dtype), (-1,) + (1,) * (len(inputs.shape) - 1))
        return inputs * tf.stop_gradient(kept)

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class Wired(keras.layers.RNN):
    """Its configuration has its cell, whose name is another when it comes back."""

    def __init__(self, units=3, return_sequences=False, **kwargs):
        cell = keras.layers.GRUCell(units, **{key: kwargs[key] for key in ("name",) if key in kwargs})
        super().__init__(cell, return_sequences=return_sequences, **kwargs)
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**{key: value for key, value in config.items() if key != "cell"})
