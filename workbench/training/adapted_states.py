"""Adapt preprocessing layers to the training rows, and keep their state with a run, which goes on with the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from workbench.assembly.adapting import Adapter, Rows
from workbench.atomic import write_bytes
from workbench.data.loading import Prepared, Streamed
from workbench.data.preparation import Part
from workbench.storage.run_folder import RunFolder

ADAPTED_ROWS = 1_024  # at once through the layers before one that is adapted


def adapter_for(
    prepared: Prepared | Streamed,
    states: list[dict[str, Any]] | None = None,
    most: int | None = None,
) -> Adapter:
    """Adapts preprocessing layers to the training rows.

    Args:
        states: what was found before.
        most: only this many rows of them, where it is about shapes.
    """
    train = prepared.train
    if most is not None:
        train = train.take(slice(most)) if isinstance(train, Part) else train.head(most)
    if isinstance(train, Part):
        starts = range(0, train.rows, ADAPTED_ROWS)

        def blocks() -> Iterator[Mapping[str, np.ndarray]]:
            return (train.take(slice(start, start + ADAPTED_ROWS)).in_memory().inputs for start in starts)

        return Adapter(Rows(blocks, whole=True), states)
    return Adapter(Rows(lambda: (part.inputs for part in train.batches(ADAPTED_ROWS)), whole=False), states)


def write_states(run: RunFolder, adapter: Adapter) -> None:
    """Keep what was found; nothing where no layer was adapted.

    Raises:
        FileError: it cannot be written.
    """
    if adapter.states:
        write_bytes(run.adapted, json.dumps(adapter.states).encode())
