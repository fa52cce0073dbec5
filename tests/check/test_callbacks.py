"""What `kwb check` finds out about callbacks: whether they may be called once for several batches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import pytest

from workbench.check.other_kinds import callback_fit
from workbench.check.results import CheckFailed


class Halving(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.model.optimizer.learning_rate = 0.5 * float(self.model.optimizer.learning_rate)


class Careless(Halving):
    every_batch = False


class Printing(keras.callbacks.Callback):
    every_batch = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.last = batch


def test_a_callback_of_batches_is_called_at_every_batch():
    assert callback_fit(SimpleNamespace(make=Halving)).startswith("called at every batch")
    assert callback_fit(SimpleNamespace(make=Printing)) == ""
    assert callback_fit(SimpleNamespace(make=keras.callbacks.History)) == ""


def test_a_callback_that_says_it_needs_less_and_does_not_fails():
    with pytest.raises(CheckFailed, match="other weights"):
        callback_fit(SimpleNamespace(make=Careless))
