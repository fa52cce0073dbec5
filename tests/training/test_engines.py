"""Every engine trains as `keras.Model.fit` does: same losses, same callbacks, same meaning of every argument."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from tests.training.engine_cases import (
    BATCH,
    ENGINES,
    FORMS,
    KIND,
    LEFT,
    ONE_INPUT,
    RIGHT,
    ROWS,
    STEPS,
    TARGET,
    VALIDATION,
    Recorder,
    assert_close,
    graph,
    part,
    sequential,
    settings,
    stock,
    subclassed,
    weights,
)
from tests.whole import part as part_of
from workbench.errors import DataError
from workbench.training.engines import Arrays, fit

# --- equality with stock Keras ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def expected() -> Callable[[str], tuple[dict[str, list[float]], list[np.ndarray]]]:
    """What stock Keras makes of a form, trained once for all engines."""
    known: dict[str, Any] = {}

    def of(form: str) -> tuple[dict[str, list[float]], list[np.ndarray]]:
        if form not in known:
            make, arrays = FORMS[form]
            model = make()
            known[form] = (stock(model, arrays), weights(model))
        return known[form]

    return of


@pytest.mark.parametrize(
    ("engine", "form"),
    part_of(
        "engines",
        product(ENGINES, FORMS),
        [
            ("plain", "graph"),
            ("steps", "subclassed"),
            ("chunk-xla", "graph"),
            *(("chunk", form) for form in FORMS),
        ],
    ),
)
def test_every_engine_trains_every_model_form_as_stock_fit_does(
    form: str, engine: str, expected: Any
) -> None:
    make, arrays = FORMS[form]
    model, recorder, chosen = make(), Recorder(), []
    history = fit(
        model, arrays, part(arrays, VALIDATION), settings(engine=engine), [recorder], chosen.append
    ).history
    expected_history, expected_weights = expected(form)
    assert [event.engine for event in chosen] == [engine]
    assert_close(history, expected_history)
    for value, wanted in zip(weights(model), expected_weights, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)
    # Every step belongs to one call, in order, and the last call of each epoch ends with its last step.
    assert recorder.begins == [0, *[end + 1 if end + 1 < STEPS else 0 for end in recorder.ends[:-1]]]
    assert recorder.ends.count(STEPS - 1) == 2
    assert recorder.tests.count(2) == 2


@pytest.mark.parametrize("engine", part_of("engines", ENGINES, ["steps", "chunk"]))
def test_shuffled_engines_take_the_same_rows_in_the_same_order(engine: str) -> None:
    """Checked against stock Keras given rows in the order that the seed and the epoch say."""
    history = fit(subclassed(), ONE_INPUT, None, settings(shuffle=True, seed=5, engine=engine)).history
    losses, by_hand = [], subclassed()
    for epoch in range(2):
        order = np.random.default_rng([5, epoch]).permutation(ROWS)
        logs = by_hand.fit(LEFT[order], TARGET[order], batch_size=BATCH, shuffle=False, verbose=0).history
        losses += logs["loss"]
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)


@pytest.mark.parametrize("engine", part_of("engines", ["plain", "steps", "chunk"], ["steps", "chunk"]))
def test_random_layers_draw_what_they_draw_in_stock_keras(engine: str) -> None:
    """Not under XLA: its random numbers have the same distribution and other values, in Keras as here."""
    history = fit(sequential(dropout=0.4), ONE_INPUT, None, settings(engine=engine)).history
    wanted = sequential(dropout=0.4).fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    assert_close(history, wanted.history)


@pytest.mark.parametrize("engine", part_of("engines", ["chunk", "chunk-xla"], ["chunk"]))
def test_fewer_rows_than_a_batch(engine: str) -> None:
    few = part(ONE_INPUT, slice(0, 7))
    history = fit(subclassed(), few, None, settings(engine=engine)).history
    wanted = subclassed().fit(few.x, few.y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert_close(history, wanted)


def test_lists_of_inputs_and_a_model_without_targets() -> None:
    class Autoencoder(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(8)

        def call(self, inputs: Any) -> Any:
            joined = ops.concatenate(inputs, axis=-1)
            self.add_loss(ops.mean(ops.square(self.dense(joined) - joined)))
            return joined

    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = Autoencoder()
        model.compile("sgd")
        return model

    history = fit(made(), Arrays([LEFT, RIGHT]), None, settings(engine="chunk")).history
    wanted = made().fit([LEFT, RIGHT], batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert_close(history, wanted)


# --- arguments of fit ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["numbers", "column", "one-hot"])
def test_class_weights(labels: str) -> None:
    targets = {"numbers": KIND, "column": KIND[:, None], "one-hot": np.eye(2, dtype="float32")[KIND]}[labels]
    loss = "categorical_crossentropy" if labels == "one-hot" else "sparse_categorical_crossentropy"

    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([layers.Input((5,)), layers.Dense(2, activation="softmax")])
        model.compile("sgd", loss, weighted_metrics=["accuracy"])
        return model

    weighting = {0: 3.0, 1: 0.25}
    history = fit(
        made(), Arrays(LEFT, targets), None, settings(engine="chunk", class_weight=weighting)
    ).history
    wanted = (
        made()
        .fit(LEFT, targets, batch_size=BATCH, epochs=2, shuffle=False, class_weight=weighting, verbose=0)
        .history
    )
    assert_close(history, wanted)


def test_class_weights_that_cannot_be_are_refused() -> None:
    arrays = FORMS["graph"][1]
    with pytest.raises(DataError, match="not both"):
        fit(graph(), arrays, None, settings(class_weight={0: 1.0}))
    with pytest.raises(DataError, match="single output"):
        fit(graph(), Arrays(arrays.x, arrays.y), None, settings(class_weight={0: 1.0}))


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(DataError, match="90, 91"):
        Arrays(LEFT, np.zeros(91))
    with pytest.raises(DataError, match="no rows"):
        Arrays(LEFT[:0], TARGET[:0])


def test_validation_batches_and_frequency() -> None:
    recorder = Recorder()
    history = fit(
        subclassed(),
        ONE_INPUT,
        ONE_INPUT,
        settings(engine="plain", epochs=3, validation_batch_size=45, validation_freq=2),
        [recorder],
    ).history
    assert len(history["val_loss"]) == 1
    assert recorder.tests == [0, 1]


# --- callbacks ----------------------------------------------------------------------------------------------------


def test_early_stopping_restores_the_best_weights_and_schedules_change_the_learning_rate() -> None:
    def callbacks() -> list[keras.callbacks.Callback]:
        return [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.05 if epoch < 3 else 1.0),
            keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, factor=0.5, min_delta=1.0),
            keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
        ]

    model = subclassed()
    history = fit(
        model, ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(engine="chunk", epochs=12), callbacks()
    ).history
    other = subclassed()
    wanted = stock(other, ONE_INPUT, epochs=12, callbacks=callbacks())
    assert len(history["loss"]) < 12, "the test's own schedule must make it stop"
    assert_close(history, wanted, tolerance=1e-3)
    for value, wanted_value in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(value, wanted_value, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("engine", part_of("engines", ENGINES, ["plain", "steps", "chunk"]))
def test_stop_training_takes_effect_after_the_call_it_is_set_in(engine: str) -> None:
    class Stop(Recorder):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            super().on_train_batch_end(batch, logs)
            self.model.stop_training = True

    stop = Stop()
    model = subclassed()
    history = fit(model, ONE_INPUT, None, settings(engine=engine, epochs=5), [stop])
    assert stop.ends == [0]  # the first call of every engine is one step
    assert int(model.optimizer.iterations.numpy()) == 1
    assert history.epoch == [0]


def test_a_loss_that_is_not_a_number_terminates() -> None:
    broken = LEFT.copy()
    broken[20] = np.nan
    history = fit(
        subclassed(), Arrays(broken, TARGET), None, settings(engine="chunk", epochs=5),
        [keras.callbacks.TerminateOnNaN()],
    )  # fmt: skip
    assert history.epoch == [0]
    assert np.isnan(history.history["loss"][0])


def test_a_callback_may_evaluate_on_data_of_its_own() -> None:
    class Extra(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seen = self.model.evaluate(LEFT[40:], TARGET[40:], batch_size=BATCH, verbose=0)[0]

    extra = Extra()
    model = sequential()
    fit(model, ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(engine="chunk"), [extra])
    np.testing.assert_allclose(extra.seen, model.evaluate(LEFT[40:], TARGET[40:], verbose=0)[0], rtol=1e-5)
