"""List the layers of an assembled model: path, class, plugin, output shape and parameters of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from workbench.assembly.trace import Call, CallTrace, shape_of, trace
from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.catalog.single_file import module_target
from workbench.events import LayerRow
from workbench.storage.layer_paths import inner_layers


@dataclass(frozen=True)
class Inside:
    """The parts of a model.

    Attributes:
        rows: one per layer, layers inside layers included, in the order they are held.
        calls: the layers as they are called; empty for a model that cannot be traced.
        outputs: which call each of the model's outputs comes from.
        paths: from a layer's id() to its path.
        shapes: from a layer's id() to its output shape in its first call.
    """

    rows: tuple[LayerRow, ...]
    calls: tuple[Call, ...]
    outputs: tuple[str | None, ...]
    paths: Mapping[int, str]
    shapes: Mapping[int, Any]


def layer_rows(model: Any, example: Any, catalog: Catalog) -> tuple[LayerRow, ...]:
    """The rows of `look_inside`."""
    return look_inside(model, example, catalog).rows


def look_inside(model: Any, example: Any, catalog: Catalog) -> Inside:
    """A model's layers, with their shapes and their calls.

    Args:
        model: a built model.
        example: symbolic tensors (or specifications) in the form the model is called with.
        catalog: knows which plugin a class is from.
    """
    named = list(inner_layers(model).items())
    seen = _seen(model, named, example)
    owner = _owners(catalog)
    rows = tuple(
        LayerRow(
            path=path,
            layer_class=type(layer).__name__,
            plugin=owner(layer),
            output_shape=seen.shapes.get(id(layer)),
            parameters=layer.count_params() if layer.built else 0,
        )
        for path, layer in named
    )
    return Inside(rows, seen.calls, seen.outputs, {id(layer): path for path, layer in named}, seen.shapes)


def output_shapes(model: Any, example: Any) -> Mapping[int, Any]:
    """From the id() of each layer of a model to its output shape: a list, or a list of them."""
    return _seen(model, list(inner_layers(model).items()), example).shapes


def _seen(model: Any, named: Sequence[tuple[str, Any]], example: Any) -> CallTrace:
    try:
        return trace(model, named, example)
    except Exception:  # a model that cannot be traced (run_eagerly) still trains; only the shapes are missing
        return CallTrace({id(layer): _static_shape(layer) for _, layer in named})


def sublayers(model: Any) -> Iterator[Any]:
    """The model itself and every layer inside it."""
    yield model
    yield from inner_layers(model).values()


def has_own_classes(model: Any) -> bool:
    """True if the model or a layer inside it is of a class that is not Keras' own."""
    return any(not type(layer).__module__.startswith("keras.") for layer in sublayers(model))


def _static_shape(layer: Any) -> Any:
    try:
        return shape_of(layer.output)
    except (AttributeError, ValueError):
        return None


def _owners(catalog: Catalog) -> Callable[[Any], str]:
    """From a layer to the plugin that offers its class."""
    entries = list(catalog.of_kind(Kind.LAYER))
    by_target = {module_target(entry): entry for entry in entries}
    stock = {entry.name: entry for entry in entries if entry.target.startswith("keras.")}

    def owner(layer: Any) -> str:
        cls = type(layer)
        entry: Entry | None = by_target.get(f"{cls.__module__}:{cls.__qualname__}")
        if isinstance(layer, keras.layers.Lambda):
            function = layer.function
            entry = by_target.get(f"{function.__module__}:{function.__name__}", entry)
        if entry is None and cls.__module__.startswith("keras."):
            entry = stock.get(cls.__name__)
        if entry is not None:
            return entry.plugin
        return "keras" if cls.__module__.startswith("keras.") else cls.__module__.partition(".")[0]

    return owner
