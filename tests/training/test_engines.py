"""Every engine trains as `keras.Model.fit` does: same losses, same callbacks, same meaning of every argument."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from tests.whole import part as part_of
from workbench.errors import DataError
from workbench.events import EngineChosen
from workbench.training.engines import Arrays, FitSettings, Stream, choose, evaluate, fit
from workbench.training.engines.programs import ChunkXLA

ENGINES = ("plain", "steps", "chunk", "chunk-xla")
ROWS, BATCH = 90, 16  # five whole batches and a short one
STEPS = 6

rng = np.random.default_rng(7)
LEFT = rng.normal(size=(ROWS, 5)).astype("float32")
RIGHT = rng.normal(size=(ROWS, 3))  # float64: Keras makes it float32
TARGET = (LEFT[:, :1] * RIGHT[:, :1] + LEFT[:, 1:2]).astype("float32")
KIND = (LEFT[:, 0] > 0).astype("int64")
WEIGHT = rng.uniform(0.5, 2.0, size=ROWS).astype("float32")
VALIDATION = slice(0, 40)  # three batches, the last short


# --- the model forms ----------------------------------------------------------------------------------------------


def sequential(dropout: float = 0.0, **compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [layers.Input((5,)), layers.Dense(8, activation="tanh"), layers.Dropout(dropout), layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **compiled)
    return model


def graph(**compiled: Any) -> keras.Model:
    """Two inputs, two outputs, a shared layer, a metric of each output."""
    keras.utils.set_random_seed(1)
    left, right = keras.Input((5,), name="left"), keras.Input((3,), name="right")
    shared = layers.Dense(6, activation="relu")
    joined = layers.Concatenate()([shared(left), layers.Dense(6)(right)])
    joined = layers.BatchNormalization()(joined)
    outputs = {
        "price": layers.Dense(1, name="price")(joined),
        "kind": layers.Dense(2, activation="softmax", name="kind")(joined),
    }
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        loss={"price": "mse", "kind": "sparse_categorical_crossentropy"},
        loss_weights={"price": 1.0, "kind": 0.5},
        metrics={"price": ["mae"], "kind": ["accuracy"]},
        **compiled,
    )
    return model


class Reconstructing(keras.Model):
    """Subclassed, not built before it is trained, with a loss and a metric of its own inside."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = layers.Dense(7, activation="selu")
        self.output_layer = layers.Dense(1)
        self.reconstruction = keras.metrics.Mean(name="reconstruction")

    def build(self, shape: Any) -> None:
        self.reconstruct = layers.Dense(shape[-1])
        self.built = True

    def call(self, inputs: Any) -> Any:
        z = self.hidden(inputs)
        error = ops.mean(ops.square(self.reconstruct(z) - inputs))
        self.add_loss(0.1 * error)
        self.reconstruction.update_state(error)
        return self.output_layer(z)


def subclassed(**compiled: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    model = Reconstructing()
    model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"], **compiled)
    return model


ONE_INPUT = Arrays(LEFT, TARGET)
FORMS: dict[str, tuple[Callable[..., keras.Model], Arrays]] = {
    "sequential": (sequential, Arrays(LEFT, TARGET, WEIGHT)),
    "graph": (graph, Arrays({"left": LEFT, "right": RIGHT}, {"price": TARGET, "kind": KIND}, WEIGHT)),
    "subclassed": (subclassed, ONE_INPUT),
}


def part(arrays: Arrays, rows: slice) -> Arrays:
    taken = keras.tree.map_structure(
        lambda a: None if a is None else a[rows], (arrays.x, arrays.y, arrays.sample_weight)
    )
    return Arrays(*taken)


def stock(model: keras.Model, arrays: Arrays, epochs: int = 2, **kwargs: Any) -> dict[str, list[float]]:
    validation = part(arrays, VALIDATION)
    return model.fit(
        arrays.x,
        arrays.y,
        sample_weight=arrays.sample_weight,
        validation_data=(validation.x, validation.y, validation.sample_weight),
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        **kwargs,
    ).history


def settings(**changes: Any) -> FitSettings:
    return FitSettings(**({"epochs": 2, "batch_size": BATCH, "shuffle": False} | changes))


def assert_close(history: dict[str, Any], expected: dict[str, Any], tolerance: float = 1e-5) -> None:
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=tolerance, atol=1e-7, err_msg=name)


def weights(model: keras.Model) -> list[np.ndarray]:
    return [v.numpy() for v in [*model.variables, *model.optimizer.variables]]


def assert_same_bits(model: keras.Model, other: keras.Model) -> None:
    for value, expected in zip(weights(model), weights(other), strict=True):
        np.testing.assert_array_equal(value, expected)


