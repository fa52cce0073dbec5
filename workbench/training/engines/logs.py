"""Split logs of metrics that have a number per class into a form that every callback, chart and table understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MOST = 100  # numbers of one metric that are shown each by itself

Logs = Mapping[str, Any]


@dataclass(frozen=True)
class PerClass:
    """Splits the vectors in logs: their mean under the metric's name, and each number under a name of its own.

    A callback that watches such a metric (EarlyStopping) would fail on a vector, and watches the mean.

    Args:
        classes: the class names of each output, in the order of their numbers; none where they have no names.
    """

    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def apart(self, logs: Logs | None) -> Logs | None:
        """The logs with single numbers in place of vectors; the same object where there are none."""
        if not isinstance(logs, Mapping) or not any(_is_vector(value) for value in logs.values()):
            return logs
        found: dict[str, Any] = {}
        for name, value in logs.items():
            if not _is_vector(value):
                found[name] = value
                continue
            numbers = np.asarray(value, dtype="float64")
            found[name] = float(numbers.mean())
            if len(numbers) <= MOST:
                each = self._names(name, len(numbers))
                found |= {f"{name}_{own}": float(number) for own, number in zip(each, numbers, strict=True)}
        return found

    def _names(self, log: str, count: int) -> Sequence[str]:
        name = log.removeprefix("val_")
        of_output = [names for output, names in self.classes.items() if name.startswith(f"{output}_")]
        candidates = of_output or (list(self.classes.values()) if len(self.classes) == 1 else [])
        fitting = [names for names in candidates if len(names) == count]
        return fitting[0] if fitting else [str(number) for number in range(count)]


def _is_vector(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return shape is not None and len(shape) == 1 and shape[0] != 1 and shape[0] != 0
