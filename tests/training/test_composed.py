"""Models that are made of parts, and all that a plugin file offers: trained by a recipe as by plain Keras, and saved.

Each case is a recipe and the same by hand: from the same seed both have the same losses, and what is saved predicts
as the model did.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl

from workbench import events
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.catalog.single_file import import_file, scan
from workbench.recipe.document import parse
from workbench.storage import formats
from workbench.training.preparing import load_data
from workbench.training.session import Session

FILE = Path(__file__).with_name("composed.py")


@dataclass(frozen=True)
class Case:
    """A recipe's model (with what else it needs), and the same by hand, from the module of the plugin file.

    Attributes:
        data: the data section.
        train: more keys of `train`.
        compiled: more arguments of plain `compile`, from the module.
        rest: more keys of the recipe.
        classes: what plain Keras needs to load the file; None where it cannot.
    """

    model: str
    plain: Any
    data: str = "{use: rows, targets: [y]}"
    train: str = "loss: mse"
    compiled: Any = lambda own: {"loss": "mse"}
    rest: str = ""
    classes: tuple[str, ...] | None = ()


TWO = "{use: rows, targets: [y], inputs: {left: [a, b, c], right: [d, e, f]}}"
TOKENS = "{use: tokens_data, targets: [label], classes: [label], inputs: {tokens: [tokens]}}"


def stack(*layers):
    return keras.Sequential([keras.Input((6,)), *layers])


def siamese(own):
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    encoder = keras.Sequential([kl.Dense(5, "relu"), kl.Dense(4)])
    a, b = encoder(left), encoder(right)
    return keras.Model({"left": left, "right": right}, kl.Dense(1)(kl.Subtract()([a, b])))


def two_towers(own):
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    query = keras.Sequential([kl.Dense(6, "relu"), kl.Dense(4)])
    item = keras.Sequential([kl.Dense(6, "relu"), kl.Dense(4)])
    return keras.Model({"left": left, "right": right}, kl.Dot(axes=1)([query(left), item(right)]))


def tied(own):
    inputs = keras.Input((6,))
    dense = kl.Dense(3, "tanh")
    hidden = own.TransposedDense(dense)(dense(inputs))
    return keras.Model(inputs, kl.Dense(1)(hidden))


def crossed(own):
    inputs = keras.Input((6,))
    x = own.Cross()(inputs)
    x = own.Cross()(inputs, x)
    deep = kl.Dense(8, "relu")(inputs)
    return keras.Model(inputs, kl.Dense(1)(kl.Concatenate()([x, deep])))


def transformer(own):
    inputs = keras.Input((8,), name="tokens")
    x = kl.Embedding(20, 8, mask_zero=True)(inputs)
    feed_forward = keras.Sequential([kl.Dense(16, "gelu"), kl.Dense(8)])
    x = own.Encoder(feed_forward=feed_forward)(x)
    x = kl.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, kl.Dense(2, "softmax")(x))


def own_parts(own):
    return stack(
        kl.Dense(4, own.softplus, kernel_initializer=own.tenth, kernel_regularizer=own.l1),
        kl.Dense(4, own.softplus, kernel_constraint=own.positive, kernel_regularizer=own.L1(0.1)),
        kl.Lambda(own.softplus),
        kl.Dense(1, bias_constraint=own.Clipped()),
    )


CASES = {
    "two stacks in a class": Case(
        "{use: AutoEncoder, encoder: {sequential: [{use: Dense, units: 4, activation: relu}, {use: Dense, units: 2}]}, "
        "decoder: {sequential: [{use: Dense, units: 4, activation: relu}, {use: Dense, units: 1}]}}",
        lambda own: own.AutoEncoder(
            keras.Sequential([kl.Dense(4, "relu"), kl.Dense(2)]),
            keras.Sequential([kl.Dense(4, "relu"), kl.Dense(1)]),
        ),
        classes=("AutoEncoder",),
    ),
    "a class and a graph in a class": Case(
        "{use: AutoEncoder, encoder: {inputs: {x: [6]}, graph: ['h = Dense(4, \"relu\")(x)', 'y = Dense(6)(h)'], "
        "outputs: y}, decoder: {use: Functional, units: 3}}",
        lambda own: own.AutoEncoder(
            keras.Sequential([keras.Input((6,)), kl.Dense(4, "relu"), kl.Dense(6)]), own.Functional(3)
        ),
        classes=("AutoEncoder", "Functional"),
    ),
    "a saved encoder": Case(
        "{use: AutoEncoder, encoder: {load: encoder.keras, trainable: false}, decoder: {use: Dense, units: 1}}",
        lambda own: own.AutoEncoder(frozen("encoder.keras"), kl.Dense(1)),
        classes=("AutoEncoder",),
    ),
    "distillation from a saved teacher": Case(
        "{use: Distilled, student: {sequential: [{use: Dense, units: 4, activation: relu}, {use: Dense, units: 1}]}, "
        "teacher: {load: teacher.keras, trainable: false}, share: 0.5}",
        lambda own: own.Distilled(
            keras.Sequential([kl.Dense(4, "relu"), kl.Dense(1)]),
            frozen("teacher.keras"),
            share=0.5,
        ),
        classes=("Distilled",),
    ),
    "siamese": Case(
        "{inputs: {left: [3], right: [3]}, layers: {encoder: {sequential: [{use: Dense, units: 5, activation: relu}, "
        "{use: Dense, units: 4}]}}, graph: [a = encoder(left), b = encoder(right), 'd = Subtract()(a, b)', "
        "y = Dense(1)(d)], outputs: y}",
        siamese,
        TWO,
    ),
    "two towers": Case(
        "{inputs: {left: [3], right: [3]}, layers: {query: {sequential: [{use: Dense, units: 6, activation: relu}, "
        "{use: Dense, units: 4}]}, item: {sequential: [{use: Dense, units: 6, activation: relu}, {use: Dense, units: "
        "4}]}}, graph: [q = query(left), i = item(right), 'y = Dot(axes=1)(q, i)'], outputs: y}",
        two_towers,
        TWO,
    ),
    "tied weights": Case(
        "{inputs: {x: [6]}, layers: {d: {use: Dense, units: 3, activation: tanh}}, "
        "graph: [h = d(x), h = TransposedDense(dense=d)(h), y = Dense(1)(h)], outputs: y}",
        tied,
        "{use: rows, targets: [y], inputs: {x: [a, b, c, d, e, f]}}",
        classes=("TransposedDense",),
    ),
    "deep & cross": Case(
        "{inputs: {x: [6]}, graph: [c = Cross()(x), 'c = Cross()(x, c)', 'd = Dense(8, \"relu\")(x)', "
        "'j = Concatenate()(c, d)', y = Dense(1)(j)], outputs: y}",
        crossed,
        "{use: rows, targets: [y], inputs: {x: [a, b, c, d, e, f]}}",
        classes=("Cross",),
    ),
    "a transformer that classifies": Case(
        "{inputs: {tokens: [8]}, graph: ['x = Embedding(20, 8, mask_zero=True)(tokens)', "
        "'x = Encoder(feed_forward=Sequential([Dense(16, \"gelu\"), Dense(8)]))(x)', "
        "x = GlobalAveragePooling1D()(x), 'y = Dense(2, \"softmax\")(x)'], outputs: y}",
        transformer,
        TOKENS,
        "loss: sparse_categorical_crossentropy",
        lambda own: {"loss": "sparse_categorical_crossentropy"},
        classes=("Encoder",),
    ),
    "recurrent": Case(
        "{sequential: [{use: Reshape, target_shape: [3, 2]}, {use: Bidirectional, layer: {use: RNN, cell: "
        "{use: LSTMCell, units: 3}}}, {use: Dense, units: 1}]}",
        lambda own: stack(kl.Reshape((3, 2)), kl.Bidirectional(kl.RNN(kl.LSTMCell(3))), kl.Dense(1)),
    ),
    "a stack made in __init__": Case(
        "{use: Stacked, units: 5}", lambda own: own.Stacked(5), classes=("Stacked",)
    ),
    "a functional model made in __init__": Case(
        "{use: Functional, units: 5}", lambda own: own.Functional(5), classes=("Functional",)
    ),
    "a function that returns a model": Case(
        "{use: small_net, hidden: 16}", lambda own: own.small_net(16), classes=("Doubled",)
    ),
    "a function's model in a stack": Case(
        "{sequential: [{use: small_net, outputs: 3, name: backbone}, {use: Dense, units: 1}]}",
        lambda own: stack(own.small_net(outputs=3), kl.Dense(1)),
        classes=("Doubled",),
    ),
    "a name that a plugin has too": Case(
        "{sequential: [ResidualBlock, {use: Dense, units: 1}]}",
        lambda own: stack(own.ResidualBlock(), kl.Dense(1)),
        classes=("ResidualBlock",),
    ),
    "losses, metrics and an optimizer of the file": Case(
        "{sequential: [{use: Dense, units: 1}]}",
        lambda own: stack(kl.Dense(1)),
        train="loss: {use: Capped, cap: 4.0}, metrics: [huber_fn, MeanHuber], callbacks: [Stopper], "
        "optimizer: {use: OwnSGD, learning_rate: {use: Slower, start: 0.05}}",
        compiled=lambda own: {
            "loss": own.Capped(4.0),
            "metrics": [own.huber_fn, own.MeanHuber()],
            "optimizer": own.OwnSGD(own.Slower(0.05)),
        },
        classes=("Capped", "huber_fn", "MeanHuber", "OwnSGD", "Slower"),
    ),
    "activations, initializers, regularizers and constraints of the file": Case(
        "{sequential: [{use: Dense, units: 4, activation: softplus, kernel_initializer: tenth, "
        "kernel_regularizer: l1}, {use: Dense, units: 4, activation: {use: softplus}, kernel_constraint: positive, "
        "kernel_regularizer: {use: L1, factor: 0.1}}, softplus, {use: Dense, units: 1, bias_constraint: Clipped}]}",
        own_parts,
        train="loss: huber_fn",
        compiled=lambda own: {"loss": own.huber_fn},
        classes=None,  # safe mode refuses the Lambda's function under a bare name
    ),
}


@pytest.fixture(scope="module")
def own(catalog):
    plugin = Plugin("composed", str(FILE), "", PluginState.LOADED, scan(FILE))
    return import_file(FILE), Catalog((*catalog.plugins, plugin))


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory):
    """The saved models that recipes load."""
    folder = tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(1)
    stack(kl.Dense(4, "relu")).save(folder / "encoder.keras")
    stack(kl.Dense(1)).save(folder / "teacher.keras")
    FILES.append(folder)
    return folder


FILES: list[Path] = []


def outputs_of(model, x):
    """What a model makes of all rows, called once: `predict` traces a function for each model, which takes longest."""
    return np.asarray(model(x, training=False))


def frozen(name):
    model = keras.models.load_model(FILES[-1] / name)
    model.trainable = False
    return model


@pytest.mark.parametrize("name", CASES)
def test_it_trains_and_reloads_as_in_plain_keras(own, files, tmp_path, monkeypatch, name):
    module, catalog = own
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    document = parse(
        f"kwb: 1\nname: case\nseed: 7\ndata: {case.data}\nmodel: {case.model}\n{case.rest}\n"
        f"train: {{epochs: 2, batch_size: 32, shuffle: false, engine: plain, {case.train}}}\n"
        "save: [out.keras, out.h5]\n",
        folder=files,
    )
    data = load_data(document, catalog).train
    heard: list[Any] = []
    Session(document, catalog, lambda event, line: heard.append(event), runs_folder=tmp_path / "runs").run()
    logs = [event.logs for event in heard if isinstance(event, events.Epoch)]

    keras.utils.clear_session()
    keras.utils.set_random_seed(7)
    plain = case.plain(module)
    x = next(iter(data.inputs.values())) if len(data.inputs) == 1 else dict(data.inputs)
    (y,) = data.targets.values()
    plain.compile(**{"optimizer": keras.optimizers.Adam(), **case.compiled(module)})
    expected = plain.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0).history
    for key, values in expected.items():
        np.testing.assert_allclose([each[key] for each in logs], values, rtol=1e-5, err_msg=key)

    outputs = outputs_of(plain, x)
    for file in ("out.keras", "out.h5"):
        again = formats.load(Path(file), Resolver(catalog)).model
        np.testing.assert_allclose(outputs_of(again, x), outputs, rtol=1e-4, atol=1e-5)
    if case.classes is not None:
        # As a stranger's process would, with the classes at hand. A file has the package of functions, and of a class
        # that is called like one of Keras'.
        known = {name: getattr(module, each) for each in case.classes for name in (each, f"composed>{each}")}
        known.pop("Functional", None)
        with keras.saving.custom_object_scope(known):
            loaded = keras.models.load_model("out.keras")
        np.testing.assert_allclose(outputs_of(loaded, x), outputs, rtol=1e-4, atol=1e-5)
    warnings = [e.text for e in heard if isinstance(e, events.Message) and e.level == "warning"]
    hidden = name == "a name that a plugin has too"
    assert [text for text in warnings if "kwb_custom.ResidualBlock" in text] == warnings[: 1 if hidden else 0]
