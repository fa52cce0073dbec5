"""Rows of a part of the data, filtered, page by page: as they are read, or as a model gets them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.data.loading import Prepared, Rows, Streamed, StreamedPart
from workbench.data.missing import complete_rows
from workbench.data.preparation import Preparation
from workbench.data.source import Source
from workbench.data.summary.blocks import RowBlocks
from workbench.data.summary.parts import blocks_of, parts_of, streamed_positions
from workbench.data.summary.row_filter import cell_texts, columns_needed, gaps, matches, of_length
from workbench.data.summary.shown_kinds import shown_column
from workbench.data.summary.shown_readings import Readings
from workbench.errors import RecipeError
from workbench.filter_terms import Term, find_name, parse_filter
from workbench.recipe.options.missing import missing_of

ALL = "all"
MOST_COLUMNS = 1000  # that are shown of a row
_LONGEST = 80  # letters of a cell


@dataclass
class RowView:
    """The rows of a part that a filter lets through; they are looked for as far as there is time.

    Attributes:
        blocks: the rows of the source, or of its own test part.
        part: the part; None for all rows.
        terms: the filter.
        gaps: whether only rows with a missing value are wanted.
        preparation: how rows are prepared for the model, if that is what is to be shown.
        readings: how cells are read that are texts in the file, for the filter.
    """

    blocks: RowBlocks
    part: Rows | None = None
    terms: tuple[Term, ...] = ()
    gaps: bool = False
    preparation: Preparation | None = None
    readings: Readings = field(default_factory=dict)
    _found: list[np.ndarray] = field(default_factory=list)
    _scanned: int = 0  # blocks

    @property
    def complete(self) -> bool:
        """True if every row was looked at."""
        return self._needs_no_look or self._scanned >= len(self.blocks.starts) - 1

    @property
    def total(self) -> int:
        """The rows that were found up to now."""
        if self._needs_no_look:
            return self.blocks.rows
        return sum(map(len, self._found))

    @property
    def scanned(self) -> int:
        """How many rows were looked at."""
        return self.blocks.rows if self._needs_no_look else self.blocks.starts[self._scanned]

    @property
    def _needs_no_look(self) -> bool:
        return self.part is None and not self.terms and not self.gaps

    def look(self, seconds: float) -> None:
        """Look at more rows, at least one block, until the time is over."""
        end = time.monotonic() + seconds
        while not self.complete:
            self._found.append(self._positions(self._scanned))
            self._scanned += 1
            if time.monotonic() > end:
                return

    def _positions(self, block: int) -> np.ndarray:
        """The positions in the source of a block's rows that are wanted."""
        start, end = self.blocks.starts[block], self.blocks.starts[block + 1]
        names = self.blocks.names
        if isinstance(self.part, StreamedPart) or self.gaps:
            wanted: Sequence[str] = names
        else:
            wanted = columns_needed(self.terms, names) if self.terms else ()
        rows = self.blocks.read(block, wanted) if wanted else None
        kept = np.ones(end - start, dtype=bool)
        if isinstance(self.part, StreamedPart):
            assert rows is not None
            kept[:] = False
            kept[streamed_positions(self.part, block, rows)] = True
        elif self.part is not None:
            index = self.part.index
            inside = index[(index >= start) & (index < end)]
            kept[:] = False
            kept[inside - start] = True
        if rows is not None and self.terms:
            kept &= of_length(matches(self.terms, rows, self.readings), end - start)
        if rows is not None and self.gaps:
            kept &= of_length(gaps(rows, self.readings), end - start)
        return np.flatnonzero(kept) + start

    def place_of(self, row: int) -> int:
        """The place, among those found, of the first row that is not before a row of the source (from 0)."""
        if self._needs_no_look:
            return min(row, max(self.blocks.rows - 1, 0))
        place = int(np.searchsorted(self._all(), row))
        return min(place, max(self.total - 1, 0))

    def _all(self) -> np.ndarray:
        if len(self._found) > 1:
            self._found = [np.concatenate(self._found)]
        return self._found[0] if self._found else np.empty(0, np.int64)

    def headings(self) -> list[str]:
        """The columns of a page, after the number of the row."""
        if self.preparation is None:
            return list(self.blocks.names[:MOST_COLUMNS])
        names = [name for spec in self.preparation.inputs for name in _names(spec)]
        names += [f"→ {name}" for spec in self.preparation.targets for name in _names(spec)]
        return names[:MOST_COLUMNS]

    def page(self, start: int, count: int) -> list[list[Any]]:
        """Rows: the number of each in the source (from 1), then its values: a text, a number, None where missing."""
        if self._needs_no_look:
            positions = np.arange(start, min(start + count, self.blocks.rows))
        else:
            positions = self._all()[start : start + count]
        found: list[list[Any]] = []
        for source in self.blocks.rows_at(positions, self.blocks.names):
            cells = self._raw(source) if self.preparation is None else self._prepared(source)
            found += cells
        return [[int(position) + 1, *cells] for position, cells in zip(positions, found, strict=True)]

    def _raw(self, source: Source) -> list[list[Any]]:
        names = list(source.columns)[:MOST_COLUMNS]
        columns = [[_cut(text) for text in cell_texts(shown_column(source, name))] for name in names]
        longest = max(map(len, columns), default=0)
        columns = [[*column, *[None] * (longest - len(column))] for column in columns]
        return [list(row) for row in zip(*columns, strict=True)]

    def _prepared(self, source: Source) -> list[list[Any]]:
        """Each row as the model gets it; a row that is dropped for a missing value has no numbers."""
        preparation = self.preparation
        assert preparation is not None
        table = preparation.read(source, with_targets=True)
        policy = missing_of(preparation.missing)
        rows = len(next(iter(table.values())))
        kept = complete_rows(table, policy, preparation.needed, source, some=False)
        width = len(self.headings())
        found: list[list[Any]] = [[None] * width for _ in range(rows)]
        if len(kept):
            part = preparation.encode(table, kept, source, with_targets=True, whole=False)
            arrays = [
                *(part.inputs[spec.name] for spec in preparation.inputs),
                *(part.targets[spec.name] for spec in preparation.targets),
            ]
            columns = [column for array in arrays for column in _columns(array)][:width]
            for row, cells in zip(kept.tolist(), zip(*columns, strict=True), strict=True):
                found[row] = list(cells)
        return found


