"""Prepare rows in the order of time as windows: order them, split by time, fit on the training rows, cut windows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workbench.data.cells.readings import DateReading
from workbench.data.cells.times import time_reading
from workbench.data.chunks import StreamedSource
from workbench.data.fitting import count_words, fit, gather
from workbench.data.in_memory import Prepared, about_words, divided, part_of_row, typed
from workbench.data.memory import LEAST_COPIES, check_fits
from workbench.data.naive import find_season
from workbench.data.preparation import TRAINED_HINT, Part, Preparation, Table, read_table
from workbench.data.reading.whole_stream import whole
from workbench.data.roles import KNOWN, Roles, choose_roles
from workbench.data.series import OrderedRows, order_rows
from workbench.data.source import Source
from workbench.data.specs import ClassTarget, NumberTarget
from workbench.data.splitting.folds import about_unused
from workbench.data.splitting.rules import TEST, TRAIN, UNUSED, VALIDATION, left_to_draw
from workbench.data.streaming import Streamed
from workbench.data.time_split import parts_by_time, refuse_drawn, with_fold
from workbench.data.traps import find_in_windows, series_names, without_training_rows
from workbench.data.window_cutting import Cut, Groups, Usable
from workbench.data.window_spec import WindowSpec, target_of_window
from workbench.data.windows import WindowedPart
from workbench.errors import RecipeError, RecipeWarning
from workbench.recipe.options.missing import missing_of
from workbench.recipe.options.split import Fold, Split
from workbench.recipe.options.windows import Windows
from workbench.recipe.schema import Data

# Windows that take more are gathered batch by batch, from rows that are held once. A fixed number, and not what is free
# now: a run that is resumed needs the same order.
HELD_BYTES = 256 * 2**20

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def prepare(data: Data, source: Source | StreamedSource, seed: int) -> Prepared | Streamed:
    """Choose, order, split, fit and cut.

    Args:
        data: the recipe's data section, with `windows`.
        source: what was read. A stream's rows are held in memory too, its windows are not.
        seed: draws the groups, where the split is by group.

    Raises:
        RecipeError, DataError: see `choose_roles`, `order_rows`, `parts_by_time`, `fit`; or a part has no window.
    """
    windows = _windows_of(data)
    source = whole(source)
    roles = choose_roles(data, source)
    reading = None
    if windows.time is not None:
        reading = time_reading(source, windows.time, data.dates.get(windows.time))
    gaps = windows.gaps == "break"
    series = order_rows(source, windows.group, windows.time, reading, sort=windows.sort, gaps=gaps)
    parts = _parts(data, roles, source, series, seed)
    table = typed(read_table(source, list(roles.used), roles.readings), roles)
    groups = Groups.of_roles(roles)
    usable = Usable.of(table, groups, missing_of(data.missing), source)
    brought = {
        name: (own, typed(read_table(own, list(roles.used), roles.readings), roles))
        for name, own in (("validation", source.validation_source()), ("test", source.test_source()))
        if own is not None
    }

    statistics, words = gather(data, roles), count_words(data, roles)
    for name, gathered in statistics.items():
        mask = usable.of_column(name, groups)[series.order] & (parts == TRAIN)
        gathered.add(table[name], np.sort(series.order[mask]), source)
        for own, own_table in brought.values():
            gathered.add(own_table[name], np.empty(0, np.int64), own)
    for name, counts in words.items():
        counts.add(table[name].values, parts[np.argsort(series.order)])
    preparation = _with_windows(fit(data, roles, statistics, source, words), windows, reading, series)
    preparation = _with_season(preparation, table, series, parts)
    check_fits(preparation.of_rows(), len(series.order), source, copies=LEAST_COPIES, streams=False)

    cut = Cut.of(preparation, table, series, usable, source, parts)
    found = {name: cut.windows(part) for name, part in _PARTS.items()}
    read_rows = len(series.order)
    dropped = read_rows - int((usable.inputs & usable.targets).sum())
    for name, (own, own_table) in brought.items():
        found[name] = _all_windows(preparation, own, own_table, with_targets=True)
        read_rows += len(next(iter(own_table.values())))
    _check_parts(found, left_to_draw(data.split, source), cut)
    about = (*_about(series, windows), *about_unused(data.split.fold, int((parts == UNUSED).sum())))
    remarks = (*source.remarks, *about, *about_words(words, preparation))
    names = series_names(source.columns, windows.group, series.order)
    traps = (
        *find_in_windows(windows, roles, table, series, parts, names),
        *without_training_rows(preparation, statistics, {}),
    )
    return _prepared(preparation, found, read_rows, dropped, remarks, traps, data.split.fold)


def apply(
    preparation: Preparation, source: Source | StreamedSource, *, with_targets: bool
) -> Part | WindowedPart:
    """All windows of new data, for a trained model. Without targets also those at the end, whose
    targets are not there yet.

    Raises:
        DataError: see `prepare`; or the data holds no window.
    """
    source = whole(source)
    names = preparation.of_rows().column_names(with_targets=with_targets)
    windows = _all_windows(
        preparation, source, read_table(source, names, preparation.readings), with_targets=with_targets
    )
    return _held(windows)


def test_part(
    preparation: Preparation, data: Data, source: Source | StreamedSource, seed: int, *, with_targets: bool
) -> Part | WindowedPart:
    """The split of a training, made again: the windows of its test part."""
    source = whole(source)
    series = _ordered(source, preparation.windows)
    names = preparation.of_rows().column_names(with_targets=with_targets)
    table = read_table(source, names, preparation.readings)
    parts = _parts(data, choose_roles(data, source), source, series, seed)
    cut = _cut_of_trained(preparation, source, table, series, parts, with_targets)
    windows = cut.windows(TEST)
    if not windows.rows:
        raise cut.no_window("the test part", TEST)
    return _held(windows)


def _parts(data: Data, roles: Roles, source: Source, series: OrderedRows, seed: int) -> np.ndarray:
    """(rows,) The part of each row of series: by time, unless files, a column or groups say it. UNUSED: none.

    Raises:
        RecipeError: the split asks for a random draw. Others: see `in_memory.divided`.
    """
    refuse_drawn(data.split)
    split = left_to_draw(data.split, source)
    if split.fold is not None and split.group is None and split.time is None:
        rest = data.model_copy(update={"split": split.model_copy(update={"fold": None})})
        return with_fold(
            _parts(rest, roles, source, series, seed), series, split.fold, _windows_of(data).time
        )
    if split.group is None and split.part is None and source.parts is None and split.time is None:
        return parts_by_time(series, split)
    if split.group is None and split.time is None:
        time = _windows_of(data).time
        split = split.model_copy(update={"shuffle": False} if time is None else {"time": time})
    rows = np.arange(len(series.order))
    found = divided(data.model_copy(update={"split": split}), roles, source, rows, seed)
    return part_of_row(len(rows), found).astype(np.int8)[series.order]


def _windows_of(data: Data) -> Windows:
    assert data.windows is not None
    return data.windows


def _ordered(source: Source, spec: WindowSpec | None) -> OrderedRows:
    """New rows in the order of time, as training had them."""
    assert spec is not None
    gaps = spec.clock is not None
    return order_rows(
        source, spec.group, spec.time, spec.reading, sort=spec.sort, gaps=gaps, clock=spec.clock
    )


def _cut_of_trained(
    preparation: Preparation,
    source: Source,
    table: Table,
    series: OrderedRows,
    parts: np.ndarray,
    with_targets: bool,
) -> Cut:
    groups = Groups.of_preparation(preparation, with_targets=with_targets)
    open_end = bool(preparation.windows and preparation.windows.known) and not with_targets
    usable = Usable.of(
        table, groups, missing_of(preparation.missing), source, TRAINED_HINT, open_end=open_end
    )
    return Cut.of(preparation, table, series, usable, source, parts, with_targets=with_targets)


def _all_windows(
    preparation: Preparation, source: Source, table: Table, *, with_targets: bool
) -> WindowedPart:
    series = _ordered(source, preparation.windows)
    cut = _cut_of_trained(
        preparation, source, table, series, np.zeros(len(series.order), np.int8), with_targets
    )
    windows = cut.windows()
    if not windows.rows:
        raise cut.no_window("the data", None)
    return windows


def _with_windows(
    preparation: Preparation, windows: Windows, reading: DateReading | None, series: OrderedRows
) -> Preparation:
    """The preparation of rows as that of windows.

    Raises:
        RecipeError: classes are to be learned at several steps.
    """
    for target in preparation.targets:
        if isinstance(target, ClassTarget) and len(windows.ahead) > 1:
            raise RecipeError(
                f"the target '{target.name}' holds classes, which can be learned at one step ahead only.",
                where="data.windows.ahead",
                hint=f"`ahead: {windows.ahead[0]}`.",
            )
    spec = WindowSpec(
        length=windows.length,
        ahead=windows.ahead,
        step=windows.step,
        group=windows.group,
        time=windows.time,
        sort=windows.sort,
        reading=reading,
        clock=series.clock,
        known=(KNOWN,) if windows.known else (),
        targets=preparation.targets,
        season=windows.season,
    )
    targets = tuple(target_of_window(target, windows.ahead) for target in preparation.targets)
    return preparation.model_copy(update={"windows": spec, "targets": targets})


def _with_season(
    preparation: Preparation, table: Table, series: OrderedRows, parts: np.ndarray
) -> Preparation:
    """The preparation with the season that the first target shows in the training rows of the longest series."""
    spec = preparation.windows
    assert spec is not None
    target = next((each for each in spec.targets if isinstance(each, NumberTarget)), None)
    if spec.season is not None or target is None:
        return preparation
    own = series.series[parts == TRAIN]
    longest = np.bincount(own).argmax() if len(own) else 0
    rows = series.order[(parts == TRAIN) & (series.series == longest)]
    season = find_season(
        np.asarray(table[target.columns[0]].values, np.float64)[rows],
        series.clock.seasons if series.clock else (),
    )
    return preparation.model_copy(update={"windows": spec.model_copy(update={"season": season})})


def _check_parts(found: Mapping[str, WindowedPart], split: Split, cut: Cut) -> None:
    """Refuse a part without a window, if it is not one that was not asked for."""
    for name, wanted in zip(_PARTS, (True, *split.wanted), strict=True):
        if wanted and not found[name].rows:
            raise cut.no_window(f"the {'training' if name == 'train' else name} part", _PARTS[name])


def _prepared(
    preparation: Preparation,
    found: Mapping[str, WindowedPart],
    read: int,
    dropped: int,
    remarks: tuple[str, ...],
    traps: tuple[RecipeWarning, ...],
    fold: Fold | None,
) -> Prepared | Streamed:
    train, validation, test = (found[name] if found[name].rows else None for name in _PARTS)
    assert train is not None
    if sum(part.bytes for part in found.values()) <= HELD_BYTES:
        return Prepared(
            train.read_all(),
            validation.read_all() if validation else None,
            test.read_all() if test else None,
            preparation,
            read,
            dropped,
            remarks,
            traps,
            fold=fold,
        )
    return Streamed(
        train=train,
        validation=validation,
        test=test,
        preparation=preparation,
        rows_read=read,
        rows_dropped=dropped,
        class_counts=train.class_counts(),
        labels=train.labels(),
        remarks=remarks,
        traps=traps,
        fold=fold,
    )


def _about(series: OrderedRows, windows: Windows) -> tuple[str, ...]:
    """What was found of the time of rows."""
    if series.clock is None:
        return ()
    gaps = f"; no window crosses one of the {series.gaps:,} gaps" if series.gaps else ""
    return (f"rows are {series.clock.described} apart by '{windows.time}'{gaps}",)


def _held(windows: WindowedPart) -> Part | WindowedPart:
    return windows.read_all() if windows.bytes <= HELD_BYTES else windows
