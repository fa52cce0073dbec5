"""Models that make pictures, each with a training of its own: a variational autoencoder and a pair of adversaries.

They show what a model class may bring along: a `train_step` and a `test_step`, metrics of its own, a `compile()` with
several optimizers, and no `call()`.

After D. P. Kingma, M. Welling, Auto-Encoding Variational Bayes (2013), and I. Goodfellow et al., Generative Adversarial
Networks (2014).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from kwb_custom.arguments import NonNegativeFloat, PositiveInt, non_negative_float, positive_int


@keras.saving.register_keras_serializable(package="kwb")
class VariationalAutoencoder(keras.Model):
    """Learns to write a picture as a few numbers, and to draw it again from them.

    Of each picture it learns the mean and the spread of `latent_dim` numbers. In training they are drawn at random
    within that spread; a prediction takes the means, so that it is the same each time. The loss is the cross-entropy
    between the picture and its copy, summed over the pixels, and the distance of the numbers from the normal
    distribution (Kullback-Leibler) times `kl_weight`.

    Logs: `loss`, `reconstruction_loss` and `kl_loss`, also of a validation.

    Args:
        latent_dim: how many numbers a picture becomes, at least 1.
        units: width of the hidden layers, at least 1.
        kl_weight: the factor of the distance in the loss, at least 0.
        seed: of the numbers drawn.

    Shapes:
        `(batch, ...)` in, with values from 0 to 1; the same out.

    Raises:
        ValueError: an argument is out of its range, or the size of the pictures is unknown.
    """

    def __init__(
        self,
        latent_dim: PositiveInt = 2,
        units: PositiveInt = 128,
        kl_weight: NonNegativeFloat = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.latent_dim = positive_int(name, "latent_dim", latent_dim)
        self.units = positive_int(name, "units", units)
        self.kl_weight = non_negative_float(name, "kl_weight", kl_weight)
        self.seed = seed
        self.encoder = keras.Sequential(
            [
                keras.layers.Flatten(),
                keras.layers.Dense(self.units, activation="relu"),
                keras.layers.Dense(2 * self.latent_dim),
            ],
            name="encoder",
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.loss_mean = keras.metrics.Mean(name="loss")
        self.reconstruction_mean = keras.metrics.Mean(name="reconstruction_loss")
        self.kl_mean = keras.metrics.Mean(name="kl_loss")

    def build(self, input_shape: Sequence[Any]) -> None:
        shape = tuple(input_shape[1:])
        if None in shape:
            raise ValueError(f"{type(self).__name__}: the pictures must have one size. Received: {shape}.")
        self.decoder = keras.Sequential(
            [
                keras.layers.Dense(self.units, activation="relu"),
                keras.layers.Dense(math.prod(shape), activation="sigmoid"),
                keras.layers.Reshape(shape),
            ],
            name="decoder",
        )
        self.encoder.build(input_shape)
        self.decoder.build((None, self.latent_dim))
        self.built = True

    @property
    def metrics(self) -> list[Any]:
        return [self.loss_mean, self.reconstruction_mean, self.kl_mean]

    def call(self, inputs: Any) -> Any:
        mean, _ = self.encode(inputs)
        return self.decoder(mean)

    def encode(self, pictures: Any) -> tuple[Any, Any]:
        """The mean of each picture's numbers, and the logarithm of their variance; each (batch, latent_dim)."""
        mean, log_variance = ops.split(self.encoder(pictures), 2, axis=-1)
        return mean, log_variance

    def train_step(self, data: Any) -> Mapping[str, Any]:
        with tf.GradientTape() as tape:
            loss = self._measured(_inputs(data))
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {metric.name: metric.result() for metric in self.metrics}

    def test_step(self, data: Any) -> Mapping[str, Any]:
        self._measured(_inputs(data))
        return {metric.name: metric.result() for metric in self.metrics}

    def _measured(self, pictures: Any) -> Any:
        mean, log_variance = self.encode(pictures)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed_generator)
        copies = self.decoder(mean + ops.exp(0.5 * log_variance) * noise)
        by_picture = (ops.shape(pictures)[0], -1)
        pixels = keras.losses.binary_crossentropy(
            ops.reshape(pictures, by_picture)[..., None], ops.reshape(copies, by_picture)[..., None]
        )
        reconstruction = ops.mean(ops.sum(pixels, axis=1))
        distance = -0.5 * ops.sum(1.0 + log_variance - ops.square(mean) - ops.exp(log_variance), axis=1)
        kl = ops.mean(distance)
        loss = reconstruction + self.kl_weight * kl
        rows = ops.shape(pictures)[0]
        for metric, value in zip(self.metrics, (loss, reconstruction, kl), strict=True):
            metric.update_state(value, sample_weight=rows)  # so that a short batch counts as its rows
        return loss

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "latent_dim": self.latent_dim,
            "units": self.units,
            "kl_weight": self.kl_weight,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="kwb")
