"""Find the callbacks that need a call at every batch, so that an engine may run only one step per call.

A callback that overrides a hook of batches is called at each of them, as in `keras.Model.fit`. One that needs less
says so: `every_batch = False`, on its class or on the object, lets a call of several steps stand between two calls of
its hooks, which are then given the first and the last of these steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import keras

from workbench.keras_private import is_profiling

Mode = Literal["train", "test"]

_HOOKS: dict[Mode, tuple[str, ...]] = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
}


def acting_at_batches(callbacks: Iterable[Any], mode: Mode) -> list[str]:
    """The names of the callbacks that act at every batch of a training or a validation."""
    return list(
        dict.fromkeys(
            type(callback).__name__
            for callback in keras.tree.flatten(list(callbacks))
            if acts_at_batches(callback, mode)
        )
    )


def acts_at_batches(callback: Any, mode: Mode) -> bool:
    """True if a callback must be called at every batch."""
    if not any(_overrides(callback, hook) for hook in _HOOKS[mode]):
        return False
    if getattr(callback, "every_batch", None) is False:
        return False
    # A subclass of a stock callback may act in what it overrides itself.
    for stock, needs in _STOCK.items():
        if isinstance(callback, stock) and not any(
            _overrides(callback, hook, beyond=stock) for hook in _HOOKS[mode]
        ):
            return needs(callback)
    return True


def _overrides(callback: Any, hook: str, beyond: type = keras.callbacks.Callback) -> bool:
    """True if a hook differs from the one of the class `beyond`; a `LambdaCallback` has its hooks on the object."""
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(beyond, hook)


def _saves_inside_epochs(callback: Any) -> bool:
    return getattr(callback, "save_freq", None) != "epoch"


def _writes_inside_epochs(callback: Any) -> bool:
    """TensorBoard writes nothing at batches where it was not asked to, and measures no time."""
    asked = getattr(callback, "update_freq", None) != "epoch"
    return asked or is_profiling(callback) or bool(getattr(callback, "write_steps_per_second", True))


# Those of Keras' own that override a hook of batches and need it only where their arguments ask for it.
_STOCK: dict[type, Callable[[Any], bool]] = {
    keras.callbacks.ModelCheckpoint: _saves_inside_epochs,
    keras.callbacks.BackupAndRestore: _saves_inside_epochs,
    keras.callbacks.TensorBoard: _writes_inside_epochs,
    keras.callbacks.ProgbarLogger: lambda callback: False,  # draws a bar
}
if hasattr(keras.callbacks, "OrbaxCheckpoint"):
    _STOCK[keras.callbacks.OrbaxCheckpoint] = _saves_inside_epochs
