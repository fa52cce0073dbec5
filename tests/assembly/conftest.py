"""A recipe's text to a built model, as training does it, without data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from workbench.assembly.compile import compile_model, make_callbacks
from workbench.assembly.layers import layer_rows
from workbench.assembly.model import Assembly, assemble
from workbench.assembly.structure import InputSpec
from workbench.catalog.discovery import Plugin, PluginState
from workbench.catalog.entries import Kind, Registry
from workbench.catalog.lookup import Catalog
from workbench.catalog.resolve import Resolver
from workbench.catalog.single_file import import_file, scan
from workbench.errors import WorkbenchError
from workbench.events import LayerRow
from workbench.recipe.document import Document, parse
from workbench.storage import formats

Inputs = Mapping[str, tuple[int | None, ...] | InputSpec]


@dataclass(frozen=True)
class Built:
    """An assembled and compiled recipe."""

    document: Document
    assembly: Assembly
    catalog: Catalog
    inputs: Mapping[str, InputSpec]

    @property
    def model(self) -> Any:
        return self.assembly.model

    @property
    def structure(self):
        return self.assembly.structure

    def rows(self) -> dict[str, LayerRow]:
        """The row table by path, in its order."""
        tensors = {name: keras.Input(spec.shape, dtype=spec.dtype) for name, spec in self.inputs.items()}
        rows = layer_rows(self.model, self.structure.pack_inputs(tensors), self.catalog)
        return {row.path: row for row in rows}

    def batch(self, rows: int = 4) -> Any:
        """Random inputs, in the structure that the model is called with."""
        random = np.random.default_rng(0)
        arrays = {
            name: random.normal(size=(rows, *(axis or 5 for axis in spec.shape))).astype(spec.dtype)
            for name, spec in self.inputs.items()
        }
        return self.structure.pack_inputs(arrays)

    def predict(self, rows: int = 4) -> Any:
        """What the model gives for `batch`: called directly, for `predict` would trace it first."""
        outputs = self.model(self.batch(rows), training=False)
        return keras.tree.map_structure(np.array, outputs)

    def callbacks(self) -> list[Any]:
        return make_callbacks(self.document.recipe.train, self.assembly.maker)


Build = Callable[..., Built]


@pytest.fixture(scope="session")
def with_acme(catalog: Catalog, installed) -> Catalog:
    """The built-in catalog with the third party's layers beside it."""
    import sys

    folder = str(installed("acme-layers"))
    sys.path.append(folder)
    try:
        from acme_layers import plugin
    finally:
        sys.path.remove(folder)  # the package knows its own place now; other tests must not discover it

    entries = []
    for kind in Kind:
        registry = Registry(kind, "acme", "acme-layers", "1.2.0")
        getattr(plugin, f"kwb_register_{kind.plural}", lambda registry: None)(registry=registry)
        entries += registry.entries.values()
    acme = Plugin("acme", "acme-layers", "1.2.0", PluginState.LOADED, tuple(entries))
    return Catalog((*catalog.plugins, acme))


@pytest.fixture(scope="session")
def build(with_acme: Catalog) -> Build:
    """`build(MODEL)` assembles and compiles a recipe whose `model:` is that YAML text."""
    return builder(with_acme)


def builder(catalog: Catalog) -> Build:
    """`build` with another catalog."""

    def build(
        model: str,
        inputs: Inputs | None = None,
        targets: tuple[str, ...] = ("y",),
        train: str = "{loss: mse}",
        *,
        extra: str = "",
        folder: Path = Path(),
        name: str = "test",
    ) -> Built:
        text = f"kwb: 1\nname: {name}\nseed: 42\ndata: d\nmodel: {model}\ntrain: {train}\n{extra}\n"
        document = parse(text, name="r.yaml", folder=folder)
        given = {"x": (8,)} if inputs is None else inputs
        specs = {name: s if isinstance(s, InputSpec) else InputSpec(s) for name, s in given.items()}
        resolver = Resolver(catalog)
        try:
            assembly = assemble(
                document,
                catalog,
                specs,
                targets,
                load_model=lambda path, compile: formats.load(path, resolver, compile=compile).model,
                load_weights=formats.load_weights,
            )
            compile_model(assembly.model, document.recipe.train, assembly.structure, assembly.maker)
        except WorkbenchError as error:
            raise document.located(error) from error
        return Built(document, assembly, catalog, specs)

    return build


@pytest.fixture(scope="session")
def error(build: Build) -> Callable[..., str]:
    """`error(MODEL, ...)` is what `build` refuses the recipe with, less the file and line."""
    return error_of(build)


def error_of(build: Build) -> Callable[..., str]:
    """`error` of another `build`."""

    def error(*args: Any, **kwargs: Any) -> str:
        with pytest.raises(WorkbenchError) as caught:
            build(*args, **kwargs).callbacks()
        text = str(caught.value)
        for noise in ("Traceback", "\n", "\x1b", "Arguments received by", "Exception encountered"):
            assert noise not in text
        return text.split(": ", 1)[1] if text.startswith("r.yaml:") else text

    return error


def graph(*lines: str, inputs: str = "{x: [8]}", outputs: str = "[y]", layers: str = "{}") -> str:
    """The YAML of a graph."""
    items = "".join(f"    - {line!r}\n" for line in lines)
    return f"\n  inputs: {inputs}\n  layers: {layers}\n  outputs: {outputs}\n  graph:\n{items}"


def stack(*layers: str) -> str:
    """The YAML of a stack."""
    return "\n  sequential:\n" + "".join(f"    - {layer}\n" for layer in layers)


@pytest.fixture(name="graph", scope="session")
def graph_fixture() -> Callable[..., str]:
    return graph


@pytest.fixture(name="stack", scope="session")
def stack_fixture() -> Callable[..., str]:
    return stack


@pytest.fixture(scope="session")
def with_file(catalog: Catalog, tmp_path_factory) -> Callable[[str], tuple[Any, Build, Callable[..., str]]]:
    """`with_file(TEXT)` is a plugin file of that text: its module, and `build` and `error` with it."""

    def with_file(text: str) -> tuple[Any, Build, Callable[..., str]]:
        path = tmp_path_factory.mktemp("own") / "own.py"
        path.write_text(text)
        entries = scan(path)
        own = Plugin("own", str(path), "", PluginState.LOADED, entries)
        build = builder(Catalog((*catalog.plugins, own)))
        return import_file(path), build, error_of(build)

    return with_file
