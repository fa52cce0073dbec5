"""Stock Keras keeps the contract: what Keras itself does not keep is announced, with the reason.

An ordinary run takes one entry of each sort: every kind, every announced reason, a layer with several inputs, with
states, with random numbers, with a layer within it. `test_kwb_keras.py` builds and calls every entry there is.
KWB_WHOLE=keras takes more of those that are used most.
"""

import pytest

from tests.whole import part
from workbench.check.pytest_helpers import parametrize_checks

ORDINARY = (
    *("Dense", "LSTM", "Embedding", "BatchNormalization", "Concatenate", "MultiHeadAttention"),
    *("Bidirectional", "RandomFlip"),
    *("Huber", "AUC", "AdamW", "CosineDecay", "EarlyStopping", "HeNormal", "L2", "MaxNorm", "digits"),
)
MORE = ("Conv2D", "LayerNormalization", "Dropout", "MaxPooling2D", "LSTMCell", "CategoricalCrossentropy")


@pytest.mark.slow
@parametrize_checks(*(f"kwb_keras.{name}" for name in part("keras", (*ORDINARY, *MORE), ORDINARY)))
def test_contract(check):
    check()
