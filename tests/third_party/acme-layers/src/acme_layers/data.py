"""Acme's data."""

import numpy as np

from workbench.data.source import Source


def ramps(rows: int = 64, noise: float = 0.1) -> Source:
    """`rows` points in `a` and `b`; the target `y` is 2a - b with normal noise."""
    random = np.random.default_rng(0)
    a, b = random.uniform(-1.0, 1.0, (2, rows))
    return Source({"a": a, "b": b, "y": 2 * a - b + noise * random.normal(size=rows)}, targets=("y",))
