"""Trainings of every sort, each as a function that makes it again from the same start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, losses, metrics, ops, optimizers

from workbench.training.engines import Arrays

ROWS, BATCH = 75, 15
rng = np.random.default_rng(11)
X = rng.normal(size=(ROWS, 5)).astype("float32")
LEFT, RIGHT = X, rng.normal(size=(ROWS, 3)).astype("float32")
NUMBER = (X[:, :1] * X[:, 1:2] + 0.5 * X[:, 2:3]).astype("float32")
POSITIVE = np.exp(0.3 * X[:, :3]).astype("float32")
SHARES = (POSITIVE / POSITIVE.sum(axis=1, keepdims=True)).astype("float32")
YES = (X[:, :1] > 0).astype("float32")
CLASS = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 0)
ONE_HOT = np.eye(3, dtype="float32")[CLASS]
LABELS = (X[:, :3] > 0).astype("float32")
WEIGHT = rng.uniform(0.2, 3.0, size=ROWS).astype("float32")
SEQUENCE = rng.normal(size=(ROWS, 6, 4)).astype("float32")
OF_STEPS = SEQUENCE.cumsum(axis=1)[:, :, :1].astype("float32")
STEP_WEIGHT = rng.uniform(0.0, 2.0, size=(ROWS, 6)).astype("float32")
TOKENS = rng.integers(1, 9, size=(ROWS, 6)).astype("int32")
TOKENS[np.arange(6) >= rng.integers(0, 7, size=(ROWS, 1))] = 0  # some rows are nothing but padding
IMAGE = rng.normal(size=(ROWS, 8, 8, 2)).astype("float32")

Make = Callable[[], keras.Model]


@dataclass(frozen=True)
class Training:
    """One training.

    Args:
        make: gives the compiled model, the same each time after `set_random_seed`.
        arrays: what it learns from.
        callbacks: give the callbacks.
        class_weight: the weight of each class number.
        tolerance: of logs, weights and predictions, relative to the largest of them.
        random: it draws random numbers, which XLA draws differently.
    """

    make: Make
    arrays: Arrays
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] = tuple
    class_weight: Mapping[int, float] | None = None
    tolerance: float = 1e-5
    random: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


def stack(
    *inner: Callable[[], Any],
    units: int = 1,
    last: Any = None,
    shape: tuple[int, ...] = (5,),
    loss: Any = "mse",
    optimizer: Callable[[], Any] = lambda: optimizers.SGD(0.05),
    measured: Callable[[], Any] = lambda: ["mae"],
    **compiled: Any,
) -> keras.Model:
    hidden = [make() for make in inner] or [layers.Dense(6, activation="tanh")]
    model = keras.Sequential([layers.Input(shape), *hidden, layers.Dense(units, activation=last)])
    compiled = {key: value() if callable(value) else value for key, value in compiled.items()}
    model.compile(optimizer(), loss() if callable(loss) else loss, metrics=measured(), **compiled)
    return model


def numbers(*inner: Callable[[], Any], arrays: Arrays | None = None, **changes: Any) -> Training:
    kept = {key: changes.pop(key) for key in ("callbacks", "tolerance", "random") if key in changes}
    return Training(partial(stack, *inner, **changes), arrays or Arrays(X, NUMBER), **kept)


def classes(target: np.ndarray, loss: Any, *, last: str | None = "softmax", **changes: Any) -> Training:
    units = 1 if target is YES else 3
    changes = {"measured": lambda: ["accuracy"]} | changes
    return Training(partial(stack, units=units, last=last, loss=loss, **changes), Arrays(X, target))


# --- models of other forms ----------------------------------------------------------------------------------------


def two_and_two(form: str = "dict", weighted: bool = False) -> keras.Model:
    left, right = keras.Input((5,), name="left"), keras.Input((3,), name="right")
    shared = layers.Dense(6, activation="relu")
    joined = layers.Concatenate()([shared(left), shared(layers.Dense(5)(right))])
    joined = layers.BatchNormalization()(joined)
    price, kind = (
        layers.Dense(1, name="price")(joined),
        layers.Dense(3, activation="softmax", name="kind")(joined),
    )
    outputs: Any = {"price": price, "kind": kind} if form == "dict" else [price, kind]
    model = keras.Model({"left": left, "right": right}, outputs)
    terms: Any = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
    shown: Any = {"price": ["mae"], "kind": ["accuracy"]}
    factors: Any = {"price": 1.0, "kind": 0.5}
    if form != "dict":
        terms, shown, factors = (list(each.values()) for each in (terms, shown, factors))
    key = "weighted_metrics" if weighted else "metrics"
    model.compile(optimizers.SGD(0.05, momentum=0.9), terms, loss_weights=factors, **{key: shown})
    return model


def recurrent(layer: Callable[[], Any], **changes: Any) -> Training:
    make = partial(stack, layer, shape=(6, 4), **changes)
    return Training(make, Arrays(SEQUENCE, OF_STEPS[:, -1]))


def of_steps() -> keras.Model:
    return stack(lambda: layers.GRU(5, return_sequences=True), shape=(6, 4), weighted_metrics=lambda: ["mae"])


def masked() -> keras.Model:
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.Embedding(9, 4, mask_zero=True)(inputs)
    hidden = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(hidden)
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile(optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


def stateful() -> keras.Model:
    inputs = keras.Input(batch_shape=(BATCH, 6, 4))
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(4, stateful=True)(inputs)))
    model.compile(optimizers.SGD(0.05), "mse", metrics=["mae"])
    return model


def mixed(policy: str) -> keras.Model:
    inputs = keras.Input((5,))
    hidden = layers.Dense(8, activation="relu", dtype=keras.DTypePolicy(policy))(inputs)
    model = keras.Model(inputs, layers.Dense(1, dtype="float32")(hidden))
    plain = optimizers.SGD(0.01)
    scaled = optimizers.LossScaleOptimizer(plain, 1024.0, 4) if policy == "mixed_float16" else plain
    model.compile(scaled, "mse")
    return model


class OwnStep(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)
        self.error = metrics.Mean(name="error")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply(gradients, self.trainable_variables)
        self.error.update_state(loss)
        return {"error": self.error.result(), "norm": tf.linalg.global_norm(gradients)}

    def test_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        self.error.update_state(tf.reduce_mean(tf.square(self(x) - y)))
        return {"error": self.error.result()}


class OwnLoss(OwnStep):
    train_step, test_step = keras.Model.train_step, keras.Model.test_step

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        return ops.mean(ops.abs(y - y_pred)) + 0.01 * ops.mean(ops.square(y_pred))


class AddedLoss(OwnLoss):
    compute_loss = keras.Model.compute_loss

    def call(self, inputs: Any) -> Any:
        outputs = self.dense(inputs)
        self.add_loss(0.1 * ops.mean(ops.square(outputs)))
        self.error.update_state(ops.mean(outputs))
        return outputs


class TwoOptimizers(OwnStep):
    """Steps of two parts in turn, as a GAN takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.other = layers.Dense(5)
        self.second = optimizers.Adam(0.01)

    def call(self, inputs: Any) -> Any:
        return self.dense(self.other(inputs))

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        for part, optimizer in ((self.dense, self.optimizer), (self.other, self.second)):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(self(x, training=True) - y))
            variables = part.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
        self.error.update_state(loss)
        return {"error": self.error.result()}


