"""Rows that are a trap: those of the test part that are in the training part too, and classes of few rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from zlib import crc32

import numpy as np

from workbench.data.preparation import Part
from workbench.data.table import Column
from workbench.data.traps.columns import Values
from workbench.errors import RecipeWarning

MOST_CELLS = 2_000_000  # numbers of rows that are compared; of more, the first rows are
LEAST_ROWS = 5  # of a class
SAMPLE = 10_000  # rows that say how common values are
_LEAST, _SHARE = 5, 0.01  # so many rows, and such a share of a part
_OF_FEW_VALUES = 0.1  # such a share where no column has many values, as in the answers to a questionnaire
_BY_CHANCE = 0.01  # rows that one would expect to be equal by chance


def in_both(
    train: Part, others: Mapping[str, Part], columns: Mapping[str, Column]
) -> Iterator[RecipeWarning]:
    """Rows that are in the training part and in another one, value for value, and are so by no chance.

    Args:
        train, others: the parts, encoded.
        columns: the input and target columns of one axis, of all rows of the training part's source.
    """
    known = _hashes(train)
    if known is None:
        return
    for part_name, part in others.items():
        own = _hashes(part)
        if own is None:
            continue
        order = np.argsort(known, kind="stable")
        places = np.searchsorted(known[order], own).clip(max=len(known) - 1)
        same = order[places]  # the training row that each would be
        twice = same[known[same] == own]
        if len(twice) < _LEAST:
            continue
        count, share = len(twice), _SHARE
        if not any(array.ndim > 2 for array in train.inputs.values()):  # arrays are not equal by chance
            expected, many_values = _expected(train.index[: len(known)], train.index[twice], columns)
            count = round(float((expected < _BY_CHANCE).mean()) * len(twice))
            share = _SHARE if many_values else _OF_FEW_VALUES
        if count >= max(_LEAST, share * len(own)):
            yield RecipeWarning(
                f"{count:,} of {len(own):,} rows of the {part_name} part are in the training part as well, value for "
                "value: on them a model is good that has learned rows by heart. Leave duplicate rows out of the data.",
                "data.split",
            )


def of_few_rows(
    classes: Mapping[str, Sequence[str]],
    counts: Mapping[str, np.ndarray],
    others: Collection[Mapping[str, np.ndarray]] = (),
) -> Iterator[RecipeWarning]:
    """Classes with too few rows in the training part to be learned; not those of none that `others` have."""
    for target, names in classes.items():
        own = counts.get(target)
        if own is None:
            continue
        elsewhere = sum((each[target] for each in others), np.zeros(len(names)))
        few = [
            (name, int(rows))
            for name, rows, other in zip(names, own, elsewhere, strict=True)
            if rows < LEAST_ROWS and (rows or not other)
        ]
        if not few:
            continue
        shown = ", ".join(f"'{name}' {rows}" for name, rows in few[:6])
        more = f" and {len(few) - 6} more" if len(few) > 6 else ""
        yield RecipeWarning(
            f"of {len(names)} classes of '{target}', {len(few)} {'has' if len(few) == 1 else 'have'} fewer than "
            f"{LEAST_ROWS} training rows ({shown}{more}): too few to be learned. Join them with others, or leave their "
            "rows out.",
            "data.classes",
        )


def _hashes(part: Part) -> np.ndarray | None:
    """A number for each row that is the same for equal rows, (rows,) uint64; None for rows that cannot be looked at."""
    arrays = [*part.inputs.values(), *part.targets.values()]
    if not all(isinstance(array, np.ndarray) for array in arrays):
        return None
    width = max(1, sum(array[:1].size for array in arrays))
    rows = min(part.rows, MOST_CELLS // width)
    found = np.zeros(rows, np.uint64)
    random = np.random.default_rng(7)
    for array in arrays:
        numbers = _numbers(array[:rows].reshape(rows, -1))
        factors = random.integers(1, 2**63, numbers.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        for start in range(0, rows, 4096):
            bits = numbers[start : start + 4096].astype(np.uint64)
            bits ^= bits >> np.uint64(15)
            found[start : start + 4096] += (bits * factors * (bits | np.uint64(1))).sum(
                axis=1, dtype=np.uint64
            )
    return found


def _numbers(values: np.ndarray) -> np.ndarray:
    """A whole number for each value, the same for equal ones: (rows, columns) uint32."""
    if values.dtype == object:  # strings
        return np.array([[crc32(text.encode()) for text in row] for row in values], np.uint32)
    return (np.ascontiguousarray(values, dtype=np.float32) + np.float32(0.0)).view(np.uint32)


def _expected(known: np.ndarray, asked: np.ndarray, columns: Mapping[str, Column]) -> tuple[np.ndarray, bool]:
    """For some asked rows, how many of the known ones would be equal if columns had nothing to do with one another; and
    whether any column has so many values that rows differ in it as a rule."""
    known_rows = len(known)
    random = np.random.default_rng(0)
    known, asked = (
        rows if len(rows) <= most else random.choice(rows, most, replace=False)
        for rows, most in ((known, SAMPLE), (asked, SAMPLE // 10))
    )
    expected = np.full(len(asked), float(known_rows))
    many_values = False
    for column in columns.values():
        values = Values.of(column.take(np.concatenate([known, asked])))
        if values is None:
            continue
        counts = np.bincount(values.codes[: len(known)] + 1, minlength=values.distinct + 1)
        many_values = many_values or 2 * int((counts > 0).sum()) >= len(known)
        expected *= np.maximum(counts[values.codes[len(known) :] + 1], 1) / len(known)
    return expected, many_values