class Recorder(keras.callbacks.Callback):
    """Called once a call of an engine."""

    every_batch = False

    def __init__(self) -> None:
        super().__init__()
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.tests: list[int] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.begins.append(batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert isinstance(logs["loss"], float)
        self.ends.append(batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.tests.append(batch)


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


# --- models with ways of their own --------------------------------------------------------------------------------


class OwnStep(Reconstructing):
    """A train step with logs that no metric holds."""

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        return {"batch_loss": loss, "gradient": tf.linalg.global_norm(gradients)}


@pytest.mark.parametrize(
    "engine", part_of("engines", ["steps", "chunk", "chunk-xla"], ["steps", "chunk-xla"])
)
def test_a_train_step_of_the_models_own_gives_its_own_logs(engine: str) -> None:
    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = OwnStep()
        model.compile("sgd", "mse")
        return model

    history = fit(made(), ONE_INPUT, None, settings(engine=engine)).history
    wanted = made().fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert history.keys() == {"batch_loss", "gradient"}
    assert_close(history, wanted)


@pytest.mark.parametrize("engine", ["auto", "chunk"])
def test_run_eagerly_stays_plain_and_runs_python_at_every_step(engine: str) -> None:
    calls = []

    class Eager(Reconstructing):
        def call(self, inputs: Any) -> Any:
            calls.append(float(inputs[0, 0]))  # needs a value: impossible when traced
            return super().call(inputs)

    keras.utils.set_random_seed(1)
    model = Eager()
    model.compile("sgd", "mse", run_eagerly=True)
    chosen: list[EngineChosen] = []
    fit(model, ONE_INPUT, None, settings(engine=engine, epochs=1), on_chosen=chosen.append)
    assert (chosen[0].engine, chosen[0].reason) == ("plain", "run_eagerly is on")
    assert calls[-STEPS:] == [float(LEFT[start, 0]) for start in range(0, ROWS, BATCH)]


@pytest.mark.parametrize("engine", part_of("engines", ["steps", "chunk", "chunk-xla"], ["chunk"]))
def test_mixed_precision_scales_the_loss(engine: str) -> None:
    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        policy = keras.DTypePolicy("mixed_float16")
        inputs = keras.Input((5,))
        hidden = layers.Dense(8, activation="relu", dtype=policy)(inputs)
        model = keras.Model(inputs, layers.Dense(1, dtype="float32")(hidden))
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), 1024.0, 4)
        model.compile(optimizer, "mse")
        return model

    model, other = made(), made()
    history = fit(model, ONE_INPUT, None, settings(engine=engine)).history
    wanted = other.fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert_close(history, wanted, tolerance=2e-3)
    assert float(model.optimizer.dynamic_scale) == float(other.optimizer.dynamic_scale) == 8 * 1024.0


