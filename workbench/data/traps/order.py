"""A split at random that time or groups speak against."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from workbench.data.cells.dates import Undecided, found_format, parsed
from workbench.data.source import Source
from workbench.data.traps.columns import ENOUGH, Values
from workbench.errors import RecipeWarning

_ALIKE = 0.5  # how like neighbours in time are: 0 for any two rows, 1 for the same
_ALIKE_IN_GROUPS = 0.3
_TIME = re.compile(
    r"(^|[\W_])(time|date|datetime|timestamp|year|month|week|day|hour|t)s?$|(Date|Time|Year)$", re.IGNORECASE
)
_CALENDAR = re.compile(r"date|year|month|week|day", re.IGNORECASE)
_GROUP = re.compile(
    r"(^|[\W_])(patient|subject|person|participant|user|customer|client|member|student|pupil|child|family|household|"
    r"animal|session|group|speaker|author|writer|device|machine|engine|vessel|hospital|school|farm|plot|batch|series|"
    r"site|station|country|firm|company)s?([\W_]?(id|no|nr|number|code|name))?$|[\W_]id$",
    re.IGNORECASE,
)
_TRIED = 50  # texts that must be dates


def ignores_time(
    source: Source,
    rows: np.ndarray,
    target_name: str,
    target: Values,
    inputs: Sequence[str],
) -> RecipeWarning | None:
    """Rows of neighbouring times have like targets, and the split draws rows at random.

    Args:
        source: what was read.
        rows: the positions of the rows that are looked at, in the order of the source.
        target: of these rows.
        inputs: the columns that the model gets. A time that is the only one, and no date, is what is measured.
    """
    if len(rows) < ENOUGH:
        return None
    for name, array in source.columns.items():
        if name == target_name or array.ndim != 1 or len(array) <= rows.max():
            continue
        if list(inputs) == [name] and array.dtype.kind in "iuf" and not _CALENDAR.search(name):
            continue
        moments = _moments(name, array[rows])
        if moments is None:
            continue
        # Of rows of one moment, as the cars of a year, none is the next one.
        order = np.lexsort((np.random.default_rng(0).random(len(moments)), moments))
        alike = _neighbours_alike(target, order)
        if alike < _ALIKE:
            continue
        return RecipeWarning(
            f"the rows have a time ('{name}'), and neighbours in time have like values of '{target_name}' (likeness "
            f"{alike:.2f} of 1), while the split draws rows at random: the test part then lies between training rows, "
            f"which a forecast never does. For one, `split: {{time: {name}}}` splits by it.",
            "data.split",
        )
    return None


def ignores_groups(
    source: Source,
    parts: Mapping[str, np.ndarray],
    target_name: str,
    target: Values,
) -> RecipeWarning | None:
    """Rows of one group (a patient, a user) have like targets, and are in the training part and another.

    Args:
        source: what was read.
        parts: the positions of the rows of each part, by its name.
        target: of the rows of the training part.
    """
    train = parts["training"]
    for name, array in source.columns.items():
        if (
            name == target_name
            or array.ndim != 1
            or not _GROUP.search(name)
            or len(array) <= max(int(own.max(initial=0)) for own in parts.values())
        ):
            continue
        codes = {part: _codes(array[rows]) for part, rows in parts.items()}
        of_train = codes["training"]
        if of_train is None:
            continue
        groups = len(np.unique(of_train))
        if not ENOUGH // 10 <= groups <= len(train) // 2 or len(train) < ENOUGH:
            continue
        alike = _groups_alike(target, of_train)
        if alike < _ALIKE_IN_GROUPS:
            continue
        for part, rows in parts.items():
            own = codes[part]
            if part == "training" or own is None or not len(rows):
                continue
            known = np.isin(own, of_train)
            if known.mean() < 0.5:
                continue
            return RecipeWarning(
                f"{known.mean():.0%} of the rows of the {part} part have a '{name}' that training rows have too, and "
                f"rows of one '{name}' have like values of '{target_name}' (likeness {alike:.2f} of 1): the score says "
                f"nothing of a new '{name}': `split: {{group: {name}}}` keeps each in one part.",
                "data.split",
            )
    return None


def _moments(name: str, array: np.ndarray) -> np.ndarray | None:
    """The rows' times as numbers; None for a column that is none."""
    if array.dtype.kind == "M":
        return None if np.isnat(array).any() else array.astype("datetime64[us]").astype(np.int64)
    if array.dtype.kind in "OUT":
        return _written(array)
    if array.dtype.kind not in "iuf" or not _TIME.search(name):
        return None
    numbers = array.astype(np.float64)
    if not np.isfinite(numbers).all() or len(np.unique(numbers)) < ENOUGH // 5:
        return None
    # A number may be a part of a date, as an hour: a time goes on from row to row.
    return numbers if (np.diff(numbers) >= 0).all() or (np.diff(numbers) <= 0).all() else None


