"""Layers with one error each."""

import os
import random
import signal
import sys
import time

import keras
import tensorflow as tf
from keras import ops


class _Layer(keras.layers.Layer):
    """Scales each column, rightly; the classes below spoil one thing."""

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs):
        return inputs * self.kernel


class Forgetful(_Layer):
    """Leaves its argument out of get_config."""

    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def call(self, inputs):
        return super().call(inputs) / self.units

    def get_config(self):
        return super().get_config()


class Wordless(_Layer):
    """Has the argument in get_config, and always its default."""

    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return super().call(inputs) * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": 2.0}


class Lazy(keras.layers.Layer):
    """Makes its weight in call."""

    def call(self, inputs):
        if not hasattr(self, "kernel"):
            self.kernel = self.add_weight(name="kernel", shape=(inputs.shape[-1],))
        return inputs * self.kernel


class Remaking(keras.layers.Layer):
    """Makes a layer in each call."""

    def call(self, inputs):
        return keras.layers.Dense(4)(inputs)


class Box:
    """A container that Keras does not look into."""

    def __init__(self, items):
        self.items = items


class Hiding(keras.layers.Layer):
    """Keeps its layers where Keras does not see them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.box = Box([keras.layers.Dense(4), keras.layers.Dense(4)])

    def call(self, inputs):
        for layer in self.box.items:
            inputs = layer(inputs)
        return inputs


class TwoInputs(keras.layers.Layer):
    """Takes two inputs, and its entry says one."""

    def call(self, first, second):
        return first + second


class OneInput(_Layer):
    """Takes one input, and its entry says two."""

    def build(self, input_shape):
        if not isinstance(input_shape[-1], int):
            raise ValueError("It takes one input.")
        super().build(input_shape)


class TwoOutputs(_Layer):
    """Gives two outputs, and its entry says one."""

    def call(self, inputs):
        return super().call(inputs), inputs


class Counting(_Layer):
    """Gives other outputs with each call."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return super().call(inputs) * self.calls


class Counting2(Counting):
    """The same, announced."""


class Sampling(_Layer):
    """Random in inference, and meant so: no error, but a warning."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, inputs):
        noise = keras.random.normal(ops.shape(inputs), seed=self.seeds)
        return super().call(inputs) + ops.cast(noise, inputs.dtype)


class WrongWay(_Layer):
    """Random in inference, and not in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, inputs, training=False):
        if training:
            return super().call(inputs)
        return super().call(inputs) * ops.cast(keras.random.uniform((), seed=self.seeds), inputs.dtype)


class RawVariable(_Layer):
    """Holds a variable of TensorFlow's, which Keras does not see."""

    def build(self, input_shape):
        super().build(input_shape)
        self.raw = tf.Variable(tf.ones((input_shape[-1],)), name="raw")

    def call(self, inputs):
        return super().call(inputs) * tf.cast(self.raw, inputs.dtype)


class Rows32(_Layer):
    """Works on batches of 32 rows only."""

    def call(self, inputs):
        return ops.reshape(super().call(inputs), (32, inputs.shape[-1]))


class Leaving(_Layer):
    """Leaves the process when it is made."""

    def __init__(self, **kwargs):
        sys.exit("no licence")


class Demanding(_Layer):
    """Needs an argument that its entry's example does not give."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Endless(_Layer):
    """Never comes back from its call."""

    def call(self, inputs):
        while True:  # without the processor, which other tests need
            time.sleep(0.01)


class Crashing(_Layer):
    """Takes the process with it."""

    def call(self, inputs):
        os.kill(os.getpid(), signal.SIGSEGV)


class Misspelt(_Layer):
    """Fails on whatever it is given."""

    def call(self, inputs):
        return inputs * self.kernl


class Refusing(_Layer):
    """Refuses the shape that its entry declares."""

    def build(self, input_shape):
        raise ValueError(f"It takes 3 columns, not {input_shape[-1]}.")


class Picky(_Layer):
    """Takes a shape that nobody guesses; no error, for its entry might say it."""

    def build(self, input_shape):
        if input_shape[-1] != 3_141:
            raise ValueError(f"It takes 3141 columns, not {input_shape[-1]}.")
        super().build(input_shape)


class WrongShape(_Layer):
    """Says another shape than it gives."""

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


class FixedBatch(_Layer):
    """Works on batches of five rows only."""

    def call(self, inputs):
        return ops.reshape(super().call(inputs), (5, inputs.shape[-1]))


class Infinite(_Layer):
    """Infinite on whatever it is given."""

    def call(self, inputs):
        return super().call(inputs) / ops.zeros_like(inputs)


class Cut(_Layer):
    """Lets no gradient through to its weight."""

    def call(self, inputs):
        return inputs * ops.stop_gradient(ops.convert_to_tensor(self.kernel))


class TrainingOnly(keras.layers.Layer):
    """Builds its inner layer in the first training step."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(8)

    def build(self, input_shape):
        pass

    def call(self, inputs, training=None):
        return self.inner(inputs) if training else inputs


