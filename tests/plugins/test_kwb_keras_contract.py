"""A sample of stock Keras keeps the contract: what Keras itself does not keep is announced, with the reason."""

import pytest

from workbench.check.pytest_helpers import parametrize_checks

LAYERS = (
    *("Dense", "Conv2D", "LSTM", "Embedding", "BatchNormalization", "LayerNormalization", "Dropout"),
    *("Concatenate", "MultiHeadAttention", "Bidirectional", "MaxPooling2D", "RandomFlip", "LSTMCell"),
)
OTHERS = (
    *("Huber", "AUC", "CategoricalCrossentropy", "AdamW", "CosineDecay", "EarlyStopping"),
    *("HeNormal", "L2", "MaxNorm", "digits"),
)


@pytest.mark.slow
@parametrize_checks(*(f"kwb_keras.{name}" for name in (*LAYERS, *OTHERS)))
def test_contract(check):
    check()