def own(kind: type[keras.Model], loss: Any = None) -> keras.Model:
    model = kind()
    model.compile(optimizers.SGD(0.05), loss)
    return model


class Extremes(metrics.Metric):
    """A metric of several numbers, that keeps no sum."""

    def __init__(self) -> None:
        super().__init__(name="extremes")
        self.low = self.add_variable((), "zeros")
        self.high = self.add_variable((), "zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.low.assign(ops.minimum(self.low, ops.min(y_pred)))
        self.high.assign(ops.maximum(self.high, ops.max(y_pred)))

    def result(self) -> Any:
        return {"low": self.low + 0.0, "high": self.high + 0.0}


# --- callbacks ----------------------------------------------------------------------------------------------------


class ByStep(keras.callbacks.Callback):
    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = 0.002 * (int(self.model.optimizer.iterations.numpy()) + 1)


class Decaying(keras.callbacks.Callback):
    """Changes weights at each batch, and between epochs."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        weight = self.model.trainable_weights[0]
        weight.assign(0.99 * weight)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        weight = self.model.trainable_weights[-1]
        weight.assign(weight + 0.1)


class StopsAt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if int(self.model.optimizer.iterations.numpy()) == 8:
            self.model.stop_training = True


class AtTests(keras.callbacks.Callback):
    """What it does in validation changes the next epoch."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = 0.02 / (1 + batch + logs["loss"])


def lambdas() -> Sequence[keras.callbacks.Callback]:
    seen: list[float] = []

    def end(batch: int, logs: Any) -> None:
        seen.append(logs["loss"])

    return [keras.callbacks.LambdaCallback(on_train_batch_end=end), ByStep()]


_CALLBACKS = {
    "early stopping": lambda: [
        keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=9.0, restore_best_weights=True)
    ],
    "plateau": lambda: [keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=9.0)],
    "schedule by epoch": lambda: [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))],
    "rate by step": lambda: [ByStep()],
    "weights changed": lambda: [Decaying()],
    "stops at a batch": lambda: [StopsAt()],
    "acts in validation": lambda: [AtTests()],
    "lambdas": lambdas,
    "terminate on NaN": lambda: [keras.callbacks.TerminateOnNaN()],
}

