"""A faster version of what `fit` does with a model's metrics once per epoch.

Keras sets one variable of a metric to zero after the other, and has every metric compute the result that the last step
has just given. In a short epoch that takes as long as some dozens of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from workbench.keras_private import compiled_metrics
from workbench.training.variables import put

Logs = Mapping[str, Any]

_STEP = ("train_step", "compute_loss", "compute_metrics")  # what makes a step Keras' own


class QuickMetrics:
    """`reset_metrics` and `get_metrics_result` of one model, with the results of Keras' own.

    Only what is Keras' own is done quickly: a metric of another class may do anything when it is reset.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = model
        self._latest: Logs | None = None
        self._count = -1
        self._zeros: list[tuple[tf.Variable, tf.Tensor]] = []

    def gave(self, logs: Logs) -> None:
        """The metrics' results after the step that was run last."""
        self._latest = logs

    def reset(self) -> None:
        """Set every metric back."""
        self._latest = None
        variables = self._model.metrics_variables
        if self._zeros and len(variables) == self._count:
            for variable, zero in self._zeros:
                put(variable, zero)
            return
        keras.Model.reset_metrics(self._model)
        self._learn(variables)

    def result(self) -> Logs:
        """The metrics' results: those of the last step, unless something has changed since."""
        if self._latest is not None and tf.executing_eagerly():
            return dict(self._latest)
        # A metric may give its variable, which validation sets back before anybody has read it.
        return keras.tree.map_structure(_as_it_is, keras.Model.get_metrics_result(self._model))

    def _learn(self, variables: list[Any]) -> None:
        """Prepare for the next time; metrics are made as late as at the first step."""
        self._count = len(variables)
        self._zeros = []
        own = (type(metric).__module__.startswith("keras.") for metric in self._model.metrics)
        if all(own) and not any(np.any(keras.ops.convert_to_numpy(variable)) for variable in variables):
            self._zeros = [(v.value, tf.zeros(v.shape, v.dtype)) for v in variables]


def _as_it_is(value: Any) -> Any:
    """The value that a variable has now."""
    return tf.convert_to_tensor(value) if isinstance(value, keras.Variable | tf.Variable) else value


@contextmanager
def quick_metrics(model: keras.Model) -> Iterator[QuickMetrics]:
    """While inside, the model's metrics are handled quickly; not where its class has ways of its own."""
    quick = QuickMetrics(model)
    methods = {"reset_metrics": quick.reset, "get_metrics_result": quick.result}
    stock = all(is_stock(model, name) for name in methods)
    try:
        for name, method in methods.items() if stock else ():
            setattr(model, name, method)
        yield quick
    finally:
        for name in methods if stock else ():
            delattr(model, name)


def is_stock(model: keras.Model, name: str) -> bool:
    """True if a method of a model is Keras' own: neither its class nor anyone else has replaced it."""
    return getattr(getattr(model, name), "__func__", None) is getattr(keras.Model, name)


def is_quick(model: keras.Model, name: str) -> bool:
    """True if a method of a model is the quick form of Keras' own."""
    return isinstance(getattr(getattr(model, name), "__self__", None), QuickMetrics)


def build_metrics(model: keras.Model, signature: Any) -> None:
    """Have a built model make the variables that its first step would make: those of its metrics and its optimizer.

    TensorFlow traces a function once more when its first trace has made variables, and a step with its gradients and
    updates takes far longer to trace than its metrics. Where they cannot be made here (the model's own code may run),
    the step makes them.

    Args:
        signature: a batch as tensor specifications.
    """
    if not model.built or not all(is_stock(model, name) for name in _STEP):
        return
    if model.optimizer is not None and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    made = compiled_metrics(model)
    if made is None or made.built:
        return
    x, y, weight = keras.utils.unpack_x_y_sample_weight(signature)
    with suppress(Exception):
        y_pred = _outputs(model, x)
        if not keras.tree.is_nested(y) and not keras.tree.is_nested(y_pred):
            made.build(y, y_pred)
            return

        def measure(x: Any, y: Any, y_pred: Any, weight: Any) -> None:
            """Of several outputs the losses are metrics as well."""
            model.compute_loss(x, y, y_pred, weight, training=True)
            model.compute_metrics(x, y, y_pred, weight)

        tf.function(measure, autograph=False).get_concrete_function(x, y, y_pred, weight)


def _outputs(model: keras.Model, x: Any) -> Any:
    """What a model returns for a batch, as tensor specifications."""
    if getattr(model, "outputs", None):  # a functional model, which knows them
        return keras.tree.map_structure(
            lambda output: tf.TensorSpec(output.shape, output.dtype), model.output
        )
    call = tf.function(lambda x: model(x, training=True), autograph=False)
    return call.get_concrete_function(x).structured_outputs
