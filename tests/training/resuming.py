"""Models and callbacks with a memory of every kind, for trainings that are broken off and resumed."""

from __future__ import annotations

import collections
import datetime
import random
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from workbench.catalog.entries import Entry, Kind
from workbench.catalog.lookup import Catalog

LOOSE = tf.Variable(0.0, trainable=False, name="loose")  # of the module; reached by a step


class Small(keras.Model):
    """Two layers, dropout and a moving statistic."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden = keras.layers.Dense(4, activation="tanh")
        self.norm = keras.layers.BatchNormalization()
        self.drop = keras.layers.Dropout(0.3)
        self.out = keras.layers.Dense(1)

    def build(self, shape: Any) -> None:
        self.hidden.build(shape)
        self.norm.build((None, 4))
        self.drop.build((None, 4))
        self.out.build((None, 4))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        z = self.norm(self.hidden(inputs), training=training)
        return self.out(self.drop(z, training=training))


class Annealed(Small):
    """A penalty that falls with a counter which Keras does not see, one in a list and one of the module."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.counter = tf.Variable(0.0, trainable=False)
        self.more = {"inner": (tf.Variable(0.0, trainable=False),)}

    def train_step(self, data: Any) -> Any:
        self.counter.assign_add(1.0)
        self.more["inner"][0].assign_add(0.5)
        LOOSE.assign_add(0.25)
        return super().train_step(data)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, weight: Any = None, training: bool = True) -> Any:
        slow = self.counter + self.more["inner"][0] + LOOSE
        return super().compute_loss(x, y, y_pred, weight, training) + tf.reduce_mean(y_pred**2) / (1 + slow)


class Seen(Small):
    """The counter as Keras has it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.counter = self.add_weight(shape=(), initializer="zeros", trainable=False, name="counter")

    def train_step(self, data: Any) -> Any:
        self.counter.assign_add(1.0)
        return super().train_step(data)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, weight: Any = None, training: bool = True) -> Any:
        plain = super().compute_loss(x, y, y_pred, weight, training)
        return plain + tf.reduce_mean(y_pred**2) / (1 + self.counter)


class Pair(keras.Model):
    """Two halves, each with an optimizer of its own, as a GAN has them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.maker = keras.layers.Dense(1)
        self.judge = keras.layers.Dense(1)
        self.judge_optimizer = keras.optimizers.Adam(0.01)
        self.others = [keras.optimizers.SGD(0.01, momentum=0.9)]

    def build(self, shape: Any) -> None:
        self.maker.build(shape)
        self.judge.build((None, 1))
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.judge(self.maker(inputs))

    def train_step(self, data: Any) -> Any:
        x, y = data[:2]
        with tf.GradientTape(persistent=True) as tape:
            made = self.maker(x)
            maker_loss = tf.reduce_mean((made - y) ** 2)
            judge_loss = tf.reduce_mean((self.judge(made) - y) ** 2)
        self.optimizer.apply(
            tape.gradient(maker_loss, self.maker.trainable_variables), self.maker.trainable_variables
        )
        gradients = tape.gradient(judge_loss, self.judge.trainable_variables)
        self.judge_optimizer.apply(gradients, self.judge.trainable_variables)
        self.others[0].apply(gradients, self.judge.trainable_variables)
        return {"maker_loss": maker_loss, "judge_loss": judge_loss}


@dataclass
class Row:
    epoch: int
    loss: float


class Span(NamedTuple):
    low: float
    high: float


class Collections(keras.callbacks.Callback):
    """A rate that comes of what is remembered in a deque, a tuple, sets and dicts with keys of every kind."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Any = collections.deque(maxlen=3)
        self.best: Any = (0, float("inf"))
        self.by_epoch: dict[Any, Any] = {}
        self.counts: Any = collections.defaultdict(int)
        self.seen: Any = set()
        self.nested: Any = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        loss = float(next(iter((logs or {}).values())))
        self.last.append(loss)
        self.best = min(self.best, (epoch, loss), key=lambda pair: pair[1])
        self.by_epoch[epoch] = loss
        self.by_epoch[(epoch, "half")] = loss / 2
        self.counts[epoch % 2] += 1
        self.seen.add(epoch)
        self.nested.setdefault("rows", []).append({epoch: [np.float32(loss), {"x": {epoch}}]})
        known = sum(self.last) + self.best[0] + len(self.by_epoch) + self.counts[0] + len(self.seen)
        known += sum(len(row) for row in self.nested["rows"])
        self.model.optimizer.learning_rate = 0.05 / (1.0 + known)


class Objects(keras.callbacks.Callback):
    """Objects of its own classes, made before and while training; dates; random generators; things that share."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.again = self.rows  # the very same list
        self.span = Span(0.0, 0.0)
        self.noise = np.random.default_rng(3)
        self.old_noise = np.random.RandomState(4)
        self.python = random.Random(5)
        self.started = datetime.datetime(2020, 1, 1)
        self.shape = lambda x: x / 2  # no memory: the recipe makes it again

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        loss = float(next(iter((logs or {}).values())))
        self.rows.append(Row(epoch, loss))
        self.span = Span(min(self.span.low, -loss), max(self.span.high, loss))
        self.started += datetime.timedelta(days=1)
        noise = self.noise.random() + self.old_noise.rand() + self.python.random()
        noise += np.random.rand() + random.random()
        total = len(self.again) + sum(row.loss for row in self.rows) + self.span.high + self.started.day
        self.model.optimizer.learning_rate = self.shape(0.05 * noise / (1 + total))


class Variables(keras.callbacks.Callback):
    """A variable, a metric, and a copy of the model that follows it and pulls it back."""

    def __init__(self) -> None:
        super().__init__()
        self.count = tf.Variable(0.0, trainable=False)
        self.mean = keras.metrics.Mean()
        self.slow: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.slow = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.count.assign_add(1.0)
        self.mean.update_state(next(iter((logs or {}).values())))
        kernel = self.slow.layers[0].kernel
        kernel.assign(kernel * 0.9 + float(self.mean.result()) * 0.1)
        rate = 0.01 + abs(float(tf.reduce_sum(kernel.value))) / 100
        self.model.optimizer.learning_rate = rate / (1.0 + float(self.count))


class OnModel(keras.callbacks.Callback):
    """What it remembers hangs on the model."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.model.my_rates = []
        self.model.my_level = {"now": 1.0}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.my_level["now"] *= 0.8
        self.model.my_rates.append(self.model.my_level["now"] / 50)
        self.model.optimizer.learning_rate = sum(self.model.my_rates) / len(self.model.my_rates)


class Unkeepable(keras.callbacks.Callback):
    """A position in an iterator cannot be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.rates = iter([0.01 / (n + 1) for n in range(100)])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = next(self.rates)


MODELS = (Small, Annealed, Seen, Pair)
CALLBACKS = (Collections, Objects, Variables, OnModel, Unkeepable)


def with_these(catalog: Catalog) -> Catalog:
    """A catalog that has these classes too, as if a plugin had brought them."""
    from dataclasses import replace

    kinds = {Kind.MODEL: MODELS, Kind.CALLBACK: CALLBACKS}
    entries = [
        Entry(kind, cls.__name__, f"{__name__}:{cls.__name__}", plugin="resuming", distribution="resuming")
        for kind, classes in kinds.items()
        for cls in classes
    ]
    plugin = replace(
        catalog.plugins[0], name="resuming", distribution="resuming", error="", entries=tuple(entries)
    )
    return Catalog((*catalog.plugins, plugin))
