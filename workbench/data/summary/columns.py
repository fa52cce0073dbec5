"""A column in numbers: its distribution, what is missing, and how it goes together with the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.data.cells.readings import Reading
from workbench.data.measures import correlation_ratio, cramers_v, pearson, spearman
from workbench.data.source import Source
from workbench.data.summary.shown_kinds import ShownColumn, kind_of, shown_column

BINS = 32
MOST_COMMON = 12  # texts that are listed with their counts
MOST_SPREAD = 1_000_000  # numbers of an array that its histogram is made of
FEWEST_A_CATEGORY = 3  # rows of a category on average: of less a measure says nothing


@dataclass(frozen=True)
class Relation:
    """How a column goes together with a target.

    Attributes:
        target: the target's column.
        measure: `Pearson`, `correlation ratio`, `Cramér's V`; "" where there is none.
        value: of that measure, None where there is none.
        spearman: Spearman's rho beside Pearson's r.
        note: why there is none.
    """

    target: str
    measure: str = ""
    value: float | None = None
    spearman: float | None = None
    note: str = ""


@dataclass(frozen=True)
class ColumnSummary:
    """One column.

    Attributes:
        kind: its kind, as `number`, `date`, `text`, `flag`, `array`, `unusable`.
        rows: how many were looked at.
        missing: how many of them have no value.
        distinct: different values; of an array 0.
        low, median, high, mean, sd: of the numbers (of a date in days since 1970), None where there are none. The
            deviation is that of a sample (n - 1).
        written: low, median and high as a person reads them, by name.
        edges, counts: the histogram of the numbers; one edge more than counts.
        commonest: the most frequent texts with their counts.
        others: rows with another text than those.
        relations: with each target.
        error: why a model cannot use it as it is.
    """

    name: str
    kind: str
    rows: int
    missing: int
    distinct: int = 0
    shape: tuple[int, ...] = ()
    low: float | None = None
    median: float | None = None
    high: float | None = None
    mean: float | None = None
    sd: float | None = None
    written: Mapping[str, str] | None = None
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    commonest: tuple[tuple[str, int], ...] = ()
    others: int = 0
    relations: tuple[Relation, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class TargetColumn:
    """A target, read once for the relations of all columns; `codes` are the categories of one of classes."""

    name: str
    column: ShownColumn
    codes: np.ndarray | None


def target_column(
    source: Source, name: str, *, classes: bool, reading: Reading | None = None
) -> TargetColumn:
    """A target of a sample; with `classes` its numbers are names of classes."""
    column = shown_column(source, name, reading)
    is_category = column.numbers is None or classes
    return TargetColumn(name, column, _codes(column) if is_category else None)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # sums of the largest numbers: no result then
def summarize(
    source: Source,
    name: str,
    targets: Sequence[TargetColumn] = (),
    *,
    category: bool = False,
    reading: Reading | None = None,
) -> ColumnSummary:
    """A column of a sample.

    Args:
        source: the sample.
        name: the column.
        targets: what is to be learned.
        category: whether its numbers are categories.
        reading: how its cells are read, if they are texts that stand for something else.
    """
    column = shown_column(source, name, reading)
    rows, missing = len(column.missing), int(column.missing.sum())
    relations = tuple(
        relation(column, target, category=category) for target in targets if target.name != name
    )
    common = {"name": name, "kind": column.kind, "rows": rows, "missing": missing, "shape": column.shape}
    numbers = column.numbers if column.spread is None else _thinned(column.spread)
    if column.texts is not None:
        counted = Counter(text for text in column.texts if text is not None)
        commonest = tuple(counted.most_common(MOST_COMMON))
        others = sum(counted.values()) - sum(count for _, count in commonest)
        texts = {"distinct": len(counted), "commonest": commonest, "others": others}
        return ColumnSummary(**common, **texts, relations=relations, error=column.error)  # type: ignore[arg-type]
    if numbers is None:
        return ColumnSummary(**common, relations=relations, error=column.error)  # type: ignore[arg-type]
    numbers = numbers[np.isfinite(numbers)].astype(np.float64, copy=False)
    distinct = 0 if column.spread is not None else len(np.unique(numbers))
    if not len(numbers):
        return ColumnSummary(**common, relations=relations)  # type: ignore[arg-type]
    write = kind_of(column).write
    # Half-way between two days is no day: of what is not written as a number the median is one of the values.
    median = float(np.quantile(numbers, 0.5, method="lower") if write else np.median(numbers))
    low, high = float(numbers.min()), float(numbers.max())
    edges, counts = histogram(numbers)
    return ColumnSummary(
        **common,  # type: ignore[arg-type]
        distinct=distinct,
        low=low,
        median=median,
        high=high,
        mean=finite(numbers.mean()),
        sd=finite(numbers.std(ddof=1)) if len(numbers) > 1 else None,
        written={"low": write(low), "median": write(median), "high": write(high)} if write else None,
        edges=edges,
        counts=counts,
        relations=relations,
    )


def finite(value: float) -> float | None:
    """A number that JSON has; None for what is beyond all numbers."""
    return float(value) if np.isfinite(value) else None


def histogram(numbers: np.ndarray, bins: int = BINS) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Edges and counts; few whole numbers have a bin each."""
    low, high = float(numbers.min()), float(numbers.max())
    if high - low <= bins - 1 and np.array_equal(numbers, np.round(numbers)):
        count = int(high - low) + 1
        edges = np.linspace(low - 0.5, high + 0.5, count + 1)
    else:
        edges = np.linspace(low, high, bins + 1)
    if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):  # beyond the precision of its numbers
        return (), ()
    counts, _ = np.histogram(numbers, edges)
    return tuple(edges.tolist()), tuple(counts.tolist())


