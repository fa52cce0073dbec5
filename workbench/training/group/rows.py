"""Whether the processes of a training have read the same rows."""

from __future__ import annotations

import zlib

import numpy as np
from keras import tree

from workbench.training.engines.data import ArraySource, Source


def form_of_rows(source: Source) -> str:
    """How many rows there are, and a checksum of the numbers of each array; of a stream, which is not read beforehand,
    of its first batch: that has rows of all of it where they are shuffled."""
    read = source.data if isinstance(source, ArraySource) else source.first_batch
    arrays = [np.ascontiguousarray(each) for each in tree.flatten(read)]
    numbers = [array for array in arrays if array.dtype.kind in "fiub" and array.size]
    sums = [zlib.crc32(array.data.cast("B")) for array in numbers]
    return " ".join(map(str, (source.rows, *sums)))
