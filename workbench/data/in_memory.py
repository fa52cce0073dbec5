"""Prepare data in memory: choose columns, split, fit, encode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.data.cells.texts import TextInput, WordCounts
from workbench.data.cells.times import time_reading
from workbench.data.fitting import count_words, fit, gather
from workbench.data.memory import LEAST_COPIES, check_fits
from workbench.data.missing import complete_rows
from workbench.data.preparation import Part, Preparation, Table, read_table
from workbench.data.roles import Roles, choose_roles
from workbench.data.row_hashes import RowHashes
from workbench.data.source import Source
from workbench.data.specs import EmbeddingInput
from workbench.data.splitting.folds import about_unused, few_rows_of_class
from workbench.data.splitting.rules import (
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    borders,
    check_groups,
    check_values,
    left_to_draw,
    parts_by_value,
    parts_of_groups,
    times_of,
    values_as_texts,
)
from workbench.data.splitting.split import FewRowsError, SplitRows, split_rows
from workbench.data.table import ColumnKind, read_column
from workbench.data.traps import find_traps
from workbench.data.window_spec import WindowSpec
from workbench.errors import DataError, RecipeWarning
from workbench.recipe.options.missing import missing_of
from workbench.recipe.options.split import Fold, Split
from workbench.recipe.schema import Data


@dataclass(frozen=True)
class Prepared:
    """A recipe's data, ready to train on.

    Attributes:
        train, validation, test: the parts; None where there is none.
        preparation: how it was done, to treat new data alike.
        rows_read: rows in the source, its own test part included.
        rows_dropped: rows left out for a missing value.
        remarks: on the source and on how columns were prepared, one line each for people.
        traps: what is likely to mislead, see `workbench.data.traps`.
        fold: the fold of a cross-validation that the validation part is.
        hashes: of the rows that were read, of separate data for a part as well.
    """

    train: Part
    validation: Part | None
    test: Part | None
    preparation: Preparation
    rows_read: int
    rows_dropped: int
    remarks: tuple[str, ...] = ()
    traps: tuple[RecipeWarning, ...] = ()
    fold: Fold | None = None
    hashes: Mapping[str, RowHashes] = field(default_factory=dict)

    def summary(self) -> str:
        """One line for people: `442 rows: 309 to train on, 88 for validation, 45 for the test`."""
        parts = (self.train, self.validation, self.test)
        rows = [part.rows if part else 0 for part in parts]
        return summary(rows, self.rows_dropped, self.preparation.windows, self.fold)


def prepare(
    data: Data, source: Source, seed: int, *, copies: int = LEAST_COPIES, streams: bool = False
) -> Prepared:
    """Choose, split, fit and encode.

    Args:
        data: the recipe's data section.
        source: what was read.
        seed: draws the split.
        copies, streams: see `check_fits`.

    Raises:
        OutOfMemoryError: the encoded rows would not fit into memory.
        RecipeError, DataError: see `choose_roles`, `split_rows`, `fit`.
    """
    roles = choose_roles(data, source)
    names = list(roles.used)
    table = typed(read_table(source, names, roles.readings), roles)
    rows = _complete(data, roles, table, source)
    read_rows, kept_rows = len(source.columns[names[0]]), len(rows)

    brought: dict[str, tuple[Source, Table, np.ndarray]] = {}
    for part_name, own in (("validation", source.validation_source()), ("test", source.test_source())):
        if own is not None:
            own_table = typed(read_table(own, names, roles.readings), roles)
            brought[part_name] = own, own_table, _complete(data, roles, own_table, own)
            read_rows += len(own.columns[names[0]])
            kept_rows += len(brought[part_name][2])

    split = divided(data, roles, source, rows, seed)
    statistics, words = gather(data, roles), count_words(data, roles)
    in_order = np.sort(split.train)
    for name, gathered in statistics.items():
        # Numbers are read much faster in the file's order; of texts, the order decides between equally common ones.
        train_rows = split.train if table[name].kind is ColumnKind.TEXT else in_order
        gathered.add(table[name], train_rows, source)
        for own, own_table, _ in brought.values():
            gathered.add(own_table[name], np.empty(0, np.int64), own)
    for name, counts in words.items():
        counts.add(table[name].values, part_of_row(len(table[name]), split))
        for part_name, (_, own_table, own_rows) in brought.items():
            which = TEST if part_name == "test" else VALIDATION
            counts.add(own_table[name].values[own_rows], np.full(len(own_rows), which))
    preparation = fit(data, roles, statistics, source, words)
    check_fits(preparation, kept_rows, source, copies=copies, streams=streams)

    def part(table: Table, rows: np.ndarray, source: Source) -> Part | None:
        return preparation.encode(table, rows, source, with_targets=True) if len(rows) else None

    train = part(table, split.train, source)
    assert train is not None  # an empty training part was refused when splitting
    parts = {"validation": part(table, split.validation, source), "test": part(table, split.test, source)}
    parts |= {name: part(own_table, own_rows, own) for name, (own, own_table, own_rows) in brought.items()}
    unused = len(rows) - len(split.train) - len(split.validation) - len(split.test)
    held = {name: own for name, own in {"training": train, **parts}.items() if own is not None}
    return Prepared(
        train=train,
        validation=parts["validation"],
        test=parts["test"],
        preparation=preparation,
        rows_read=read_rows,
        rows_dropped=read_rows - kept_rows,
        remarks=(*source.remarks, *about_unused(data.split.fold, unused), *about_words(words, preparation)),
        traps=find_traps(data, source, roles, table, preparation, held, statistics),
        fold=data.split.fold,
    )


def rows_of_test_part(data: Data, source: Source, seed: int) -> np.ndarray:
    """The split of a training, drawn again: the positions of its test part's rows.

    It depends on which rows were complete, targets included, so it needs the training's own data section.
    """
    roles = choose_roles(data, source)
    rows = _complete(data, roles, typed(read_table(source, list(roles.used), roles.readings), roles), source)
    return divided(data, roles, source, rows, seed).test


def typed(table: Table, roles: Roles) -> Table:
    """The table with the columns that the recipe calls categories, classes or texts as texts."""
    texts = roles.categories | set(roles.classes) | roles.texts | roles.embedded | roles.strings
    return {name: column.as_text() if name in texts else column for name, column in table.items()}


def about_words(words: Mapping[str, WordCounts], preparation: Preparation) -> tuple[str, ...]:
    """What was fitted to each column of free text, and to each that is embedded."""
    texts = (words[spec.column].about(spec) for spec in preparation.inputs if isinstance(spec, TextInput))
    return (*texts, *(spec.about() for spec in preparation.inputs if isinstance(spec, EmbeddingInput)))


def part_of_row(rows: int, split: SplitRows) -> np.ndarray:
    """The part of each row (rows,), UNUSED for one that is in none."""
    parts = np.full(rows, UNUSED)
    for part, own in ((TRAIN, split.train), (VALIDATION, split.validation), (TEST, split.test)):
        parts[own] = part
    return parts


def summary(
    rows: list[int], dropped: int, windows: WindowSpec | None = None, fold: Fold | None = None
) -> str:
    """One line on the rows, or the windows, of the training, validation and test part."""
    which = "" if fold is None else f" (fold {fold.number} of {fold.of})"
    words = ("to train on", f"for validation{which}", "for the test")
    parts = [f"{count:,} {word}" for count, word in zip(rows, words, strict=True) if count]
    what = "rows" if windows is None else f"windows of {windows.length:,} rows"
    which = "" if windows is None else "rows "
    without = f" ({dropped:,} {which}dropped for missing values)" if dropped else ""
    return f"{sum(rows):,} {what}{without}: {', '.join(parts)}"


def _complete(data: Data, roles: Roles, table: Table, source: Source) -> np.ndarray:
    return complete_rows(table, missing_of(data.missing), roles.needed, source)


def divided(data: Data, roles: Roles, source: Source, rows: np.ndarray, seed: int) -> SplitRows:
    """The parts, as positions in the source. What files and a column of the data say is not drawn."""
    split = left_to_draw(data.split, source)
    given = np.full(len(rows), TRAIN, np.int8) if source.parts is None else source.parts[rows]
    if split.part is not None:
        texts = values_as_texts(_only(source, split.part, rows), split.part)
        check_values(list(np.unique(texts.astype(str))), split, source.origin)
        given = np.where(given == TRAIN, parts_by_value(texts, split), given)
    free = rows[given == TRAIN]
    if not len(free):
        raise DataError("no row is left to train on.", where="data.split")
    drawn = _drawn(data, split, roles, source, free, seed)
    found = SplitRows(
        drawn.train,
        np.concatenate([rows[given == VALIDATION], drawn.validation]),
        np.concatenate([rows[given == TEST], drawn.test]),
    )
    if split.group is not None and len(free) < len(rows):
        check_groups(_groups(source, split.group, found), split)
    return found


def _groups(source: Source, name: str, split: SplitRows) -> dict[int, dict[str, str]]:
    """The groups of each part, each with the place of one of its rows."""
    found = {}
    for part, rows in ((TRAIN, split.train), (VALIDATION, split.validation), (TEST, split.test)):
        own = _only(source, name, rows)
        groups, first = np.unique(values_as_texts(own, name).astype(str), return_index=True)
        found[part] = {group: own.place(int(row)) for group, row in zip(groups, first, strict=True)}
    return found


def _drawn(data: Data, split: Split, roles: Roles, source: Source, rows: np.ndarray, seed: int) -> SplitRows:
    """These rows divided by the shares, or by a fold."""
    if not split.draws:
        return SplitRows(rows, np.empty(0, np.int64), np.empty(0, np.int64))
    parts: np.ndarray | None = None
    if split.time is not None:
        own = _only(source, split.time, rows)
        times = times_of(own, split.time, time_reading(own, split.time, data.dates.get(split.time)))
        parts = borders(times, split).parts(times)
    elif split.group is not None:
        names, groups = np.unique(
            values_as_texts(_only(source, split.group, rows), split.group).astype(str), return_inverse=True
        )
        of_group = parts_of_groups(dict(zip(names.tolist(), np.bincount(groups), strict=True)), split, seed)
        parts = np.array([of_group[name] for name in names.tolist()], np.int8)[groups]
    if parts is not None:
        return SplitRows(*(rows[parts == part] for part in (TRAIN, VALIDATION, TEST)))
    strata, names = None, np.empty(0)
    if roles.stratify is not None:
        column = read_column(source, roles.stratify).as_text().take(rows)
        missing = np.flatnonzero(column.missing)
        if len(missing):
            raise DataError(
                f"column '{column.name}', to stratify by, has no value.",
                where=source.place(int(rows[missing[0]])),
            )
        names, strata = np.unique(column.values.astype(str), return_inverse=True)
    try:
        found = split_rows(len(rows), split, seed, strata)
    except FewRowsError as few:
        value = str(names[few.stratum])
        if few.folds:
            raise few_rows_of_class(str(roles.stratify), value, few.rows, few.parts) from None
        raise DataError(
            f"'{roles.stratify}' is '{value}' in {few.rows} of {len(rows)} rows: too few for "
            f"{few.parts} parts that each hold some.",
            where="data.split.stratify",
            hint="Stratify by a column whose classes have more rows, or not at all.",
        ) from None
    return SplitRows(rows[found.train], rows[found.validation], rows[found.test])


def _only(source: Source, name: str, rows: np.ndarray) -> Source:
    """A column of some rows, which knows where they are."""
    return replace(
        source,
        columns={name: source.columns[name][rows]},
        locate=lambda row: source.place(int(rows[row])),
        cell=None,
    )
