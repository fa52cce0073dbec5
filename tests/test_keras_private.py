"""What is relied on of the private parts of Keras and TensorFlow, and that no other module relies on any."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import workbench
from workbench import keras_private, tensorflow_private

ROOT = Path(workbench.__file__).parent
PRIVATE = {Path(each.__file__) for each in (keras_private, tensorflow_private)}


class Inner(keras.layers.Layer):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)
        self.held = {"a": [1]}
        self.parts = [keras.layers.Dense(units)]
        self.seen = keras.metrics.Mean(name="seen")

    def build(self, shape):
        self.own = self.add_weight(name="own", shape=(2,))
        self.still = self.add_weight(name="still", shape=(2,), trainable=False)
        self.dense.build(shape)
        self.parts[0].build(shape)

    def call(self, x):
        return self.parts[0](self.dense(x)) * self.own


def model(**compiled) -> keras.Model:
    made = keras.Sequential([keras.Input((2,)), Inner(name="inner"), keras.layers.Dense(1, name="last")])
    made.compile(**{"optimizer": "sgd", "loss": "mse", "metrics": ["mae"]} | compiled)
    return made


def test_layers() -> None:
    made = model()
    inner = made.layers[0]
    assert keras_private.children(inner) == [inner.dense, inner.parts[0]]
    assert set(map(id, keras_private.all_layers(made))) >= {id(made), id(inner), id(inner.dense)}
    assert keras_private.own_metrics(inner) == [inner.seen]
    own = keras_private.own_variables(inner)
    assert [v.name for v in own] == ["own", "still"]
    assert [v.name for v in keras_private.own_trainable_variables(inner)] == ["own"]
    assert isinstance(keras_private.backend_value(own[0]), tf.Variable)
    assert keras_private.made_with(Inner(5))["units"] == 5
    assert isinstance(inner.held, keras_private.TrackedDict)
    assert isinstance(inner.parts, keras_private.TrackedList)
    assert keras_private.finds_shape_by_calling(inner)
    assert not keras_private.finds_shape_by_calling(keras.layers.Dense(1))


def test_graphs() -> None:
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    outer = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="relu", name="act")])
    graph = keras.Model({"left": left, "right": right}, outer(left + right))
    assert set(keras_private.input_form(graph)) == {"left", "right"}
    assert keras_private.origin_of_tensor(graph.outputs[0]).name == "act"
    given = keras.layers.Masking()(np.zeros((1, 3, 2), "float32"))
    same = tf.identity(given)
    keras_private.hand_on_mask(given, same)
    assert keras.layers.LSTM(1).supports_masking
    assert np.array_equal(same._keras_mask, [[False] * 3])
    assert keras_private.has_mask(same)
    assert np.array_equal(keras_private.mask_of(same), [[False] * 3])
    assert keras_private.mask_of(tf.constant(1)) is None
    texts = keras.layers.TextVectorization()
    assert keras_private.lookup_layer(texts).output_mode == "int"
    assert keras_private.lookup_layer(texts) is not texts


def test_compiling_and_training() -> None:
    assert keras_private.compiled_with(keras.Sequential()) is None
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), use_ema=True)
    made = model(optimizer=optimizer)
    assert keras_private.compiled_with(made)["metrics"] == ["mae"]
    x = np.ones((4, 2), "float32")
    seen: list[object] = []

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(vars(self).keys() >= {"_model", "params"})

    made.fit(x, x[:, :1], verbose=0, callbacks=[Stop()])
    assert seen == [True]
    assert keras_private.compiled_metrics(made) in made.metrics
    assert keras_private.STATE_OF_COMPILE & vars(made).keys() >= {"_compile_config", "train_function"}
    assert isinstance(
        keras_private.learning_rate_of(optimizer), keras.optimizers.schedules.LearningRateSchedule
    )
    pairs = list(keras_private.averages_of(optimizer))
    assert [weight.shape for weight, _ in pairs] == [weight.shape for weight in made.trainable_weights]
    assert all(weight is not average for weight, average in pairs)
    assert keras_private.has_direction(keras.metrics.MeanSquaredError())
    assert not keras_private.has_direction(keras.metrics.Mean())
    assert keras_private.direction_of(keras.metrics.MeanSquaredError()) == "down"
    assert keras_private.direction_of(keras.metrics.AUC()) == "up"
    assert keras_private.direction_of(keras.metrics.Mean()) == ""
    board = keras.callbacks.TensorBoard(profile_batch=0)
    assert "_should_trace" in vars(board)
    assert not keras_private.is_profiling(board)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    noted: list[int] = []
    keras_private.before_averages_are_final(swap, lambda: noted.append(1))
    made.fit(x, x[:, :1], verbose=0, callbacks=[swap])
    assert noted == [1]
    assert keras_private.pythonify_logs({"loss": np.float32(2.0)}) == {"loss": 2.0}
    keras.utils.set_random_seed(3)
    keras.random.normal((1,))  # there is a generator now
    with keras_private.kept_generators():
        drawn = np.array(keras.random.normal((1,)))
        tf.random.set_seed(5)
    assert np.array_equal(keras.random.normal((1,)), drawn)
    assert tensorflow_private.eager_seed() == 3
    keras.utils.set_random_seed(7)
    assert tensorflow_private.eager_seed() == 7
    before = np.array(keras_private.global_seed())
    keras.random.normal((1,))
    assert not np.array_equal(before, np.array(keras_private.global_seed()))


def test_operations_are_seen_and_measured(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []
    inside: list[str] = []

    @contextmanager
    def of_gradient(kind, inputs, outputs):
        inside.append(kind)
        yield
        inside.pop()

    def note(kind, inputs, outputs):
        seen.append((kind, "Square" in inside))

    x = tf.constant([2.0, 3.0])
    with tensorflow_private.around_operations(note, of_gradient), tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.square(x)
        gradient = tape.gradient(y, x)
    assert np.array_equal(gradient, [4, 6])
    assert ("Square", False) in seen
    assert ("Mul", True) in seen
    seen.clear()
    with tf.GradientTape() as tape:
        tape.watch(x)
        tape.gradient(tf.square(x), x)
    assert seen == []  # nothing is left behind

    function = tf.function(lambda a: tf.matmul(a, a, name="product"))
    a = tf.random.normal((512, 512))
    function(a)
    tf.profiler.experimental.start(str(tmp_path), tf.profiler.experimental.ProfilerOptions(2, 0, 0))
    function(a)
    tf.profiler.experimental.stop()
    times = tensorflow_private.operation_times(str(tmp_path))
    assert 0 < times["product"] < 10


def test_validation_goes_over_the_same_iterator() -> None:
    made = model()
    x = np.ones((4, 2), "float32")
    endless = tf.data.Dataset.from_tensors((x, 3 * x[:, :1])).repeat()

    class Begin(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            keras_private.validate_on(made, endless, 2)

    given = {"epochs": 2, "verbose": 0, "validation_data": (x, x[:, :1]), "callbacks": [Begin()]}
    history = made.fit(x, x[:, :1], **given).history
    last = float(np.mean((made.predict(x, verbose=0) - 3) ** 2))
    assert abs(history["val_loss"][-1] - last) < 1e-5


def test_what_parts_of_a_model_share_is_numbered() -> None:
    keras.saving.register_keras_serializable("private")(Inner)
    assert keras_private.REGISTERED_NAMES[Inner] == "private>Inner"
    shared = keras.layers.Dense(2, name="shared")
    given = keras.Input((2,))
    graph = keras.Model(given, shared(shared(given)))
    policy = keras.DTypePolicy("float32")
    with keras_private.numbered_objects():
        found = keras.saving.serialize_keras_object({"a": graph, "b": policy})
    ids = [value for key, value in walk(found) if key == "shared_object_id"]
    assert all(number < 1000 for number in ids)


def walk(value):
    if isinstance(value, dict):
        yield from value.items()
        for item in value.values():
            yield from walk(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from walk(item)


def test_no_other_module_uses_what_is_private() -> None:
    """Attributes of other objects that begin with `_`; the own ones of a module's classes are its own."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        if path in PRIVATE or "tui" in path.relative_to(ROOT).parts:
            continue
        tree = ast.parse(path.read_text())
        own = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls"):
                own.add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own.add(node.name)
            elif isinstance(node, ast.AnnAssign):
                own.add(ast.unparse(node.target))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in (
                "self",
                "cls",
                "os",
                "atexit",
            ):
                names = [node.attr]
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr", "setattr"):
                names = [each.value for each in node.args[1:2] if isinstance(each, ast.Constant)]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("keras.src", "tensorflow.python")
            ):
                names = ["_import"]
            for name in names:
                if name.startswith("_") and not name.startswith("__") and name not in (own | {"_fields"}):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}")
    assert found == []