def row_view(
    source: RowBlocks,
    prepared: Prepared | Streamed | None,
    *,
    part: str = ALL,
    where: str = "",
    gaps: bool = False,
    as_prepared: bool = False,
    readings: Readings | None = None,
) -> RowView:
    """A view of rows.

    Args:
        source: the rows of the data.
        prepared: the same data divided and prepared, where that is possible.
        part: `all`, `train`, `validation` or `test`; of all there are those that the source has beside a test part of
            its own.
        where: a filter; see `row_filter`.
        gaps: only rows with a missing value.
        as_prepared: show what a model gets.
        readings: how cells are read that are texts in the file.

    Raises:
        RecipeError: there is no such part, the data cannot be prepared, or the filter is wrong.
    """
    if (part != ALL or as_prepared) and prepared is None:
        raise RecipeError("the recipe's data cannot be prepared yet, so it has no parts.", where="data")
    parts = parts_of(prepared) if prepared is not None else {}
    if part != ALL and part not in parts:
        raise RecipeError(f"there is no {part} part.", where="data.split")
    blocks = blocks_of(part, source)
    chosen = None if part == ALL or blocks is not source else parts[part]
    # Of windows, which are made of several rows, each row as it goes into them.
    preparation = prepared.preparation.of_rows() if prepared is not None and as_prepared else None
    terms = parse_filter(where, lambda name: find_name(name, blocks.names))
    return RowView(blocks, chosen, terms, gaps, preparation, readings or {})


def _names(spec: Any) -> tuple[str, ...]:
    """A name for each number that a row of an input or a target has; one for an array of several axes."""
    shape = spec.shape
    own = tuple(getattr(spec, "feature_names", ())) or tuple(spec.column_names)
    if len(shape) != 1:
        return (spec.name,)
    if len(own) == shape[0]:
        return own
    return tuple(f"{spec.name}[{at}]" for at in range(shape[0]))


def _columns(array: np.ndarray) -> list[list[Any]]:
    """The cells of an input's rows, column by column."""
    if array.ndim == 1:
        return [array.tolist()]
    if array.ndim == 2:
        return [_rounded(column) for column in array.T]
    shape = " × ".join(map(str, array.shape[1:]))
    return [[f"{shape}, {row.min():.4g} … {row.max():.4g}" if row.size else shape for row in array]]


def _rounded(column: np.ndarray) -> list[Any]:
    return (
        [float(f"{value:.6g}") for value in column.tolist()] if column.dtype.kind == "f" else column.tolist()
    )


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
