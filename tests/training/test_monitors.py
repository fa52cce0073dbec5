"""What monitors show, against the same worked out by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from workbench import events
from workbench.training.engines import Arrays, FitSettings, fit
from workbench.training.monitors import Monitors

ENGINES = ["plain", "steps", "chunk", "chunk-xla"]


class Penalty(keras.layers.Layer):
    """Adds the mean square of its input to the loss, and measures its largest input."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.largest = keras.metrics.Mean(name="largest")

    def call(self, inputs):
        self.add_loss(0.1 * ops.mean(ops.square(inputs)))
        self.largest.update_state(ops.max(inputs))
        return inputs + 1.0


class Log(keras.layers.Layer):
    def call(self, inputs):
        return ops.log(inputs)


class SquareRoot(keras.layers.Layer):
    def call(self, inputs):
        return ops.sqrt(inputs)


def rows(count=70, width=3, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, width)).astype("float32")
    return Arrays(x, (x.sum(axis=1, keepdims=True) + 0.5).astype("float32"))


def sequential(*layers, optimizer=None, width=3, **compiled):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((width,)), *layers], name="model")
    model.compile(optimizer or keras.optimizers.SGD(0.0), compiled.pop("loss", "mse"), **compiled)
    return model


def train(
    model,
    data,
    watch=("all",),
    *,
    epochs=1,
    batch_size=16,
    validation=None,
    engine="chunk",
    shuffle=False,
    callbacks=(),
):
    """The events, and the logs by epoch, of a training."""
    seen = []
    monitors = Monitors(model, watch, steps=-(-data.rows // batch_size))
    settings = FitSettings(epochs=epochs, batch_size=batch_size, shuffle=shuffle, engine=engine)
    history = fit(
        model,
        data,
        validation,
        settings,
        [*callbacks, monitors.callback(seen.append)],
        wrap_step=monitors.wrap_step,
    )
    return seen, history.history


def internals(seen):
    return [event for event in seen if isinstance(event, events.Internals)]


def texts(seen):
    return [event.text for event in seen if isinstance(event, events.Message)]


def batches(data, size):
    return [data.x[first : first + size] for first in range(0, data.rows, size)]


@pytest.mark.parametrize("engine", ENGINES)
def test_each_term_of_the_loss_shows_apart_from_the_main_one(engine):
    data = rows()
    penalty = Penalty(name="penalty")
    inputs = keras.Input((3,))
    hidden = penalty(penalty(inputs))
    outputs = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.01), name="dense")(hidden)
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.SGD(0.0), "mse")

    seen, logs = train(model, data, ["losses"], engine=engine)

    losses = internals(seen)[0].losses
    parts = batches(data, 16)
    counts = [len(part) for part in parts]
    by_hand = {
        "main": np.mean((model.predict(data.x, verbose=0) - data.y) ** 2),
        "penalty": np.average([0.1 * np.mean(part**2) for part in parts], weights=counts),
        "penalty#2": np.average([0.1 * np.mean((part + 1) ** 2) for part in parts], weights=counts),
        "dense/kernel regularizer": 0.01 * np.sum(model.get_layer("dense").get_weights()[0] ** 2),
    }
    assert losses == pytest.approx(by_hand, rel=1e-5)
    assert sum(losses.values()) == pytest.approx(logs["loss"][0], rel=1e-5)


def test_losses_follow_the_log_while_the_weights_move():
    model = sequential(Penalty(name="penalty"), keras.layers.Dense(1), optimizer="adam")
    seen, logs = train(model, rows(200), ["losses"], epochs=3, shuffle=True)
    assert [sum(event.losses.values()) for event in internals(seen)] == pytest.approx(logs["loss"], rel=1e-5)


def test_measuring_engines_leaves_no_trace_in_the_numbers():
    model = sequential(Penalty(name="penalty"), keras.layers.Dense(1), optimizer="adam")
    seen, logs = train(model, rows(2000), ["all"], epochs=2, engine="auto", shuffle=True)
    assert [sum(event.losses.values()) for event in internals(seen)] == pytest.approx(logs["loss"], rel=1e-5)


