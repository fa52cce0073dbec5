"""Data for training: sources, columns, split, scaling. Uses numpy, not keras.

A dataset function returns a `Source`. From it and the recipe's data section, `load` makes the arrays to train on, and a
`Preparation` that prepares new data in the same way.
"""

from workbench.data.in_memory import Prepared
from workbench.data.loading import apply_to, data_argument, load
from workbench.data.preparation import Part, Preparation
from workbench.data.source import Source

__all__ = ["Part", "Preparation", "Prepared", "Source", "apply_to", "data_argument", "load"]
