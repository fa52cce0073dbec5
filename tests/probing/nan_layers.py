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
class AllMasked(keras.layers.Layer):
    def call(self, x):
        scores = ops.where(x > 0, x, float("-inf"))
        return x * ops.softmax(scores)  # masked


@registered
class ComplexRatio(keras.layers.Layer):
    def call(self, x):
        import tensorflow as tf

        z = tf.cast(x, tf.complex64) / tf.complex(0.0, 0.0)  # complex
        return tf.math.real(z * 2)


@registered
class OutsideOfTensorFlow(keras.layers.Layer):
    def call(self, x):
        import numpy as np
        import tensorflow as tf

        made = tf.numpy_function(lambda a: a * np.float32("nan"), [x], tf.float32)
        made.set_shape(x.shape)
        return made * 2.0  # outside


@registered
class Averaged(keras.layers.Layer):
    """Keeps an average in training, and uses it in inference."""

    def build(self, shape):
        self.average = self.add_weight(name="average", shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            self.average.assign(self.average + ops.mean(ops.square(x * 1e20)))  # average
            return x
        return x - self.average


class Cold(keras.callbacks.Callback):
    """Sets the temperature of a layer to 0 in the third epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.get_layer("tempered").temperature.assign(0.0)


@registered
class Tempered(keras.layers.Layer):
    def build(self, shape):
        self.temperature = self.add_weight(name="temperature", initializer="ones", trainable=False)

    def call(self, x):
        return x / self.temperature  # temperature


@registered
class OwnNames(OwnStep):
    def train_step(self, data):
        import tensorflow as tf

        x, _ = data
        with tf.GradientTape() as tape:
            d_loss = ops.mean(ops.log(ops.abs(x)) + self(x, training=True))  # own names
        gradients = tape.gradient(d_loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"d_loss": d_loss, "size": ops.sum(ops.abs(self.out.kernel))}


@registered
def log_error(y_true, y_pred):
    return ops.log(y_pred - y_pred)  # metric
