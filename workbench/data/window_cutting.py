"""Cut windows out of prepared rows: which rows can be used, and where a window fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.encoding import unknown_categories
from workbench.data.missing import complete_rows
from workbench.data.naive import Naive
from workbench.data.preparation import Preparation, Table
from workbench.data.roles import KNOWN, Roles
from workbench.data.series import OrderedRows, time_texts
from workbench.data.source import Source
from workbench.data.window_spec import WindowSpec
from workbench.data.windows import Sheet, WindowedPart
from workbench.errors import DataError
from workbench.recipe.options.missing import Missing
from workbench.recipe.schema import weight_columns


@dataclass(frozen=True)
class Groups:
    """The columns of a row, by what is made of them: a column may be in several. `targets` are those of `learned` that
    are wanted."""

    inputs: tuple[str, ...]
    known: tuple[str, ...]
    targets: tuple[str, ...]
    learned: tuple[str, ...]

    @classmethod
    def of_roles(cls, roles: Roles) -> Groups:
        inputs = [name for key, names in roles.inputs.items() if key != KNOWN for name in names]
        targets = [name for names in roles.targets.values() for name in names]
        learned = tuple(dict.fromkeys([*targets, *weight_columns(roles.sample_weight)]))
        return cls(
            tuple(dict.fromkeys(inputs)),
            tuple(roles.inputs.get(KNOWN, ())),
            learned,
            learned,
        )

    @classmethod
    def of_preparation(cls, preparation: Preparation, *, with_targets: bool) -> Groups:
        assert preparation.windows is not None
        known = preparation.windows.known
        rows = preparation.of_rows()
        inputs = [name for spec in rows.inputs if spec.name not in known for name in spec.column_names]
        ahead = [name for spec in rows.inputs if spec.name in known for name in spec.column_names]
        learned = tuple(rows.needed)
        return cls(tuple(dict.fromkeys(inputs)), tuple(ahead), learned if with_targets else (), learned)


@dataclass(frozen=True)
class Usable:
    """Which rows of a source have every value that they need (rows,), by what is made of them."""

    inputs: np.ndarray
    known: np.ndarray
    targets: np.ndarray

    @classmethod
    def of(
        cls,
        table: Table,
        groups: Groups,
        missing: Missing,
        source: Source,
        hint: str = "",
        *,
        open_end: bool = False,
    ) -> Usable:
        """By the policy for missing values; a past value of a target that may be dropped is dropped as an input too.

        Args:
            open_end: whether rows may be there of which only what is known ahead is known.

        Raises:
            DataError: a value is missing that must not be.
        """

        def complete(names: Sequence[str], policy: Missing, needed: bool) -> np.ndarray:
            mask = np.ones(len(next(iter(table.values()))), bool)
            own = {name: table[name] for name in names if name in table}
            if own:
                mask[:] = False
                mask[complete_rows(own, policy, own if needed else (), source, hint, some=False)] = True
            return mask

        past = missing
        if missing.targets == "drop" or open_end:  # the mean of a series is no value of it
            past = missing.model_copy(update={"inputs": "drop"})
        own = [name for name in groups.inputs if name not in groups.learned]
        also_target = [name for name in groups.inputs if name in groups.learned]
        return cls(
            complete(own, missing, False) & complete(also_target, past, False),
            complete(groups.known, missing, False),
            complete(groups.targets, missing, True),
        )

    def of_column(self, name: str, groups: Groups) -> np.ndarray:
        """The rows that a column is fitted on, if they are training rows."""
        masks = [
            mask
            for mask, names in (
                (self.inputs, groups.inputs),
                (self.known, groups.known),
                (self.targets, groups.targets),
            )
            if name in names
        ]
        return np.logical_or.reduce(masks)


@dataclass(frozen=True)
class Cut:
    """Cuts windows out of the encoded rows of a source, which are encoded once for all parts."""

    preparation: Preparation
    spec: WindowSpec
    series: OrderedRows
    source: Source
    parts: np.ndarray
    past: Sheet
    known: Sheet | None
    targets: Sheet | None

    @classmethod
    def of(
        cls,
        preparation: Preparation,
        table: Table,
        series: OrderedRows,
        usable: Usable,
        source: Source,
        parts: np.ndarray,
        *,
        with_targets: bool = True,
    ) -> Cut:
        spec = preparation.windows
        assert spec is not None
        rows = preparation.of_rows()

        def sheet(names: Sequence[str], mask: np.ndarray, *, targets: bool) -> Sheet:
            own = rows.model_copy(
                update={
                    "inputs": tuple(each for each in rows.inputs if each.name in names),
                    "targets": rows.targets if targets else (),
                    "sample_weight": rows.sample_weight if targets else None,
                }
            )
            if columns := own.dropped_unknown:
                mask = mask & ~unknown_categories(columns, table)
            kept = mask[series.order]
            at = np.where(kept, np.cumsum(kept) - 1, -1)
            return Sheet(own.encode(table, series.order[kept], source, with_targets=targets), at)

        past = [each.name for each in rows.inputs if each.name not in spec.known]
        learns = with_targets and bool(rows.targets)
        return cls(
            preparation,
            spec,
            series,
            source,
            parts,
            sheet(past, usable.inputs, targets=False),
            sheet(spec.known, usable.known, targets=False) if spec.known else None,
            sheet((), usable.targets, targets=True) if learns else None,
        )

    def windows(self, part: int | None = None) -> WindowedPart:
        """The windows whose rows are all of this part; None for rows that are all of one."""
        starts = self._starts(part)
        return WindowedPart(
            self.preparation,
            self.spec,
            self.past,
            starts,
            self.series.order,
            self.known,
            self.targets,
            self._beside(),
            self._naive(),
        )

    def _naive(self) -> Naive | None:
        if self.targets is None:
            return None
        known = self.targets
        return Naive(self.series, self.spec.targets, known.rows.targets, known.at, self.spec.season)

    @property
    def _ahead(self) -> tuple[int, ...]:
        """Without targets a window needs nothing behind its last row, unless something is known ahead."""
        return self.spec.ahead if self.targets is not None or self.known is not None else ()

    def _starts(self, part: int | None) -> np.ndarray:
        spec, rows = self.spec, len(self.series.order)
        ahead = self._ahead
        starts = np.arange(rows - spec.length - max(ahead, default=0) + 1)
        if not len(starts):
            return starts
        runs = self.series.runs(self.parts)
        last = starts + spec.length - 1
        fits = runs[starts] == runs[last + max(ahead, default=0)]
        if part is not None:
            fits &= self.parts[starts] == part
        incomplete = np.concatenate([[0], np.cumsum(~self.past.complete)])
        fits &= incomplete[last + 1] == incomplete[starts]
        for sheet in (self.known, self.targets):
            if sheet is not None:
                for step in ahead:
                    fits &= sheet.complete[last + step]
        _, first = np.unique(runs, return_index=True)
        fits &= (starts - first[runs[starts]]) % spec.step == 0
        return starts[fits]

    def _beside(self) -> dict[str, np.ndarray]:
        """The series and the time of each row, as texts or numbers."""
        beside = {name: self.source.columns[name][self.series.order] for name in self.spec.group}
        if self.spec.time is not None and self.series.times is not None:
            beside[self.spec.time] = time_texts(self.series.times)
        return beside

    def no_window(self, what: str, part: int | None) -> DataError:
        """The error of a part without a window: how long a window is, and how long the longest stretch of rows."""
        runs = self.series.runs(self.parts)
        own = runs if part is None else runs[self.parts == part]
        longest = int(np.bincount(own).max(initial=0)) if len(own) else 0
        spec = self.spec
        furthest = max(self._ahead, default=0)
        span = spec.length + furthest
        needed = f"{spec.length:,} rows that follow each other"
        if furthest:
            needed = f"{spec.length:,} rows and its target {furthest:,} later, {span:,} rows that follow each other"
        rows = len(own)
        hint = (
            "Shorter windows need fewer: `length` under `windows`."
            if part is not None
            else "Give it more rows."
        )
        if longest >= span:
            found = "no such stretch of rows has every value"
            hint = "`missing: mean` fills in what is missing."
        elif rows == longest:
            found = f"there are {rows:,} rows"
        else:
            found = f"the longest of {len(np.unique(own)):,} stretches without a gap has {longest:,} of {rows:,} rows"
            if self.series.gaps and spec.clock is not None:
                found += f"; rows are usually {spec.clock.described} apart"
                hint += " With `gaps: keep` they go across gaps." if part is not None else ""
        return DataError(
            f"{what} holds no window: one needs {needed}, and {found}.",
            where="data.windows" if part is not None else self.source.origin or "data",
            hint=hint,
        )
