"""Acme's models."""

import keras

from acme_layers.layers import Gate


@keras.saving.register_keras_serializable(package="acme-layers")
class GatedRegressor(keras.Model):
    """Gated features into a hidden layer and one output.

    Args:
        units: width of the hidden layer.
    """

    def __init__(self, units: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gate = Gate(name="gate")
        self.hidden = keras.layers.Dense(units, activation="relu", name="hidden")
        self.out = keras.layers.Dense(1, name="out")

    def build(self, input_shape):
        self.gate.build(input_shape)
        self.hidden.build(input_shape)
        self.out.build((*input_shape[:-1], self.units))

    def call(self, inputs):
        return self.out(self.hidden(self.gate(inputs)))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="acme-layers")
class TwoSided(keras.Model):
    """Dense layers over two inputs; gives the sum and the difference of what they make of them.

    Args:
        units: width of both outputs.
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.left = keras.layers.Dense(units, name="left")
        self.right = keras.layers.Dense(units, name="right")

    def build(self, input_shape):
        left, right = input_shape
        self.left.build(left)
        self.right.build(right)

    def call(self, inputs):
        left, right = inputs
        left, right = self.left(left), self.right(right)
        return left + right, left - right

    def get_config(self):
        return {**super().get_config(), "units": self.units}
