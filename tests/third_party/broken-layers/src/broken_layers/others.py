"""What is no layer, with one error each."""

import keras
import numpy as np
from keras import ops

from workbench.data.source import Source


def nowhere(y_true, y_pred):
    """Not a number."""
    return ops.mean(y_pred, axis=-1) * float("nan")


class Growing(keras.metrics.Metric):
    """Does not start again."""

    def __init__(self, name="growing", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(ops.sum(ops.cast(y_pred, "float32")))

    def result(self):
        return self.total

    def reset_state(self):
        pass


class Still(keras.optimizers.SGD):
    """Moves nothing."""

    def update_step(self, gradient, variable, learning_rate):
        pass


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    """Falls below zero."""

    def __call__(self, step):
        return 0.1 - 0.01 * ops.cast(step, "float32")

    def get_config(self):
        return {}


class Stumbling(keras.callbacks.Callback):
    """Fails at the end of an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        raise KeyError("val_auc")


class Narrow(keras.Initializer):
    """Gives another shape than it is asked for."""

    def __call__(self, shape, dtype=None):
        return ops.ones((shape[0],), dtype=dtype)

    def get_config(self):
        return {}


class Each(keras.Regularizer):
    """Gives a penalty for each weight."""

    def __call__(self, x):
        return ops.square(x)

    def get_config(self):
        return {}


class Flattening(keras.constraints.Constraint):
    """Changes a weight's shape."""

    def __call__(self, w):
        return ops.reshape(w, (-1,))

    def get_config(self):
        return {}


def untargeted():
    """Its target is no column."""
    return Source({"a": np.arange(4.0)}, targets=("b",))
