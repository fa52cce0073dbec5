"""The rows of an assembled model: each layer's path, class, plugin, output shape and parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from workbench.catalog import Entry, Kind
from workbench.catalog.lookup import Catalog
from workbench.events import LayerRow


def layer_rows(model: Any, example: Any, catalog: Catalog) -> tuple[LayerRow, ...]:
    """One row per layer, layers inside layers included, in the order they are held.

    Args:
        model: a built model.
        example: symbolic tensors (or specifications) in the form the model is called with.
        catalog: tells which plugin a class is from.
    """
    named = list(_walk(model))
    shapes = _output_shapes(model, named, example)
    owner = _owners(catalog)
    return tuple(
        LayerRow(
            path=path,
            layer_class=type(layer).__name__,
            plugin=owner(layer),
            output_shape=shapes.get(id(layer)),
            parameters=layer.count_params() if layer.built else 0,
        )
        for path, layer in named
    )


def _walk(layer: Any, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Layers with their paths; one that is held twice comes once."""
    seen = set() if seen is None else seen
    # Keras has no public way to the layers inside a plain layer.
    for child in layer._flatten_layers(include_self=False, recursive=False):
        if id(child) in seen or isinstance(child, keras.layers.InputLayer):
            continue
        seen.add(id(child))
        path = f"{prefix}{child.name}"
        yield path, child
        yield from _walk(child, f"{path}/", seen)


def _output_shapes(model: Any, named: list[tuple[str, Any]], example: Any) -> dict[int, Any]:
    """What each layer gave when the model was called once, on symbols. The first call counts.

    Only a call shows it for layers inside a model class; each layer's `call` is watched for that one time.
    """
    shapes: dict[int, Any] = {}

    def watched(layer: Any) -> Callable[..., Any]:
        original = layer.call

        def call(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            shapes.setdefault(id(layer), _shape_of(result))
            return result

        return call

    layers = [layer for _, layer in named]
    for layer in layers:
        object.__setattr__(layer, "call", watched(layer))
    try:
        tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(
            _as_specs(example)
        )
    except Exception:  # a model that cannot be traced (run_eagerly) still trains; only the shapes are missing
        return {id(layer): _static_shape(layer) for layer in layers}
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")
    return shapes


def _as_specs(example: Any) -> Any:
    return keras.tree.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), example)


def _shape_of(result: Any) -> Any:
    shapes = [tuple(t.shape) for t in keras.tree.flatten(result) if hasattr(t, "shape")]
    return [list(s) for s in shapes] if len(shapes) > 1 else list(shapes[0]) if shapes else None


def _static_shape(layer: Any) -> Any:
    try:
        return _shape_of(layer.output)
    except (AttributeError, ValueError):
        return None


def _owners(catalog: Catalog) -> Callable[[Any], str]:
    """From a layer to the plugin that offers its class."""
    entries = list(catalog.of_kind(Kind.LAYER))
    by_target = {entry.target: entry for entry in entries}
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
