"""The training engines: faster ways to run the steps of `keras.Model.fit`, with the same meaning.

    plain       stock Keras: one step a call
    steps       several steps a call, batches from a tf.data pipeline
    chunk       several steps a call, in a compiled loop over data held in tensors: all of it, or a block of a stream
    chunk-xla   the same loop compiled by XLA
    auto        measures the engines on real steps of this model and keeps the fastest; the next training of the same
                step on this machine uses the same (`choices`)
    measure     as auto, but measures again

`fit` and `evaluate` are the whole interface; Keras' own `fit` still controls the training, so callbacks,
history, validation and early stopping are Keras' own.
"""

from workbench.training.engines.choices import Choices
from workbench.training.engines.data import Arrays, Stream
from workbench.training.engines.fit import FitSettings, evaluate, fit
from workbench.training.engines.testing import KeptTest

__all__ = ["Arrays", "Choices", "FitSettings", "KeptTest", "Stream", "evaluate", "fit"]