def _written(array: np.ndarray) -> np.ndarray | None:
    try:
        different = list(dict.fromkeys(array.tolist()))
    except TypeError:  # lists
        return None
    if not different or not all(isinstance(text, str) for text in different):
        return _objects(array) if different and all(hasattr(each, "year") for each in different) else None
    try:
        form = found_format(different[:_TRIED])
    except Undecided as undecided:
        form = undecided.formats[0]
    if form is None:
        return None
    moments = {text: parsed(text, form) for text in different}
    if any(moment is None for moment in moments.values()):
        return None
    numbers = {
        text: int(moment.astype("datetime64[us]").astype(np.int64))
        for text, moment in moments.items()
        if moment is not None
    }
    return np.array([numbers[text] for text in array.tolist()], np.int64)


def _objects(array: np.ndarray) -> np.ndarray | None:
    try:
        return array.astype("datetime64[us]").astype(np.int64)
    except (TypeError, ValueError):
        return None


def _codes(array: np.ndarray) -> np.ndarray | None:
    """The groups of rows as texts; None for measured numbers."""
    if array.dtype.kind == "f" and (not np.isfinite(array).all() or (array % 1 != 0).any()):
        return None
    if array.dtype.kind not in "iufOUT":
        return None
    return array.astype(str)


def _neighbours_alike(target: Values, rows: np.ndarray) -> float:
    """0 where a row's target says nothing of the next one's, 1 where they are the same."""
    if target.numbers is not None and target.distinct > 2:
        values = target.numbers[rows]
        before, after = values[:-1], values[1:]
        held = np.isfinite(before) & np.isfinite(after)
        before, after = (
            before[held] - values[np.isfinite(values)].mean(),
            after[held] - values[np.isfinite(values)].mean(),
        )
        scale = float((before @ before + after @ after) / 2)
        return float(before @ after) / scale if scale > 0 else 0.0
    codes = target.codes[rows]
    shares = np.bincount(codes[codes >= 0]) / max(len(codes), 1)
    chance = float((shares**2).sum())
    return float((codes[:-1] == codes[1:]).mean() - chance) / (1.0 - chance) if chance < 1.0 else 0.0


def _groups_alike(target: Values, codes: np.ndarray) -> float:
    """The share of the targets' variance that lies between groups, corrected for groups of few rows: about 0 where
    groups say nothing, 1 where they say all."""
    own = np.unique(codes, return_inverse=True)[1]
    if target.numbers is not None and target.distinct > 2:
        values = target.numbers[:, None]
        if not np.isfinite(values).all():
            return 0.0
    else:
        values = np.eye(target.distinct)[target.codes.clip(min=0)]
    values = values - values.mean(axis=0)
    count, groups = len(own), int(own.max()) + 1
    sizes = np.bincount(own)
    means = np.stack([np.bincount(own, column) / sizes for column in values.T], axis=1)
    total = float((values**2).sum())
    within = float(((values - means[own]) ** 2).sum())
    if total <= 0.0 or count <= groups:
        return 0.0
    return 1.0 - (within / (count - groups)) / (total / (count - 1))
