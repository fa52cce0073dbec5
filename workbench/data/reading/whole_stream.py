"""Read a stream whole, for what holds its rows in memory anyway."""

from __future__ import annotations

import numpy as np

from workbench.data.chunks import StreamedSource
from workbench.data.source import Source


def whole(source: Source | StreamedSource) -> Source:
    """All rows in memory; a source that is there already stays as it is."""
    if isinstance(source, Source):
        return source
    test = source.test_source()
    parts = np.repeat(np.array(source.parts, np.int8), source.chunks.rows) if source.parts else None
    return Source(
        columns=_columns(source),
        targets=source.targets,
        test=None if test is None else _columns(test),
        classes=source.classes,
        origin=source.origin,
        locate=source.locate,
        options=source.options,
        cell=source.cell,
        texts=source.texts,
        parts=parts,
        rows_are_files=source.rows_are_files,
        places=source.places,
    )


def _columns(source: StreamedSource) -> dict[str, np.ndarray]:
    names = source.chunks.names
    reader = source.chunks.open()
    try:
        chunks = [reader.read(chunk, names) for chunk in range(len(source.chunks.rows))]
    finally:
        reader.close()
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}
