"""Acme's layers, written as Keras' own guide writes them. None of them mentions kwb."""

import keras


class Gate(keras.layers.Layer):
    """Lets each feature through by a learned share.

    Not registered with Keras: kwb does that under the distribution's name.

    Args:
        bias: where the gates begin; large is open.

    Shapes:
        `(batch, width)` in, the same out.
    """

    def __init__(self, bias: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.bias = bias

    def build(self, input_shape):
        self.gates = self.add_weight(
            name="gates", shape=(input_shape[-1],), initializer=keras.initializers.Constant(self.bias)
        )

    def call(self, inputs):
        return inputs * keras.ops.sigmoid(self.gates)

    def get_config(self):
        return {**super().get_config(), "bias": self.bias}


class Mix(keras.layers.Layer):
    """A learned share of the first input and the rest of the second. Takes both as two arguments."""

    def build(self, first_shape, second_shape):
        self.share = self.add_weight(name="share", shape=(), initializer="zeros")

    def call(self, first, second):
        share = keras.ops.sigmoid(self.share)
        return share * first + (1.0 - share) * second


def halve(inputs):
    """Half of each value; shape and dtype stay."""
    return inputs / 2
