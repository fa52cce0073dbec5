"""Whether the data of a model fits into the memory that is free."""

from __future__ import annotations

import math
from typing import Literal

from workbench.data.lazy import LazyRows
from workbench.data.preparation import Preparation
from workbench.data.source import Source
from workbench.data.specs import TableInput
from workbench.devices.memory import free_memory, size_text
from workbench.errors import OutOfMemoryError

# Rows for the model are held by numpy and once more by TensorFlow.
LEAST_COPIES = 2
# With what is used for a moment on the way there: beyond this, rows are rather read as they are needed.
USUAL_COPIES = 3

Streaming = bool | Literal["auto"]


def should_stream(wish: Streaming, size: int, encoded: int | None = None) -> bool:
    """True if data is to be streamed: as asked, or if half the free memory would not hold it.

    Args:
        wish: `auto` decides.
        size: bytes of its columns as they are read; they are held once more as checked numbers.
        encoded: bytes as 32-bit numbers for a model; by default half of `size`, as of 64-bit numbers.
    """
    if wish != "auto":
        return wish
    return 2 * size + USUAL_COPIES * (size // 2 if encoded is None else encoded) > free_memory() // 2


def check_fits(preparation: Preparation, rows: int, source: Source, *, copies: int, streams: bool) -> None:
    """Refuse rows that would not fit as numbers for the model, before that is tried.

    Args:
        preparation: says how wide a row is.
        rows: how many.
        source: what they are from.
        copies: how many times the rows are held at once.
        streams: whether the reader could read them as they are needed.

    Raises:
        OutOfMemoryError: with what is needed, what there is, and what to do.
    """
    encoded = rows * (preparation.row_bytes - lazy_bytes(source))
    free = free_memory()
    if copies * encoded <= free:
        return
    advice = ["`stream: true` reads the rows as they are needed."] if streams else []
    width = sum(spec.shape[0] for spec in preparation.inputs if isinstance(spec, TableInput))
    widest = max(
        (
            column
            for spec in preparation.inputs
            if isinstance(spec, TableInput)
            for column in spec.columns_of_text
        ),
        key=lambda column: column.width,
        default=None,
    )
    if widest is not None and 2 * widest.width > width:
        advice.append(
            f"'{widest.name}' makes {widest.width:,} of the {width:,} inputs: `embed: [{widest.name}]` makes one of "
            f"it, for an Embedding, and `ignore: [{widest.name}]` leaves it out."
        )
    raise OutOfMemoryError(
        f"this data does not fit into memory: its {rows:,} rows need {size_text(copies * encoded)} as numbers for "
        f"the model, and {size_text(free)} is free.",
        where=source.origin or "data",
        hint=" ".join(advice) or "Fewer rows or columns need less.",
    )


def lazy_bytes(source: Source) -> int:
    """The bytes of an encoded row that are not held in memory: what is read when it is needed."""
    arrays = [array for array in source.columns.values() if isinstance(array, LazyRows)]
    return sum(4 * math.prod(array.shape[1:]) for array in arrays)
