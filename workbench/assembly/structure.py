"""Convert named inputs and outputs to the structure that a model is called with and returns.

A model of one input is called with a tensor. A graph is called with a dict of tensors by input name. A model
class with several inputs is called with a tuple in the order of the data's inputs, as its
`call(self, inputs)` unpacks it; one that asks for `inputs["name"]` is called with a dict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from workbench.errors import RecipeError, did_you_mean

Form = Literal["one", "tuple", "dict"]


@dataclass(frozen=True)
class InputSpec:
    """One input: its shape without the batch axis (None for a free length) and its type.

    Attributes:
        batch: the rows of each batch, where the model is built for just so many; None for any.
    """

    shape: tuple[int | None, ...]
    dtype: str = "float32"
    batch: int | None = None

    def symbol(self, name: str, shape: tuple[int | None, ...] | None = None) -> Any:
        """A symbolic tensor of this input, of another shape where one is given."""
        return keras.Input(shape or self.shape, batch_size=self.batch, dtype=self.dtype, name=name)


@dataclass(frozen=True)
class Structure:
    """The forms of a model's inputs and outputs.

    Attributes:
        inputs: the inputs' names, in order.
        outputs: the outputs' names, in order; for a tuple they are the targets' names.
    """

    input_form: Form
    inputs: tuple[str, ...]
    output_form: Form
    outputs: tuple[str, ...]

    def pack_inputs(self, values: Mapping[str, Any]) -> Any:
        """Values by input name, as the model is called with them."""
        return _pack(self.input_form, self.inputs, values)

    def pack_targets(self, values: Mapping[str, Any]) -> Any:
        """Values by target name, in the form of the model's outputs; None where there are none."""
        if not values:  # a model with its own losses needs none
            return None
        if self.output_form == "one":
            (value,) = values.values()
            return value
        return _pack(self.output_form, self.outputs, values)

    def pack_weights(self, weights: Any) -> Any:
        """Sample weights in the form of the model's outputs; those for all targets as they are."""
        return self.pack_targets(weights) if isinstance(weights, Mapping) else weights

    def unpack_outputs(self, values: Any) -> dict[str, Any]:
        """The outputs of the model, by name."""
        if self.output_form == "one":
            return {self.outputs[0]: values}
        if self.output_form == "dict":
            return {name: values[name] for name in self.outputs}
        return dict(zip(self.outputs, values, strict=True))


def own_outputs(values: Any) -> dict[str, Any]:
    """What a `predict_step` of a model's own returns, by name: it may be of another form than the model's outputs."""
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, list | tuple):
        return {f"output_{at}": value for at, value in enumerate(values)}
    return {"output": values}


def _pack(form: Form, names: Sequence[str], values: Mapping[str, Any]) -> Any:
    values = as_keras_takes(values)
    if form == "one":
        return values[names[0]]
    if form == "dict":
        return {name: values[name] for name in names}
    return tuple(values[name] for name in names)


def as_keras_takes(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Strings as tensors, which Keras needs, and what is beside them too: it takes no mixture."""
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    if not any(array.dtype == object for array in arrays.values()):
        return values
    return {**values, **{name: tf.convert_to_tensor(array) for name, array in arrays.items()}}


def input_structure(model: Any, inputs: Mapping[str, InputSpec], where: str) -> tuple[Form, tuple[str, ...]]:
    """How a model gets its inputs, before it is called.

    Raises:
        RecipeError: the model was built for other inputs than the data has.
    """
    names = tuple(inputs)
    expected = (
        getattr(model, "input", None) if getattr(model, "built", False) and hasattr(model, "inputs") else None
    )
    if isinstance(expected, Mapping):
        _same_names("input", tuple(expected), names, where)
        return "dict", tuple(expected)
    if isinstance(expected, list | tuple) and len(expected) > 1:
        own = tuple(tensor.name for tensor in expected)
        if len(own) != len(names):
            raise RecipeError(_count("input", len(own), names), where=where)
        return "tuple", own if set(own) == set(names) else names
    if expected is not None and len(names) != 1:
        raise RecipeError(_count("input", 1, names), where=where)
    return ("one" if len(names) == 1 else "tuple"), names


def output_structure(
    outputs: Any, targets: Sequence[str], where: str, own_names: Sequence[str] = ()
) -> tuple[Form, tuple[str, ...]]:
    """The form of what a model returned (symbolic tensors), matched with the names of the targets.

    Args:
        own_names: what a model that returns a list calls its outputs. Where these are the targets' names, targets
            go by name and not by position.

    Raises:
        RecipeError: the names or their number disagree.
    """
    names = tuple(targets)
    if isinstance(outputs, Mapping):
        own = tuple(outputs)
        if len(own) == 1 == len(names) or not names:
            return "dict", own
        _same_names("output", own, names, where)
        return "dict", own
    if isinstance(outputs, list | tuple):
        if names and len(outputs) != len(names):
            raise RecipeError(_count("output", len(outputs), names), where=where, hint=_HINT)
        if set(own_names) == set(names) and len(own_names) == len(names):
            return "tuple", tuple(own_names)
        return "tuple", names or tuple(f"output_{i}" for i in range(len(outputs)))
    if len(names) > 1:
        raise RecipeError(_count("output", 1, names), where=where, hint=_HINT)
    return "one", names or ("output",)


_HINT = "Give the data as many targets as the model has outputs (data.targets)."


def _count(what: str, own: int, names: Sequence[str]) -> str:
    noun = "target" if what == "output" else what
    has = f"{own} {what}" + ("" if own == 1 else "s")
    given = f"{len(names)} {noun}" + ("" if len(names) == 1 else "s")
    return f"the model has {has}; the data has {given} ({', '.join(names)})."


def _same_names(what: str, own: Sequence[str], names: Sequence[str], where: str) -> None:
    noun = "target" if what == "output" else what
    for name in own:
        if name not in names:
            hint = (
                did_you_mean(name, names)
                or f"Name the data's {noun}s like the model's {what}s (data.{noun}s)."
            )
            raise RecipeError(
                f"the model's {what} '{name}' has no {noun} of that name in the data ({', '.join(names)}).",
                where=where,
                hint=hint,
            )
    for name in names:
        if name not in own:
            raise RecipeError(
                f"the data's {noun} '{name}' is no {what} of the model ({', '.join(own)}).",
                where=where,
                hint=did_you_mean(name, own),
            )
