"""Keep the trained weights in checkpoints when the recipe has `SwapEMAWeights(swap_on_epoch=True)`.

At the end of the last epoch this callback replaces the trained weights by the averaged ones; but training may go on
later, from the trained ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from workbench.keras_private import averages_of, before_averages_are_final
from workbench.training.state_types import value_of


class SwappedWeights:
    """The trained weights of the last epoch, kept where the averages would otherwise be stored twice.

    Args:
        callbacks: the recipe's.
    """

    def __init__(self, callbacks: Sequence[Any]) -> None:
        kind = keras.callbacks.SwapEMAWeights
        swaps = [each for each in callbacks if isinstance(each, kind) and each.swap_on_epoch]
        self._active = bool(swaps)
        self._trained: dict[int, np.ndarray] = {}  # by the average's id
        for swap in swaps:
            # Keras swaps by adding and subtracting, so what comes back is not what went in, to the last bit: only
            # between the swap and what follows it is there what a longer training would go on with.
            before_averages_are_final(swap, partial(self._note, swap))

    def _note(self, swap: Any) -> None:
        self._trained = {id(average): value_of(average) for _, average in _pairs(swap.model)}

    def arrays(self, model: Any) -> dict[str, np.ndarray]:
        """The arrays to write in place of the optimizer's averages, which are the model's weights by now."""
        if not self._trained or not all(map(_equal, _pairs(model))):
            return {}
        return {
            f"optimizer/{number:05d}": self._trained[id(variable)]
            for number, variable in enumerate(model.optimizer.variables)
            if id(variable) in self._trained
        }

    def finish(self, model: Any) -> None:
        """Nothing is left to train: what Keras puts into the model at its end are the averages."""
        if self._active:
            for weight, average in _pairs(model):
                average.assign(weight)


def _pairs(model: Any) -> Iterator[tuple[Any, Any]]:
    """Each trained weight with its average."""
    whole = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    for optimizer in getattr(whole, "optimizers", [whole]):
        yield from averages_of(optimizer)


def _equal(pair: tuple[Any, Any]) -> bool:
    weight, average = pair
    return np.array_equal(value_of(weight), value_of(average))
