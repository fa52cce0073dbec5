"""Find out which callback ended a training before its last epoch, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras


class Ending:
    """Finds the callback that ended a training.

    Attributes:
        by: that callback; None where the training came to its end, or the user ended it.
        epoch: the epoch (from 1) in which it did.
    """

    def __init__(self) -> None:
        self.by: Any = None
        self.epoch = 0

    def watched(self, callbacks: Sequence[Any]) -> list[Any]:
        """The callbacks, with a look at the model behind each."""
        return [each for callback in callbacks for each in (callback, _Look(self, callback))]

    @property
    def reason(self) -> str:
        """`EarlyStopping: val_loss did not improve for 10 epochs`; empty where no callback ended the training."""
        callback = self.by
        if callback is None:
            return ""
        name = type(callback).__name__
        if isinstance(callback, keras.callbacks.EarlyStopping):
            epochs = "1 epoch" if callback.patience <= 1 else f"{callback.patience} epochs"
            reason = f"{name}: {callback.monitor} did not improve for {epochs}"
            if callback.restore_best_weights and callback.best_weights is not None:
                reason += f", the weights of epoch {callback.best_epoch + 1} are put back"
            return reason
        if isinstance(callback, keras.callbacks.TerminateOnNaN):
            return f"{name}: the loss is nan or infinite"
        return f"{name} ended it in epoch {self.epoch}"


class _Look(keras.callbacks.Callback):
    """Runs after another callback and sees if that one has ended the training."""

    every_batch = False

    def __init__(self, ending: Ending, behind: Any) -> None:
        super().__init__()
        self._ending = ending
        self._behind = behind
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch + 1

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._look()

    # At each hook where the other may have ended it: only there is it known which one did.

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._look()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._look()

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._look()

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._look()

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._look()

    def _look(self) -> None:
        if self._ending.by is None and self.model.stop_training:
            self._ending.by, self._ending.epoch = self._behind, self._epoch