def test_calls_of_layers_have_a_function_around_them() -> None:
    seen: list[str] = []

    def wrap(original):
        def call(layer, *args, **kwargs):
            seen.append(layer.name)
            return original(layer, *args, **kwargs)

        return call

    made = model()
    with keras_private.around_calls(wrap):
        made(np.zeros((1, 2), "float32"))
    made(np.zeros((1, 2), "float32"))
    assert seen[0] == made.name
    assert seen.count("inner") == seen.count("last") == 1, "also of layers inside, and only within the block"


def test_a_function_is_called_with_others_in_place_of_its_variables() -> None:
    own, table = tf.Variable([1.0, 2.0]), tf.constant([10.0, 20.0])
    counted = tf.Variable(0, dtype="int64")

    @tf.function(autograph=False)
    def step(times):
        counted.assign_add(1)
        own.assign(own * times + table)
        return own.value()

    function = step.get_concrete_function(tf.TensorSpec([]))
    tensorflow_private.call_with_others(function, [tf.constant(3.0)])
    assert (own.numpy().tolist(), int(counted)) == ([1.0, 2.0], 0)
    assert function(tf.constant(3.0)).numpy().tolist() == [13.0, 26.0]
    assert int(counted) == 1


def test_the_graph_of_a_loop() -> None:
    @tf.function
    def doubled(x):
        return tf.while_loop(lambda n, x: n < 3, lambda n, x: (n + 1, tf.matmul(x, x)), [0, x])[1]

    graph = doubled.get_concrete_function(tf.eye(2)).graph
    (loop,) = [each for each in graph.get_operations() if each.type in ("While", "StatelessWhile")]
    body = tensorflow_private.function_graph(graph, loop.get_attr("body").name)
    assert [each.type for each in body.get_operations() if "Mat" in each.type] == ["MatMul"]
