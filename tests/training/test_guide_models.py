"""Models of public guides: trained by a recipe on each engine as plain `fit` trains them; files for plain Keras."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from tests.training import guide_models as guides
from tests.training.engine_cases import ENGINES
from tests.training.test_equivalence import WHOLE
from tests.whole import part
from workbench import events
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.catalog.single_file import scan
from workbench.recipe.document import parse, to_yaml
from workbench.storage import formats
from workbench.training.session import Session

FILE = Path(guides.__file__)
BATCH, EPOCHS, SEED = 16, 2, 11


@dataclass(frozen=True)
class Case:
    """A recipe's `model` and the same in plain Keras, with the arrays that it learns from.

    Args:
        engine: the one of an ordinary run of the tests.
        loss: as the recipe has it, and as Keras takes it.
    """

    model: Any
    plain: Any
    x: dict[str, Any] = field(default_factory=lambda: {"x": guides.TABLE})
    y: Any = field(default_factory=lambda: guides.ONE)
    loss: tuple[Any, Any] = ("mse", "mse")
    engine: str = "steps"


def graph(inputs: dict[str, Any], build: Any) -> keras.Model:
    """A functional model of named inputs."""
    made = {name: keras.Input(shape, name=name) for name, shape in inputs.items()}
    return keras.Model(made, build(**made))


def convolved(nodes: Any, edges: Any) -> Any:
    x = guides.GraphConvolution(6)(nodes, edges)
    x = guides.GraphConvolution(4, "tanh")(x, edges)
    return layers.Dense(1)(layers.GlobalAveragePooling1D()(x))


def tab_transformer(kinds: Any, numbers: Any) -> Any:
    x = layers.Embedding(9, 4)(kinds)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = layers.Concatenate()([layers.Flatten()(x), layers.LayerNormalization()(numbers)])
    x = layers.Dense(8, "relu")(x)
    return layers.Dense(1)(x)


def factors(user: Any, item: Any) -> Any:
    dot = layers.Dot(axes=1)(
        [layers.Flatten()(layers.Embedding(9, 3)(user)), layers.Flatten()(layers.Embedding(9, 3)(item))]
    )
    return layers.Add()(
        [dot, layers.Flatten()(layers.Embedding(9, 1)(user)), layers.Flatten()(layers.Embedding(9, 1)(item))]
    )


CLASSES = ("sparse_categorical_crossentropy", "sparse_categorical_crossentropy")
OF_LOGITS = (
    {"use": "SparseCategoricalCrossentropy", "from_logits": True},
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
)
CASES = {
    "mixture density": Case(
        {"sequential": [{"use": "Dense", "units": 8, "activation": "tanh"}, {"use": "Dense", "units": 9}]},
        lambda: keras.Sequential([layers.Dense(8, "tanh"), layers.Dense(9)]),
        loss=("mixture_loss", guides.mixture_loss),
        engine="chunk-xla",
    ),
    "quantiles": Case(
        {"sequential": [{"use": "Dense", "units": 8, "activation": "relu"}, {"use": "Dense", "units": 3}]},
        lambda: keras.Sequential([layers.Dense(8, "relu"), layers.Dense(3)]),
        loss=({"use": "Pinball", "quantiles": [0.2, 0.5, 0.8]}, guides.Pinball([0.2, 0.5, 0.8])),
        engine="chunk",
    ),
    "real nvp": Case(
        {"use": "Flow", "couplings": 4}, lambda: guides.Flow(4), y=None, loss=(None, None), engine="chunk-xla"
    ),
    "graph convolution": Case(
        {
            "inputs": {"nodes": [5, 3], "edges": [5, 5]},
            "graph": [
                "x = GraphConvolution(6)(nodes, edges)",
                "x = GraphConvolution(4, 'tanh')(x, edges)",
                "x = GlobalAveragePooling1D()(x)",
                "y = Dense(1)(x)",
            ],
            "outputs": "y",
        },
        lambda: graph({"nodes": (5, 3), "edges": (5, 5)}, convolved),
        x={"nodes": guides.NODES, "edges": guides.EDGES},
        engine="chunk-xla",
    ),
    "tab transformer": Case(
        {
            "inputs": {"kinds": [7], "numbers": [6]},
            "graph": [
                "x = Embedding(9, 4)(kinds)",
                "a = MultiHeadAttention(2, 4)(x, x)",
                "x = Add()(x, a)",
                "x = LayerNormalization()(x)",
                "x = Flatten()(x)",
                "n = LayerNormalization()(numbers)",
                "x = Concatenate()(x, n)",
                "x = Dense(8, 'relu')(x)",
                "y = Dense(1)(x)",
            ],
            "outputs": "y",
        },
        lambda: graph({"kinds": (7,), "numbers": (6,)}, tab_transformer),
        x={"kinds": guides.WORDS, "numbers": guides.TABLE},
    ),
    "gated residual": Case(
        {
            "sequential": [
                {"use": "GatedResidual", "units": 8},
                {"use": "GatedResidual", "units": 4},
                {"use": "Dense", "units": 1},
            ]
        },
        lambda: keras.Sequential([guides.GatedResidual(8), guides.GatedResidual(4), layers.Dense(1)]),
        engine="chunk",
    ),
    "attention from sequence to sequence": Case(
        {"use": "Translator", "words": 9},
        lambda: guides.Translator(9),
        x={"source": guides.WORDS, "before": np.pad(guides.WORDS[:, ::-1], ((0, 0), (1, 0)))[:, :-1]},
        y=guides.WORDS[:, ::-1],
        loss=OF_LOGITS,
    ),
    "memory": Case(
        {"sequential": [{"use": "KeyValueMemory", "cells": 5, "width": 4}, {"use": "Dense", "units": 1}]},
        lambda: keras.Sequential([guides.KeyValueMemory(5, 4), layers.Dense(1)]),
        engine="chunk-xla",
    ),
    "wavenet": Case(
        {"use": "wavenet", "steps": 5, "channels": 3},
        lambda: guides.wavenet(5, 3),
        x={"x": guides.NODES},
        engine="plain",
    ),
    "squeeze and excite": Case(
        {
            "sequential": [
                {"use": "Conv2D", "filters": 4, "kernel_size": 3, "activation": "relu"},
                "SqueezeExcite",
                "GlobalAveragePooling2D",
                {"use": "Dense", "units": 3, "activation": "softmax"},
            ]
        },
        lambda: keras.Sequential(
            [
                layers.Conv2D(4, 3, activation="relu"),
                guides.SqueezeExcite(),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, "softmax"),
            ]
        ),
        x={"x": guides.IMAGES},
        y=guides.LABELS,
        loss=CLASSES,
        engine="chunk",
    ),
    "mixture of experts": Case(
        {
            "sequential": [
                {
                    "use": "Experts",
                    "experts": [{"use": "Dense", "units": 4, "activation": "relu"}, {"use": "Dense", "units": 4}],
                },
                {"use": "Dense", "units": 1},
            ]
        },
        lambda: keras.Sequential([guides.Experts([layers.Dense(4, "relu"), layers.Dense(4)]), layers.Dense(1)]),
    ),
    "matrix factors": Case(
        {
            "inputs": {"user": [1], "item": [1]},
            "graph": [
                "u = Embedding(9, 3)(user)",
                "u = Flatten()(u)",
                "i = Embedding(9, 3)(item)",
                "i = Flatten()(i)",
                "d = Dot(axes=1)(u, i)",
                "a = Embedding(9, 1)(user)",
                "a = Flatten()(a)",
                "b = Embedding(9, 1)(item)",
                "b = Flatten()(b)",
                "y = Add()(d, a, b)",
            ],
            "outputs": "y",
        },
        lambda: graph({"user": (1,), "item": (1,)}, factors),
        x={"user": guides.WORDS[:, :1], "item": guides.WORDS[:, 1:2]},
        engine="chunk-xla",
    ),
    "vector quantization": Case(
        {
            "sequential": [
                {"use": "Dense", "units": 4, "activation": "relu"},
                {"use": "VectorQuantizer", "codes": 5},
                {"use": "Dense", "units": 6},
            ]
        },
        lambda: keras.Sequential([layers.Dense(4, "relu"), guides.VectorQuantizer(5), layers.Dense(6)]),
        y=guides.TABLE,
        engine="chunk",
    ),
    "differential equation": Case(
        {
            "sequential": [
                {"use": "Evolution", "field": {"use": "Dense", "units": 6, "activation": "tanh"}},
                {"use": "Dense", "units": 1},
            ]
        },
        lambda: keras.Sequential([guides.Evolution(layers.Dense(6, "tanh")), layers.Dense(1)]),
        engine="chunk-xla",
    ),
    "vision transformer": Case(
        {
            "inputs": {"x": [8, 8, 2]},
            "graph": [
                "p = Patches(4, 6)(x)",
                "n = LayerNormalization()(p)",
                "a = MultiHeadAttention(2, 3)(n, n)",
                "p = Add()(p, a)",
                "n = LayerNormalization()(p)",
                "m = Dense(12, 'gelu')(n)",
                "m = Dense(6)(m)",
                "p = Add()(p, m)",
                "p = GlobalAveragePooling1D()(p)",
                "y = Dense(3, 'softmax')(p)",
            ],
            "outputs": "y",
        },
        lambda: graph({"x": (8, 8, 2)}, vision),
        x={"x": guides.IMAGES},
        y=guides.LABELS,
        loss=CLASSES,
    ),
}  # fmt: skip


def vision(x: Any) -> Any:
    p = guides.Patches(4, 6)(x)
    n = layers.LayerNormalization()(p)
    p = layers.Add()([p, layers.MultiHeadAttention(2, 3)(n, n)])
    n = layers.LayerNormalization()(p)
    n = layers.Dense(12, "gelu")(n)
    p = layers.Add()([p, layers.Dense(6)(n)])
    return layers.Dense(3, "softmax")(layers.GlobalAveragePooling1D()(p))


@pytest.fixture(scope="module")
def found() -> Catalog:
    """A catalog with the file of models, found as a user's own file is."""
    return Catalog(discover([FILE], scan=scan))


