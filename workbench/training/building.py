"""Build all of a compiled model before training begins, as its first step would.

What is built later is in no file, in no checkpoint, and unknown to an optimizer that was built before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from workbench.assembly.layers import has_own_classes
from workbench.assembly.model import Assembly
from workbench.assembly.own_training import (
    build_by_call,
    build_by_eager_step,
    build_by_step,
    has_own,
    lacks_call,
    specifications,
)
from workbench.assembly.stateful import static_batch
from workbench.data.preparation import Part
from workbench.errors import RecipeError
from workbench.sentence import short_message
from workbench.training.engines import Arrays
from workbench.training.engines.data import ClassWeight, packed


def build(assembly: Assembly, rows: Part, class_weight: ClassWeight | None) -> Assembly:
    """Build what a call on symbols has left out, by the model's step or a call of it, as training runs them.

    Args:
        assembly: its model is compiled.
        rows: a batch of the training data.
        class_weight: as `fit` gets it.

    Returns:
        The assembly, with inputs by name where a `train_step` asks for them.

    Raises:
        RecipeError: a model that has nothing but its `train_step` fails in it.
    """
    model = assembly.model
    if lacks_call(model):
        return _built_by_step(assembly, rows, class_weight)
    if model.run_eagerly:  # a trace that fails leaves variables without a value
        if has_own_classes(model):
            _tried(model, _tensors(assembly.structure.pack_inputs(rows.inputs)))
    elif has_own(model, "train_step") or has_own(model, "compute_loss"):
        _tried(build_by_step, model, step_batch(assembly, rows, class_weight))
    elif has_own_classes(model):
        inputs = assembly.structure.pack_inputs(rows.inputs)
        _tried(build_by_call, model, specifications(inputs, static_batch(model)))
    return assembly


def _built_by_step(assembly: Assembly, rows: Part, class_weight: ClassWeight | None) -> Assembly:
    model = assembly.model

    def step(form: Assembly) -> Exception | None:
        if model.run_eagerly:
            return _tried(build_by_eager_step, model, _tensors(packed(arrays(form, rows), class_weight)))
        return _tried(build_by_step, model, step_batch(form, rows, class_weight))

    error = step(assembly)
    if error is None:
        return assembly
    by_name = replace(assembly, structure=replace(assembly.structure, input_form="dict"))
    if "indices must be integers" in str(error) and step(by_name) is None:
        return by_name
    raise RecipeError(
        f"{type(model).__name__}.train_step fails: {short_message(error)}.", where="model"
    ) from error


def step_batch(assembly: Assembly, rows: Part, class_weight: ClassWeight | None = None) -> Any:
    """The batch that a `train_step` gets, as tensor specifications."""
    return specifications(packed(arrays(assembly, rows), class_weight), static_batch(assembly.model))


def arrays(assembly: Assembly, rows: Part) -> Arrays:
    """Rows in the structure that a model is called with."""
    structure = assembly.structure
    return Arrays(
        structure.pack_inputs(rows.inputs),
        structure.pack_targets(rows.targets),
        structure.pack_weights(rows.sample_weight),
    )


def _tensors(values: Any) -> Any:
    return keras.tree.map_structure(keras.ops.convert_to_tensor, values)


def _tried(build: Any, *arguments: Any) -> Exception | None:
    try:
        build(*arguments)
    except Exception as error:  # the model's own code; where it can be called, training shows the error
        return error
    return None
