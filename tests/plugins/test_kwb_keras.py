"""kwb_keras: the list agrees with the installed Keras, and every example in it works."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from kwb_keras import choices, generate
from kwb_keras.plugin import ENTRIES
from workbench.catalog import Entry, Kind
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog, recipe_file
from workbench.catalog.resolve import resolve
from workbench.recipe.document import read

CATALOG = Catalog(discover())
OWN = [entry for entry in CATALOG.entries if entry.plugin == "kwb_keras"]
FILE = json.loads(ENTRIES.read_text(encoding="utf-8"))
LAYER_ROWS = FILE["entries"]["layers"]
BATCH = 2


def of(kind: Kind) -> Any:
    entries = [entry for entry in OWN if entry.kind is kind]
    return pytest.mark.parametrize("entry", entries, ids=[entry.name for entry in entries])


def make(entry: Entry, arguments: Mapping[str, Any] | None = None) -> Any:
    """An instance of the entry with its example. Arguments may hold entries, as in a recipe."""
    arguments = entry.example if arguments is None else arguments
    values = {
        key: make(CATALOG.find(Kind.LAYER, value["use"]), {k: v for k, v in value.items() if k != "use"})
        if isinstance(value, Mapping)
        else value
        for key, value in arguments.items()
    }
    return resolve(entry)(**values)


# The list


recorded_keras = pytest.mark.skipif(
    FILE["keras"] != keras.__version__,
    reason=f"entries.json was made from Keras {FILE['keras']}, this is {keras.__version__}",
)


@recorded_keras
def test_the_list_is_what_the_recorded_keras_gives():
    assert ENTRIES.read_text(encoding="utf-8") == generate.as_json(), "run `python -m kwb_keras.generate`"


@pytest.mark.parametrize(
    "entry", [e for e in OWN if e.kind is not Kind.RECIPE], ids=lambda e: f"{e.kind}-{e.name}"
)
def test_every_target_is_in_the_installed_keras(entry):
    module, _, name = entry.target.partition(":")
    assert module.startswith("keras.")
    assert getattr(importlib.import_module(module), name).__name__ == entry.name
    assert entry.summary.endswith(".")


@recorded_keras
@pytest.mark.parametrize("kind", generate.KINDS)
def test_every_public_class_is_listed_or_left_out_for_a_reason(kind):
    public = set(generate.public_classes(kind))
    listed = {row["name"] for row in FILE["entries"][kind]}
    omitted = choices.OMITTED[kind]
    assert listed | omitted.keys() == public
    assert not listed & omitted.keys()
    assert all(omitted.values())


def test_listing_imports_no_keras_and_reads_the_file_once():
    code = (
        "import sys\n"
        "from workbench.catalog.discovery import discover\n"
        "from kwb_keras import plugin\n"
        "assert len([e for p in discover() for e in p.entries if p.name == 'kwb_keras']) > 200\n"
        "assert plugin._rows.cache_info().misses == 1\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_names_people_write_are_there():
    for kind, names in {
        Kind.LAYER: [
            "Dense",
            "Conv2D",
            "LSTM",
            "Dropout",
            "BatchNormalization",
            "Concatenate",
            "MultiHeadAttention",
        ],
        Kind.LOSS: ["MeanSquaredError", "SparseCategoricalCrossentropy", "Huber"],
        Kind.METRIC: ["MeanAbsoluteError", "AUC", "F1Score"],
        Kind.OPTIMIZER: ["Adam", "SGD", "AdamW", "RMSprop"],
        Kind.SCHEDULE: ["CosineDecay"],
        Kind.CALLBACK: ["EarlyStopping", "ReduceLROnPlateau", "TerminateOnNaN"],
        Kind.INITIALIZER: ["HeNormal"],
        Kind.REGULARIZER: ["L2"],
        Kind.CONSTRAINT: ["MaxNorm"],
    }.items():
        for name in names:
            assert CATALOG.find(kind, name).plugin == "kwb_keras"


@pytest.mark.parametrize(
    ("kind", "word", "name"),
    [
        (Kind.LOSS, "mse", "MeanSquaredError"),
        (Kind.LOSS, "bce", "BinaryCrossentropy"),
        (Kind.LOSS, "kl_divergence", "KLDivergence"),
        (Kind.LOSS, "sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
        (Kind.METRIC, "mae", "MeanAbsoluteError"),
        (Kind.METRIC, "root_mean_squared_error", "RootMeanSquaredError"),
        (Kind.OPTIMIZER, "adam", "Adam"),
        (Kind.INITIALIZER, "he_normal", "HeNormal"),
        (Kind.REGULARIZER, "l2", "L2"),
        (Kind.LAYER, "MaxPool2D", "MaxPooling2D"),
        (Kind.LAYER, "Convolution2D", "Conv2D"),
    ],
)
def test_the_words_keras_takes_are_aliases(kind, word, name):
    entry = CATALOG.find(kind, word)
    assert (entry.name, entry.kind) == (name, kind)


def test_the_word_accuracy_is_left_to_compile():
    assert "accuracy" not in CATALOG.find(Kind.METRIC, "Accuracy").aliases


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("Dense", 1), ("Subtract", 2), ("Dot", 2), ("Concatenate", None), ("Attention", None)],
)
def test_how_many_inputs(name, inputs):
    assert CATALOG.find(Kind.LAYER, name).inputs == inputs


# The examples


def example_tensors(row: Mapping[str, Any]) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    shapes = [(BATCH, *shape) for shape in row["shapes"]]
    if row.get("strings"):
        return [tf.constant(random.choice(["a", "b", "z"], shape)) for shape in shapes]
    if row.get("whole_numbers"):
        return [random.integers(0, 5, shape) for shape in shapes]
    if "image_preprocessing" in row.get("tags", ()):
        return [random.uniform(0, 255, shape).astype("float32") for shape in shapes]
    return [random.normal(size=shape).astype("float32") for shape in shapes]


def call(layer: Any, row: Mapping[str, Any], tensors: list[Any]) -> Any:
    if "cell" in row.get("tags", ()):
        return layer(tensors[0], tensors[1:])
    if row["name"] in ("MultiHeadAttention", "GroupQueryAttention"):
        return layer(*tensors)
    return layer(tensors if len(tensors) > 1 else tensors[0])


@pytest.mark.parametrize("row", LAYER_ROWS, ids=lambda row: row["name"])
def test_every_layers_example_builds_and_runs(row):
    entry = CATALOG.find(Kind.LAYER, row["name"])
    layer = make(entry)
    tensors = example_tensors(row)
    output = call(layer, row, tensors)
    flat = keras.tree.flatten(output)
    assert all(np.isfinite(keras.ops.convert_to_numpy(tensor)).all() for tensor in flat)
    if entry.outputs is not None:
        assert len(flat) == entry.outputs
    if entry.inputs is not None and "cell" not in entry.tags:
        assert len(tensors) == entry.inputs
    assert all(tensor.shape[0] == BATCH for tensor in flat)

    config = keras.saving.serialize_keras_object(layer)
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == layer.get_config()


ONE_INPUT = [row for row in LAYER_ROWS if len(row["shapes"]) == 1]


@pytest.mark.parametrize("row", ONE_INPUT, ids=lambda row: row["name"])
def test_every_one_input_layer_fits_into_a_stack(row):
    dtype = "int64" if row.get("whole_numbers") else "string" if row.get("strings") else "float32"
    model = keras.Sequential(
        [keras.Input(row["shapes"][0], dtype=dtype), make(CATALOG.find(Kind.LAYER, row["name"]))]
    )
    assert model.output_shape[0] is None
    output = model(example_tensors(row)[0])
    assert len(output.shape) == len(model.output_shape)


@of(Kind.LOSS)
def test_losses(entry):
    loss = make(entry)
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss)).get_config()
    if entry.name == "CTC":
        value = loss(np.array([[1, 2, 1]]), np.random.default_rng(0).normal(size=(1, 5, 3)).astype("float32"))
    elif entry.name in ("Circle", "SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy"):
        value = loss(np.array([0, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], "float32"))
    else:
        truth = np.array([[1, 0], [0, 1], [1, 0]], "float32")
        value = loss(truth, np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], "float32"))
    assert np.isfinite(float(value))


@of(Kind.METRIC)
def test_metrics(entry):
    metric = make(entry)
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert twin.get_config() == metric.get_config()
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], "float32")
    if entry.name.startswith("Sparse"):
        metric.update_state(np.array([0, 1, 1]), probabilities)
    elif entry.name in ("IoU", "MeanIoU"):
        metric.update_state(np.array([0, 1, 1]), np.array([0, 1, 0]))
    else:
        metric.update_state(np.array([[1, 0], [0, 1], [0, 1]], "float32"), probabilities)
    assert np.isfinite(np.asarray(metric.result())).all()


@of(Kind.OPTIMIZER)
def test_optimizers_take_a_step(entry):
    optimizer = make(entry)
    variable = keras.Variable(np.ones((3, 2), "float32"))
    optimizer.build([variable])
    optimizer.apply([keras.ops.ones((3, 2))])
    assert (np.asarray(variable) < 1).all()
    assert keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer)).get_config()


@of(Kind.SCHEDULE)
def test_schedules_drive_an_optimizer(entry):
    schedule = make(entry)
    assert float(schedule(0)) > float(schedule(99)) or entry.name == "PiecewiseConstantDecay"
    assert keras.optimizers.SGD(learning_rate=schedule).get_config()["learning_rate"]


@of(Kind.CALLBACK)
def test_callbacks(entry):
    assert isinstance(make(entry), keras.callbacks.Callback)


@of(Kind.INITIALIZER)
def test_initializers(entry):
    shape = (8, 1, 10) if entry.name == "STFT" else (4, 4)
    assert np.isfinite(np.asarray(make(entry)(shape))).all()


@of(Kind.REGULARIZER)
def test_regularizers(entry):
    assert float(make(entry)(np.full((3, 3), 2.0, "float32"))) > 0


@of(Kind.CONSTRAINT)
def test_constraints(entry):
    weights = np.asarray(make(entry)(np.full((4, 4), -3.0, "float32")))
    assert np.abs(weights).max() < 3.0


# The recipe


def test_the_digits_recipe_reads_and_names_what_exists():
    recipe = read(recipe_file(CATALOG.find(Kind.RECIPE, "digits"))).recipe
    assert recipe.save == ("saved/digits.keras", "saved/digits.h5")
    stack = recipe.model.sequential
    layers = [make(CATALOG.find(Kind.LAYER, item.use), item.arguments) for item in stack]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    assert model.output_shape == (None, 10)
    assert CATALOG.find(Kind.LOSS, recipe.train.loss.use).name == "SparseCategoricalCrossentropy"


@pytest.mark.slow
def test_the_digits_network_learns_to_read():
    from sklearn.datasets import load_digits

    digits = load_digits()
    recipe = read(recipe_file(CATALOG.find(Kind.RECIPE, "digits"))).recipe
    keras.utils.set_random_seed(recipe.seed)
    layers = [make(CATALOG.find(Kind.LAYER, item.use), item.arguments) for item in recipe.model.sequential]
    model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
    optimizer = make(CATALOG.find(Kind.OPTIMIZER, "Adam"), recipe.train.optimizer.arguments)
    model.compile(optimizer, recipe.train.loss.use, metrics=[item.use for item in recipe.train.metrics])
    x, y = digits.images[..., None].astype("float32") / 16, digits.target
    model.fit(x[:1400], y[:1400], batch_size=recipe.train.batch_size, epochs=recipe.train.epochs, verbose=0)
    assert model.evaluate(x[1400:], y[1400:], verbose=0, return_dict=True)["accuracy"] > 0.93
