"""Columns of the data that stand beside its predictions, such as ids: as the data has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from workbench.data.chunks import StreamedSource
from workbench.data.kept_values import WHERE, kept_values
from workbench.data.kinds import ColumnKinds
from workbench.data.preparation import Part, Preparation
from workbench.data.source import Source
from workbench.data.streamed_part import StreamedPart
from workbench.data.windows import WindowedPart
from workbench.errors import RecipeError, did_you_mean


def kinds_with(preparation: Preparation, keep: Iterable[str]) -> ColumnKinds:
    """The kinds of columns for the reader: what is only kept is read as it is written, so that 007 stays 007."""
    kinds = preparation.kinds()
    alone = set(keep) - set(preparation.column_names(with_targets=True))
    return ColumnKinds.of(kinds.literal | alone, kinds.text)


def with_kept(
    rows: Part | StreamedPart | WindowedPart, keep: tuple[str, ...], source: Source | StreamedSource
) -> Part | StreamedPart | WindowedPart:
    """The rows with columns of their source beside them; of a window those of its last row.

    Raises:
        RecipeError: there is no such column, or it has several values a row.
    """
    if not keep:
        return rows
    if isinstance(rows, StreamedPart):
        for name in keep:
            _check(name, rows.source.chunks.names)
        return replace(rows, keep=keep)
    assert isinstance(source, Source)
    for name in keep:
        _check(name, source.columns)
    if isinstance(rows, WindowedPart):
        in_order = {name: kept_values(source.columns, name, rows.order) for name in keep}
        return replace(rows, beside={**in_order, **(rows.beside or {})})
    return replace(
        rows, beside={**{name: kept_values(source.columns, name, rows.index) for name in keep}, **rows.beside}
    )


def _check(name: str, columns: Mapping[str, object] | tuple[str, ...]) -> None:
    if name not in columns:
        raise RecipeError(
            f"there is no column '{name}'.",
            where=WHERE,
            hint=did_you_mean(name, columns) or f"The columns are: {', '.join(list(columns)[:20])}.",
        )
