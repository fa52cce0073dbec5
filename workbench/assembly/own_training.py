"""Models that train by methods of their own, and how they are built before training.

A GAN of the Keras guides has no `call()`: its `train_step` calls its parts. Plain Keras builds such a model in its
first step. Here that step is traced before training, which makes every weight and the slots of every optimizer, and
changes no value: what is in the model can be counted, checked, put into checkpoints and restored from them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras
import tensorflow as tf

from workbench.storage.optimizers import optimizers


def has_own(model: Any, method: str) -> bool:
    """True if a model's class has a method of its own in place of Keras'."""
    return getattr(type(model), method) is not getattr(keras.Model, method)


def lacks_call(model: Any) -> bool:
    """True if a model cannot be called: its class has no `call()`."""
    return isinstance(model, keras.Model) and type(model).call is keras.Model.call


def can_evaluate(model: Any) -> bool:
    """True if a model can be evaluated: by its `call()`, or by a `test_step` of its own."""
    return not lacks_call(model) or has_own(model, "test_step")


def can_predict(model: Any) -> bool:
    """True if a model can predict: by its `call()`, or by a `predict_step` of its own."""
    return not lacks_call(model) or has_own(model, "predict_step")


def build_by_step(model: Any, batch: Any) -> None:
    """Build a compiled model by tracing its `train_step`.

    Args:
        batch: tensor specifications in the form that `fit` gives the step its batches.

    Raises:
        Exception: whatever the step raises.
    """
    tf.function(model.train_step, autograph=False).get_concrete_function(batch)
    # What has no `call()` is never marked by Keras, whatever it holds.
    if lacks_call(model):
        model.built = True


def build_by_eager_step(model: Any, batch: Any) -> None:
    """Build a compiled model by a `train_step` on real rows, for a step that cannot be traced; no weight is moved.

    Args:
        batch: tensors in the form that `fit` gives the step its batches.

    Raises:
        Exception: whatever the step raises.
    """
    before = [
        (variable, keras.ops.convert_to_numpy(variable)) for variable in variables_with_optimizers(model)
    ]
    held = list(optimizers(model).values())
    for optimizer in held:
        object.__setattr__(optimizer, "apply", partial(_only_build, model, optimizer))
    try:
        model.train_step(batch)
    finally:
        for optimizer in held:
            object.__delattr__(optimizer, "apply")
        for variable, value in before:
            variable.assign(value)
        for metric in model.metrics:
            metric.reset_state()
    model.built = model.built or lacks_call(model)


def _only_build(model: Any, optimizer: Any, grads: Any, trainable_variables: Any = None) -> None:
    if not optimizer.built:
        optimizer.build(
            list(model.trainable_variables if trainable_variables is None else trainable_variables)
        )


def variables_with_optimizers(model: Any) -> list[Any]:
    """The variables of a model and of its optimizers."""
    return [*model.variables, *(v for optimizer in optimizers(model).values() for v in optimizer.variables)]


def build_by_call(model: Any, inputs: Any) -> None:
    """Build what the first call of a model in training makes, by tracing it.

    Args:
        inputs: tensor specifications in the form the model is called with.

    Raises:
        Exception: whatever the model raises.
    """
    tf.function(lambda x: model(x, training=True), autograph=False).get_concrete_function(inputs)


def specifications(arrays: Any, batch: int | None) -> Any:
    """Arrays as tensor specifications, for batches of `batch` rows, or of any number of them."""
    return keras.tree.map_structure(
        lambda array: None if array is None else tf.TensorSpec([batch, *array.shape[1:]], array.dtype), arrays
    )
