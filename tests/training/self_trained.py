"""Models that bring their training along, small ones of many sorts, as plugins and guides have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, metrics, ops, optimizers

from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog

ROWS, WIDTH, BATCH = 52, 6, 16  # the last batch of an epoch is short
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(ROWS, WIDTH)).astype("float32")
Y = (X[:, :1] * X[:, 1:2] + 0.5 * X[:, 2:3]).astype("float32")
IMAGES = RANDOM.uniform(size=(ROWS, 8, 8, 1)).astype("float32")
SEQUENCES = RANDOM.normal(size=(ROWS, 5, 3)).astype("float32")


def dense(*units: int, last: str | None = None) -> keras.Sequential:
    hidden = [layers.Dense(each, activation="relu") for each in units[:-1]]
    return keras.Sequential([*hidden, layers.Dense(units[-1], activation=last)])


def step(loss: Any, tape: tf.GradientTape, optimizer: Any, weights: Any) -> None:
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


class Rivals(keras.Model):
    """Two networks against one another: no `call()`, a `compile()` of its own, `metrics` overridden."""

    def __init__(self, noise: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.noise = noise
        self.painter, self.judge = dense(8, WIDTH), dense(8, 1)
        self.painter.build((None, noise))
        self.judge.build((None, WIDTH))
        self.d_mean, self.g_mean = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    def compile(self, d_optimizer: Any, g_optimizer: Any, loss_fn: Any) -> None:
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self) -> list[Any]:
        return [self.d_mean, self.g_mean]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "noise": self.noise}

    def train_step(self, real: Any) -> dict[str, Any]:
        rows = ops.shape(real)[0]
        noise = keras.random.normal((rows, self.noise))
        labels = ops.concatenate([ops.ones((rows, 1)), ops.zeros((rows, 1))], axis=0)
        labels += 0.05 * keras.random.uniform(ops.shape(labels))
        with tf.GradientTape() as tape:
            shown = ops.concatenate([self.painter(noise), real], axis=0)
            d_loss = self.loss_fn(labels, self.judge(shown))
        step(d_loss, tape, self.d_optimizer, self.judge.trainable_weights)
        noise = keras.random.normal((rows, self.noise))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(ops.zeros((rows, 1)), self.judge(self.painter(noise)))
        step(g_loss, tape, self.g_optimizer, self.painter.trainable_weights)
        self.d_mean.update_state(d_loss)
        self.g_mean.update_state(g_loss)
        return {"d_loss": self.d_mean.result(), "g_loss": self.g_mean.result()}


class Penalized(Rivals):
    """As WGAN-GP: several steps of the critic in one `train_step`, and a penalty on its gradient. Nothing random."""

    def compile(self, *, critic_steps: int = 2, **optimizers: Any) -> None:
        super().compile(**optimizers, loss_fn=None)
        self.critic_steps = critic_steps

    def train_step(self, real: Any) -> dict[str, Any]:
        noise = ops.sin(3.0 * real[:, : self.noise])
        for _ in range(self.critic_steps):
            with tf.GradientTape() as tape:
                made = self.painter(noise)
                between = 0.3 * real + 0.7 * made
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    score = self.judge(between)
                slope = ops.sqrt(ops.sum(ops.square(inner.gradient(score, between)), axis=1) + 1e-12)
                loss = ops.mean(self.judge(made)) - ops.mean(self.judge(real))
                loss += 10.0 * ops.mean(ops.square(slope - 1.0))
            step(loss, tape, self.d_optimizer, self.judge.trainable_weights)
        with tf.GradientTape() as tape:
            g_loss = -ops.mean(self.judge(self.painter(noise)))
        step(g_loss, tape, self.g_optimizer, self.painter.trainable_weights)
        self.d_mean.update_state(loss)
        self.g_mean.update_state(g_loss)
        return {metric.name: metric.result() for metric in self.metrics}


class Rebuilder(keras.Model):
    """Parts as arguments, the one optimizer of every model, steps of its own for training, test and prediction."""

    def __init__(self, encoder: Any, decoder: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.mean = metrics.Mean(name="loss")

    @property
    def metrics(self) -> list[Any]:
        return [self.mean]

    def get_config(self) -> dict[str, Any]:
        save = keras.saving.serialize_keras_object
        return {**super().get_config(), "encoder": save(self.encoder), "decoder": save(self.decoder)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Rebuilder:
        load = keras.saving.deserialize_keras_object
        return cls(**{**config, "encoder": load(config["encoder"]), "decoder": load(config["decoder"])})

    def _loss(self, x: Any) -> Any:
        return ops.mean(ops.square(self.decoder(self.encoder(x)) - x))

    def train_step(self, data: Any) -> dict[str, Any]:
        x = data[0] if isinstance(data, tuple) else data
        with tf.GradientTape() as tape:
            loss = self._loss(x)
        step(loss, tape, self.optimizer, self.trainable_weights)
        self.mean.update_state(loss)
        return {"loss": self.mean.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        self.mean.update_state(self._loss(data[0] if isinstance(data, tuple) else data))
        return {"loss": self.mean.result()}

    def predict_step(self, data: Any) -> dict[str, Any]:
        code = self.encoder(data[0] if isinstance(data, tuple) else data)
        return {"code": code, "again": self.decoder(code)}


class ByName(Rebuilder):
    """Its step takes its inputs by name."""

    def _loss(self, x: Any) -> Any:
        return ops.mean(ops.square(self.decoder(self.encoder(x["left"])) - x["right"]))


class Taught(keras.Model):
    """Learns from a teacher: `compile()` takes a loss of its own beside the usual arguments."""

    def __init__(self, units: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.student, self.teacher = dense(units, 1), dense(3, 1)
        self.teacher.trainable = False

    def build(self, shape: Any) -> None:
        self.student.build(shape)
        self.teacher.build(shape)
        self.built = True

    def compile(self, optimizer: Any, metrics: Any, teacher_loss: Any, alpha: float = 0.1) -> None:
        super().compile(optimizer=optimizer, metrics=metrics)
        self.teacher_loss, self.alpha = teacher_loss, alpha

    def call(self, inputs: Any) -> Any:
        return self.student(inputs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        own = ops.mean(ops.square(y - y_pred))
        return self.alpha * own + (1.0 - self.alpha) * self.teacher_loss(self.teacher(x), y_pred)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Denoiser(keras.Model):
    """As a diffusion model: noise of a random strength, a second network that follows the first, a mean error."""

    def __init__(self, decay: float = 0.9, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decay = decay
        self.network, self.average = dense(8, WIDTH), dense(8, WIDTH)
        for network in (self.network, self.average):
            network.build((None, WIDTH + 1))
        self.average.set_weights(self.network.get_weights())
        self.noises = keras.random.SeedGenerator(11)
        self.n_loss = metrics.Mean(name="n_loss")

    def call(self, inputs: Any) -> Any:
        return self._split(self.average, inputs, ops.full((ops.shape(inputs)[0], 1), 0.5))

    def _split(self, network: Any, noisy: Any, strength: Any) -> Any:
        return network(ops.concatenate([noisy, strength], axis=1))

    def _noisy(self, x: Any) -> tuple[Any, Any, Any]:
        noise = keras.random.normal(ops.shape(x), seed=self.noises)
        strength = keras.random.uniform((ops.shape(x)[0], 1), seed=self.noises)
        return ops.sqrt(1.0 - strength**2) * x + strength * noise, strength, noise

    def train_step(self, data: Any) -> dict[str, Any]:
        noisy, strength, noise = self._noisy(data)
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(self._split(self.network, noisy, strength) - noise))
        step(loss, tape, self.optimizer, self.network.trainable_weights)
        for weight, slow in zip(self.network.weights, self.average.weights, strict=True):
            slow.assign(self.decay * slow + (1.0 - self.decay) * weight)
        self.n_loss.update_state(loss)
        return {"n_loss": self.n_loss.result()}

    def test_step(self, data: Any) -> dict[str, Any]:
        noisy, strength, noise = self._noisy(data)
        self.n_loss.update_state(ops.mean(ops.square(self._split(self.average, noisy, strength) - noise)))
        return {"n_loss": self.n_loss.result()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decay": self.decay}


class Contrasting(keras.Model):
    """As SimCLR: two random views of each image, an optimizer and a temperature of its own, a probe beside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.views = keras.Sequential(
            [layers.RandomTranslation(0.2, 0.2, seed=1), layers.GaussianNoise(0.1, seed=2)]
        )
        self.encoder = keras.Sequential(
            [layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(6)]
        )
        self.probe = keras.Sequential([layers.Dense(1)])
        self.c_loss = metrics.Mean(name="c_loss")
        self.p_error = metrics.MeanAbsoluteError(name="p_error")

    def compile(
        self, contrastive_optimizer: Any, probe_optimizer: Any, temperature: float = 0.5, **kwargs: Any
    ) -> None:
        super().compile(**kwargs)
        self.contrastive_optimizer, self.probe_optimizer = contrastive_optimizer, probe_optimizer
        self.temperature = temperature

    def train_step(self, data: Any) -> dict[str, Any]:
        images, y = data
        with tf.GradientTape() as tape:
            one, other = (
                ops.normalize(self.encoder(self.views(images, training=True)), axis=1) for _ in range(2)
            )
            alike = ops.matmul(one, ops.transpose(other)) / self.temperature
            rows = ops.arange(ops.shape(images)[0])
            loss = ops.mean(keras.losses.sparse_categorical_crossentropy(rows, alike, from_logits=True))
        step(loss, tape, self.contrastive_optimizer, self.encoder.trainable_weights)
        with tf.GradientTape() as tape:
            guess = self.probe(self.encoder(images))
            error = ops.mean(ops.square(guess - y))
        step(error, tape, self.probe_optimizer, self.probe.trainable_weights)
        self.c_loss.update_state(loss)
        self.p_error.update_state(y, guess)
        return {metric.name: metric.result() for metric in (self.c_loss, self.p_error)}

    def test_step(self, data: Any) -> dict[str, Any]:
        images, y = data
        self.p_error.update_state(y, self.probe(self.encoder(images)))
        return {"p_error": self.p_error.result()}