_NUMBER_LOSSES = {
    "mae": NUMBER,
    "huber": NUMBER,
    "log_cosh": NUMBER,
    "mape": POSITIVE[:, :1],
    "msle": POSITIVE[:, :1],
    "poisson": POSITIVE[:, :1],
}

_OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "Adam": lambda: optimizers.Adam(0.01, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(0.01, weight_decay=0.01),
    "RMSprop": lambda: optimizers.RMSprop(0.005, momentum=0.5, centered=True),
    "Adagrad": lambda: optimizers.Adagrad(0.05),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Nadam": lambda: optimizers.Nadam(0.01),
    "Ftrl": lambda: optimizers.Ftrl(0.05),
    "Adafactor": lambda: optimizers.Adafactor(0.01),
    "Lamb": lambda: optimizers.Lamb(0.01),
    "clipped": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True, global_clipnorm=0.5),
    "schedule": lambda: optimizers.SGD(
        optimizers.schedules.CosineDecay(0.1, 12, warmup_steps=4, warmup_target=0.2)
    ),
    "average": lambda: optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4),
    "accumulation": lambda: optimizers.SGD(0.05, gradient_accumulation_steps=3),
}

TRAININGS: dict[str, Training] = {
    "plain": numbers(),
    **{
        f"loss {name}": numbers(
            loss=name, arrays=Arrays(X, target), last=None if target is NUMBER else "exponential"
        )
        for name, target in _NUMBER_LOSSES.items()
    },
    "loss cosine": numbers(loss=losses.CosineSimilarity, units=3, arrays=Arrays(X, POSITIVE)),
    "loss binary": classes(YES, lambda: losses.BinaryCrossentropy(label_smoothing=0.1), last="sigmoid"),
    "loss binary logits": classes(YES, lambda: losses.BinaryCrossentropy(from_logits=True), last=None),
    "loss focal": classes(
        YES, lambda: losses.BinaryFocalCrossentropy(apply_class_balancing=True), last="sigmoid"
    ),
    "loss categorical": classes(ONE_HOT, lambda: losses.CategoricalCrossentropy(label_smoothing=0.1)),
    "loss categorical focal": classes(ONE_HOT, losses.CategoricalFocalCrossentropy),
    "loss sparse": classes(CLASS, "sparse_categorical_crossentropy"),
    "loss sparse ignoring": classes(
        CLASS, lambda: losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1), last=None
    ),
    "loss divergence": classes(SHARES, losses.KLDivergence, measured=lambda: ["mae"]),
    "loss hinge": classes(2 * YES - 1, losses.SquaredHinge, last="tanh", measured=lambda: ["mae"]),
    "loss categorical hinge": classes(ONE_HOT, losses.CategoricalHinge),
    "loss dice": classes(LABELS, losses.Dice, last="sigmoid", measured=lambda: ["mae"]),
    "metrics of numbers": numbers(
        measured=lambda: [
            metrics.RootMeanSquaredError(),
            metrics.R2Score(),
            metrics.CosineSimilarity(),
            metrics.LogCoshError(),
            Extremes(),
        ]
    ),
    "metrics of yes and no": classes(
        YES,
        "binary_crossentropy",
        last="sigmoid",
        measured=lambda: [
            metrics.AUC(),
            metrics.Precision(),
            metrics.Recall(),
            metrics.SensitivityAtSpecificity(0.5),
            metrics.TruePositives(),
        ],
    ),
    "metrics of classes": classes(
        ONE_HOT,
        "categorical_crossentropy",
        measured=lambda: [
            "accuracy",
            metrics.TopKCategoricalAccuracy(2),
            metrics.F1Score("macro"),
            metrics.OneHotMeanIoU(3),
        ],
    ),
    "metrics by class": classes(ONE_HOT, "categorical_crossentropy", measured=lambda: [metrics.F1Score()]),
    "sample weights": numbers(arrays=Arrays(X, NUMBER, WEIGHT), weighted_metrics=lambda: ["mae"]),
    "class weights": Training(
        partial(
            stack,
            units=3,
            last="softmax",
            loss="sparse_categorical_crossentropy",
            measured=lambda: ["accuracy"],
            weighted_metrics=lambda: ["accuracy"],
        ),
        Arrays(X, CLASS),
        class_weight={0: 3.0, 2: 0.2},
    ),
    "weights of time steps": Training(of_steps, Arrays(SEQUENCE, OF_STEPS, STEP_WEIGHT)),
    "two inputs and outputs": Training(
        two_and_two, Arrays({"left": LEFT, "right": RIGHT}, {"price": NUMBER, "kind": CLASS})
    ),
    "weights by output": Training(
        partial(two_and_two, weighted=True),
        Arrays(
            {"left": LEFT, "right": RIGHT},
            {"price": NUMBER, "kind": CLASS},
            {"price": WEIGHT, "kind": WEIGHT[::-1].copy()},
        ),
    ),
    "list of outputs": Training(
        partial(two_and_two, "list"), Arrays({"left": LEFT, "right": RIGHT}, [NUMBER, CLASS])
    ),
    **{
        f"optimizer {name}": numbers(optimizer=make, tolerance=1e-4 if name in ("RMSprop", "Lamb") else 1e-5)
        for name, make in _OPTIMIZERS.items()
    },
    **{f"callback {name}": numbers(callbacks=make) for name, make in _CALLBACKS.items()},
    "callback swaps averages": numbers(
        optimizer=_OPTIMIZERS["average"], callbacks=lambda: [keras.callbacks.SwapEMAWeights()]
    ),
    "masked steps": Training(masked, Arrays(TOKENS, OF_STEPS)),
    "stateful": Training(stateful, Arrays(SEQUENCE, OF_STEPS[:, -1])),
    "lstm": recurrent(lambda: layers.LSTM(4)),
    "convolution": Training(
        partial(
            stack,
            lambda: layers.Conv2D(3, 3, activation="relu"),
            lambda: layers.MaxPooling2D(),
            lambda: layers.Flatten(),
            shape=(8, 8, 2),
        ),
        Arrays(IMAGE, NUMBER),
    ),
    "batch normalization": numbers(
        lambda: layers.Dense(6), layers.BatchNormalization, lambda: layers.Activation("relu")
    ),
    "penalties and constraints": numbers(
        lambda: layers.Dense(6, kernel_regularizer="l2", bias_constraint="non_neg", activity_regularizer="l1")
    ),
    "frozen layer": numbers(lambda: layers.Dense(6, trainable=False)),
    "dropout": numbers(lambda: layers.Dense(6), lambda: layers.Dropout(0.3), random=True),
    "noise": numbers(lambda: layers.GaussianNoise(0.3), lambda: layers.Dense(6), random=True),
    "augmentation": Training(
        partial(
            stack,
            lambda: layers.RandomFlip(),
            lambda: layers.RandomRotation(0.1),
            lambda: layers.Flatten(),
            shape=(8, 8, 2),
        ),
        Arrays(IMAGE, NUMBER),
        random=True,
    ),
    "float16": Training(partial(mixed, "mixed_float16"), Arrays(X, NUMBER), tolerance=5e-3),
    "bfloat16": Training(partial(mixed, "mixed_bfloat16"), Arrays(X, NUMBER), tolerance=5e-2),
    "eager": numbers(run_eagerly=True),
    "compiled by Keras": numbers(jit_compile=True),
    "own train step": Training(partial(own, OwnStep), Arrays(X, NUMBER)),
    "own loss": Training(partial(own, OwnLoss), Arrays(X, NUMBER)),
    "added loss": Training(partial(own, AddedLoss, "mse"), Arrays(X, NUMBER)),
    "only an added loss": Training(partial(own, AddedLoss), Arrays(X)),
    "two optimizers": Training(partial(own, TwoOptimizers), Arrays(X, NUMBER)),
}