class GenerativeAdversarialNetwork(keras.Model):
    """A generator that draws pictures of noise, and a discriminator that learns to tell them from real ones (a GAN).

    Each step trains first the discriminator, on a batch of real pictures and as many drawn ones, then the generator,
    for pictures that the discriminator takes for real. The model has no `call()`: `generate` draws pictures.

    Logs: `d_loss` and `g_loss`; `real_right` and `drawn_right`, the shares of real and drawn pictures that the
    discriminator is right about. Where neither wins, both shares are about a half.

    Args:
        picture_shape: of one picture.
        latent_dim: how many random numbers a picture is drawn from, at least 1.
        units: width of the hidden layers, at least 1.
        seed: of the numbers drawn.

    Arguments of `compile`:
        d_optimizer: trains the discriminator.
        g_optimizer: trains the generator.
        loss_fn: compares labels (1 for real) with the discriminator's scores, which are logits.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(
        self,
        picture_shape: Sequence[int],
        latent_dim: PositiveInt = 16,
        units: PositiveInt = 128,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        name = type(self).__name__
        self.picture_shape = tuple(positive_int(name, "picture_shape", size) for size in picture_shape)
        self.latent_dim = positive_int(name, "latent_dim", latent_dim)
        self.units = positive_int(name, "units", units)
        self.seed = seed
        self.generator = keras.Sequential(
            [
                keras.Input((self.latent_dim,)),
                keras.layers.Dense(self.units, activation="relu"),
                keras.layers.Dense(self.units, activation="relu"),
                keras.layers.Dense(math.prod(self.picture_shape), activation="sigmoid"),
                keras.layers.Reshape(self.picture_shape),
            ],
            name="generator",
        )
        self.discriminator = keras.Sequential(
            [
                keras.Input(self.picture_shape),
                keras.layers.Flatten(),
                keras.layers.Dense(self.units, activation="leaky_relu"),
                keras.layers.Dropout(0.3, seed=seed),
                keras.layers.Dense(1),
            ],
            name="discriminator",
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.d_mean = keras.metrics.Mean(name="d_loss")
        self.g_mean = keras.metrics.Mean(name="g_loss")
        self.real_right = keras.metrics.BinaryAccuracy(name="real_right", threshold=0.0)
        self.drawn_right = keras.metrics.BinaryAccuracy(name="drawn_right", threshold=0.0)

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any, **kwargs: Any) -> None:
        super().compile(**kwargs)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile`, for a saved file: Keras knows only those that every model has."""
        if not self.compiled:
            return {}
        save = keras.saving.serialize_keras_object
        return {name: save(getattr(self, name)) for name in ("d_optimizer", "g_optimizer", "loss_fn")}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        self.compile(**{name: keras.saving.deserialize_keras_object(each) for name, each in config.items()})
        self.d_optimizer.build(
            self.discriminator.trainable_variables
        )  # for the state that the file has of them
        self.g_optimizer.build(self.generator.trainable_variables)

    @property
    def metrics(self) -> list[Any]:
        return [self.d_mean, self.g_mean, self.real_right, self.drawn_right]

    def generate(self, count: Any) -> Any:
        """New pictures, (count, *picture_shape), with values from 0 to 1."""
        return self.generator(keras.random.normal((count, self.latent_dim), seed=self.seed_generator))

    def train_step(self, data: Any) -> Mapping[str, Any]:
        real = _inputs(data)
        rows = ops.shape(real)[0]
        yes, no = ops.ones((rows, 1)), ops.zeros((rows, 1))
        with tf.GradientTape() as tape:
            of_real = self.discriminator(real, training=True)
            of_drawn = self.discriminator(self.generate(rows), training=True)
            d_loss = 0.5 * (self.loss_fn(yes, of_real) + self.loss_fn(no, of_drawn))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(yes, self.discriminator(self.generate(rows), training=True))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights, strict=True))
        self.d_mean.update_state(d_loss, sample_weight=rows)
        self.g_mean.update_state(g_loss, sample_weight=rows)
        self.real_right.update_state(yes, of_real)
        self.drawn_right.update_state(no, of_drawn)
        return {metric.name: metric.result() for metric in self.metrics}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "picture_shape": list(self.picture_shape),
            "latent_dim": self.latent_dim,
            "units": self.units,
            "seed": self.seed,
        }


def _inputs(data: Any) -> Any:
    """The inputs of a batch, whatever comes with them."""
    return data[0] if isinstance(data, tuple | list) else data