class VectorLoss(_Layer):
    """Adds a loss for each row."""

    def call(self, inputs):
        self.add_loss(ops.mean(ops.square(inputs), axis=-1))
        return super().call(inputs)


class Unwritable(_Layer):
    """Has something in get_config that is no JSON."""

    def get_config(self):
        return {**super().get_config(), "box": Box([])}


class Closed(_Layer):
    """Takes no name, as a reloaded layer is given one."""

    def __init__(self):
        super().__init__()


class SinglePrecision(_Layer):
    """Adds a constant of float32 whatever the policy."""

    def call(self, inputs):
        return super().call(inputs) + tf.ones((), "float32")


@keras.saving.register_keras_serializable(package="elsewhere")
class Elsewhere(_Layer):
    """Registered under a package that nobody can install."""


class Pretending(_Layer):
    """Has a default that it refuses."""

    def __init__(self, units=None, **kwargs):
        super().__init__(**kwargs)
        if units is None:
            raise ValueError("units must be set.")
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Unmasked(_Layer):
    """Says that it supports masks, and does not."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        if mask is not None:
            raise TypeError("unhashable type")
        return super().call(inputs)


class EagerOnly(_Layer):
    """Computes something else in a graph."""

    def call(self, inputs):
        return super().call(inputs) + (0.0 if tf.executing_eagerly() else 1.0)


class Overannounced(_Layer):
    """Has no error; its entry announces one."""


class Misannounced(_Layer):
    """Has no error; its entry announces one of a check that is not there."""


class AcrossRows(_Layer):
    """Normalizes over the batch, in inference too."""

    def call(self, inputs):
        return super().call(inputs) - ops.mean(inputs, axis=0, keepdims=True)


class Deaf(_Layer):
    """Accepts `training`, never reads it, and drops out in inference."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, inputs, training=False):
        return keras.random.dropout(super().call(inputs), 0.5, seed=self.seeds)


class Averaging(_Layer):
    """Moves an average in inference too, without using it there."""

    def build(self, input_shape):
        super().build(input_shape)
        self.mean = self.add_weight(name="mean", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.mean.assign(0.9 * self.mean + 0.1 * ops.cast(ops.mean(inputs) + 1.0, self.mean.dtype))
        return super().call(inputs)


class Remembering(_Layer):
    """Keeps the shape of each input that it ever had."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = []

    def call(self, inputs):
        self.seen.append(str(inputs.shape))
        return super().call(inputs)


class Taking(keras.layers.Layer):
    """Takes the first of its inputs out of the list that it is given."""

    def call(self, inputs):
        first = inputs.pop(0)
        for each in inputs:
            first = first + each
        return first


class Rebuilding(_Layer):
    """Unlocks what Keras locked, and makes its weight again in each build()."""

    def build(self, input_shape):
        self._tracker.unlock()
        super().build(input_shape)


class WrongSpec(_Layer):
    """Says another dtype than it gives."""

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype="int32")


class OneDtype(_Layer):
    """Returns float32 whatever the policy."""

    def call(self, inputs):
        return ops.cast(super().call(inputs), "float32")


class DoubleFails(_Layer):
    """Holds a constant of one dtype, and casts to float32 for half precision only."""

    def call(self, inputs):
        if inputs.dtype == "float16":
            return super().call(inputs)
        return super().call(inputs) + tf.ones((), "float32")


class MaskSwallowed(_Layer):
    """Uses a mask, and does not pass it on."""

    def call(self, inputs, mask=None):
        outputs = super().call(inputs)
        return outputs if mask is None else outputs * ops.cast(ops.expand_dims(mask, -1), outputs.dtype)


class MaskIgnored(_Layer):
    """Accepts a mask, and takes the mean of all steps."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        outputs = super().call(inputs)
        if len(inputs.shape) == 2:
            return outputs
        return outputs - ops.mean(outputs, axis=1, keepdims=True)


class OtherGradient(_Layer):
    """Has another gradient in a graph than step by step, of the same result."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs)
        if training and not tf.executing_eagerly():
            return 2.0 * outputs - ops.stop_gradient(outputs)
        return outputs


class PythonNoise(_Layer):
    """Draws random numbers of Python's own, which a compiled graph draws once."""

    def call(self, inputs):
        return super().call(inputs) * random.random()


class PythonNoiseInTraining(_Layer):
    """The same, in training only."""

    def call(self, inputs, training=False):
        return super().call(inputs) * (random.random() if training else 1.0)


class InfiniteInTraining(_Layer):
    """Finite in inference, and not in training."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs)
        return outputs / ops.zeros_like(outputs) if training else outputs
