"""Layers of public packages: each trains by a recipe as in plain Keras, on every engine, comes back in the files in
which that gives it back, and fails no check of the contract but those that plain Keras confirms.

The packages are installed for this test alone, so it runs only where `KWB_PUBLIC_PACKAGES` is set (to anything, or to a
folder that has them already).

Tried with Keras 3.15 and left out, for plain Keras cannot train them either:
- mingru-keras 0.1.3: "as_list() is not defined on an unknown TensorShape", in `fit`;
- mono-dense-keras 0.1.1: "property 'kernel' of 'MonoDense' object has no setter";
- attention 5.0.0: "Attention.__call__() got multiple values for argument 'training'".
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.catalog import single_file
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.check.contract import BY_ID
from workbench.check.recipes import checked_parts
from workbench.check.results import Status
from workbench.check.running import EntryRun
from workbench.cli import main
from workbench.recipe.document import read
from workbench.storage.event_stream import read_events
from workbench.storage.run_folder import RunFolder

PACKAGES = [
    "alrelu-keras==0.1.2",
    "coral-ordinal==0.1.8",
    "glu-keras==0.0.2",
    "keras-complex==0.4.0",
    "keras-custom==0.1.1",
    "keras-efficient-kan==0.1.10",
    "keras-fft==1.0.0",  # of kerex
    "keras-hexagdly==0.7.0",
    "keras-hub==0.32.0",
    "keras-lmu==0.9.0",
    "keras-mdn-layer==1.0.0",
    "keras-nac==0.0.4",
    "keras-proba==0.1.0",
    "keras-rs==0.4.0",
    "keras-tcn==3.5.7",
    "kerex==1.1.8",
    "kimm==0.2.5",
    "k3im==0.1.1",
    "medicai==0.0.4",
    "ncps==1.0.1",
    "predicateneuron==0.1.4",
    "tf-kan-latest==1.1.0",
    "tkan==0.4.3",
    "regex",  # of keras-hub
    "tokenizers",  # of keras-hub
    "tqdm",  # of medicai
]


@dataclass(frozen=True)
class Item:
    """A layer of a package.

    Attributes:
        module, name: where it is.
        recipe: its arguments in a recipe, as a YAML mapping.
        code: the same in Python.
        rows: what it is given: columns, a sequence or an image.
        fails: the checks that it rightly fails: by the layer's own code, in plain Keras too.
    """

    module: str
    name: str
    recipe: str
    code: str
    rows: str = "table"
    fails: tuple[str, ...] = ()


ITEMS = [
    Item("ncps.keras", "CfC", "units: 6", "units=6", "sequence"),
    Item("ncps.keras", "LTC", "units: 6", "units=6", "sequence", fails=("subclassed", "mixed_precision")),
    Item(
        "tcn",
        "TCN",
        "nb_filters: 4, kernel_size: 2, dilations: [1, 2], return_sequences: true",
        "nb_filters=4, kernel_size=2, dilations=[1, 2], return_sequences=True",
        "sequence",
    ),
    Item("complexnn", "ComplexDense", "units: 4, activation: tanh", "units=4, activation='tanh'"),
    Item("complexnn", "ComplexConv1D", "filters: 4, kernel_size: 3", "filters=4, kernel_size=3", "sequence"),
    Item("keras_rs.layers", "FeatureCross", "projection_dim: 3", "projection_dim=3"),
    Item("keras_efficient_kan", "KANLinear", "units: 4", "units=4", fails=("mixed_precision",)),
    Item(
        "keras_lmu",
        "LMU",
        "memory_d: 2, order: 4, theta: 6, hidden_cell: {use: SimpleRNNCell, units: 3}",
        "memory_d=2, order=4, theta=6, hidden_cell=keras.layers.SimpleRNNCell(3)",
        "sequence",
        fails=("subclassed", "mixed_precision"),
    ),
    Item(
        "keras_mdn_layer", "MDN", "output_dimension: 1, num_mixtures: 3", "output_dimension=1, num_mixtures=3"
    ),
    Item(
        "coral_ordinal",
        "CoralOrdinal",
        "num_classes: 4",
        "num_classes=4",
        fails=("config_keeps_arguments", "output_dtype"),
    ),
    Item("tkan", "TKAN", "units: 4", "units=4", "sequence", fails=("mixed_precision",)),
    Item("keras_proba.layers", "RandomFourierFeatures", "output_dim: 8", "output_dim=8"),
    Item("keras_proba.layers", "GaussianHead", "units: 1", "units=1"),
    Item(
        "kerex.layers",
        "FNO1D",
        "filters: 4, modes: 3, kernel_initializer: glorot_uniform",
        "filters=4, modes=3, kernel_initializer='glorot_uniform'",
        "sequence",
        fails=("mixed_precision", "engines"),
    ),
    Item("glu_keras", "SwiGLU", "{}", ""),
    Item("keras_custom", "PlusConstant", "constant: 2.0", "constant=2.0", fails=("output_dtype",)),
    Item("kimm.layers", "LayerScale", "axis: -1", "axis=-1"),
    Item(
        "kimm.layers",
        "Attention",
        "hidden_dim: 4, num_heads: 2",
        "hidden_dim=4, num_heads=2",
        "sequence",
        fails=("mask_used",),
    ),
    Item(
        "keras_hub.layers",
        "TransformerEncoder",
        "intermediate_dim: 8, num_heads: 2",
        "intermediate_dim=8, num_heads=2",
        "sequence",
    ),
    Item("keras_hub.layers", "SinePositionEncoding", "{}", "", "sequence"),
    Item("keras_hub.layers", "FNetEncoder", "intermediate_dim: 8", "intermediate_dim=8", "sequence"),
    Item("keras_hub.layers", "PositionEmbedding", "sequence_length: 12", "sequence_length=12", "sequence"),
    Item("medicai.layers", "SqueezeExcitation", "ratio: 2", "ratio=2", "image"),
    Item(
        "keras_nac",
        "LAN",
        "d_model: 8, num_heads: 2",
        "d_model=8, num_heads=2",
        "sequence",
        fails=("mask_used",),
    ),
    Item("keras_hexagdly", "Conv2d", "filters: 3", "filters=3", "image"),
    Item("tfkan.layers", "DenseKAN", "units: 4", "units=4", fails=("from_config", "no_hidden_layers")),
    Item(
        "tfkan.layers",
        "Conv1DKAN",
        "filters: 3, kernel_size: 2",
        "filters=3, kernel_size=2",
        "sequence",
        fails=("from_config", "no_hidden_layers"),
    ),
    Item("alrelu_keras", "TrainableALReLU", "{}", ""),
    Item("predicateneuron.keras", "PredicateLayer", "{}", ""),
]
SHAPES = {"table": (6,), "sequence": (12, 4), "image": (8, 8, 4)}
ENGINES = ("plain", "steps", "chunk", "chunk-xla")
FORMATS = (".keras", ".h5", ".weights.h5")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    wanted = os.environ.get("KWB_PUBLIC_PACKAGES", "")
    if not wanted:
        pytest.skip("installs packages of others: set KWB_PUBLIC_PACKAGES=1")
    site = Path(wanted)
    if not site.is_dir():
        site = tmp_path_factory.mktemp("public")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        done = subprocess.run(
            [*command, "--target", str(site), *PACKAGES], capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            pytest.skip(f"the packages cannot be installed: {done.stderr[-300:]}")
    sys.path.append(str(site))
    yield
    sys.path.remove(str(site))


@pytest.mark.slow
@pytest.mark.parametrize("item", ITEMS, ids=[f"{item.module}.{item.name}" for item in ITEMS])
def test_it_trains_and_comes_back_as_in_plain_keras(
    item: Item, packages: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    shape = SHAPES[item.rows]
    random = np.random.default_rng(7)
    x, y = random.normal(size=(96, *shape)).astype("float32"), random.normal(size=(96, 1)).astype("float32")
    np.savez("rows.npz", x=x, y=y[:, 0])
    cls = getattr(importlib.import_module(item.module), item.name)

    loss, files = in_plain_keras(item, cls, x, y)

    stem = f"{item.module.replace('.', '_')}_{item.name}"
    Path(f"{stem}.py").write_text(f"from {item.module} import {item.name}\n\n__all__ = [{item.name!r}]\n")
    used = f"use: {stem}.{item.name}, {item.recipe}".removesuffix(", {}")
    for engine in ENGINES:
        saved = f"[{', '.join(f'x{format}' for format in files)}]" if engine == ENGINES[0] else "[]"
        Path("r.yaml").write_text(
            f"""\