def test_a_model_of_several_inputs_and_outputs_shows_its_main_loss_by_output():
    keras.utils.set_random_seed(0)
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    joined = Penalty(name="penalty")(keras.layers.Concatenate()([left, right]))
    outputs = {name: keras.layers.Dense(1, name=name)(joined) for name in ("price", "kind")}
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile("sgd", {"price": "mse", "kind": "mae"}, loss_weights={"price": 2.0, "kind": 0.5})
    x = rows(32, 4).x
    data = Arrays({"left": x[:, :2], "right": x[:, 2:]}, {"price": x[:, :1], "kind": x[:, 1:2]})

    seen, logs = train(model, data)

    losses = internals(seen)[0].losses
    assert set(losses) == {"main", "penalty", "main/price", "main/kind"}
    assert losses["main"] + losses["penalty"] == pytest.approx(logs["loss"][0], rel=1e-5)
    assert losses["main/price"] == pytest.approx(logs["price_loss"][0], rel=1e-6)
    assert losses["main"] == pytest.approx(2 * losses["main/price"] + 0.5 * losses["main/kind"], rel=1e-4)


def test_a_compute_loss_of_the_models_own_counts_only_what_it_takes():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.penalty = Penalty(name="penalty")
            self.dense = keras.layers.Dense(1)

        def call(self, inputs):
            return self.dense(self.penalty(inputs))

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.square(y_pred - y))

    model = Own()
    model.compile("sgd")
    data = rows(32)
    model(data.x)
    seen, logs = train(model, data, ["losses"])
    assert internals(seen)[0].losses == pytest.approx({"main": logs["loss"][0]}, rel=1e-5)


def test_metrics_of_layers_show_by_path_and_as_of_the_training_part():
    inner = keras.Sequential([keras.Input((3,)), Penalty(name="deep")], name="inner")
    model = sequential(Penalty(name="first"), inner, keras.layers.Dense(1))
    data = rows()
    validation = Arrays(data.x * 100, data.y)

    seen, _ = train(model, data, ["metrics"], epochs=2, validation=validation)

    largest = np.mean([part.max() for part in batches(data, 16)])
    expected = {"first/largest": largest, "inner/deep/largest": largest + 1}
    assert [event.metrics for event in internals(seen)] == [pytest.approx(expected, rel=1e-5)] * 2


@pytest.mark.parametrize("engine", ENGINES)
def test_gradients_and_updates_of_one_batch_are_those_of_a_tape(engine):
    data = rows(16)
    model = sequential(
        keras.layers.Dense(4, activation="tanh", name="hidden"),
        keras.layers.Dense(1, name="out"),
        optimizer=keras.optimizers.SGD(0.1),
    )
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(data.x) - data.y) ** 2)
    weights = model.trainable_weights
    gradients = [g.numpy() for g in tape.gradient(loss, [weight.value for weight in weights])]
    before = model.get_weights()

    seen, _ = train(model, data, ["gradients", "updates"], engine=engine)

    def norm(arrays):
        return np.sqrt(sum(np.sum(array**2) for array in arrays))

    by_hand = {"global": norm(gradients), "hidden": norm(gradients[:2]), "out": norm(gradients[2:])}
    moved = [after - old for after, old in zip(model.get_weights(), before, strict=True)]
    (event,) = internals(seen)
    assert event.gradients == pytest.approx(by_hand, rel=1e-4)
    assert event.updates == pytest.approx(
        {"hidden": norm(moved[:2]) / norm(before[:2]), "out": norm(moved[2:]) / norm(before[2:])}, rel=1e-4
    )


