"""Everything that is said of a source's columns: what they hold, and the role that is suggested for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from workbench.data.chunks import StreamedSource
from workbench.data.preview import Preview, preview
from workbench.data.roles import choose_roles
from workbench.data.source import Source
from workbench.data.summary.blocks import RowBlocks, RowSample, draw
from workbench.data.summary.columns import TargetColumn, summarize, target_column
from workbench.data.summary.shown_readings import Readings, readings_of
from workbench.errors import WorkbenchError
from workbench.recipe.schema import Data
from workbench.recipe.suggestion.recipe import Facts, likely_targets
from workbench.recipe.suggestion.roles import SuggestedRole, suggested_roles

MOST_TARGETS = 3  # whose relations with a column are measured


@dataclass(frozen=True)
class Overview:
    """A source, ready to be summarized column by column; each column costs time only when it is asked for.

    Attributes:
        sample: the rows that are looked at.
        targets: what is to be learned, or likely is.
        assumed: whether the targets are a guess.
        suggested: the suggested role of each column.
        roles: the role that the recipe gives each column; empty where it is not complete.
    """

    origin: str
    sample: RowSample
    test_rows: int
    targets: tuple[TargetColumn, ...]
    assumed: bool
    suggested: Mapping[str, SuggestedRole]
    roles: Mapping[str, str]
    categories: frozenset[str]
    readings: Readings

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.sample.source.columns)

    def column(self, name: str) -> dict[str, Any]:
        """A column as a record: a `ColumnSummary`, `role`, `suggested` and `reason`."""
        found = summarize(
            self.sample.source,
            name,
            self.targets,
            category=name in self.categories,
            reading=self.readings.get(name),
        )
        suggested = self.suggested[name]
        return asdict(found) | {
            "role": self.roles.get(name, ""),
            "suggested": suggested.role,
            "reason": suggested.reason,
        }

    def columns(self, start: int = 0, seconds: float | None = None) -> Iterator[dict[str, Any]]:
        """Columns from `start` on, at least one, until the time is over."""
        end = None if seconds is None else time.monotonic() + seconds
        for name in self.names[start:]:
            yield self.column(name)
            if end is not None and time.monotonic() > end:
                return

    def about(self) -> dict[str, Any]:
        """What is said of the source as a whole."""
        return {
            "origin": self.origin,
            "rows": self.sample.of,
            "rows_looked_at": len(self.sample.positions),
            "test_rows": self.test_rows,
            "targets": [target.name for target in self.targets],
            "targets_assumed": self.assumed,
        }


def overview(
    data: Data, source: Source | StreamedSource, seed: int = 0, seen: Preview | None = None
) -> Overview:
    """Begin to look at a source.

    Args:
        data: the recipe's data section, or one that only names what to read.
        source: what it reads.
        seed: draws the sample.
        seen: its preview, where there is one.
    """
    seen = seen or seen_in(source)
    facts = Facts.from_record(asdict(seen))
    sample = draw(RowBlocks(source), seed)
    names, classes, roles = _roles(data, source, sample.source)
    assumed = names is None
    if names is None:
        names = tuple(name for name in likely_targets(facts) if name in sample.source.columns)
        classes = frozenset(name for name in names if facts.column(name).classes)
    classes |= set(source.classes)
    readings = readings_of(data, sample.source)
    return Overview(
        origin=source.origin,
        sample=sample,
        test_rows=seen.test_rows,
        targets=tuple(
            target_column(sample.source, name, classes=name in classes, reading=readings.get(name))
            for name in names[:MOST_TARGETS]
        ),
        assumed=assumed,
        suggested=suggested_roles(data.model_dump(exclude_unset=True), facts, names or None),
        roles=roles,
        categories=frozenset(data.categories),
        readings=readings,
    )


def seen_in(source: Source | StreamedSource, rows: int = 0) -> Preview:
    """The preview of a source: of a streamed one by its first chunk."""
    if isinstance(source, Source):
        return preview(source, rows)
    return replace(preview(source.sample(), rows), rows=source.rows)


def _roles(
    data: Data, source: Source | StreamedSource, sample: Source
) -> tuple[tuple[str, ...] | None, frozenset[str], dict[str, str]]:
    """The target columns that the section names (None where it names none), those of classes, and all roles."""
    try:
        roles = choose_roles(data, sample)
    except WorkbenchError:
        named = data.targets if data.targets is not None else source.targets or None
        if named is None:
            return None, frozenset(), {}
        groups = named.values() if isinstance(named, Mapping) else [tuple(named)]
        names = [name for group in groups for name in group if name in sample.columns]
        return tuple(names) or None, frozenset(data.classes), {}
    names = [name for group in roles.targets.values() for name in group]
    known = dict.fromkeys(sample.columns, "left out")
    known |= roles.places
    known |= {name: "input" for group in roles.inputs.values() for name in group}
    known |= dict.fromkeys(names, "target")
    known |= {name: "weight" for name in roles.used if known[name] == "left out"}
    return tuple(names), frozenset(roles.classes), known
