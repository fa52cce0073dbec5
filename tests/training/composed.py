"""A plugin file with models made of parts, and the rest that a file can offer."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

save, load = keras.saving.serialize_keras_object, keras.saving.deserialize_keras_object


def rows(n: int = 96):
    """Six columns, and a target made of them."""
    random = np.random.default_rng(5)
    values = random.normal(size=(n, 6)).astype("float32")
    columns = {name: values[:, at] for at, name in enumerate("abcdef")}
    return columns | {"y": (values[:, :3].sum(1) * values[:, 3]).astype("float32")}


def tokens_data(n: int = 64):
    """Sequences of eight whole numbers below 20, of class 1 where the first is larger than the last."""
    random = np.random.default_rng(6)
    tokens = random.integers(0, 20, size=(n, 8))
    return {"tokens": tokens, "label": (tokens[:, 0] > tokens[:, -1]).astype("int64")}


class AutoEncoder(keras.Model):
    """Its two halves are arguments, whatever they are."""

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder

    def call(self, inputs):
        return self.decoder(self.encoder(inputs))

    def get_config(self):
        return {**super().get_config(), "encoder": save(self.encoder), "decoder": save(self.decoder)}

    @classmethod
    def from_config(cls, config):
        return cls(**config | {key: load(config[key]) for key in ("encoder", "decoder")})


class Distilled(keras.Model):
    """A student that also learns the outputs of a teacher, which stays as it is."""

    def __init__(self, student, teacher, share=0.3, **kwargs):
        super().__init__(**kwargs)
        self.student, self.teacher, self.share = student, teacher, share

    def call(self, inputs, training=None):
        outputs = self.student(inputs)
        if training:
            self.add_loss(self.share * ops.mean(ops.square(outputs - self.teacher(inputs))))
        return outputs

    def build(self, input_shape):
        for part in (self.student, self.teacher):
            if not part.built:
                part.build(input_shape)

    def get_config(self):
        parts = {"student": save(self.student), "teacher": save(self.teacher)}
        return {**super().get_config(), **parts, "share": self.share}

    @classmethod
    def from_config(cls, config):
        return cls(**config | {key: load(config[key]) for key in ("student", "teacher")})


class Cross(layers.Layer):
    """A layer of a deep & cross network: the second tensor is optional."""

    def build(self, shape, *_):
        self.inner = layers.Dense(shape[-1], name="inner")
        self.inner.build(shape)

    def call(self, x0, x=None):
        x = x0 if x is None else x
        return x0 * self.inner(x) + x


class TransposedDense(layers.Layer):
    """The transposed kernel of another layer, with a bias of its own."""

    def __init__(self, dense, **kwargs):
        super().__init__(**kwargs)
        self.dense = dense

    def build(self, shape):
        self.bias = self.add_weight(shape=(self.dense.kernel.shape[0],), initializer="zeros", name="bias")

    def call(self, inputs):
        return ops.matmul(inputs, ops.transpose(self.dense.kernel)) + self.bias

    def get_config(self):
        return {**super().get_config(), "dense": save(self.dense)}

    @classmethod
    def from_config(cls, config):
        return cls(**config | {"dense": load(config["dense"])})


class Encoder(layers.Layer):
    """A block of a transformer."""

    def __init__(self, heads=2, width=8, feed_forward=None, rate=0.0, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.width, self.rate = heads, width, rate
        self.attention = layers.MultiHeadAttention(heads, width // heads, name="attention")
        self.feed_forward = feed_forward
        self.first, self.second = layers.LayerNormalization(), layers.LayerNormalization()

    def build(self, shape):
        self.attention.build(shape, shape)
        for layer in (self.feed_forward, self.first, self.second):
            layer.build(shape)

    def call(self, inputs, mask=None):
        if mask is not None:
            mask = mask[:, None, :]
        x = self.first(inputs + self.attention(inputs, inputs, attention_mask=mask))
        return self.second(x + self.feed_forward(x))

    def get_config(self):
        own = {"heads": self.heads, "width": self.width, "rate": self.rate}
        return {**super().get_config(), **own, "feed_forward": save(self.feed_forward)}

    @classmethod
    def from_config(cls, config):
        return cls(**config | {"feed_forward": load(config["feed_forward"])})


class Stacked(keras.Sequential):
    """A stack that is made in __init__."""

    def __init__(self, units=4, **kwargs):
        super().__init__([layers.Dense(units, "relu"), layers.Dense(1)], **kwargs)
        self.units = units

    def get_config(self):
        return {"name": self.name, "units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Functional(keras.Model):
    """A functional model that is made in __init__."""

    def __init__(self, units=4, **kwargs):
        inputs = keras.Input((6,))
        hidden = layers.Dense(units, "relu")(inputs)
        super().__init__(inputs, layers.Dense(1)(hidden), **kwargs)
        self.units = units

    def get_config(self):
        return {"name": self.name, "units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Doubled(layers.Layer):
    """An own layer inside of what a function returns."""

    def call(self, inputs):
        return inputs + ops.tanh(inputs)


class ResidualBlock(layers.Layer):
    """A name that an example of kwb has too."""

    def call(self, inputs):
        return inputs + ops.tanh(inputs)


def small_net(hidden=8, outputs=1):
    """A function that returns a model."""
    inputs = keras.Input((6,))
    x = layers.Dense(hidden, activation="relu")(inputs)
    x = Doubled()(x)
    return keras.Model(inputs, layers.Dense(outputs)(x))


def softplus(z):
    return ops.log(ops.exp(z) + 1.0)


def tenth(shape, dtype="float32"):
    return 0.1 * ops.ones(shape, dtype)


def l1(weights):
    return ops.sum(ops.abs(0.01 * weights))


def positive(weights):
    return ops.relu(weights)


def huber_fn(y_true, y_pred):
    error = ops.abs(y_true - y_pred)
    return ops.where(error < 1.0, ops.square(error) / 2, error - 0.5)


class Capped(keras.losses.Loss):
    def __init__(self, cap=1.0, **kwargs):
        super().__init__(**kwargs)
        self.cap = cap

    def call(self, y_true, y_pred):
        return ops.mean(ops.minimum(ops.square(y_true - y_pred), self.cap), axis=-1)

    def get_config(self):
        return {**super().get_config(), "cap": self.cap}


class MeanHuber(keras.metrics.MeanMetricWrapper):
    def __init__(self, name="mean_huber", dtype=None):
        super().__init__(huber_fn, name, dtype)

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype}


class L1(keras.regularizers.Regularizer):
    def __init__(self, factor=0.01):
        self.factor = factor

    def __call__(self, weights):
        return ops.sum(ops.abs(self.factor * weights))

    def get_config(self):
        return {"factor": self.factor}


class Clipped(keras.constraints.Constraint):
    def __call__(self, weights):
        return ops.clip(weights, -0.5, 0.5)


class Slower(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, start=0.01):
        self.start = start

    def __call__(self, step):
        return self.start / (1.0 + 0.1 * ops.cast(step, "float32"))

    def get_config(self):
        return {"start": self.start}


class OwnSGD(keras.optimizers.SGD):
    pass


class Stopper(keras.callbacks.Callback):
    """Ends a training after its second epoch."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 1
