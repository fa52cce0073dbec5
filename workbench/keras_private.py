"""All that kwb uses of the private parts of Keras, each with its reason; for TensorFlow see `tensorflow_private`.

`tests/test_keras_private.py` fails where an upgrade changes what is relied on here, and where another module uses
something private.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.backend.tensorflow import nn
from keras.src.backend.tensorflow.trainer import TFEpochIterator
from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR, global_seed_generator
from keras.src.saving import serialization_lib
from keras.src.saving.object_registration import GLOBAL_CUSTOM_NAMES
from keras.src.utils.python_utils import pythonify_logs
from keras.src.utils.tracking import TrackedDict, TrackedList, TrackedSet
from tensorflow.python.eager import context

__all__ = [
    "TrackedDict",  # what a layer makes of a dict, a list and a set that are its attributes
    "TrackedList",
    "TrackedSet",
    "pythonify_logs",  # what Keras' list of callbacks makes of logs
]

# ---------------------------------------------------------------------- layers

STATE_OF_COMPILE = frozenset(
    {"_compile_config", "_compiled_trainable_state", "_eval_epoch_iterator"}
    | {"train_function", "test_function", "predict_function"}
)
"""Attributes that Keras sets on a model when it compiles or trains it."""

Call = Callable[..., Any]


@contextmanager
def around_calls(wrap: Callable[[Call], Call]) -> Iterator[None]:
    """While inside, each call of a layer goes through a function around it.

    An instance cannot have a `__call__` of its own, and `call` is too late: the check of an input's shape, and
    building, come before it.

    Args:
        wrap: makes that function of Keras' own, which gets the layer and then the arguments of its call.
    """
    original = keras.Layer.__call__
    keras.Layer.__call__ = wrap(original)
    try:
        yield
    finally:
        keras.Layer.__call__ = original


STATE_OF_CALLBACK = ("model", "_model", "params", "validation_data")
"""Attributes that Keras sets on a callback."""


def children(layer: Any) -> list[Any]:
    """The layers that a layer holds itself; there is no public way to those inside a plain layer."""
    return list(layer._flatten_layers(include_self=False, recursive=False))


def all_layers(model: Any) -> list[Any]:
    """The model and all layers in it, at any depth."""
    return list(model._flatten_layers())


def own_metrics(layer: Any) -> list[Any]:
    """The metrics that a layer itself holds: `layer.metrics` has those of inner layers too, and of a model the compiled
    ones."""
    return list(layer._metrics)


def own_variables(layer: Any) -> list[Any]:
    """The variables that a layer itself holds, without those of inner layers: first those that are trained."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def own_trainable_variables(layer: Any) -> list[Any]:
    """As `own_variables`, of those that are trained."""
    return list(layer._trainable_variables)


def backend_value(variable: Any) -> Any:
    """The TensorFlow variable in one of Keras, by which both can be known as the same."""
    return variable._value


def holds_seed(variable: Any) -> bool:
    """True for the state of a `SeedGenerator`, which only its name gives away."""
    return bool(variable.name == "seed_generator_state")


def made_with(layer: Any) -> Mapping[str, Any] | None:
    """The arguments that Keras saw given to the constructor; None where one of them was no plain value."""
    noted = getattr(layer, "_auto_config", None)
    return noted.config if noted is not None else None


def input_form(model: Any) -> Any:
    """The structure of a functional model's inputs, which `model.inputs` has flattened; None for another model."""
    return getattr(model, "_inputs_struct", None)


def finds_shape_by_calling(layer: Any) -> bool:
    """True if `compute_output_shape` is Keras' own, which calls the layer on symbols."""
    return bool(getattr(layer.compute_output_shape, "_is_default", False))


def origin_of_tensor(tensor: Any) -> Any:
    """The operation that a symbolic tensor comes from, the innermost where models are in models.

    Raises:
        AttributeError: the tensor is none of Keras.
    """
    history = tensor._keras_history
    while isinstance(history.operation, keras.Model):
        history = keras.tree.flatten(history.operation.outputs)[history.tensor_index]._keras_history
    return history.operation


def lookup_layer(layer: Any) -> Any:
    """The layer in a TextVectorization that has its vocabulary; another layer itself."""
    return getattr(layer, "_lookup_layer", layer)


def has_mask(tensor: Any) -> bool:
    """True if a mask comes with a tensor."""
    return getattr(tensor, "_keras_mask", None) is not None


def mask_of(tensor: Any) -> Any:
    """The mask that comes with a tensor, (rows, steps) truth values; None where none does."""
    return getattr(tensor, "_keras_mask", None)


def logits_of(tensor: Any) -> Any:
    """What a sigmoid or a softmax was computed from, which a cross-entropy uses in its place; else None."""
    return getattr(tensor, "_keras_logits", None)


def hand_on_mask(tensor: Any, to: Any) -> None:
    """Give a tensor the mask of another: Keras hands masks on as an attribute."""
    if has_mask(tensor):
        to._keras_mask = tensor._keras_mask


# ---------------------------------------------------------------------- compiling and training


def compiled_with(model: Any) -> Mapping[str, Any] | None:
    """The arguments of `compile`, which Keras keeps to save the model; None where it was not compiled."""
    config = getattr(model, "_compile_config", None)
    return config.config if config is not None else None


