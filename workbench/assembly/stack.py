"""Build form 2 of a model: a stack of layers (`sequential`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from workbench.assembly.errors import arity_error, call_error
from workbench.assembly.make import Maker, OnBuilt
from workbench.assembly.names import LayerNames
from workbench.assembly.structure import InputSpec
from workbench.catalog import Kind
from workbench.errors import RecipeError, WorkbenchError
from workbench.recipe.model_schema import Graph, Load, Sequential, Use

KEY = "model.sequential"

Item = Use | Load | Sequential | Graph


def build_stack(
    spec: Sequential, inputs: Mapping[str, InputSpec], maker: Maker, name: str, on_built: OnBuilt
) -> Any:
    """A built `keras.Sequential`. On an error, the layers before it were built and reported.

    Raises:
        RecipeError: a layer cannot be made, cannot stand in a stack, or does not accept the output of
            the one before. `where` names the layer.
    """
    if len(inputs) != 1:
        raise RecipeError(
            f"a stack has 1 input; the data has {len(inputs)} ({', '.join(inputs)}).",
            where=KEY,
            hint="Write the model as a graph, or let the data have one input.",
        )
    ((input_name, input_spec),) = inputs.items()
    tensor = input_spec.symbol(input_name)
    layers: list[Any] = []
    try:
        for index, item in enumerate(spec.sequential):
            layers.append(_make(item, maker, f"{KEY}[{index}]"))
    except WorkbenchError as error:
        raise _first_error(spec, layers, tensor, error, on_built, maker) from error
    _name(spec, layers, LayerNames(inputs), KEY)
    try:
        model = keras.Sequential([tensor, *layers], name=name)
        outputs = model.outputs
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as error:  # plugin code: SystemExit included
        raise _first_error(spec, layers, tensor, error, on_built, maker) from error
    if len(outputs) != 1:
        raise _many_outputs(spec, len(layers) - 1, len(outputs))
    for index, layer in enumerate(layers):
        on_built(f"{KEY}[{index}]", layer, None)
    return model


def build_inner_stack(spec: Sequential, maker: Maker, key: str, name: str | None, on_built: OnBuilt) -> Any:
    """A stack inside another thing: its first call builds it, for the shape that it is then given.

    Args:
        key: the recipe's key of the stack.

    Raises:
        RecipeError: as for `build_stack`; a call that fails later is found by `Maker.sites`.
    """
    key = f"{key}.sequential"
    layers = [_make(item, maker, f"{key}[{index}]") for index, item in enumerate(spec.sequential)]
    _name(spec, layers, LayerNames(()), key)
    for index, layer in enumerate(layers):
        on_built(f"{key}[{index}]", layer, None)
    return keras.Sequential(layers, name=name)


def _name(spec: Sequential, layers: list[Any], names: LayerNames, key: str) -> None:
    """Give each layer a name of its own; those that Keras numbers give way to the recipe's."""
    for given in (True, False):
        for index, (item, layer) in enumerate(zip(spec.sequential, layers, strict=True)):
            if given is _is_named(item):
                names.take(layer, given=given, where=f"{key}[{index}].name")


def _is_named(item: Item) -> bool:
    return ("name" in item.arguments) if isinstance(item, Use) else item.name is not None


def _label(item: Item) -> str:
    match item:
        case Use(use=label) | Load(load=label):
            return label
    return item.name or "the inner model"


def _make(item: Item, maker: Maker, where: str) -> Any:
    if isinstance(item, Use) and maker.shared(item.use) is None:
        entry = maker.entry(Kind.LAYER, item, where)
        if entry.inputs is not None and entry.inputs > 1:
            raise arity_error(entry, 1, where, in_stack=True)
    return maker.layer(item, where)


def _first_error(
    spec: Sequential, layers: list[Any], tensor: Any, error: BaseException, on_built: OnBuilt, maker: Maker
) -> WorkbenchError:
    """Find the layer that failed by calling them one by one; there are fewer layers where one cannot be made."""
    for index, (item, layer) in enumerate(zip(spec.sequential, layers, strict=False)):
        try:
            with maker.sites.watch():
                result = layer(tensor)
        except BaseException as own_error:
            return maker.sites.error(layer, _label(item), tensor.shape, own_error, f"{KEY}[{index}]")
        if isinstance(result, list | tuple | Mapping):
            return _many_outputs(spec, index, len(result))
        on_built(f"{KEY}[{index}]", layer, result)
        tensor = result
    if isinstance(error, WorkbenchError):
        return error
    return call_error("the stack", tensor.shape, error, KEY)


def _many_outputs(spec: Sequential, index: int, count: int) -> RecipeError:
    return RecipeError(
        f"{_label(spec.sequential[index])} has {count} outputs; a stack passes on 1.",
        where=f"{KEY}[{index}]",
        hint="Write the model as a graph ('graph:' instead of 'sequential:').",
    )
