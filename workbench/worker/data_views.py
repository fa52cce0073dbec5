"""The data of a recipe that is being edited, for the Data screen: columns, parts and rows, a little at each call.

Each call ends after a moment, so that other commands get their turn; what was found is kept for the next.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.catalog.lookup import Catalog
from workbench.data.loading import Prepared, Streamed
from workbench.data.summary.blocks import RowBlocks
from workbench.data.summary.overview import overview
from workbench.data.summary.parts import compare, part_rows, part_samples
from workbench.data.summary.rows import ALL, RowView, row_view
from workbench.data.summary.shown_readings import Readings, readings_of
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data
from workbench.worker.kept_data import KeptData, data_key

SECONDS = 0.25  # that a call may take
_KEPT = 8  # results


@dataclass
class _Found:
    """Records found up to now, and how the others are."""

    about: dict[str, Any]
    rest: Iterator[dict[str, Any]]
    total: int
    records: list[dict[str, Any]] = field(default_factory=list)

    def advance(self) -> None:
        end = time.monotonic() + SECONDS
        for record in self.rest:
            self.records.append(record)
            if time.monotonic() > end:
                return


class DataViews:
    """What was found of the data that was looked at last.

    Args:
        kept: the data itself, which others use too.
    """

    def __init__(self, kept: KeptData) -> None:
        self._kept = kept
        self._found: OrderedDict[Hashable, _Found] = OrderedDict()
        self._view: tuple[Hashable, RowView] | None = None
        self._readings: tuple[Hashable, Readings] | None = None
        self._unusable: Hashable = None

    def columns(self, data: Data, catalog: Catalog, folder: Path, seed: int, start: int) -> dict[str, Any]:
        """Columns from `start` on: {columns, total, and what `Overview.about` says}; fewer than all at each call."""

        def begin() -> _Found:
            preview = self._kept.seen(data, catalog, folder, seed)
            seen = overview(data, self._kept.source(data, catalog, folder, seed), seed, preview)
            return _Found(seen.about(), seen.columns(), len(seen.names))

        found = self._advanced(("columns", *data_key(data, folder, seed)), begin, start)
        return found.about | {"columns": found.records[start:], "total": found.total}

    def parts(self, data: Data, catalog: Catalog, folder: Path, seed: int, start: int) -> dict[str, Any]:
        """Columns compared between the parts, from `start` on: {compared, total, parts: rows of each part}."""

        def begin() -> _Found:
            blocks = RowBlocks(self._kept.source(data, catalog, folder, seed))
            prepared = self._kept.prepared(data, catalog, folder, seed)
            samples = part_samples(prepared, blocks, seed)
            compared = (column.as_record() for column in compare(samples, data))
            return _Found({"parts": part_rows(prepared)}, compared, len(blocks.names))

        found = self._advanced(("parts", *data_key(data, folder, seed)), begin, start)
        return found.about | {"compared": found.records[start:], "total": found.total}

    def _advanced(self, key: Hashable, begin: Any, start: int) -> _Found:
        if key not in self._found:
            self._found[key] = begin()
            while len(self._found) > _KEPT:
                self._found.popitem(last=False)
        found = self._found[key]
        self._found.move_to_end(key)
        if len(found.records) <= start:
            found.advance()
        if len(found.records) >= found.total:
            found.rest = iter(())  # lets go of the rows
        return found

    def rows(
        self,
        data: Data,
        catalog: Catalog,
        folder: Path,
        seed: int,
        *,
        start: int,
        count: int,
        part: str = ALL,
        where: str = "",
        gaps: bool = False,
        as_prepared: bool = False,
        row: int | None = None,
    ) -> dict[str, Any]:
        """A page of rows, after some more of them were looked at.

        Args:
            start, count: which of the rows found.
            row: instead of `start`, the number of a row of the data (from 1), near which the page begins.
            part, where, gaps, as_prepared: see `row_view`.

        Returns:
            headings; start; rows: the number of each (from 1) and its values; place: that of the row asked for; total:
            found up to now; complete: whether all were looked at; scanned: how many were; parts: rows of each part.
        """
        key = (*data_key(data, folder, seed), part, where, gaps, as_prepared)
        prepared = self._prepared(data, catalog, folder, seed)
        if self._view is None or self._view[0] != key:
            self._view = None
            blocks = RowBlocks(self._kept.source(data, catalog, folder, seed))
            view = row_view(
                blocks,
                prepared,
                part=part,
                where=where,
                gaps=gaps,
                as_prepared=as_prepared,
                readings=self._readings_of(data, blocks, folder, seed) if where or gaps else {},
            )
            self._view = key, view
        view = self._view[1]
        view.look(SECONDS)
        place = None if row is None else view.place_of(max(row - 1, 0))
        start = start if place is None else place // count * count
        return {
            "headings": view.headings(),
            "start": start,
            "rows": view.page(start, count),
            "place": place,
            "total": view.total,
            "complete": view.complete,
            "scanned": view.scanned,
            "parts": part_rows(prepared) if prepared is not None else {},
        }

    def _readings_of(self, data: Data, blocks: RowBlocks, folder: Path, seed: int) -> Readings:
        """How cells are read that are texts in the file, found out from the first rows."""
        key = data_key(data, folder, seed)
        if self._readings is None or self._readings[0] != key:
            self._readings = key, readings_of(data, blocks.read(0, blocks.names))
        return self._readings[1]

    def _prepared(self, data: Data, catalog: Catalog, folder: Path, seed: int) -> Prepared | Streamed | None:
        """The data as it is prepared; None where it cannot be, which the preview says."""
        key = data_key(data, folder, seed)
        if key == self._unusable:
            return None
        try:
            return self._kept.prepared(data, catalog, folder, seed)
        except WorkbenchError:
            self._unusable = key
            return None