def relation(column: ShownColumn, target: TargetColumn, *, category: bool = False) -> Relation:
    """How a column goes together with a target, by the measure for their kinds; rows that miss one are left out."""
    name = target.name
    if column.numbers is None and column.texts is None:
        return Relation(name, note="an array of several numbers a row")
    if target.column.numbers is None and target.column.texts is None:
        return Relation(name, note="the target is an array")
    if len(column.missing) != len(target.column.missing):
        return Relation(name, note="it has another number of rows")
    held = ~column.missing & ~target.column.missing
    if not held.any():
        return Relation(name, note="no row has both values")
    is_category = (
        column.numbers is None or category or (column.texts is not None and target.codes is not None)
    )
    for each, codes in ((column, _codes(column) if is_category else None), (target.column, target.codes)):
        if codes is not None and len(np.unique(codes[held])) * FEWEST_A_CATEGORY > held.sum():
            what = "the target has" if each is target.column else "it has"
            return Relation(name, note=f"{what} another value in nearly every row")
    if is_category and target.codes is not None:
        return _found(name, "Cramér's V", cramers_v(_codes(column)[held], target.codes[held]))
    if is_category:
        numbers = _numbers(target.column)[held]
        return _found(name, "correlation ratio", correlation_ratio(_codes(column)[held], numbers))
    numbers = _numbers(column)[held]
    if target.codes is not None:
        return _found(name, "correlation ratio", correlation_ratio(target.codes[held], numbers))
    learned = _numbers(target.column)[held]
    return _found(name, "Pearson", pearson(numbers, learned), spearman(numbers, learned))


def _found(target: str, measure: str, value: float | None, rank: float | None = None) -> Relation:
    if value is None:
        return Relation(target, note="one of the two never changes")
    return Relation(target, measure, value, rank)


def _numbers(column: ShownColumn) -> np.ndarray:
    assert column.numbers is not None
    return column.numbers


def _codes(column: ShownColumn) -> np.ndarray:
    """Each row's category as a whole number from 0; a row without a value has any."""
    if column.texts is not None:
        places: dict[object, int] = {}
        return np.array([places.setdefault(text, len(places)) for text in column.texts], dtype=np.int64)
    if column.numbers is None:
        return np.zeros(len(column.missing), np.int64)
    _, codes = np.unique(np.where(column.missing, 0.0, column.numbers), return_inverse=True)
    return codes


def _thinned(values: np.ndarray) -> np.ndarray:
    return values[:: max(1, len(values) // MOST_SPREAD)]