EVERY_DAY = (
    "mixture density",
    "real nvp",
    "tab transformer",
    "memory",
    "squeeze and excite",
    "vector quantization",
)
RUNS = [(name, engine) for name, case in CASES.items() for engine in (ENGINES if WHOLE else [case.engine])]


def plain_fit(case: Case) -> tuple[list[dict[str, float]], Any]:
    """The logs of stock Keras, and its model."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    model = case.plain()
    model.compile(keras.optimizers.Adam(0.01), case.loss[1])
    x = case.x if len(case.x) > 1 else next(iter(case.x.values()))
    history = model.fit(x, case.y, batch_size=BATCH, epochs=EPOCHS, shuffle=False, verbose=0).history
    return [dict(zip(history, values, strict=True)) for values in zip(*history.values(), strict=True)], model


def outputs_of(model: Any, x: Any) -> np.ndarray:
    """What a model makes of all rows, called once: `predict` traces a function for each model, which takes longest."""
    return np.asarray(model(x, training=False))


@pytest.mark.parametrize(
    ("name", "engine"),
    part("engines", RUNS, [(name, CASES[name].engine) for name in EVERY_DAY]),
)
def test_it_trains_as_plain_fit_and_comes_back(
    name: str, engine: str, found: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    case = CASES[name]
    np.savez(tmp_path / "data.npz", **case.x, **({} if case.y is None else {"wanted": case.y}))
    several = {"inputs": {key: key for key in case.x}} if len(case.x) > 1 else {}
    targets: list[str] = [] if case.y is None else ["wanted"]
    train = {"epochs": EPOCHS, "batch_size": BATCH, "shuffle": False, "engine": engine}
    train |= {"optimizer": {"use": "Adam", "learning_rate": 0.01}}
    content = {
        "kwb": 1,
        "name": "guide",
        "seed": SEED,
        "data": {"use": "npz", "path": "data.npz", "targets": targets, **several},
        "model": case.model,
        "train": train | ({"loss": case.loss[0]} if case.loss[0] else {}),
        "save": ["out.keras", "out.h5", "out.weights.h5"],
    }
    heard: list[Any] = []
    document = parse(to_yaml(content), name="guide.yaml", folder=tmp_path)
    Session(document, found, lambda event, line: heard.append(event), runs_folder=tmp_path / "runs").run()
    (chosen,) = [event for event in heard if isinstance(event, events.EngineChosen)]
    assert chosen.engine == engine
    logs = [dict(event.logs) for event in heard if isinstance(event, events.Epoch)]
    wanted, model = plain_fit(case)
    for mine, its in zip(logs, wanted, strict=True):
        assert mine == pytest.approx(its, rel=1e-5, abs=1e-7)
    x = case.x if len(case.x) > 1 else next(iter(case.x.values()))
    outputs = outputs_of(model, x)
    for file in ("out.keras", "out.h5"):
        keras.utils.clear_session()
        own_class = (
            type(model).__module__ == guides.__name__
        )  # of which Keras writes no configuration into .h5
        if own_class and file.endswith(".h5"):
            again = formats.load(Path(file), Resolver(found)).model
        else:
            again = keras.models.load_model(file)  # its classes are registered
        np.testing.assert_allclose(outputs_of(again, x), outputs, rtol=1e-4, atol=1e-5, err_msg=file)
    model.load_weights("out.weights.h5")
    np.testing.assert_allclose(outputs_of(model, x), outputs, rtol=1e-4, atol=1e-5)
