"""Build form 2 of a model: a stack of layers (`model.sequential`)."""

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
from workbench.recipe.schema import Load, Sequential, Use

KEY = "model.sequential"


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
    names = LayerNames(inputs)
    tensor = input_spec.symbol(input_name)
    layers: list[Any] = []
    try:
        for index, item in enumerate(spec.sequential):
            layers.append(_make(item, maker, f"{KEY}[{index}]"))
    except WorkbenchError as error:
        raise _first_error(spec, layers, tensor, error, on_built) from error
    # The names that the recipe gives first: those that Keras numbers give way to them.
    for given in (True, False):
        for index, (item, layer) in enumerate(zip(spec.sequential, layers, strict=True)):
            if given is _is_named(item):
                names.take(layer, given=given, where=f"{KEY}[{index}].name")
    try:
        model = keras.Sequential([tensor, *layers], name=name)
        outputs = model.outputs
    except (KeyboardInterrupt, WorkbenchError):
        raise
    except BaseException as error:  # plugin code: SystemExit included
        raise _first_error(spec, layers, tensor, error, on_built) from error
    if len(outputs) != 1:
        raise _many_outputs(spec, len(layers) - 1, len(outputs))
    for index, layer in enumerate(layers):
        on_built(f"{KEY}[{index}]", layer, None)
    return model


def _is_named(item: Use | Load) -> bool:
    return ("name" in item.arguments) if isinstance(item, Use) else item.name is not None


def _make(item: Use | Load, maker: Maker, where: str) -> Any:
    if isinstance(item, Use):
        entry = maker.entry(Kind.LAYER, item, where)
        if entry.inputs is not None and entry.inputs > 1:
            raise arity_error(entry, 1, where, in_stack=True)
    return maker.layer(item, where)


def _first_error(
    spec: Sequential, layers: list[Any], tensor: Any, error: BaseException, on_built: OnBuilt
) -> WorkbenchError:
    """Find the layer that failed by calling them one by one; there are fewer layers where one cannot be made."""
    for index, (item, layer) in enumerate(zip(spec.sequential, layers, strict=False)):
        label = item.use if isinstance(item, Use) else item.load
        try:
            result = layer(tensor)
        except BaseException as own_error:
            return call_error(label, tensor.shape, own_error, f"{KEY}[{index}]")
        if isinstance(result, list | tuple | Mapping):
            return _many_outputs(spec, index, len(result))
        on_built(f"{KEY}[{index}]", layer, result)
        tensor = result
    if isinstance(error, WorkbenchError):
        return error
    return call_error("the stack", tensor.shape, error, KEY)


def _many_outputs(spec: Sequential, index: int, count: int) -> RecipeError:
    item = spec.sequential[index]
    label = item.use if isinstance(item, Use) else item.load
    return RecipeError(
        f"{label} has {count} outputs; a stack passes on 1.",
        where=f"{KEY}[{index}]",
        hint="Write the model as a graph ('graph:' instead of 'sequential:').",
    )
