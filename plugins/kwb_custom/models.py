"""The document's models: ResidualRegressor and ReconstructingRegressor.

Source of both: A. Géron, Hands-On Machine Learning with Scikit-Learn, Keras, and TensorFlow, chapter 12,
"Custom Models" and "Losses and Metrics Based on Model Internals", here in the terms of Keras 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kwb_custom import shapes
from kwb_custom.arguments import NonNegativeFloat, PositiveInt, non_negative_float, positive_int
from kwb_custom.layers import ResidualBlock


@keras.saving.register_keras_serializable(package="kwb")
class ResidualRegressor(keras.Model):
    """A regressor of two residual blocks, the first of which is applied four times with the same weights.

    Its layers, for `get_layer`: `hidden` (dense, 30 wide, ELU), `block1` and `block2` (both
    `ResidualBlock(2, 30)`), and `output` (dense, linear).

    Source: chapter 12, "Custom Models" (`ResidualRegressor`).

    Args:
        output_dim: width of the output, at least 1.

    Shapes:
        `(batch, ..., width)` in, `(batch, ..., output_dim)` out. With 10 inputs and 1 output it has
        330 + 1,860 + 1,860 + 31 parameters.

    Raises:
        ValueError: `output_dim` is not a positive whole number, or the input's width is unknown.
    """

    def __init__(self, output_dim: PositiveInt, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_dim = positive_int("ResidualRegressor", "output_dim", output_dim)
        dtype = self.dtype_policy
        self.hidden = keras.layers.Dense(
            30, activation="elu", kernel_initializer="he_normal", dtype=dtype, name="hidden"
        )
        self.block1 = ResidualBlock(2, 30, dtype=dtype, name="block1")
        self.block2 = ResidualBlock(2, 30, dtype=dtype, name="block2")
        self.out = keras.layers.Dense(self.output_dim, dtype=dtype, name="output")

    def build(self, input_shape: Sequence[Any]) -> None:
        shapes.width("ResidualRegressor", input_shape)
        self.hidden.build(input_shape)
        hidden_shape = self.hidden.compute_output_shape(input_shape)
        for layer in (self.block1, self.block2, self.out):
            layer.build(hidden_shape)

    def call(self, inputs: Any) -> Any:
        z = self.hidden(inputs)
        for _ in range(4):
            z = self.block1(z)
        return self.out(self.block2(z))

    def compute_output_shape(self, input_shape: Sequence[Any]) -> shapes.Shape:
        return (*input_shape[:-1], self.output_dim)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_dim": self.output_dim}


@keras.saving.register_keras_serializable(package="kwb")
class ReconstructingRegressor(keras.Model):
    """A regressor that also learns to rebuild its input from its last hidden layer.

    The mean squared error of that reconstruction, times `reconstruction_weight`, is added to the loss: the
    hidden layers then keep more of the input than the regression alone would ask for. As in the document,
    `call` adds it always, so the loss of an evaluation holds it too. Sample weights do not touch it.

    In training, the metric `reconstruction_error` shows the mean of the error over the epoch, before the
    weight. An evaluation does not update the metric and does not report it.

    Its layers, for `get_layer`: `hidden1` to `hidden5` (dense, 30 wide, SELU), `output` (dense, linear), and
    `reconstruct` (dense, as wide as the input, made in `build`).

    Source: chapter 12, "Losses and Metrics Based on Model Internals" (`ReconstructingRegressor`). There the
    metric goes through `add_metric`, which Keras 3 no longer has.

    Args:
        output_dim: width of the output, at least 1.
        reconstruction_weight: the factor of the reconstruction's mean squared error in the loss, at least 0.

    Shapes:
        `(batch, ..., width)` in, `(batch, ..., output_dim)` out.

    Raises:
        ValueError: an argument is out of its range, or the input's width is unknown.
    """

    def __init__(
        self, output_dim: PositiveInt, reconstruction_weight: NonNegativeFloat = 0.05, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.output_dim = positive_int("ReconstructingRegressor", "output_dim", output_dim)
        self.reconstruction_weight = non_negative_float(
            "ReconstructingRegressor", "reconstruction_weight", reconstruction_weight
        )
        self.hidden = [
            keras.layers.Dense(
                30,
                activation="selu",
                kernel_initializer="lecun_normal",
                dtype=self.dtype_policy,
                name=f"hidden{number}",
            )
            for number in range(1, 6)
        ]
        self.out = keras.layers.Dense(self.output_dim, dtype=self.dtype_policy, name="output")
        self.reconstruction_error = keras.metrics.Mean(name="reconstruction_error")

    def build(self, input_shape: Sequence[Any]) -> None:
        width = shapes.width("ReconstructingRegressor", input_shape)
        self.reconstruct = keras.layers.Dense(width, dtype=self.dtype_policy, name="reconstruct")
        shape = input_shape
        for layer in self.hidden:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.out.build(shape)
        self.reconstruct.build(shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        z = inputs
        for layer in self.hidden:
            z = layer(z)
        # In float32 whatever the dtype policy: the squares overflow float16 early.
        difference = keras.ops.cast(self.reconstruct(z), "float32") - keras.ops.cast(inputs, "float32")
        error = keras.ops.mean(keras.ops.square(difference))
        self.add_loss(self.reconstruction_weight * error)
        if training:
            self.reconstruction_error.update_state(error)
        return self.out(z)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One batch of an evaluation: its logs are without the metric, which no evaluation updates."""
        logs = super().test_step(data)
        logs.pop(self.reconstruction_error.name, None)
        return logs

    def get_metrics_result(self) -> dict[str, Any]:
        """The metrics' values. A reconstruction error that no batch has given yet is left out, not 0."""
        results = super().get_metrics_result()
        # Inside a compiled step the count has no value yet; there `test_step` does the leaving out.
        if tf.executing_eagerly() and float(self.reconstruction_error.count) == 0.0:
            results.pop(self.reconstruction_error.name, None)
        return results

    def compute_output_shape(self, input_shape: Sequence[Any]) -> shapes.Shape:
        return (*input_shape[:-1], self.output_dim)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "reconstruction_weight": self.reconstruction_weight,
        }
