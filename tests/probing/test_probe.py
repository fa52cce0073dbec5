"""What `kwb probe` says of layers, compared with Keras by hand: a tape, and the layers called one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from workbench.probing.layer_capture import capture
from workbench.probing.pictures import WIDEST, picture
from workbench.probing.probe import probe
from workbench.probing.probe_report import Probe
from workbench.probing.subject import ProbeSubject
from workbench.tui.views.probe_text import probe_lines

ROWS = 8


@pytest.fixture(params=["float32", "mixed_float16", "mixed_bfloat16"])
def policy(request: pytest.FixtureRequest):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    keras.utils.set_random_seed(4)
    yield request.param
    keras.config.set_dtype_policy(before)


@keras.saving.register_keras_serializable("probe_tests")
class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Dense(6, activation="tanh")
        self.second = layers.Dense(6)

    def call(self, x):
        return x + self.second(self.first(x))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.out = layers.Dense(1, dtype="float32")

    def call(self, x):
        return self.out(self.block(self.block(x)))


# Of each form: the model, and the same by hand, as the tensors by the name of the use.
ByHand = Callable[[Any], dict[str, Any]]


def stack() -> tuple[keras.Model, ByHand]:
    model = keras.Sequential(
        [layers.Dense(5, activation="relu", name="a"), layers.Dense(1, dtype="float32", name="b")]
    )

    def by_hand(x: Any) -> dict[str, Any]:
        found = {"a": model.get_layer("a")(x)}
        return found | {"b": model.get_layer("b")(found["a"])}

    return model, by_hand


def graph() -> tuple[keras.Model, ByHand]:
    given = keras.Input((6,))
    left = layers.Dense(4, activation="sigmoid", name="left")(given)
    right = layers.Dense(4, name="right")(given)
    joined = layers.Multiply(name="joined")([left, right])
    model = keras.Model(given, layers.Dense(1, dtype="float32", name="out")(joined))

    def by_hand(x: Any) -> dict[str, Any]:
        found = {"left": model.get_layer("left")(x), "right": model.get_layer("right")(x)}
        found["joined"] = model.get_layer("joined")([found["left"], found["right"]])
        return found | {"out": model.get_layer("out")(found["joined"])}

    return model, by_hand


def nested() -> tuple[keras.Model, ByHand]:
    inner = keras.Sequential(
        [keras.Input((6,)), layers.Dense(5, activation="tanh", name="deep")], name="inner"
    )
    given = keras.Input((6,))
    model = keras.Model(given, layers.Dense(1, dtype="float32", name="out")(inner(given)))

    def by_hand(x: Any) -> dict[str, Any]:
        deep = inner.get_layer("deep")(x)
        return {"inner/deep": deep, "inner": deep, "out": model.get_layer("out")(deep)}

    return model, by_hand


def shared() -> tuple[keras.Model, ByHand]:
    twice = layers.Dense(6, activation="tanh", name="twice")
    given = keras.Input((6,))
    model = keras.Model(given, layers.Dense(1, dtype="float32", name="out")(twice(twice(given))))

    def by_hand(x: Any) -> dict[str, Any]:
        first = twice(x)
        second = twice(first)
        return {"twice": first, "twice#2": second, "out": model.get_layer("out")(second)}

    return model, by_hand


def subclassed() -> tuple[keras.Model, ByHand]:
    model = Subclassed()

    def by_hand(x: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for suffix in ("", "#2"):
            found[f"block/first{suffix}"] = model.block.first(x)
            found[f"block/second{suffix}"] = model.block.second(found[f"block/first{suffix}"])
            x = found[f"block{suffix}"] = x + found[f"block/second{suffix}"]
        return found | {"out": model.out(x)}

    return model, by_hand


def same(left: Any, right: Any) -> bool:
    one, other = np.asarray(left).astype(np.float64), np.asarray(right).astype(np.float64)
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("made", [stack, graph, nested, shared, subclassed])
def test_outputs_and_gradients_are_those_of_keras_by_hand(made: Callable[[], Any], policy: str) -> None:
    model, by_hand = made()
    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(ROWS, 6)), tf.float32)
    y = tf.constant(rng.normal(size=(ROWS, 1)), tf.float32)
    model.compile("sgd", "mse")
    model(x)
    # Where a layer casts what it gets, so does the call by hand; a block of ours adds what it was given.
    given = tf.cast(x, model.compute_dtype) if made is subclassed else x
    with tf.GradientTape() as tape:
        tensors = by_hand(given)
        loss = tf.reduce_mean((y - tensors["out" if "out" in tensors else "b"]) ** 2)
        # In float16 a training computes the gradient of a larger loss, to lose no small numbers.
        scaled = model.optimizer.scale_loss(loss)
    scale = float(scaled / loss)
    weights = [each.value for each in model.trainable_weights]
    gradients = tape.gradient(scaled, (list(tensors.values()), weights))
    of_tensors, of_weights = tf.nest.map_structure(lambda each: tf.cast(each, tf.float32) / scale, gradients)
    before = [each.numpy() for each in weights]

    captured = capture(model, model.train_step, (x, y))

    uses = {use.path: use for use in captured.uses}
    assert set(tensors) <= set(uses)
    for (name, tensor), gradient in zip(tensors.items(), of_tensors, strict=True):
        (output,) = uses[name].outputs.values()
        assert same(output, tensor), name
        assert same(captured.gradient(output), gradient), name
    for value, kept in zip(before, captured.weights.values(), strict=True):
        assert same(kept, value)
    assert len(captured.weight_gradients) == len(weights)
    for gradient, kept in zip(of_weights, captured.weight_gradients.values(), strict=True):
        assert same(kept, gradient)
    assert same(captured.logs["loss"], loss)


def subject(model: keras.Model, x: Any, y: Any) -> ProbeSubject:
    model(x)
    return ProbeSubject(
        "a model", model, (tf.constant(x), tf.constant(y)), len(x), "new weights", 10, 0, len(x)
    )


def test_masks_zeros_flat_ends_and_parameters() -> None:
    model = keras.Sequential(
        [
            layers.Embedding(5, 3, mask_zero=True, name="words"),
            layers.LSTM(4, name="lstm"),
            layers.Dense(6, activation="relu", name="relu"),
            layers.Dense(2, activation="sigmoid", name="sigmoid"),
        ]
    )
    model.compile("adam", "mse")
    x = np.array([[1, 2, 0, 0], [3, 0, 0, 0]])
    found = probe(subject(model, x, np.zeros((2, 2), "float32")))
    lines = {line.path: line for line in found.lines if "cell" not in line.path}
    assert lines["words"].kept == 3 / 8
    assert lines["words"].output.shape == (2, 4, 3)
    relu = np.asarray(keras.ops.convert_to_numpy(keras.Sequential(model.layers[:3])(x)))
    assert lines["relu"].kept is None
    assert lines["words"].parameters == 15
    assert lines["sigmoid"].saturated == 0
    assert lines["relu"].saturated is None
    assert relu.shape == lines["relu"].output.shape


def test_the_tensors_of_a_layer_and_a_name_that_is_wrong() -> None:
    model = keras.Sequential([layers.Dense(3, name="hidden"), layers.Dense(1, name="out")])
    model.compile("sgd", "mse")
    x, y = np.eye(4, dtype="float32"), np.ones((4, 1), "float32")
    given = subject(model, x, y)
    kernel = model.layers[0].kernel.numpy()
    found = probe(given, "hidden")
    roles = [(each.role, each.name) for each in found.tensors]
    assert roles == [
        ("input", "inputs"), ("gradient", "inputs"), ("output", "output"), ("gradient", "output"),
        ("weight", "kernel"), ("gradient", "kernel"), ("weight", "bias"), ("gradient", "bias"),
    ]  # fmt: skip
    by = dict(zip(roles, found.tensors, strict=True))
    weight = by["weight", "kernel"]
    assert weight.summary.maximum == pytest.approx(kernel.max())
    assert weight.summary.deviation == pytest.approx(kernel.std())
    assert weight.picture == pytest.approx(kernel)
    assert sum(weight.histogram.counts) == kernel.size
    assert np.array_equal(weight.histogram.counts, np.histogram(kernel, 32)[0])
    assert by["input", "inputs"].summary.zeros == 0.75
    with pytest.raises(Exception, match="there is no layer 'hiden'") as raised:
        probe(given, "hiden")
    assert "Did you mean 'hidden'?" in str(raised.value.hint)


def test_a_model_with_a_step_of_its_own_and_two_tapes(catalog) -> None:
    from workbench.probing.subject import of_recipe
    from workbench.recipe.lookup import open_recipe

    found = probe(of_recipe(open_recipe("gan", catalog), catalog, (0, 4)))
    assert any(line.gradient for line in found.lines)
    assert any(line.weight_gradient for line in found.lines)


def test_what_layers_cost() -> None:
    model = keras.Sequential(
        [
            layers.Dense(64, name="twice"),
            layers.Dense(64, activation="tanh", name="one"),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    found = probe(
        subject(model, rng.normal(size=(256, 32)).astype("float32"), np.ones((256, 1), "float32")),
        with_cost=True,
    )
    assert found.cost is not None
    by = {each.path: each for each in found.cost.layers}
    assert list(by)[:3] == ["twice", "one", "out"]
    # A multiplication and an addition for each weight and row, and the bias.
    products = 2 * 256 * 32 * 64
    assert products <= by["twice"].forward_operations <= 1.05 * products
    assert by["one"].backward_operations >= 2 * 2 * 256 * 64 * 64
    assert by["one"].parameters == 64 * 64 + 64
    assert all(each.forward >= 0 and each.backward >= 0 for each in found.cost.layers)
    assert found.cost.seconds > 0
    assert found.memory is not None
    assert found.memory.parameters >= 4 * model.count_params()


def test_pictures() -> None:
    assert picture(np.arange(3.0)) == ((0, 1, 2),)
    assert len(picture(np.zeros((500, 700)))) == WIDEST
    assert picture(np.repeat([1.0, 3.0], 64)[None]) == ((1.0,) * 32 + (3.0,) * 32,)
    tiles = np.array(picture(np.stack([np.zeros((2, 2)), np.ones((2, 2))], axis=-1)))
    assert tiles.shape == (2, 5)
    assert np.isnan(tiles[:, 2]).all()


RECIPE = """\
kwb: 1
name: probed
seed: 1
data: {use: diabetes, split: {validation: 0.2, test: 0.1}, scale: standard}
model: {sequential: [{use: Dense, units: 4, activation: tanh}, {use: Dense, units: 1}]}
train: {epochs: 2, batch_size: 16, loss: mse, checkpoint_seconds: 0}
save: [probed.keras, probed.h5, probed.weights.h5]
"""


def test_of_a_recipe_a_run_and_a_file(tmp_path: Path, kwb) -> None:
    (tmp_path / "probed.yaml").write_text(RECIPE)
    assert kwb("--batch", "probed.yaml", cwd=tmp_path).returncode in (0, 1)
    found = {}
    for what in ("probed.yaml", "probed", "probed.keras", "probed.h5"):
        done = kwb("probe", what, "--rows", "3:11", "--layer", "dense", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found[what] = json.loads(done.stdout)
        assert found[what]["rows"] == 8
    saved = keras.models.load_model(tmp_path / "probed.keras")
    kernel = saved.layers[0].kernel.numpy()
    for what in ("probed", "probed.keras", "probed.h5"):
        weight = next(each for each in found[what]["tensors"] if each["role"] == "weight")
        assert weight["picture"] == pytest.approx(kernel, abs=1e-6)
    assert found["probed.yaml"]["began"] == "new weights"
    assert found["probed"]["began"] == "the weights of epoch 2"
    loose = kwb(
        "probe", "probed.weights.h5", "--recipe", "probed.yaml", "--data", "diabetes", "--json", cwd=tmp_path
    )
    assert loose.returncode == 0, loose.stderr
    text = kwb("probe", "probed.yaml", cwd=tmp_path).stdout
    assert "dense    Dense  (16, 4)" in text
    assert "Training needs about" in text
    wrong = kwb("probe", "probed.yaml", "--rows", "900:910", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "there are no rows 900:910" in wrong.stderr
    assert kwb("probe", "probed.yaml", "--rows", "8", cwd=tmp_path).returncode == 2
    assert kwb("probe", "nothing", cwd=tmp_path).returncode == 2


class Penalised(keras.Model):
    """A gradient penalty: a tape inside of a tape; and the outer one is asked twice."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(3, activation="tanh")
        self.out = layers.Dense(1)

    def call(self, x):
        return self.out(self.hidden(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            with tf.GradientTape() as inner:
                inner.watch(x)
                predicted = self(x, training=True)
            slope = inner.gradient(predicted, x)
            loss = tf.reduce_mean((predicted - y) ** 2) + tf.reduce_mean(slope**2)
        first = tape.gradient(loss, self.hidden.trainable_variables)
        second = tape.gradient(loss, self.out.trainable_variables)
        del tape
        self.optimizer.apply([*first, *second], self.trainable_variables)
        return {"loss": loss}


class Jacobians(Penalised):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            with tf.GradientTape() as inner:
                inner.watch(x)
                predicted = self(x, training=True)
            jacobian = inner.batch_jacobian(predicted, x)
            loss = tf.reduce_mean((predicted - y) ** 2) + tf.reduce_mean(jacobian**2)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss}


@pytest.mark.parametrize("made", [Penalised, Jacobians])
def test_tapes_in_tapes_and_one_that_is_asked_twice(made: type[keras.Model]) -> None:
    keras.utils.set_random_seed(5)
    model = made()
    x = tf.constant(np.random.default_rng(2).normal(size=(ROWS, 4)), tf.float32)
    y = tf.ones((ROWS, 1))
    model.compile("sgd", "mse")
    model(x)
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(x)
            hidden = model.hidden(x)
            predicted = model.out(hidden)
        slope = inner.gradient(predicted, x)
        loss = tf.reduce_mean((predicted - y) ** 2) + tf.reduce_mean(slope**2)
    right = tape.gradient(loss, [hidden, predicted, model.hidden.kernel.value])
    captured = capture(model, model.train_step, (x, y))
    uses = {use.path: use for use in captured.uses}
    assert same(captured.gradient(uses["hidden"].outputs["output"]), right[0])
    assert same(captured.gradient(uses["out"].outputs["output"]), right[1])
    assert same(captured.weight_gradients["hidden/kernel"], right[2])


def test_a_recurrent_layer_has_lines_for_some_of_its_steps_only() -> None:
    model = keras.Sequential([layers.LSTM(3, name="lstm"), layers.Dense(1, name="out")])
    model.compile("sgd", "mse")
    found = probe(subject(model, np.ones((2, 50, 2), "float32"), np.ones((2, 1), "float32")))
    cells = [line for line in found.lines if line.path.startswith("lstm/cell")]
    assert len(cells) == 4
    assert cells[0].calls >= 50
    assert any(" … 5" in line for line in probe_lines(found))


def test_numbers_that_are_not_finite_go_through_json() -> None:
    model = keras.Sequential(
        [layers.Reshape((4, 4, 2)), layers.Conv2D(3, 2, name="conv"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x = np.ones((2, 32), "float32")
    x[0, 0] = np.inf
    found = probe(subject(model, x, np.ones((2, 1), "float32")), "conv")
    text = json.dumps(found.as_record(), allow_nan=False)
    again = Probe.from_record(json.loads(text))
    assert probe_lines(again) == probe_lines(found)
    assert np.isnan(again.loss)
    assert any(
        "not finite" in line for line in probe_lines(Probe.from_record({**json.loads(text), "layer": ""}))
    )


def test_the_gradient_of_a_softmax_is_that_of_its_logits() -> None:
    """Keras' cross-entropy goes by the logits, so the loss does not depend on the output itself."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([layers.Dense(3, activation="softmax", name="out")])
    x, y = np.random.default_rng(0).normal(size=(ROWS, 4)).astype("float32"), np.arange(ROWS) % 3
    model.compile("sgd", "sparse_categorical_crossentropy")
    given = subject(model, x, y)
    shares = model(x).numpy()
    right = (shares - np.eye(3)[y]) / ROWS
    found = probe(given, "out")
    assert found.lines[0].gradient == pytest.approx(np.linalg.norm(right), rel=1e-5)
    by = {(each.role, each.name): each for each in found.tensors}
    assert by["gradient", "the logits of output"].summary.maximum == pytest.approx(right.max(), rel=1e-4)