@pytest.mark.parametrize("steps", [3, 32])
@pytest.mark.parametrize("engine", ["plain", "chunk-xla"])
def test_updates_are_the_mean_over_the_sampled_steps(engine, steps):
    """With the prediction itself as the loss, the gradient is the same at every step."""
    model = sequential(
        keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="dense"),
        optimizer=keras.optimizers.SGD(0.01),
        loss=lambda y, prediction: prediction,
    )
    data = Arrays(np.ones((steps * 2, 3), "float32"), np.ones((steps * 2, 1), "float32"))

    seen, _ = train(model, data, ["gradients", "updates"], batch_size=2, epochs=2, engine=engine)

    every = max(1, steps // 8)
    for epoch, event in enumerate(internals(seen)):
        norms = np.sqrt(3) * (1 - 0.01 * (epoch * steps + np.arange(0, steps, every)))
        assert event.gradients == pytest.approx({"global": np.sqrt(3), "dense": np.sqrt(3)}, rel=1e-5)
        assert event.updates == pytest.approx({"dense": np.mean(0.01 * np.sqrt(3) / norms)}, rel=1e-3)


def test_a_large_weight_is_measured_by_a_part_of_it():
    model = sequential(
        keras.layers.Dense(300, name="wide"),
        keras.layers.Dense(1),
        width=400,
        optimizer=keras.optimizers.SGD(0.1),
    )
    data = rows(32, 400)
    before = model.get_layer("wide").get_weights()
    seen, _ = train(model, data, ["updates"], batch_size=32)
    after = model.get_layer("wide").get_weights()
    moved = np.sqrt(sum(np.sum((new - old) ** 2) for new, old in zip(after, before, strict=True)))
    expected = moved / np.sqrt(np.sum(before[0] ** 2))
    assert internals(seen)[0].updates["wide"] == pytest.approx(expected, rel=0.03)


def test_gradients_of_an_embedding_count_each_row_once():
    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Embedding(5, 3, name="table"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    data = Arrays(np.array([[0, 0], [0, 1]]), np.ones((2, 1), "float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(data.x) - data.y) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.get_layer("table").embeddings.value))
    seen, _ = train(model, data, ["gradients"])
    assert internals(seen)[0].gradients["table"] == pytest.approx(float(tf.norm(gradient)), rel=1e-4)


def test_gradients_are_shown_without_the_scale_of_the_loss():
    data = rows(32)
    found = {}
    for policy in ("float32", "mixed_float16"):
        keras.utils.set_random_seed(3)
        inputs = keras.Input((3,))
        hidden = keras.layers.Dense(4, activation="relu", dtype=policy, name="hidden")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(1, dtype="float32", name="out")(hidden))
        optimizer = keras.optimizers.SGD(0.0)
        if policy == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=1024.0)
            optimizer.build(model.trainable_weights)
        model.compile(optimizer, "mse")
        seen, _ = train(model, data, batch_size=32)
        (event,) = internals(seen)
        found[policy] = event.gradients
        assert not event.nan
    assert found["mixed_float16"] == pytest.approx(found["float32"], rel=2e-2)


@pytest.mark.parametrize("engine", ENGINES)
def test_dead_is_the_share_of_units_that_were_zero_in_every_batch(engine):
    """Of four units two never fire, and one fires for a single row of the last batch only."""
    hidden = keras.layers.Dense(4, activation="relu", name="hidden")
    model = sequential(
        hidden, keras.layers.Dense(2, name="linear"), keras.layers.ReLU(name="cut"), keras.layers.Dense(1)
    )
    data = rows(70)
    data.x[:, 0] = 0.0
    data.x[-1, 0] = 5.0
    kernel = np.zeros((3, 4), "float32")
    kernel[0, 1] = 1.0
    hidden.set_weights([kernel, np.array([1.0, -1.0, -1.0, -1.0], "float32")])
    model.get_layer("linear").set_weights([np.zeros((4, 2), "float32"), np.array([1.0, -1.0], "float32")])
    seen, _ = train(model, data, ["dead"], epochs=2, engine=engine)
    assert [event.dead for event in internals(seen)] == [{"hidden": 0.5, "cut": 0.5}] * 2


def test_a_unit_of_a_shared_layer_lives_if_it_fires_in_any_call():
    keras.utils.set_random_seed(0)
    shared = keras.layers.Dense(3, activation="relu", name="shared")
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(shared(shared(inputs))))
    model.compile(keras.optimizers.SGD(0.0), "mse")
    # The first call fires units 0 and 1; of the second, unit 2 only.
    kernel = np.array([[-9, -9, 1], [-9, -9, 1], [0, 0, 0]], "float32")
    shared.set_weights([kernel, np.array([1, 1, -1], "float32")])
    data = Arrays(np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32"))
    seen, _ = train(model, data, ["dead"])
    assert internals(seen)[0].dead == {"shared": 0.0}


def test_histograms_count_every_weight():
    model = sequential(keras.layers.Dense(20, name="dense"), keras.layers.BatchNormalization(name="norm"))
    seen, _ = train(model, Arrays(rows(20).x, np.zeros((20, 20), "float32")), ["histograms"])
    histograms = internals(seen)[0].histograms
    assert {path: sum(histogram["counts"]) for path, histogram in histograms.items()} == {
        "dense/kernel": 60, "dense/bias": 20,
        "norm/gamma": 20, "norm/beta": 20, "norm/moving_mean": 20, "norm/moving_variance": 20,
    }  # fmt: skip
    for histogram in histograms.values():
        assert len(histogram["edges"]) == len(histogram["counts"]) + 1
        assert np.all(np.diff(histogram["edges"]) > 0)
    kernel = model.get_layer("dense").get_weights()[0]
    assert histograms["dense/kernel"]["edges"][0] == pytest.approx(kernel.min())


def test_histograms_leave_very_short_epochs_out_but_never_the_last():
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 50

    model = sequential(*[keras.layers.Dense(8) for _ in range(8)], keras.layers.Dense(1))
    for callbacks, epochs in (([], 60), ([Stop()], 51)):
        seen, _ = train(model, rows(20), ["histograms"], epochs=60, callbacks=callbacks)
        shown = [event.epoch for event in internals(seen) if event.histograms]
        assert (shown[0], shown[-1]) == (1, epochs)
        assert len(shown) < epochs
    output = model.layers[-1]
    found = internals(seen)[-1].histograms[f"{output.name}/kernel"]
    assert found["edges"][-1] == pytest.approx(output.get_weights()[0].max())


@pytest.mark.parametrize("step", [22, 23])  # a sampled one, and one whose loss shows it
@pytest.mark.parametrize("engine", ENGINES)
def test_nan_names_the_first_layer_and_the_step(engine, step):
    model = sequential(
        keras.layers.Rescaling(1.0, name="fine"), Log(name="log"), keras.layers.Dense(1, name="after")
    )
    data = rows(400)
    data.x[:] = np.abs(data.x) + 1.0
    data.x[16 * (step - 1)] = -1.0
    seen, _ = train(model, data, ["nan"], epochs=2, engine=engine)
    assert [event.nan for event in internals(seen)] == [{"what": "output", "layer": "log", "step": step}, {}]
    (text,) = texts(seen)
    assert f"the output of 'log' is nan or infinite (found in epoch 1, step {step})" in text


def test_nan_tells_bad_data_from_bad_layers():
    data = rows(32)
    data.x[20, 1] = np.nan
    seen, _ = train(sequential(keras.layers.Dense(1)), data, ["nan"])
    assert internals(seen)[0].nan == {"what": "input", "layer": "", "step": 2}
    data = rows(32)
    data.y[20] = np.inf
    seen, _ = train(sequential(keras.layers.Dense(1)), data, ["nan"])
    assert internals(seen)[0].nan == {"what": "target", "layer": "", "step": 2}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (12 * 16, {"what": "gradient", "layer": "below", "step": 13}),  # a sampled step
        (
            10 * 16,
            {"what": "weights", "layer": "below", "step": 12},
        ),  # seen at the next, whose outputs are all nan
    ],
)
def test_nan_finds_the_layer_whose_gradient_was_infinite(row, expected):
    """The square root of 0 is 0, its slope infinite: only the gradient shows it."""
    below = keras.layers.Dense(1, name="below", kernel_initializer="ones", use_bias=False)
    model = sequential(
        below, SquareRoot(), keras.layers.Dense(1, name="above"), optimizer=keras.optimizers.SGD(1e-9)
    )
    data = rows(400)
    data.x[:] = np.abs(data.x) + 1.0
    data.x[row] = 0.0
    seen, _ = train(model, data, ["nan"])
    assert internals(seen)[0].nan == expected


def test_nothing_watched_leaves_the_step_alone():
    model = sequential(keras.layers.Dense(1))
    step = model.train_step
    assert Monitors(model, ["none"]).wrap_step(step) is step
    assert Monitors(model, []).wrap_step(step) is step
    seen, _ = train(model, rows(), ["none"])
    assert seen == []


def test_an_event_of_everything_is_one_line_of_json():
    model = sequential(Penalty(name="penalty"), keras.layers.Dense(1, activation="relu", name="dense"))
    seen, _ = train(model, rows())
    (event,) = internals(seen)
    back = events.from_json(events.to_json(event, "run"))
    assert back is not None
    assert back[0] == event
    assert all([event.losses, event.metrics, event.gradients, event.updates, event.dead, event.histograms])
