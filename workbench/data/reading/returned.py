"""What a dataset function returned, as a source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workbench.data.chunks import StreamedSource
from workbench.data.source import Source, as_source


def source_of(value: Any, origin: str, most: int | None = None) -> Source | StreamedSource:
    """Rows in memory or to be streamed.

    Args:
        value: a source of either kind, what `as_source` takes, an Arrow table or anything that Arrow can read from
            (`__arrow_c_stream__`), or batches (see `source_of_batches`).
        origin: the dataset's name, for messages.
        most: of what has no end, how many rows to take.

    Raises:
        DataError: it is none of these.
    """
    if isinstance(value, StreamedSource):
        return value if value.origin else replace(value, origin=origin)
    if isinstance(value, Source):
        return as_source(value, origin)
    if hasattr(value, "__arrow_c_stream__") and not callable(getattr(value, "to_dict", None)):
        from workbench.data.reading.working_copy import table_source

        return table_source(value, origin=origin)
    if not callable(getattr(value, "to_dict", None)):
        from workbench.data.reading.batches import are_batches, source_of_batches

        if are_batches(value):
            return source_of_batches(value, origin, most)
    return as_source(value, origin)
