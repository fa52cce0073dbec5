"""Find the first place where a number is not finite, in the order in which a step computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from workbench.training.monitors.running_means import variable
from workbench.training.variables import value_of

_TEXT = {
    "weights": "the weights of '{layer}' are nan or infinite: the update of an earlier step made them so",
    "input": "the data has nan or infinite inputs",
    "output": "the output of '{layer}' is nan or infinite",
    "target": "the data has nan or infinite targets",
    "loss": "the loss is nan or infinite while all outputs are finite",
    "gradient": "the gradient of '{layer}' is nan or infinite",
}
_HINT = {
    "weights": " A smaller learning rate, or gradient clipping (optimizer: clipnorm), may help.",
    "input": " `data.missing` says what to do with missing values.",
    "target": " `data.missing` says what to do with missing values.",
    "gradient": " A smaller learning rate, or scaled inputs (data.scale: standard), may help.",
}


@dataclass(frozen=True)
class CheckedPlace:
    """Where a number is checked: `kind` is a key of the texts above, `layer` a path, or empty."""

    kind: str
    layer: str = ""


@dataclass(frozen=True)
class FirstNonFinite:
    """The first place where a number was not finite, and the step of the epoch, from 1."""

    place: CheckedPlace
    step: int

    def as_record(self) -> dict[str, Any]:
        """The error as the `internals` event carries it."""
        return {"what": self.place.kind, "layer": self.place.layer, "step": self.step}

    def text(self, epoch: int) -> str:
        """One or two sentences for the user."""
        return f"{self.description} (found in epoch {epoch}, step {self.step}).{self.hint}"

    @property
    def description(self) -> str:
        """What is not finite, in words."""
        return _TEXT[self.place.kind].format(layer=self.place.layer)

    @property
    def hint(self) -> str:
        """A hint; empty where nothing is known, else with a blank before it."""
        return _HINT.get(self.place.kind, "")


class NonFinite:
    """Keeps the places that were not finite at the first check that found any.

    Args:
        places: what will be checked, in the order of the tensors given to `check`.
    """

    def __init__(self, places: Sequence[CheckedPlace]) -> None:
        self._places = tuple(places)
        self._flags = variable(np.zeros(len(self._places), bool))
        self._step = variable(np.int64(-1))

    def check(self, tensors: Sequence[Any], step: tf.Tensor) -> None:
        """Look whether the sum of each tensor is finite: far cheaper than to look at each number, and the same, but
        for numbers so large that their sum is not."""
        sums = [tf.reduce_sum(tf.cast(tensor, tf.float32)) for tensor in map(tf.convert_to_tensor, tensors)]
        flags = ~tf.math.is_finite(tf.stack(sums))
        first = tf.logical_and(self._step < 0, tf.reduce_any(flags))
        self._flags.assign(tf.where(first, flags, self._flags))
        self._step.assign(tf.where(first, step, self._step))

    def error(self) -> FirstNonFinite | None:
        """What was found, if anything."""
        step = int(value_of(self._step))
        if step < 0:
            return None
        flags = value_of(self._flags)
        bad = [place for place, flag in zip(self._places, flags, strict=True) if flag]
        return FirstNonFinite(
            _first(bad, [place.layer for place in self._places if place.kind == "output"]), step + 1
        )


def _first(bad: Sequence[CheckedPlace], calls: Sequence[str]) -> CheckedPlace:
    """The first of the bad places.

    Forward, that is the first layer called. Bad weights and gradients come from the way back, which begins at the
    layer called last.
    """
    order = {path: number for number, path in enumerate(calls)}
    for kind in ("weights", "input", "output", "target", "loss", "gradient"):
        places = [place for place in bad if place.kind == kind]
        if places and kind in ("weights", "gradient"):
            return max(places, key=lambda place: order.get(place.layer, -1))
        if places:
            return places[0]
    raise AssertionError("no place is bad")
