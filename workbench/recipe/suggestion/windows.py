"""Suggest windows for a table whose rows follow each other in time: what is learned is the next value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.recipe.columns import ColumnFacts
from workbench.recipe.model_schema import OF_DATA
from workbench.recipe.suggestion.model import variable_name
from workbench.recipe.suggestion.series_facts import SeriesFacts

_USUAL, _MOST = 24, 96  # rows of a window
_SPLIT = {"validation": 0.2, "test": 0.2}


def is_series(
    series: SeriesFacts | None,
    inputs: Sequence[ColumnFacts],
    learned: Sequence[ColumnFacts],
    classes: Mapping[str, int],
) -> bool:
    """True if one number is to be learned, of which the last value says more than the mean."""
    if series is None or len(learned) != 1 or learned[0].name in classes:
        return False
    if any(column.shape for column in (*inputs, *learned)):
        return False
    return learned[0].name in series.follows


def window_length(series: SeriesFacts, target: str) -> int:
    """Two seasons, or one, where each part of the data has room for that."""
    room = max(4, min(_MOST, series.rows // 10))
    season = series.seasons.get(target)
    wanted = [2 * season, season] if season is not None else [_USUAL]
    return next((length for length in wanted if length <= room), min(room, _USUAL))


def as_windows(
    section: dict[str, Any],
    series: SeriesFacts,
    inputs: Sequence[ColumnFacts],
    target: str,
    reasons: list[str],
) -> dict[str, Any]:
    """The model for a data section that gets `windows` here.

    Args:
        section: the data section so far, of rows one by one; changed.
        series: what is known of the rows.
        inputs: the columns beside the target.
        target: the column to learn.
        reasons: get what is said of it, first.
    """
    length = window_length(series, target)
    windows: dict[str, Any] = {"length": length, "ahead": 1, "time": series.time}
    if series.group:
        windows["group"] = list(series.group) if len(series.group) > 1 else series.group[0]
    if series.sort:
        windows["sort"] = True
    for key in ("dates", "numbers"):
        options = {name: option for name, option in section.get(key, {}).items() if name != series.time}
        section.pop(key, None)
        if options:
            section[key] = options
    places = (series.time, *series.group)
    if ignored := [name for name in section.pop("ignore", ()) if name not in places]:
        section["ignore"] = ignored
    section["windows"] = windows
    section["split"] = dict(_SPLIT)
    section["scale"] = section["scale_targets"] = "standard"
    reasons[:] = [
        *_about(series, target, length),
        *(
            reason
            for reason in reasons
            if not any(reason.startswith(f"'{name}'") for name in (*places, target))
        ),
    ]
    width = 1 + sum(column.width for column in inputs if column.name not in places)
    return _model(length, width, target)


def _about(series: SeriesFacts, target: str, length: int) -> list[str]:
    several = f", {series.series:,} series by '{series.group[0]}'" if series.group else ""
    season = series.seasons.get(target)
    seasonal = f"; it begins again after {season} rows" if season is not None else ""
    return [
        f"The rows follow each other by '{series.time}', {series.every} apart{several}: windows of {length} rows "
        f"forecast '{target}' one row ahead{seasonal}. `ahead: 24` forecasts 24 rows ahead.",
        "The split is by time: the last rows are the test.",
        "The model adds a change to the last value: so it begins as good as the naive forecast.",
    ]


def _model(length: int, width: int, target: str) -> dict[str, Any]:
    """The last value of the target, which is the first column of a window, and the change that is seen coming.

    The change is seen in the window as it differs from its last row, so that a level that was never there before, as a
    trend brings it, is nothing new. A linear part learns seasons and trends from few rows, the GRU what is not linear.
    """
    output = variable_name(target)
    output = f"{output}_ahead" if output in ("features", "now", "past", "change", "last") else output
    return {
        "inputs": {"features": OF_DATA},
        "graph": [
            f"now = Cropping1D(cropping=[{length - 1}, 0])(features)",
            "past = Subtract()(features, now)",
            "change = Concatenate()(GRU(units=32)(past), Flatten()(past))",
            'change = Dense(units=1, kernel_initializer="zeros")(change)',
            'last = Dense(units=1, kernel_initializer="Identity")(Flatten()(now))',
            f'{output} = Add(name="{output}")(last, change)',
        ],
        "outputs": [output],
    }
