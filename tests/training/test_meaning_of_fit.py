"""No engine changes what `fit` means: callbacks of batches, random numbers, and what XLA makes of a model."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tests.training.engine_cases import (
    BATCH,
    ENGINES,
    ONE_INPUT,
    STEPS,
    VALIDATION,
    Recorder,
    assert_close,
    assert_same_bits,
    part,
    sequential,
    settings,
    stock,
)
from tests.whole import part as part_of
from workbench.assembly.batch_hooks import acts_at_batches
from workbench.events import EngineChosen
from workbench.training.engines import choose, fit, measuring

# --- callbacks that act at batches --------------------------------------------------------------------------------


class WarmUp(keras.callbacks.Callback):
    """A learning rate that grows by step, and all that a callback can see at a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []
        self.values: list[list[float]] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = 0.001 * min(len(self.seen) + 1, 15)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append((batch, int(self.model.optimizer.iterations.numpy())))
        self.values.append([logs["loss"], logs["mae"], float(self.model.trainable_weights[0][0, 0])])


class AtTests(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append(logs["loss"])


@pytest.mark.parametrize("engine", part_of("engines", ["auto", *ENGINES], ["auto", "chunk"]))
def test_a_callback_of_batches_sees_each_batch_and_changes_the_next(engine: str) -> None:
    model, other, seen, wanted = sequential(), sequential(), WarmUp(), WarmUp()
    tests, wanted_tests = AtTests(), AtTests()
    chosen: list[EngineChosen] = []
    history = fit(
        model,
        ONE_INPUT,
        part(ONE_INPUT, VALIDATION),
        settings(engine=engine, epochs=12),
        [seen, tests],
        chosen.append,
    ).history
    assert_close(history, stock(other, ONE_INPUT, epochs=12, callbacks=[wanted, wanted_tests]))
    assert seen.seen == wanted.seen
    assert len(seen.seen) == 12 * STEPS
    np.testing.assert_allclose(seen.values, wanted.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tests.losses, wanted_tests.losses, rtol=1e-5)
    assert chosen[0].reason.startswith("callback WarmUp acts at every batch")


def test_a_callback_that_acts_at_one_batch_stops_there() -> None:
    class Stop(keras.callbacks.Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:  # the hook's older name
            if int(self.model.optimizer.iterations.numpy()) == 70:
                self.model.stop_training = True

    model = sequential()
    history = fit(model, ONE_INPUT, None, settings(engine="chunk", epochs=30), [Stop()])
    assert int(model.optimizer.iterations.numpy()) == 70
    assert len(history.epoch) == 12


def test_a_callback_may_change_a_metric_at_a_batch() -> None:
    class Forget(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.metrics[0].reset_state()

    history = fit(sequential(), ONE_INPUT, None, settings(engine="chunk"), [Forget()]).history
    wanted = sequential().fit(
        *(ONE_INPUT.x, ONE_INPUT.y),
        batch_size=BATCH,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=[Forget()],
    )
    assert_close(history, wanted.history)


@pytest.mark.parametrize("engine", part_of("engines", ENGINES, ["steps", "chunk"]))
def test_a_callback_may_have_the_step_made_again(engine: str) -> None:
    """As `make_train_function(force=True)` does: what Python held while the step was traced is looked at again.

    And that of validation, and of what a callback evaluates by itself.
    """

    class Scaled(keras.Sequential):
        factor = 1.0

        def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
            return self.factor * super().compute_loss(*args, **kwargs)

    class Changes(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                self.model.factor = 0.25
                self.model.make_train_function(force=True)
                self.model.make_test_function(force=True)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["mine"] = self.model.evaluate(ONE_INPUT.x[:20], ONE_INPUT.y[:20], verbose=0)

    def made() -> Scaled:
        keras.utils.set_random_seed(1)
        model = Scaled([layers.Input((5,)), layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.05), "mse")
        return model

    model, other = made(), made()
    validation = part(ONE_INPUT, VALIDATION)
    history = fit(model, ONE_INPUT, validation, settings(engine=engine, epochs=3), [Changes()]).history
    assert_close(history, stock(other, ONE_INPUT, epochs=3, callbacks=[Changes()]))
    np.testing.assert_allclose(model.get_weights()[0], other.get_weights()[0], rtol=1e-5, atol=1e-6)


def test_a_callback_that_needs_less_says_so() -> None:
    recorder = Recorder()
    chosen: list[EngineChosen] = []
    fit(sequential(), ONE_INPUT, None, settings(engine="chunk", epochs=20), [recorder], chosen.append)
    assert len(recorder.ends) < 20 * STEPS
    assert chosen[0].reason == "asked for"


class _Own(keras.callbacks.ModelCheckpoint):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        print(batch)


class _Counts(keras.callbacks.Callback):
    every_batch = 10  # a name of its own for something else

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        print(batch)


@pytest.mark.parametrize(
    ("make", "train", "test"),
    [
        (lambda: keras.callbacks.EarlyStopping(), False, False),
        (lambda: keras.callbacks.CSVLogger("x.csv"), False, False),
        (lambda: keras.callbacks.ReduceLROnPlateau(), False, False),
        (lambda: keras.callbacks.SwapEMAWeights(), False, False),
        (lambda: keras.callbacks.ProgbarLogger(), False, False),
        (lambda: keras.callbacks.TerminateOnNaN(), True, False),
        (lambda: keras.callbacks.ModelCheckpoint("x.keras"), False, False),
        (lambda: keras.callbacks.ModelCheckpoint("x.keras", save_freq=3), True, False),
        (lambda: _Own("x.keras"), True, False),
        (lambda: keras.callbacks.BackupAndRestore("x"), False, False),
        (lambda: keras.callbacks.BackupAndRestore("x", save_freq=3), True, False),
        (lambda: keras.callbacks.LambdaCallback(on_epoch_end=print), False, False),
        (lambda: keras.callbacks.LambdaCallback(on_train_batch_end=print), True, False),
        (lambda: keras.callbacks.LambdaCallback(on_test_batch_begin=print), False, True),
        (_Counts, True, False),
        (Recorder, False, False),
        (AtTests, False, True),
    ],
)
def test_which_callbacks_act_at_batches(make: Callable[[], Any], train: bool, test: bool) -> None:
    callback = make()
    assert (acts_at_batches(callback, "train"), acts_at_batches(callback, "test")) == (train, test)


@pytest.mark.parametrize(
    ("changed", "acts"),
    [
        ({}, False),
        ({"update_freq": "batch"}, True),
        ({"write_steps_per_second": True}, True),
        ({"_should_trace": True}, True),
    ],
)  # fmt: skip
def test_tensorboard_acts_at_batches_where_it_was_asked_to(changed: dict[str, Any], acts: bool) -> None:
    """Without its constructor, which wants the package tensorboard; the attributes are those it sets."""
    board = keras.callbacks.TensorBoard.__new__(keras.callbacks.TensorBoard)
    vars(board).update(
        {"update_freq": "epoch", "write_steps_per_second": False, "_should_trace": False} | changed
    )
    assert acts_at_batches(board, "train") is acts


# --- the engine never changes the model ---------------------------------------------------------------------------


class Overflowing(layers.Layer):
    """Turns a number into a whole one that is too large: the smallest there is in TensorFlow, the largest in XLA."""

    def call(self, inputs: Any) -> Any:
        whole = tf.cast(1e20 * (tf.abs(inputs[:, :1]) + 1.0), tf.int32)
        return inputs + tf.cast(whole > 0, inputs.dtype)


def overflowing() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((5,)), Overflowing(), layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


@pytest.fixture
def measures_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(measuring, "MEASURING", 0.01)
    monkeypatch.setattr(measuring.Measuring, "_xla_may_pay", lambda self: True)
    monkeypatch.setattr(measuring.Measuring, "_compiling", 0.0)  # measured at the second step


@pytest.mark.usefixtures("measures_everything")
def test_an_engine_that_trains_to_other_numbers_is_left_out() -> None:
    chosen: list[EngineChosen] = []
    history = fit(overflowing(), ONE_INPUT, None, settings(), on_chosen=chosen.append).history
    wanted = overflowing().fit(ONE_INPUT.x, ONE_INPUT.y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    assert_close(history, wanted.history)
    assert chosen[-1].engine == "chunk"
    assert "chunk-xla" not in chosen[-1].candidates
    assert "where plain Keras has" in chosen[-1].differs["chunk-xla"]


@pytest.mark.usefixtures("measures_everything")
def test_rounding_is_no_difference() -> None:
    chosen: list[EngineChosen] = []
    fit(sequential(), ONE_INPUT, None, settings(), on_chosen=chosen.append)
    assert chosen[-1].candidates.keys() == {"chunk", "chunk-xla"}
    assert chosen[-1].differs == {}


@pytest.mark.parametrize(("make", "cause"), [(overflowing, ""), (lambda: sequential(0.4), "random")])
def test_an_engine_asked_for_runs_and_says_how_it_differs(make: Callable[[], Any], cause: str) -> None:
    chosen: list[EngineChosen] = []
    model = make()
    fit(model, ONE_INPUT, None, settings(engine="chunk-xla"), on_chosen=chosen.append)
    assert chosen[0].engine == "chunk-xla"
    assert "where plain Keras has" in chosen[0].differs["chunk-xla"]
    assert cause in chosen[0].differs["chunk-xla"]
    assert int(model.optimizer.iterations.numpy()) == 2 * STEPS, "what was compared is put back"


def test_validation_under_xla_that_gives_other_numbers_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("workbench.training.engines.testing")
    monkeypatch.setattr(module, "_UNCOMPILED", 0)

    class OnlyInTests(Overflowing):
        def call(self, inputs: Any, training: bool = False) -> Any:
            return inputs if training else super().call(inputs)

    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([layers.Input((5,)), OnlyInTests(), layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        return model

    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(measuring.Measuring, "_xla_may_pay", lambda self: True)
    monkeypatch.setattr(measuring.Measuring, "_compiling", 0.0)  # measured at the second step
    monkeypatch.setattr(
        measuring, "steps_per_second", lambda program, *rest: 2.0 if program.name == "chunk-xla" else 1.0
    )
    chosen: list[EngineChosen] = []
    history = fit(
        made(), ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(engine="measure"), on_chosen=chosen.append
    ).history
    assert chosen[0].engine == "chunk-xla"
    assert_close(history, stock(made(), ONE_INPUT))


# --- the same numbers for the same seed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    part_of(
        "engines",
        ["dropout", "noise", "tf.random", "keras.random", "tf.random.Generator"],
        ["dropout", "tf.random", "tf.random.Generator"],
    ),
)
def test_what_a_model_draws_does_not_depend_on_what_is_measured(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever engine `auto` may find the fastest, and whichever runs where a run is short, the bits are the same."""

    class Noise(layers.Layer):
        def build(self, shape: Any) -> None:
            if kind == "tf.random.Generator":
                self.generator = tf.random.Generator.from_seed(3)

        def call(self, inputs: Any) -> Any:
            shape = tf.shape(inputs)
            if kind == "tf.random":
                return inputs + 0.1 * tf.random.normal(shape)
            if kind == "keras.random":
                return inputs + 0.1 * keras.random.normal(shape)
            return inputs + 0.1 * self.generator.normal(shape)

    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        noise = {"dropout": layers.Dropout(0.3), "noise": layers.GaussianNoise(0.3)}.get(kind) or Noise()
        model = keras.Sequential([layers.Input((5,)), layers.Dense(6), noise, layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
        return model

    monkeypatch.setattr(measuring, "MEASURING", 0.0)
    models, losses = [], []
    for favourite in part_of("engines", (None, *ENGINES), (None, "chunk", "chunk-xla")):
        if favourite:
            monkeypatch.setattr(choose, "TINY_RUN", 0)
            monkeypatch.setattr(measuring, "LONG_RUN", 0.0)
            monkeypatch.setattr(
                measuring,
                "steps_per_second",
                lambda program, *rest, favourite=favourite: 2.0 if program.name == favourite else 1.0,
            )
        models.append(made())
        losses.append(fit(models[-1], ONE_INPUT, None, settings(epochs=3)).history["loss"])
    stocks = made()
    losses.append(
        stocks.fit(ONE_INPUT.x, ONE_INPUT.y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0).history[
            "loss"
        ]
    )
    assert all(found == losses[0] for found in losses)
    for model in models:
        assert_same_bits(model, stocks)
