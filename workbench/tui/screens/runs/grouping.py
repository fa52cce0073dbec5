"""The runs by the values of a key: their groups, which of these are marked, and the bands of their curves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from workbench.storage.bands import Band, EpochLogs, band_of
from workbench.storage.run_values import RunGroup, group_runs
from workbench.storage.runs import RunSummary
from workbench.tui.screens.runs.selection import MOST_MARKED
from workbench.tui.views.formatting import counted


class Grouping:
    """What the runs are grouped by, if they are.

    Attributes:
        name: what the key is called; "" where the runs are not grouped.
        key: its whole name.
        groups: in the order of their values.
        marked: the values of the marked groups, in the order in which they were marked.
    """

    def __init__(self) -> None:
        self.name = self.key = ""
        self.groups: list[RunGroup] = []
        self.marked: dict[str, None] = {}
        self._logs: dict[Path, EpochLogs] = {}

    def begin(self, name: str, key: str, runs: Sequence[RunSummary]) -> None:
        """Group runs by a key. As many groups as there may be curves are marked."""
        self.name, self.key = name, key
        self.update(runs)
        self.marked = dict.fromkeys([group.value for group in self.groups][:MOST_MARKED])

    def end(self) -> None:
        """The runs themselves are shown again."""
        self.name = self.key = ""
        self.groups, self.marked, self._logs = [], {}, {}

    def update(self, runs: Sequence[RunSummary]) -> None:
        """Take other runs; the marks of groups that are gone go with them."""
        self.groups = group_runs(runs, self.key)
        values = {group.value for group in self.groups}
        self.marked = {value: None for value in self.marked if value in values}

    def named(self, value: str | None) -> RunGroup | None:
        """The group of a value."""
        return next((group for group in self.groups if group.value == value), None)

    def toggle(self, value: str) -> bool:
        """Mark a group, or take its mark away; False where too many are marked already."""
        if value in self.marked:
            del self.marked[value]
        elif len(self.marked) == MOST_MARKED:
            return False
        else:
            self.marked[value] = None
        return True

    def drawn(self, under_cursor: str | None) -> list[RunGroup]:
        """The marked groups, or the one under the cursor."""
        wanted = self.marked or [under_cursor]
        return [group for value in wanted if (group := self.named(value)) is not None]

    async def bands(self, groups: Sequence[RunGroup], metric: str) -> dict[str, Band]:
        """Mean and spread of a metric by epoch, of each group that logged it, by the group's value.

        Raises:
            FileError: a run cannot be read.
        """
        found = {}
        for group in groups:
            band = await asyncio.to_thread(self._band, group, metric)
            if band is not None:
                found[group.value] = band
        return found

    def _band(self, group: RunGroup, metric: str) -> Band | None:
        runs = []
        for run in group.runs:
            logs = self._logs.setdefault(run.folder.path, EpochLogs(run.folder))
            logs.catch_up()
            runs.append(logs.values(metric))
        return band_of(f"{self.name} {group.value or '–'}", runs)

    def about(self, value: str | None) -> str:
        """Two lines about all groups, and about one of them."""
        runs = counted(sum(len(group.runs) for group in self.groups), "run")
        line = f"{runs} by {self.name}: mean ± standard deviation"
        if (group := self.named(value)) is None:
            return line
        return f"{line}\n{self.name} {value or '–'}: {' '.join(run.folder.name for run in group.runs)}"

    def filter_of(self, value: str) -> str:
        """The filter that lets only the runs of a group through."""
        if self.key == "tag":
            return " ".join(f"tag={tag}" for tag in value.split(", ")) if value else "tag="
        quoted = f'"{value}"' if any(letter.isspace() for letter in value) else value
        return f"{self.name}={quoted}"
