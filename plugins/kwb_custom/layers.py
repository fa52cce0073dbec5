"""The document's layers: MyDense, MyMultiLayer, MyGaussianNoise, ResidualBlock.

Source of all: A. Géron, Hands-On Machine Learning with Scikit-Learn, Keras, and TensorFlow, chapter 12,
"Custom Layers" and "Custom Models", here in the terms of Keras 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras

from kwb_custom import shapes
from kwb_custom.arguments import NonNegativeFloat, PositiveInt, non_negative_float, positive_int

Activation = (
    Literal[
        "elu",
        "exponential",
        "gelu",
        "linear",
        "relu",
        "selu",
        "sigmoid",
        "silu",
        "softmax",
        "softplus",
        "tanh",
    ]
    | Callable[[Any], Any]
    | None
)


@keras.saving.register_keras_serializable(package="kwb")
class MyDense(keras.layers.Layer):
    """A fully connected layer: `activation(inputs @ kernel + bias)`.

    Source: chapter 12, "Custom Layers" (`MyDense`).

    Args:
        units: width of the output, at least 1.
        activation: the name of a Keras activation, or a function; None is linear.

    Shapes:
        `(batch, ..., width)` in, `(batch, ..., units)` out. The kernel is `(width, units)`, Glorot normal at
        first; the bias `(units,)`, zeros.

    Raises:
        ValueError: `units` is not a positive whole number, or the activation or the input's width is unknown.
    """

    def __init__(self, units: PositiveInt, activation: Activation = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = positive_int("MyDense", "units", units)
        self.activation = keras.activations.get(activation)
        self.supports_masking = True

    def build(self, input_shape: Sequence[Any]) -> None:
        width = shapes.width("MyDense", input_shape)
        self.kernel = self.add_weight(name="kernel", shape=(width, self.units), initializer="glorot_normal")
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros")
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: width})

    def call(self, inputs: Any) -> Any:
        return self.activation(keras.ops.matmul(inputs, self.kernel) + self.bias)

    def compute_output_shape(self, input_shape: Sequence[Any]) -> shapes.Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package="kwb")
class MyMultiLayer(keras.layers.Layer):
    """Sum, product and quotient of two inputs, element by element.

    The quotient is first / second: where the second is 0 it is infinite, or not a number.

    Source: chapter 12, "Custom Layers" (`MyMultiLayer`).

    Shapes:
        a list or tuple of two tensors in, of one shape (or of shapes that broadcast); three tensors of that
        shape out. A layer in a Sequential stack gets one tensor: this layer needs a functional or a subclassed model.

    Raises:
        ValueError: it is given one tensor, more than two, or two whose shapes do not fit.
    """

    def build(self, input_shape: Sequence[Any]) -> None:
        self.compute_output_shape(input_shape)  # raises for what does not fit

    def call(self, inputs: Sequence[Any]) -> tuple[Any, Any, Any]:
        first, second = inputs
        return first + second, first * second, first / second

    def compute_output_shape(
        self, input_shape: Sequence[Any]
    ) -> tuple[shapes.Shape, shapes.Shape, shapes.Shape]:
        shape = shapes.broadcast("MyMultiLayer", *shapes.pair("MyMultiLayer", input_shape))
        return shape, shape, shape


@keras.saving.register_keras_serializable(package="kwb")
class MyGaussianNoise(keras.layers.Layer):
    """Adds Gaussian noise of mean 0 to its input in training; returns the input unchanged otherwise.

    Source: chapter 12, "Custom Layers" (`MyGaussianNoise`).

    Args:
        stddev: standard deviation of the noise, in the input's units, at least 0.
        seed: a whole number for noise that repeats; None draws one.

    Shapes:
        any shape in, the same shape out.

    Raises:
        ValueError: `stddev` is negative or not finite.
    """

    def __init__(self, stddev: NonNegativeFloat, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = non_negative_float("MyGaussianNoise", "stddev", stddev)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if not training:
            return inputs
        noise = keras.random.normal(
            keras.ops.shape(inputs), stddev=self.stddev, dtype=inputs.dtype, seed=self.seed_generator
        )
        return inputs + noise

    def compute_output_shape(self, input_shape: Sequence[Any]) -> Sequence[Any]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@keras.saving.register_keras_serializable(package="kwb")
class ResidualBlock(keras.layers.Layer):
    """A layer made of layers: `n_layers` dense ones in a row, whose output is added to the block's input.

    The inner layers, `hidden1`, `hidden2` ..., use ELU and start He normal.

    Source: chapter 12, "Custom Models" (`ResidualBlock`).

    Args:
        n_layers: number of dense layers, at least 1.
        n_neurons: width of each, at least 1; also the width of the input, since both are added.

    Shapes:
        `(batch, ..., n_neurons)` in, the same shape out.

    Raises:
        ValueError: an argument is not a positive whole number, or the input is not `n_neurons` wide.
    """

    def __init__(self, n_layers: PositiveInt, n_neurons: PositiveInt, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n_layers = positive_int("ResidualBlock", "n_layers", n_layers)
        self.n_neurons = positive_int("ResidualBlock", "n_neurons", n_neurons)
        self.hidden = [
            keras.layers.Dense(
                self.n_neurons,
                activation="elu",
                kernel_initializer="he_normal",
                dtype=self.dtype_policy,
                name=f"hidden{number}",
            )
            for number in range(1, self.n_layers + 1)
        ]

    def build(self, input_shape: Sequence[Any]) -> None:
        width = shapes.width("ResidualBlock", input_shape)
        if width != self.n_neurons:
            raise ValueError(
                "ResidualBlock adds its input to its output, so its input must be "
                f"n_neurons={self.n_neurons} wide. Received shape {tuple(input_shape)}. "
                f"A Dense({self.n_neurons}) before it makes it so."
            )
        for layer in self.hidden:
            layer.build(input_shape)

    def call(self, inputs: Any) -> Any:
        z = inputs
        for layer in self.hidden:
            z = layer(z)
        return inputs + z

    def compute_output_shape(self, input_shape: Sequence[Any]) -> Sequence[Any]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_layers": self.n_layers, "n_neurons": self.n_neurons}
