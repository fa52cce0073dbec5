"""The layers and models of a recipe, as the recipe makes them and as its data and its other layers feed them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from workbench.assembly.adapting import Adapter, Rows
from workbench.assembly.errors import shape_text
from workbench.assembly.model import Assembly, assemble
from workbench.assembly.own_training import lacks_call
from workbench.assembly.structure import InputSpec
from workbench.catalog import Kind
from workbench.catalog.lookup import Catalog
from workbench.check.inputs import BATCH, Inputs, captured
from workbench.check.results import error_text
from workbench.check.subject import CheckedEntry, RecipePart
from workbench.data import loading
from workbench.errors import RecipeError, WorkbenchError
from workbench.keras_private import around_calls
from workbench.recipe.document import Document
from workbench.storage.checked_files import CheckedFiles


def checked_parts(document: Document, catalog: Catalog) -> list[CheckedEntry]:
    """What a recipe makes of layers and models, each use once; two that are made and fed alike are one.

    Raises:
        WorkbenchError: the recipe, its data or its model is not usable, with the recipe's file and line.
    """
    try:
        assembly, batch = _assembled(document, catalog)
        fed = _fed(assembly, batch)
    except WorkbenchError as error:
        raise document.located(error) from error
    finally:
        keras.config.set_dtype_policy("float32")  # the checks compare as closely as that allows
    found: dict[str, CheckedEntry] = {}
    for made in assembly.maker.made:
        if made.entry.kind not in (Kind.LAYER, Kind.MODEL) or hasattr(made.thing, "adapt"):
            continue  # what is adapted to data is nothing without that
        inputs = fed.get(id(made.thing))
        shapes = " and ".join(shape_text((None, *t.shape[1:])) for t in inputs.tensors) if inputs else ""
        key = f"{made.entry.qualified_name} {sorted(made.arguments.items(), key=str)} {shapes}"
        if key not in found:
            entry = replace(
                made.entry,
                name=f"{made.entry.name} at {made.where}",
                example=MappingProxyType({}),
                input_shapes=(),
                inputs=None,
                outputs=None,
            )
            found[key] = CheckedEntry(entry, catalog, RecipePart(assembly.maker, made, inputs))
    return list(found.values())


def _assembled(document: Document, catalog: Catalog) -> tuple[Assembly, Mapping[str, np.ndarray]]:
    """The recipe's model, and a batch of its inputs by name."""
    recipe = document.recipe
    files = CheckedFiles(catalog)
    prepared = loading.load_or_stream(recipe.data, catalog, folder=document.folder, seed=recipe.seed)
    rows = recipe.train.batch_size if recipe.train.static_batch else BATCH
    train = prepared.train
    part = train.head(rows) if isinstance(prepared, loading.Streamed) else train.take(slice(rows))  # type: ignore[union-attr]
    preparation = prepared.preparation
    dtypes = preparation.input_dtypes()
    specs = {
        name: InputSpec(shape, dtypes[name], rows if recipe.train.static_batch else None)
        for name, shape in preparation.input_shapes().items()
    }
    targets = tuple(preparation.target_shapes())
    adapter = Adapter(Rows(lambda: iter([part.inputs]), whole=True))
    assembly = assemble(
        document, catalog, specs, targets, load_model=files.model, load_weights=files.weights, adapter=adapter
    )
    assembly.maker.adapter = None  # what is made again is not adapted again
    return assembly, {name: np.resize(array, (rows, *array.shape[1:])) for name, array in part.inputs.items()}


def _fed(assembly: Assembly, batch: Mapping[str, np.ndarray]) -> dict[int, Inputs]:
    """What each thing of the recipe is called with where its model is called on a batch, by the thing's id.

    Raises:
        RecipeError: the model fails on it.
    """
    if lacks_call(assembly.model):
        return {}
    found: dict[int, Inputs] = {}
    wanted = {id(made.thing) for made in assembly.maker.made}

    def recording(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if id(layer) in wanted and id(layer) not in found:
                inputs = captured(layer, args, kwargs)
                if inputs is not None:
                    found[id(layer)] = inputs
            return original(layer, *args, **kwargs)

        return call

    with around_calls(recording):
        try:
            assembly.model(assembly.structure.pack_inputs(batch), training=False)
        except WorkbenchError:
            raise
        except Exception as error:
            raise RecipeError(f"it fails on the first rows: {error_text(error)}.", where="model") from error
    return found
