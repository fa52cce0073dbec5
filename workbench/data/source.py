"""What a dataset gives: named columns, whole in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

Columns = Mapping[str, "np.ndarray"]


@dataclass(frozen=True)
class Source:
    """Rows of data by column, as a dataset function returns them.

    Attributes:
        columns: arrays whose first axis is the rows. A one-dimensional array is a column of a table;
            an array of more dimensions is an input or a target of its own (images, sequences).
        targets: the columns to learn, unless the recipe names others.
        test: the same columns for a test part that the data brings along, or None.
        classes: for a target of whole numbers 0..n-1, the n names of its classes.
    """

    columns: Columns
    targets: tuple[str, ...] = ()
    test: Columns | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