class Patched(Contrasting):
    """As a masked autoencoder: most of an image is hidden, and rebuilt; the usual optimizer. No call()."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.decoder = keras.Sequential([layers.Dense(64), layers.Reshape((8, 8, 1))])
        self.hiding = keras.random.SeedGenerator(5)

    compile = keras.Model.compile

    def train_step(self, data: Any) -> dict[str, Any]:
        kept = keras.random.uniform((ops.shape(data)[0], 4, 4, 1), seed=self.hiding) > 0.6
        mask = ops.repeat(ops.repeat(ops.cast(kept, "float32"), 2, axis=1), 2, axis=2)
        weights = self.encoder.trainable_weights, self.decoder.trainable_weights
        with tf.GradientTape() as tape:
            made = self.decoder(self.encoder(data * mask))
            loss = ops.sum(ops.square(made - data) * (1.0 - mask)) / (ops.sum(1.0 - mask) + 1.0)
        weights = self.encoder.trainable_weights + self.decoder.trainable_weights
        step(loss, tape, self.optimizer, weights)
        self.c_loss.update_state(loss)
        return {"loss": self.c_loss.result()}


class Eager(keras.Model):
    """Looks at the values it is called with, which only an eager call has."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.small, self.large = layers.Dense(1), layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        strong = bool(ops.convert_to_numpy(inputs).mean() > 100.0)
        return self.large(inputs) if strong else self.small(inputs)


