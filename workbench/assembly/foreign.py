"""Connect data to a model file of plain Keras, which does not describe its data; outputs may have any structure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from workbench.assembly.structure import InputSpec, Structure, input_structure
from workbench.errors import DataError, did_you_mean


@dataclass(frozen=True)
class ForeignStructure:
    """The forms of a model's inputs and outputs, as `Structure`, for outputs nested in any way.

    Attributes:
        form: the inputs' form; its outputs are not used.
        outputs: the outputs' names, in the structure that the model returns.
        where: the file, for messages.
    """

    form: Structure
    outputs: Any
    where: str

    def pack_inputs(self, values: Mapping[str, Any]) -> Any:
        """Values by input name, as the model is called with them."""
        return self.form.pack_inputs(values)

    def pack_targets(self, values: Mapping[str, Any]) -> Any:
        """Values by output name, in the structure of the model's outputs.

        A dict of outputs may lack those that no loss was compiled for.

        Raises:
            DataError: there is no value for an output.
        """
        if not values:
            return None
        lacking = [name for name in keras.tree.flatten(self.outputs) if name not in values]
        if lacking and not (isinstance(self.outputs, Mapping) and len(lacking) < len(self.outputs)):
            raise DataError(
                f"the data has no target for the model's output '{lacking[0]}'.",
                where=self.where,
                hint="Name the data's targets like the model's outputs (data.targets).",
            )
        return _filled(self.outputs, values)

    def pack_weights(self, weights: Any) -> Any:
        """As `Structure.pack_weights`."""
        return self.pack_targets(weights) if isinstance(weights, Mapping) else weights

    def unpack_outputs(self, values: Any) -> dict[str, Any]:
        """The outputs of the model, by output name, in the model's own order."""
        named = dict(zip(keras.tree.flatten(self.outputs), keras.tree.flatten(values), strict=True))
        return {name: named[name] for name in _in_order(self.outputs)}


def foreign_structure(
    model: Any, inputs: Mapping[str, np.ndarray], targets: Sequence[str], where: str
) -> ForeignStructure:
    """How a model accepts the inputs and returns the outputs of the data, found from the model and from a call of it.

    An output goes by its key in a dict, by the name that a functional model gives it in a list, and else by its
    position. Targets of just those names go to them by name; others go by position, as in Keras, where the model's
    outputs are a list or one tensor.

    Args:
        inputs: the data's inputs, (rows, ...) each.
        targets: the names of the data's targets.

    Raises:
        DataError: the names or the number of targets do not fit the outputs.
        RecipeError: the inputs do not fit.
    """
    specs = {name: InputSpec(array.shape[1:], str(array.dtype)) for name, array in inputs.items()}
    form, names = input_structure(model, specs, where)
    packing = Structure(form, names, "one", ("output",))
    shape = _returned(model, packing.pack_inputs({name: array[:1] for name, array in inputs.items()}))
    return ForeignStructure(packing, _named(model, shape, tuple(targets), where), where)


def _returned(model: Any, first: Any) -> Any:
    """What the model returns: symbolic where it knows, else of a row."""
    known = getattr(model, "output", None) if hasattr(model, "operations") else None
    return known if known is not None else model(first, training=False)


def _named(model: Any, returned: Any, targets: tuple[str, ...], where: str) -> Any:
    """The names of the outputs, in the structure of what the model returned."""
    paths = [tuple(path) for path, _ in keras.tree.flatten_with_path(returned)]
    layers = [str(name) for name in getattr(model, "output_names", ())]
    by_layer = layers if len(set(layers)) == len(layers) == len(paths) else None
    own = [_label(path, by_layer[at] if by_layer else "") for at, path in enumerate(paths)]
    by_list = not any(isinstance(step, str) for path in paths for step in path)
    names = own
    if len(paths) == len(targets) and set(own) != set(targets):
        if not by_list and len(paths) > 1:
            raise _mismatch(own, targets, where)
        if moved := [name for at, name in enumerate(own) if name in targets and targets[at] != name]:
            raise DataError(
                f"the model's outputs are {', '.join(own)}, and the data's targets {', '.join(targets)}: "
                f"'{moved[0]}' is at another position.",
                where=where,
                hint="Name the targets like the outputs, or put them in the model's order.",
            )
        names = list(targets)
    elif targets and not set(targets) <= set(own):
        raise _mismatch(own, targets, where)
    return keras.tree.pack_sequence_as(returned, names)


def _mismatch(own: Sequence[str], targets: Sequence[str], where: str) -> DataError:
    unknown = next((name for name in targets if name not in own), targets[0])
    return DataError(
        f"the model's outputs are {', '.join(own)}, and the data's targets {', '.join(targets)}.",
        where=where,
        hint=did_you_mean(unknown, own) or "Name the data's targets like the outputs (data.targets).",
    )


def _label(path: Sequence[Any], layer: str) -> str:
    """An output's name, as Keras has it in logs: the keys of dicts, and in a list the layer that it comes from."""
    keys = [str(step) for step in path if isinstance(step, str)]
    if not path:
        return "output"
    if isinstance(path[-1], str):
        return "/".join(keys)
    numbers = "_".join(str(step + 1) for step in path if isinstance(step, int))
    return "/".join([*keys, layer or f"output_{numbers}"])


def _in_order(names: Any) -> list[str]:
    """Names as they stand: `flatten` sorts the keys of a dict."""
    if isinstance(names, Mapping):
        return [name for item in names.values() for name in _in_order(item)]
    if isinstance(names, list | tuple):
        return [name for item in names for name in _in_order(item)]
    return [names]


def _filled(names: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(names, Mapping):
        return {
            key: _filled(item, values)
            for key, item in names.items()
            if keras.tree.is_nested(item) or item in values
        }
    if isinstance(names, list | tuple):
        return type(names)(_filled(item, values) for item in names)
    return values[names]
