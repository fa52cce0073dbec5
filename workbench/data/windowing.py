"""Prepare rows in the order of time as windows: order them, split by time, fit on the training rows, cut windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from workbench.data.chunks import StreamedSource
from workbench.data.fitting import count_words, fit, gather
from workbench.data.in_memory import Prepared, about_words, typed
from workbench.data.memory import LEAST_COPIES, check_fits
from workbench.data.naive import find_season
from workbench.data.preparation import TRAINED_HINT, Part, Preparation, Table, read_table
from workbench.data.readings import DateReading
from workbench.data.roles import KNOWN, choose_roles
from workbench.data.series import Series, order_rows
from workbench.data.source import Source
from workbench.data.specs import ClassTarget, NumberTarget
from workbench.data.split_rules import TEST, TRAIN, VALIDATION
from workbench.data.streaming import Streamed
from workbench.data.time_split import parts_by_time
from workbench.data.times import time_reading
from workbench.data.window_cutting import Cut, Groups, Usable
from workbench.data.window_spec import WindowSpec, target_of_window
from workbench.data.windows import Sheet, WindowedPart
from workbench.errors import RecipeError
from workbench.recipe.missing_options import missing_of
from workbench.recipe.schema import Data
from workbench.recipe.split_options import Split
from workbench.recipe.window_options import Windows

# Windows that take more are gathered batch by batch, from rows that are held once. A fixed number, and not what is free
# now: a run that is resumed needs the same order.
HELD_BYTES = 256 * 2**20

_PARTS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def prepare(data: Data, source: Source | StreamedSource, seed: int) -> Prepared | Streamed:
    """Choose, order, split, fit and cut.

    Args:
        data: the recipe's data section, with `windows`.
        source: what was read. A stream's rows are held in memory too, its windows are not.
        seed: the recipe's; nothing is drawn here.

    Raises:
        RecipeError, DataError: see `choose_roles`, `order_rows`, `parts_by_time`, `fit`; or a part has no window.
    """
    windows = _windows_of(data)
    if source.parts is not None and len(source.parts):
        raise RecipeError(
            "with `windows` the parts are cut from one series in time, and not read from files of their own.",
            where="data",
            hint="Give all files as `path: [a.csv, b.csv]`, and the shares: `split: {test: 0.2}`.",
        )
    source = _in_memory(source)
    roles = choose_roles(data, source)
    reading = None
    if windows.time is not None:
        reading = time_reading(source, windows.time, data.dates.get(windows.time))
    gaps = windows.gaps == "break"
    series = order_rows(source, windows.group, windows.time, reading, sort=windows.sort, gaps=gaps)
    test_source = source.test_source()
    shares = data.split if test_source is None else data.split.model_copy(update={"test": 0.0})
    parts = parts_by_time(series, shares)
    table = typed(read_table(source, list(roles.used), roles.readings), roles)
    groups = Groups.of_roles(roles)
    usable = Usable.of(table, groups, missing_of(data.missing), source)
    test_table: Table = {}
    if test_source is not None:
        test_table = typed(read_table(test_source, list(roles.used), roles.readings), roles)

    statistics, words = gather(data, roles), count_words(data, roles)
    for name, gathered in statistics.items():
        mask = usable.of_column(name, groups)[series.order] & (parts == TRAIN)
        gathered.add(table[name], np.sort(series.order[mask]), source)
        if test_source is not None:
            gathered.add(test_table[name], np.empty(0, np.int64), test_source)
    for name, counts in words.items():
        counts.add(table[name].values, parts[np.argsort(series.order)])
    preparation = _with_windows(fit(data, roles, statistics, source, words), windows, reading, series)
    preparation = _with_season(preparation, table, series, parts)
    check_fits(preparation.of_rows(), len(series.order), source, copies=LEAST_COPIES, streams=False)

    cut = Cut.of(preparation, table, series, usable, source, parts)
    found = {name: cut.windows(part) for name, part in _PARTS.items()}
    read_rows, kept_rows = len(series.order), int((usable.inputs & usable.targets).sum())
    if test_source is not None:
        found["test"] = _all_windows(preparation, test_source, test_table, with_targets=True)
        read_rows += len(test_source.columns[next(iter(roles.used))])
        kept_rows = read_rows
    _check_parts(found, shares, cut, test_source is not None)
    remarks = (*_about(series, windows), *about_words(words, preparation))
    return _prepared(preparation, found, read_rows, read_rows - kept_rows, remarks)


def apply(
    preparation: Preparation, source: Source | StreamedSource, *, with_targets: bool
) -> Part | WindowedPart:
    """All windows of new data, for a trained model. Without targets also those at the end, whose
    targets are not there yet.

    Raises:
        DataError: see `prepare`; or the data holds no window.
    """
    source = _in_memory(source)
    names = preparation.of_rows().column_names(with_targets=with_targets)
    windows = _all_windows(
        preparation, source, read_table(source, names, preparation.readings), with_targets=with_targets
    )
    return _held(windows)


def test_part(
    preparation: Preparation, data: Data, source: Source | StreamedSource, *, with_targets: bool
) -> Part | WindowedPart:
    """The split of a training, made again: the windows of its test part."""
    source = _in_memory(source)
    series = _ordered(source, preparation.windows)
    names = preparation.of_rows().column_names(with_targets=with_targets)
    table = read_table(source, names, preparation.readings)
    cut = _cut_of_trained(preparation, source, table, series, parts_by_time(series, data.split), with_targets)
    windows = cut.windows(TEST)
    if not windows.rows:
        raise cut.no_window("the test part", TEST)
    return _held(windows)


def _windows_of(data: Data) -> Windows:
    assert data.windows is not None
    return data.windows


def _ordered(source: Source, spec: WindowSpec | None) -> Series:
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
    series: Series,
    parts: np.ndarray,
    with_targets: bool,
) -> Cut:
    groups = Groups.of_preparation(preparation, with_targets=with_targets)
    usable = Usable.of(table, groups, missing_of(preparation.missing), source, TRAINED_HINT)
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
    preparation: Preparation, windows: Windows, reading: DateReading | None, series: Series
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


def _with_season(preparation: Preparation, table: Table, series: Series, parts: np.ndarray) -> Preparation:
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


def _check_parts(found: Mapping[str, WindowedPart], shares: Split, cut: Cut, brings_test: bool) -> None:
    for name, share in (("train", 1.0), ("validation", shares.validation), ("test", shares.test)):
        if share and not found[name].rows and not (name == "test" and brings_test):
            raise cut.no_window(f"the {'training' if name == 'train' else name} part", _PARTS[name])


def _prepared(
    preparation: Preparation,
    found: Mapping[str, WindowedPart],
    read: int,
    dropped: int,
    remarks: tuple[str, ...],
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
        )
    return Streamed(
        train=train,
        validation=validation,
        test=test,
        preparation=preparation,
        rows_read=read,
        rows_dropped=dropped,
        class_counts=_class_counts(train),
        labels=_labels(train),
        remarks=remarks,
    )


def _about(series: Series, windows: Windows) -> tuple[str, ...]:
    """What was found of the time of rows."""
    if series.clock is None:
        return ()
    gaps = f"; no window crosses one of the {series.gaps:,} gaps" if series.gaps else ""
    return (f"rows are {series.clock.described} apart by '{windows.time}'{gaps}",)


def _held(windows: WindowedPart) -> Part | WindowedPart:
    return windows.read_all() if windows.bytes <= HELD_BYTES else windows


def _targets_alone(windows: WindowedPart) -> dict[str, np.ndarray]:
    """The targets of all windows, without their inputs."""
    empty = replace(windows.past.rows, inputs={})
    return dict(replace(windows, past=Sheet(empty, windows.past.at), known=None).read_all().targets)


def _class_counts(windows: WindowedPart) -> dict[str, np.ndarray]:
    targets = _targets_alone(windows)
    return {
        spec.name: np.bincount(targets[spec.name], minlength=len(spec.classes))
        for spec in windows.preparation.targets
        if isinstance(spec, ClassTarget)
    }


def _labels(windows: WindowedPart) -> dict[str, tuple[float, float]]:
    targets = _targets_alone(windows)
    return {
        spec.name: (float(targets[spec.name].min()), float(targets[spec.name].max()))
        for spec in windows.preparation.targets
        if isinstance(spec, NumberTarget) and len(spec.columns) == 1
    }


def _in_memory(source: Source | StreamedSource) -> Source:
    """A stream's rows, all of them, in memory: windows of them are made, which are not held."""
    if isinstance(source, Source):
        return source
    columns = _read_all(source)
    test = source.test_source()
    return Source(
        columns=columns,
        targets=source.targets,
        test=None if test is None else _read_all(test),
        classes=source.classes,
        origin=source.origin,
        locate=source.locate,
        options=source.options,
        cell=source.cell,
    )


def _read_all(source: StreamedSource) -> dict[str, np.ndarray]:
    names = source.chunks.names
    reader = source.chunks.open()
    try:
        chunks = [reader.read(chunk, names) for chunk in range(len(source.chunks.rows))]
    finally:
        reader.close()
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in names}
