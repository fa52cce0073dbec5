"""What functions keep beside their code comes back on resume: values of an enclosing function, objects, arguments."""

from __future__ import annotations

import functools
from typing import Any

import keras
import pytest

from workbench.training.python_state import PythonState


class Tracker:
    """A plain object whose method a callback calls."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def note(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(epoch * 1.5)


def counting() -> tuple[Any, Any]:
    """A callback that counts in an enclosing function, and a function that returns the count."""
    total, seen = 0, {"epochs": [0]}

    def end(epoch: int, logs: Any = None) -> None:
        nonlocal total
        total += epoch
        seen["epochs"].append(epoch)

    return keras.callbacks.LambdaCallback(on_epoch_end=end, on_train_end=lambda _: seen), lambda: (
        total,
        seen,
    )


def of_a_method() -> tuple[Any, Any]:
    tracker = Tracker()
    return keras.callbacks.LambdaCallback(on_epoch_end=tracker.note), lambda: tracker.seen


def of_a_partial() -> tuple[Any, Any]:
    found: dict[str, int] = {}

    def end(into: Any, epoch: int, logs: Any = None) -> None:
        into["last"] = epoch

    callback = keras.callbacks.LambdaCallback(on_epoch_end=functools.partial(end, found))
    return callback, lambda: callback.on_epoch_end.args[0]  # the one that the next call writes to


def of_a_class_in_a_function() -> tuple[Any, Any]:
    total = 0

    class Summing(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            nonlocal total
            super().on_epoch_end(epoch, logs)
            total += epoch

    return Summing(), lambda: total


@pytest.mark.parametrize("make", [counting, of_a_method, of_a_partial, of_a_class_in_a_function])
def test_values_around_a_function_come_back(make: Any) -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback, value = make()
    memory = PythonState(model, [callback])
    for epoch in (1, 2, 5):
        callback.on_epoch_end(epoch, {})
    kept = memory.take()
    assert not kept.lost
    restored, now = make()
    assert now() != value()
    assert PythonState(model, [restored]).restore(kept.record, kept.arrays) == []
    assert now() == value()
    callback.on_epoch_end(7, {})
    restored.on_epoch_end(7, {})
    assert now() == value()


def test_a_list_that_two_functions_share_is_still_one() -> None:
    def make() -> Any:
        seen: list[int] = []
        return keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs=None: seen.append(epoch), on_epoch_end=lambda *_: seen
        )

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback = make()
    memory = PythonState(model, [callback])
    callback.on_epoch_begin(3)
    kept = memory.take()
    restored = make()
    assert PythonState(model, [restored]).restore(kept.record, kept.arrays) == []
    restored.on_epoch_begin(4)
    assert restored.on_epoch_end() == [3, 4]


def test_what_a_function_uses_and_cannot_be_kept_is_named() -> None:
    lines = (line for line in "abc")
    callback = type("Reader", (keras.callbacks.Callback,), {"__init__": lambda self: None})()
    callback.next_line = lambda: next(lines)
    memory = PythonState(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), [callback])
    assert memory.take().lost == {"Reader.next_line.lines": "generator"}


def test_a_layer_that_a_callback_holds_twice_stays_the_model_s() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    callback = type("Watcher", (keras.callbacks.Callback,), {})()
    callback.rows = [model.layers[0], model.layers[0], {"first": model.layers[0]}, 7]
    kept = PythonState(model, [callback]).take()
    callback.rows[3] = 8
    assert PythonState(model, [callback]).restore(kept.record, kept.arrays) == []
    assert callback.rows == [model.layers[0], model.layers[0], {"first": model.layers[0]}, 7]
