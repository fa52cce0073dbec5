"""Layers and functions that make numbers which are not finite, each in one line, marked by a comment: a plugin file."""

import keras
from keras import ops

registered = keras.saving.register_keras_serializable("nan_layers")


@registered
class LogOfZero(keras.layers.Layer):
    def call(self, x):
        return ops.log(ops.relu(x))  # log


@registered
class ExpOfLarge(keras.layers.Layer):
    def call(self, x):
        return ops.exp(x * 20)  # exp


@registered
class Ratio(keras.layers.Layer):
    def call(self, x):
        total = ops.sum(ops.relu(x), axis=-1, keepdims=True)
        return ops.relu(x) / total  # ratio


@registered
class SafeInOneDirection(keras.layers.Layer):
    def call(self, x):
        x = ops.relu(x)
        return ops.where(x > 0, ops.log(x), 0.0)  # backward


@registered
class OnlyInTests(keras.layers.Layer):
    def call(self, x, training=False):
        if training:
            return x
        return x / (ops.max(x) * 0)  # validation


@registered
class BadStart(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.sqrt(keras.random.uniform(shape, -2, -1, seed=1))  # initializer


@registered
class OwnStep(keras.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = keras.layers.Dense(units)
        self.out = keras.layers.Dense(1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def build(self, shape):
        self.hidden.build(shape)
        self.out.build((None, self.units))

    def call(self, x):
        return self.out(self.hidden(x))

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            error = y - self(x, training=True)
            loss = ops.mean(ops.sqrt(error))  # own step
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


@registered
def log_error(y_true, y_pred):
    return ops.log(y_pred - y_pred)  # metric