def test_jit_compiled_models() -> None:
    history = fit(sequential(jit_compile=True), ONE_INPUT, None, settings(engine="chunk")).history
    wanted = sequential().fit(LEFT, TARGET, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    assert_close(history, wanted)


@pytest.mark.parametrize("engine", part_of("engines", ENGINES, ["plain", "steps", "chunk"]))
def test_a_wrapped_step_is_part_of_every_engines_step(engine: str) -> None:
    rows = tf.Variable(0)

    def counting(step: Any) -> Any:
        def counted(data: Any) -> Any:
            rows.assign_add(tf.shape(data[0])[0])
            return step(data)

        return counted

    model = subclassed()
    fit(model, ONE_INPUT, None, settings(engine=engine), wrap_step=counting)
    assert rows.numpy() == 2 * ROWS
    assert "train_step" not in vars(model)


# --- choosing -----------------------------------------------------------------------------------------------------


@pytest.fixture
def measures_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let auto measure all candidates on a run too short to be worth it."""
    monkeypatch.setattr(choose, "TINY_RUN", 0)
    monkeypatch.setattr(choose, "LONG_RUN", 0.0)
    monkeypatch.setattr(choose, "MEASURING", 0.01)
    monkeypatch.setattr(choose._Measuring, "_xla_may_pay", lambda self, seconds: True)


@pytest.mark.usefixtures("measures_everything")
def test_auto_ends_with_the_bits_of_the_engine_it_chose() -> None:
    """With Dropout, whose seed moves at each step, and an optimizer with slots."""
    chosen: list[EngineChosen] = []
    model, named = sequential(dropout=0.3), sequential(dropout=0.3)
    history = fit(model, ONE_INPUT, None, settings(shuffle=True), on_chosen=chosen.append).history
    assert chosen[0].candidates.keys() == {"plain", "steps", "chunk"}, "XLA draws other random numbers"
    assert chosen[0].candidates[chosen[0].engine] == max(chosen[0].candidates.values())
    assert "times" in chosen[0].reason
    wanted = fit(named, ONE_INPUT, None, settings(shuffle=True, engine=chosen[0].engine)).history
    assert history == wanted
    assert_same_bits(model, named)


def test_auto_leaves_a_tiny_run_plain_and_a_short_one_without_xla() -> None:
    chosen: list[EngineChosen] = []
    fit(subclassed(), ONE_INPUT, None, settings(epochs=1), on_chosen=chosen.append)
    fit(subclassed(), ONE_INPUT, None, settings(epochs=20), on_chosen=chosen.append)
    assert [event.engine for event in chosen] == ["plain", "chunk"]
    assert "too few" in chosen[0].reason
    assert "too short" in chosen[1].reason


@pytest.mark.slow
@pytest.mark.usefixtures("measures_everything")
def test_a_candidate_that_cannot_compile_is_left_out_and_one_asked_for_falls_back() -> None:
    class Unique(Reconstructing):
        def call(self, inputs: Any) -> Any:
            values = tf.reduce_sum(tf.where(inputs[:, 0] > 0))  # a shape that depends on values: not for XLA
            return super().call(inputs) + 0.0 * tf.cast(
                tf.strings.length(tf.strings.as_string(values)), "float32"
            )

    def made() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = Unique()
        model.compile("sgd", "mse")
        return model

    chosen: list[EngineChosen] = []
    histories = [
        fit(made(), ONE_INPUT, None, settings(engine=engine), on_chosen=chosen.append).history
        for engine in ("auto", "chunk-xla")
    ]
    assert "chunk-xla" not in chosen[0].candidates
    assert "chunk-xla cannot compile this model" in chosen[0].reason
    assert chosen[1].engine == "plain"
    assert "chunk-xla cannot compile this model" in chosen[1].reason
    assert_close(histories[0], histories[1])


def test_an_error_in_the_models_own_code_is_raised_as_keras_raises_it() -> None:
    class Broken(Reconstructing):
        def call(self, inputs: Any) -> Any:
            raise KeyError("no such table")

    model = Broken()
    model.compile("sgd", "mse")
    with pytest.raises(KeyError, match="no such table"):
        fit(model, ONE_INPUT, None, settings(epochs=20))


def test_hidden_random_state_is_not_disturbed_by_measuring() -> None:
    class Noisy(Reconstructing):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs + tf.random.uniform(tf.shape(inputs)))

    keras.utils.set_random_seed(1)
    model = Noisy()
    model.compile("sgd", "mse")
    chosen: list[EngineChosen] = []
    fit(model, ONE_INPUT, None, settings(epochs=12), on_chosen=chosen.append)
    assert (chosen[0].engine, chosen[0].candidates) == ("chunk", {})
    assert "RandomUniform" in chosen[0].reason


# --- position, streams, and what is left behind -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "stop"),
    part_of(
        "engines",
        [("plain", 2), ("eager", 2), ("chunk", 2), ("chunk", STEPS), ("chunk-xla", 2)],
        [("plain", 2), ("eager", 2), ("chunk", 2), ("chunk", STEPS)],
    ),
)
def test_a_run_continued_inside_an_epoch_ends_as_if_it_had_not_stopped(engine: str, stop: int) -> None:
    """Weights bit for bit, and the logs of the broken epoch; also when only its validation is left."""
    keeps: dict[str, Any] = {}

    class Keep(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.epoch == 1 and batch + 1 == stop:
                keeps["state"] = weights(self.model)
                keeps["metrics"] = [v.numpy() for v in self.model.metrics_variables]

    validation = part(ONE_INPUT, VALIDATION)
    made = partial(sequential, dropout=0.3, run_eagerly=engine == "eager")
    engine = engine.replace("eager", "plain")
    whole = made()
    wanted = fit(whole, ONE_INPUT, validation, settings(engine=engine, epochs=3, shuffle=True), [Keep()])
    continued = made()
    continued.optimizer.build(continued.trainable_variables)
    for variable, value in zip(
        [*continued.variables, *continued.optimizer.variables], keeps["state"], strict=True
    ):
        variable.assign(value)
    history = fit(
        continued,
        ONE_INPUT,
        validation,
        settings(
            engine=engine, epochs=3, shuffle=True,
            initial_epoch=1, initial_step=stop, initial_metrics=keeps["metrics"],
        ),
    )  # fmt: skip
    assert history.history == {name: values[1:] for name, values in wanted.history.items()}
    assert_same_bits(continued, whole)


def stream(arrays: Arrays, rows: int = ROWS) -> Stream:
    def batches(epoch: int, step: int) -> Iterator[Arrays]:
        order = np.random.default_rng([3, epoch]).permutation(ROWS)
        for start in range(step * BATCH, ROWS, BATCH):
            taken = order[start : start + BATCH]
            yield Arrays(arrays.x[taken], arrays.y[taken])

    return Stream(rows, BATCH, batches)


@pytest.mark.parametrize(("asked", "runs"), [("plain", "plain"), ("auto", "steps"), ("chunk", "steps")])
def test_a_stream_trains_like_the_same_rows_in_memory(asked: str, runs: str) -> None:
    chosen: list[EngineChosen] = []
    by_stream, in_memory = sequential(), sequential()
    history = fit(
        by_stream, stream(ONE_INPUT), stream(ONE_INPUT), settings(engine=asked), on_chosen=chosen.append
    ).history
    wanted = fit(in_memory, ONE_INPUT, None, settings(engine=runs, shuffle=True, seed=3)).history
    assert chosen[0].engine == runs
    assert history["loss"] == wanted["loss"]
    assert_same_bits(by_stream, in_memory)
    np.testing.assert_allclose(
        history["val_loss"][-1], by_stream.evaluate(LEFT, TARGET, verbose=0)[0], rtol=1e-5
    )


def test_a_stream_shorter_than_it_says_is_reported_in_plain_words() -> None:
    with pytest.raises(DataError, match="ended after 6 of 9 batches"):
        fit(sequential(), stream(ONE_INPUT, rows=140), None, settings(engine="steps"))


@pytest.mark.parametrize(
    "engine", part_of("engines", ["auto", "plain", "steps", "chunk-xla"], ["auto", "steps"])
)
def test_evaluate_agrees_with_keras(engine: str) -> None:
    make, arrays = FORMS["graph"]
    model = make()
    wanted = model.evaluate(
        arrays.x, arrays.y, sample_weight=arrays.sample_weight, batch_size=BATCH, return_dict=True, verbose=0
    )
    found = evaluate(model, arrays, BATCH, engine)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-5)


def test_afterwards_the_model_is_an_ordinary_keras_model(tmp_path: Any) -> None:
    model = sequential(steps_per_execution=3)
    fit(model, ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(engine="chunk-xla"))
    assert model.train_function is None
    assert model.test_function is None
    assert model.steps_per_execution == 3
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    for trained in (model, reloaded):
        keras.utils.set_random_seed(2)
        stock(trained, ONE_INPUT, epochs=1)
    np.testing.assert_allclose(model.predict(LEFT, verbose=0), reloaded.predict(LEFT, verbose=0), rtol=1e-5)


def test_all_validations_of_a_training_share_one_iterator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras makes an iterator over the data for each; that it looks where ours is put is its own affair."""
    made: list[Any] = []
    make = tf.data.Dataset.__iter__

    def noting(dataset: tf.data.Dataset) -> Any:
        made.append(dataset)
        return make(dataset)

    monkeypatch.setattr(tf.data.Dataset, "__iter__", noting)
    history = fit(sequential(), ONE_INPUT, part(ONE_INPUT, VALIDATION), settings(epochs=6, engine="chunk"))
    assert len(history.history["val_loss"]) == 6
    assert len(made) == 2  # one for training, one for the validations


def test_xla_compiles_long_validations_from_an_epoch_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch that does not hang on how many follow, and that a training resumed behind it knows as well."""
    module = importlib.import_module("workbench.training.engines.fit")
    monkeypatch.setattr(module, "_UNCOMPILED", 4)  # steps, of which a validation has two
    began: list[ChunkXLA] = []
    make = ChunkXLA.prepare

    def noting(program: ChunkXLA) -> None:
        began.append(program)
        make(program)

    monkeypatch.setattr(ChunkXLA, "prepare", noting)
    validation = Arrays(LEFT[:64], TARGET[:64])
    logs, compiled = {}, {}
    for engine, epochs in (("plain", 6), ("chunk-xla", 2), ("chunk-xla", 6)):
        began.clear()
        chosen = settings(engine=engine, epochs=epochs, validation_batch_size=32)
        history = fit(subclassed(), ONE_INPUT, validation, chosen).history
        logs[engine, epochs] = {name: np.array(values) for name, values in history.items()}
        compiled[engine, epochs] = len(began)
    assert compiled == {("plain", 6): 0, ("chunk-xla", 2): 1, ("chunk-xla", 6): 2}
    for name, values in logs["chunk-xla", 6].items():
        np.testing.assert_array_equal(values[:2], logs["chunk-xla", 2][name])
        np.testing.assert_allclose(values, logs["plain", 6][name], rtol=1e-5)
