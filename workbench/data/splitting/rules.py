"""Which rows may be together: the parts by group, by time, and as a column says. The same in memory and streamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.data.cells.readings import DateReading
from workbench.data.cells.times import read_times
from workbench.data.chunks import StreamedSource
from workbench.data.source import Source
from workbench.data.splitting.folds import fold_in_time, fold_of_groups
from workbench.data.table import read_column
from workbench.errors import DataError, RecipeError, did_you_mean
from workbench.recipe.options.split import Split

TRAIN, VALIDATION, TEST = 0, 1, 2
UNUSED = 3  # in no part: later than a fold in time, or without a value that it needs
NAMES = ("train", "validation", "test")


def left_to_draw(split: Split, source: Source | StreamedSource) -> Split:
    """The split without the parts that the data brings in files of their own.

    Raises:
        RecipeError: a fold is to be the validation part, and the data brings one.
    """
    given = set() if source.parts is None else {int(part) for part in np.unique(np.array(source.parts))}
    if source.test is not None:
        given.add(TEST)
    if isinstance(source, Source) and source.validation is not None:
        given.add(VALIDATION)
    if split.fold is not None and VALIDATION in given:
        raise RecipeError(
            f"the data{f' in {source.origin}' if source.origin else ''} brings a validation part of its own.",
            where="data.split.fold",
            hint="The fold would be a second one: leave `fold` out, or the files for the validation.",
        )
    update: dict[str, float] = {NAMES[part]: 0.0 for part in given if part != TRAIN}
    return split.model_copy(update=update) if update else split


@dataclass(frozen=True)
class Borders:
    """The first moments of validation, of the rows after a fold, and of the test; None where there are none."""

    validation: Any = None
    after: Any = None
    test: Any = None

    def parts(self, times: np.ndarray) -> np.ndarray:
        """The part of each row."""
        parts = np.full(len(times), TRAIN, np.int8)
        for border, part in ((self.validation, VALIDATION), (self.after, UNUSED), (self.test, TEST)):
            if border is not None:
                parts[times >= border] = part
        return parts


def borders(times: np.ndarray, split: Split) -> Borders:
    """Where validation and test begin, so that no moment is in two parts.

    Args:
        times: of all rows, in any order.
        split: the shares, or a fold.

    Raises:
        DataError: there are fewer moments than parts.
    """
    if split.fold is not None:
        drawn = borders(times, split.model_copy(update={"fold": None}))
        rest = times if drawn.test is None else times[times < drawn.test]
        begin, end = fold_in_time(rest, split.fold, split.time)
        return replace(drawn, validation=begin, after=end)
    ordered = np.sort(times)
    starts = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1  # where a part can begin
    validation, test = split.shares
    parts = 1 + (validation > 0) + (test > 0)
    if len(starts) + 1 < parts:
        raise DataError(
            f"column '{split.time}' holds {len(starts) + 1} different times, for {parts} parts.",
            where="data.split.time",
            hint="A part is later than the one before: rows of one time stay together.",
        )
    rows, end, found = len(ordered), len(ordered), dict[str, Any]()
    for part, share, left in (("test", test, int(validation > 0)), ("validation", validation, 0)):
        if share:
            free = starts[left:][starts[left:] < end]  # so many moments must be left for the parts before
            wanted = end - rows * share
            end = int(free[np.abs(free - wanted).argmin()])
            found[part] = ordered[end]
    return Borders(**found)


def times_of(source: Source, name: str, reading: DateReading | None) -> np.ndarray:
    """The times in a column, as whole microseconds or as numbers; `reading` as `time_reading` finds it.

    Raises:
        DataError: a row has none, or a text that is no date.
    """
    times = read_times(source, name, reading)
    return times.astype("datetime64[us]").astype(np.int64) if times.dtype.kind == "M" else times


def values_as_texts(source: Source, name: str) -> np.ndarray:
    """The values of a column as texts: the groups, or the names of the parts.

    Raises:
        DataError: a row has none.
    """
    values = source.columns[name]
    if values.dtype.kind in "Mm":
        values, missing = values.astype(str).astype(object), np.isnat(values)
    else:
        column = read_column(source, name).as_text()
        values, missing = column.values, column.missing
    if missing.any():
        raise DataError(
            f"column '{name}', to split by, has no value.", where=source.place(int(missing.argmax()))
        )
    return values


def parts_of_groups(rows: Mapping[str, int], split: Split, seed: int) -> dict[str, int]:
    """The part of each group, in which all its rows are.

    Groups are drawn until a part has about its share of the rows, the test first.

    Args:
        rows: how many rows each group has.
        split: the shares, or a fold.
        seed: draws them; the order of the groups does not matter.

    Raises:
        DataError: there are fewer groups than parts.
    """
    if split.fold is not None:
        parts = parts_of_groups(rows, split.model_copy(update={"fold": None}), seed)
        rest = {name: count for name, count in rows.items() if parts[name] == TRAIN}
        return parts | dict.fromkeys(fold_of_groups(rest, split.fold, split.group), VALIDATION)
    names = sorted(rows)
    validation, test = split.shares
    wanted = [(part, share) for part, share in ((TEST, test), (VALIDATION, validation)) if share]
    if len(names) <= len(wanted):
        raise DataError(
            f"column '{split.group}' holds {len(names)} groups, for {len(wanted) + 1} parts.",
            where="data.split.group",
            hint="A group is in one part only.",
        )
    free = [names[at] for at in np.random.default_rng(seed).permutation(len(names))]
    total, parts = sum(rows.values()), dict.fromkeys(names, TRAIN)
    for number, (part, share) in enumerate(wanted):
        most = len(free) - (len(wanted) - number)  # a group must be left for each of the others
        taken, size = list[str](), 0
        for name in free:
            if len(taken) < most and abs(size + rows[name] - share * total) < abs(size - share * total):
                taken.append(name)
                size += rows[name]
        if not taken:
            taken = [min(free, key=lambda name: rows[name])]
        parts |= dict.fromkeys(taken, part)
        free = [name for name in free if name not in set(taken)]
    return parts


def check_groups(of_parts: Mapping[int, Mapping[str, str]], split: Split) -> None:
    """No group is in two parts, also where files or a column say the parts.

    Args:
        of_parts: for each part its groups, each with the place of one of its rows.
        split: names the column of the groups.

    Raises:
        DataError: one is.
    """
    parts = sorted(of_parts)
    for at, part in enumerate(parts):
        for other in parts[at + 1 :]:
            both = sorted(of_parts[part].keys() & of_parts[other].keys())
            if both:
                more = f" (and {len(both) - 1:,} more)" if len(both) > 1 else ""
                first, second = of_parts[part][both[0]], of_parts[other][both[0]]
                raise DataError(
                    f"'{both[0]}' of column '{split.group}' is in two parts{more}: {NAMES[part]} ({first}) and "
                    f"{NAMES[other]} ({second}).",
                    where="data.split.group",
                    hint="A group belongs to one part: move its rows into one file, or leave out `group`.",
                )


def parts_by_value(values: np.ndarray, split: Split) -> np.ndarray:
    """The part of each row, as the recipe says for the values of its column `part`."""
    parts = np.full(len(values), TRAIN, np.int8)
    for part, wanted in zip((VALIDATION, TEST), split.values, strict=True):
        parts[np.isin(values.astype(str), wanted)] = part
    return parts


def check_values(found: Sequence[str], split: Split, origin: str) -> None:
    """Every value that the recipe names is in the column.

    Raises:
        RecipeError: one is not.
    """
    for name, wanted in zip(NAMES[1:], split.values, strict=True):
        for value in wanted:
            if value not in found:
                shown = ", ".join(sorted(found)[:20])
                raise RecipeError(
                    f"column '{split.part}' holds no '{value}'{f' in {origin}' if origin else ''}.",
                    where=f"data.split.{name}",
                    hint=did_you_mean(value, found) or f"It holds: {shown}.",
                )