class EagerStep(Rebuilder):
    """Has no call(), and a step that looks at values."""

    def _loss(self, x: Any) -> Any:
        return super()._loss(x) * (1.0 if float(ops.convert_to_numpy(x).max()) > 0 else 2.0)


class Idle(keras.Model):
    """Has neither a call() nor a train_step."""


class LazyCell(layers.Layer):
    """A recurrent cell whose layers are built by their first call: no `build()`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size = self.output_size = units
        self.cell = layers.SimpleRNNCell(units, activation=None)
        self.norm = layers.LayerNormalization()

    def call(self, inputs: Any, states: Any) -> Any:
        outputs, _ = self.cell(inputs, states)
        outputs = ops.tanh(self.norm(outputs))
        return outputs, [outputs]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.state_size}


@dataclass(frozen=True)
class Case:
    """A recipe's `model` and `train`, and the same in plain Keras.

    Args:
        make: the model.
        compile: the arguments of its `compile()`.
        x, y: what it learns; no targets where `y` is None.
        random: it draws random numbers, which XLA draws differently.
        validates: it can be validated.
    """

    model: Any
    train: Mapping[str, Any]
    make: Any
    compile: Any
    x: Any = field(default_factory=lambda: X)
    y: Any = None
    random: bool = False
    validates: bool = True


def _adam(rate: float) -> dict[str, Any]:
    return {"use": "Adam", "learning_rate": rate}


CASES: dict[str, Case] = {
    "rivals": Case(
        "Rivals",
        {
            "compile": {
                "d_optimizer": _adam(0.01),
                "g_optimizer": {"use": "SGD", "learning_rate": 0.05, "momentum": 0.9},
                "loss_fn": {"use": "BinaryCrossentropy", "from_logits": True},
            }
        },
        Rivals,
        lambda: {
            "d_optimizer": optimizers.Adam(0.01),
            "g_optimizer": optimizers.SGD(0.05, momentum=0.9),
            "loss_fn": keras.losses.BinaryCrossentropy(from_logits=True),
        },
        random=True,
        validates=False,
    ),
    "penalized": Case(
        {"use": "Penalized", "noise": 3},
        {"compile": {"d_optimizer": _adam(0.01), "g_optimizer": "RMSprop", "critic_steps": 3}},
        lambda: Penalized(noise=3),
        lambda: {
            "d_optimizer": optimizers.Adam(0.01),
            "g_optimizer": optimizers.RMSprop(),
            "critic_steps": 3,
        },
        validates=False,
    ),
    "rebuilder": Case(
        {
            "use": "Rebuilder",
            "encoder": {"use": "Dense", "units": 2},
            "decoder": {"use": "Dense", "units": WIDTH},
        },
        {"optimizer": {"use": "SGD", "learning_rate": 0.1}},
        lambda: Rebuilder(layers.Dense(2), layers.Dense(WIDTH)),
        lambda: {"optimizer": optimizers.SGD(0.1)},
    ),
    "taught": Case(
        {"use": "Taught", "units": 4},
        {
            "optimizer": _adam(0.01),
            "metrics": ["mae"],
            "compile": {"teacher_loss": "mse", "alpha": 0.25},
        },
        lambda: Taught(units=4),
        lambda: {
            "optimizer": optimizers.Adam(0.01),
            "metrics": ["mae"],
            "teacher_loss": keras.losses.MeanSquaredError(),
            "alpha": 0.25,
        },
        y=Y,
    ),
    "denoiser": Case(
        {"use": "Denoiser", "decay": 0.8},
        {
            "optimizer": {
                "use": "AdamW",
                "learning_rate": {
                    "use": "ExponentialDecay", "initial_learning_rate": 0.01, "decay_steps": 3, "decay_rate": 0.9
                },
            }
        },
        lambda: Denoiser(0.8),
        lambda: {"optimizer": optimizers.AdamW(optimizers.schedules.ExponentialDecay(0.01, 3, 0.9))},
        random=True,
    ),
    "contrasting": Case(
        "Contrasting",
        {"compile": {"contrastive_optimizer": _adam(0.01), "probe_optimizer": "Adam", "temperature": 0.3}},
        Contrasting,
        lambda: {
            "contrastive_optimizer": optimizers.Adam(0.01),
            "probe_optimizer": optimizers.Adam(),
            "temperature": 0.3,
        },
        x=IMAGES,
        y=Y,
        random=True,
    ),
    "patched": Case(
        "Patched",
        {"optimizer": _adam(0.01)},
        Patched,
        lambda: {"optimizer": optimizers.Adam(0.01)},
        x=IMAGES,
        random=True,
        validates=False,
    ),
    "lazy cell": Case(
        {"sequential": [{"use": "RNN", "cell": {"use": "LazyCell", "units": 4}}, {"use": "Dense", "units": 1}]},
        {"optimizer": _adam(0.01), "loss": "mse"},
        lambda: keras.Sequential([layers.Input((5, 3)), layers.RNN(LazyCell(4)), layers.Dense(1)]),
        lambda: {"optimizer": optimizers.Adam(0.01), "loss": "mse"},
        x=SEQUENCES,
        y=Y,
    ),
}  # fmt: skip

MODELS = (
    Rivals,
    Penalized,
    Rebuilder,
    ByName,
    Taught,
    Denoiser,
    Contrasting,
    Patched,
    Eager,
    EagerStep,
    Idle,
)


def with_these(catalog: Catalog) -> Catalog:
    """A catalog that has these classes too, as if a plugin had brought them."""
    kinds = {Kind.MODEL: MODELS, Kind.LAYER: (LazyCell,)}
    entries = [
        Entry(
            kind,
            cls.__name__,
            f"{__name__}:{cls.__name__}",
            plugin="selftrained",
            distribution="selftrained",
            inputs=None,
        )
        for kind, classes in kinds.items()
        for cls in classes
    ]
    plugin = replace(
        catalog.plugins[0], name="selftrained", distribution="selftrained", error="", entries=tuple(entries)
    )
    return Catalog((*catalog.plugins, plugin))