kwb: 1
name: {engine}
seed: 5
data: {{use: npz, path: rows.npz, targets: [y]}}
model: {{sequential: [{{{used}}}, Flatten, {{use: Dense, units: 1}}]}}
train: {{epochs: 2, loss: mse, shuffle: false, engine: {engine}, watch: none}}
save: {saved}
"""
        )
        code = main(["--batch", "r.yaml", "--plugin", f"{stem}.py"])
        text = capfd.readouterr().err
        assert code == 0, text
        (folder,) = Path("saved/runs").glob(f"{engine}-2*")
        losses = [
            event.logs["loss"]
            for event, *_ in read_events(RunFolder(folder).events)
            if event.__class__.__name__ == "Epoch"
        ]
        np.testing.assert_allclose(losses, loss, rtol=1e-5, err_msg=engine)
    if ".keras" in files:
        again = keras.saving.load_model("x.keras", custom_objects={item.name: cls})
        assert again.predict(x[:8], verbose=0).shape == (8, 1)
    failed = failures(Path("r.yaml"), Path(f"{stem}.py"))
    assert failed.keys() == set(item.fails), failed


def failures(recipe: Path, plugin: Path) -> dict[str, str]:
    """The checks that the layer of the recipe fails, and what was seen."""
    catalog = Catalog(discover([plugin], scan=single_file.scan))
    part = next(each for each in checked_parts(read(recipe), catalog) if each.entry.plugin == plugin.stem)
    results = EntryRun(part.entry, catalog, subject=part).run(frozenset(BY_ID))
    return {result.check: result.detail for result in results if result.status is Status.FAILED}


def in_plain_keras(item: Item, cls: Any, x: Any, y: Any) -> tuple[list[float], list[str]]:
    """The loss of each epoch, and the formats in which the trained model comes back."""

    def build() -> Any:
        keras.utils.clear_session()
        keras.utils.set_random_seed(5)
        layer = eval(f"cls({item.code})", {"cls": cls, "keras": keras})
        return keras.Sequential(
            [keras.Input(x.shape[1:]), layer, keras.layers.Flatten(), keras.layers.Dense(1)]
        )

    build()  # what a package imports as late as this may draw numbers
    model = build()
    model.compile("adam", "mse")
    history = model.fit(x, y, epochs=2, shuffle=False, verbose=0)
    files = []
    for format in FORMATS:
        path = f"plain{format}"
        try:
            if format == ".weights.h5":
                model.save_weights(path)
                again = build()
                again.load_weights(path)
            else:
                model.save(path)
                again = keras.saving.load_model(path, custom_objects={item.name: cls}, compile=False)
            mine, its = model(x[:8]), again(x[:8])
        except Exception:
            continue
        if np.allclose(mine, its, rtol=1e-5, atol=1e-6):
            files.append(format)
    return history.history["loss"], files
