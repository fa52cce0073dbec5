"""Whether the processes of a training have read the same rows."""

from __future__ import annotations

import zlib

from keras import tree

from workbench.training.engines.data import ArraySource, Source


def form_of_rows(source: Source) -> str:
    """How many rows there are, and a checksum of the numbers of each array; of a stream the rows alone, for it is not
    read beforehand."""
    if not isinstance(source, ArraySource):
        return str(source.rows)
    arrays = [tensor.numpy() for tensor in tree.flatten(source.data)]
    sums = [zlib.crc32(memoryview(array).cast("B")) for array in arrays if array.dtype.kind in "fiub"]
    return " ".join(map(str, (source.rows, *sums)))
