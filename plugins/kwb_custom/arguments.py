"""Constructor arguments: the bounds that forms show, and the checks that the constructors make.

`Annotated[int, Bounds(ge=1)]` gives a form the range; the constructor itself checks it at run time.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Bounds:
    """The range of a number: at least `ge`, above `gt`, at most `le`, below `lt`; None is no bound."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None


PositiveInt = Annotated[int, Bounds(ge=1)]
NonNegativeFloat = Annotated[float, Bounds(ge=0.0)]


def positive_int(owner: str, name: str, value: Any) -> int:
    """Return `value` as an int.

    Raises:
        ValueError: it is not a whole number of at least 1.
    """
    try:
        number = operator.index(value)  # accepts numpy's integers too, but no float
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise ValueError(f"{owner}: {name} must be a whole number of at least 1. Received: {name}={value!r}.")
    return number


def non_negative_float(owner: str, name: str, value: Any) -> float:
    """Return `value` as a float.

    Raises:
        ValueError: it is not a finite number of at least 0.
    """
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0.0):
        raise ValueError(
            f"{owner}: {name} must be a finite number of at least 0. Received: {name}={value!r}."
        )
    return number