def compiled_metrics(model: Any) -> Any:
    """The one metric that stands for all that were compiled; None before."""
    return getattr(model, "_compile_metrics", None)


def has_direction(metric: Any) -> bool:
    """True if Keras knows whether more of a metric is better."""
    return hasattr(metric, "_direction")


def direction_of(metric: Any) -> str:
    """`up` or `down`: which values of a metric are better, where Keras knows it; else nothing."""
    return str(getattr(metric, "_direction", ""))


def learning_rate_of(optimizer: Any) -> Any:
    """The learning rate as it was given: a variable or a schedule, of which Keras shows only the present value."""
    return getattr(optimizer, "_learning_rate", None)


def averages_of(optimizer: Any) -> Iterator[tuple[Any, Any]]:
    """Each weight that an optimizer trains with its moving average, where it keeps them (`use_ema`)."""
    averages = getattr(optimizer, "_model_variables_moving_average", ())
    yield from zip(optimizer._trainable_variables, averages, strict=False)


def before_averages_are_final(swap: Any, act: Callable[[], None]) -> None:
    """Have a SwapEMAWeights callback call a function right before it makes averages the model's weights. There is no
    hook between."""
    finalize = swap._finalize_ema_values

    def act_and_finalize() -> None:
        act()
        finalize()

    swap._finalize_ema_values = act_and_finalize


class _SameIterator(TFEpochIterator):
    """Goes over data that has no first row again and again. Keras makes a new iterator over the data for every
    validation, which takes as long as some dozens of steps."""

    _current_iterator: Any

    def __init__(self, model: keras.Model, data: Any, steps: int) -> None:
        super().__init__(
            x=data, steps_per_epoch=steps, shuffle=False, distribute_strategy=model.distribute_strategy
        )

    def reset(self) -> None:
        kept = self._current_iterator
        super().reset()
        self._current_iterator = kept


def validate_on(model: keras.Model, data: Any, steps: int) -> None:
    """Have `fit` validate on an endless dataset, so many steps of it each time."""
    model._eval_epoch_iterator = _SameIterator(model, data, steps)  # where Keras looks for it


def is_profiling(callback: Any) -> bool:
    """True if a TensorBoard callback traces a batch; Keras has no other name for it."""
    return bool(getattr(callback, "_should_trace", True))


def global_seed() -> Any:
    """The state of the generator that random operations without a seed of their own draw from."""
    return global_seed_generator().state


@contextmanager
def kept_generators() -> Iterator[None]:
    """What is drawn from the global generators of Keras and TensorFlow within the block changes nothing that is drawn
    after it.

    Keras does not export its generator (to ask for it would make it, by a draw), and TensorFlow has a public way to set
    the state of its eager random operations, but none to read it.
    """
    own = global_state.get_global_attribute(GLOBAL_SEED_GENERATOR)
    state = None if own is None else np.array(keras.ops.convert_to_numpy(own.state))
    eager = context.context()
    seed, generator = eager._seed, getattr(eager, "_rng", None)  # made by the first seed that is set
    drawn = None if generator is None else generator.getstate()
    try:
        yield
    finally:
        global_state.set_global_attribute(GLOBAL_SEED_GENERATOR, own)
        if own is not None:
            own.state.assign(state)
        eager._seed, eager._rng = seed, generator
        if generator is not None:
            generator.setstate(drawn)


# ---------------------------------------------------------------------- saving

REGISTERED_NAMES: dict[Any, str] = GLOBAL_CUSTOM_NAMES
"""The registered name of each class and function: there is no public way to take a registration back."""


@contextmanager
def numbered_objects() -> Iterator[None]:
    """While inside, objects that Keras saves are numbered in the order in which they are met.

    Keras marks what parts of a model share by `id(object)`, the one use of `id` in its module, which is another in
    every process: of two equal trainings no two files would be equal. All that loading asks of the mark is that the
    same object has the same one.
    """
    numbers: dict[int, int] = {}

    def number(found: Any) -> int:
        return numbers.setdefault(id(found), len(numbers) + 1)

    serialization_lib.id = number
    try:
        yield
    finally:
        del serialization_lib.id


# ---------------------------------------------------------------------- several processes


@contextmanager
def synchronized_moments(total: Callable[[tf.Tensor], tf.Tensor]) -> Iterator[None]:
    """While inside, a `BatchNormalization(synchronized=True)` that is traced has the mean and the variance of all
    processes; Keras has those of the replicas of a strategy, and there is none.

    Args:
        total: the sum of a tensor over all processes.
    """
    original = nn._compute_moments_sync

    def moments(x: tf.Tensor, axes: Sequence[int], keepdims: bool) -> tuple[tf.Tensor, tf.Tensor]:
        count = total(tf.reduce_sum(tf.ones_like(x), axis=axes, keepdims=True))
        mean = tf.math.divide_no_nan(total(tf.reduce_sum(x, axis=axes, keepdims=True)), count)
        squares = total(tf.reduce_sum(tf.square(x), axis=axes, keepdims=True))
        variance = tf.maximum(tf.math.divide_no_nan(squares, count) - tf.square(mean), 0.0)
        if keepdims:
            return mean, variance
        return tf.squeeze(mean, axes), tf.squeeze(variance, axes)

    nn._compute_moments_sync = moments
    try:
        yield
    finally:
        nn._compute_moments_sync = original
