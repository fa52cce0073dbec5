"""What a model learns from: sources, columns, split, scaling. No keras here: numpy alone.

A dataset function returns a `Source`; `load` makes of it and the recipe's data section the arrays to train
on, and a `Preparation` that treats new data the same way.
"""

from workbench.data.in_memory import Prepared
from workbench.data.loading import apply_to, data_argument, load
from workbench.data.preparation import Part, Preparation
from workbench.data.source import Source

__all__ = ["Part", "Preparation", "Prepared", "Source", "apply_to", "data_argument", "load"]
