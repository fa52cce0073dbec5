"""Categories and classes that no training row has: the model has a place for them, and nothing is learned of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np

from workbench.data.cells.labels import counted
from workbench.data.preparation import Preparation
from workbench.data.specs import CategoryColumn, ClassTarget, LabelColumn, TableInput
from workbench.data.statistics import ColumnStatistics
from workbench.data.traps.columns import listed
from workbench.errors import RecipeWarning

Counts = Mapping[str, Mapping[str, np.ndarray]]  # by part and target, the rows of each class


def without_training_rows(
    preparation: Preparation, statistics: Mapping[str, ColumnStatistics], counts: Counts
) -> Iterator[RecipeWarning]:
    """Warn of them.

    Args:
        preparation: of the data.
        statistics: of each column.
        counts: of the parts beside the training part, where they are known.
    """
    for target in preparation.targets:
        if isinstance(target, ClassTarget) and target.column in statistics:
            yield from _classes(target, statistics[target.column], counts)
    for spec in preparation.inputs:
        if isinstance(spec, TableInput):
            for column in spec.columns:
                if isinstance(column, CategoryColumn | LabelColumn) and column.name in statistics:
                    yield from _categories(column, statistics[column.name])


def rows_elsewhere(
    preparation: Preparation, statistics: Mapping[str, ColumnStatistics]
) -> dict[str, np.ndarray]:
    """By target of classes, the rows of each class that are no training rows."""
    found = {}
    for target in preparation.targets:
        if isinstance(target, ClassTarget):
            column = statistics[target.column]
            other = column.texts - column.train_texts
            written = ({name, value} for name, value in zip(target.classes, target.values, strict=True))
            found[target.name] = np.array([sum(other[text] for text in texts) for texts in written])
    return found


def _classes(target: ClassTarget, column: ColumnStatistics, counts: Counts) -> Iterator[RecipeWarning]:
    unlearned = [
        (at, name, value if value in column.texts else name)
        for at, (name, value) in enumerate(zip(target.classes, target.values, strict=True))
        if (column.texts[value] or column.texts[name])
        and not (column.train_texts[value] or column.train_texts[name])
    ]
    if not unlearned:
        return
    names = [name for _, name, _ in unlearned]
    at = [number for number, _, _ in unlearned]
    found = [
        f"{rows:,} row{'' if rows == 1 else 's'} of the {part} part"
        for part, own in counts.items()
        if (rows := int(own[target.name][at].sum()))
    ]
    if not found:
        rows = sum(column.texts[text] for _, _, text in unlearned)
        found = [f"{rows:,} other{'' if rows == 1 else 's'}"]
    one = len(names) == 1
    yield RecipeWarning(
        f"the {'class' if one else 'classes'} {listed(names)} of '{target.name}' {'is' if one else 'are'} in no "
        f"training row, but in {' and '.join(found)} (first: {column.first_place(unlearned[0][2])}): a model cannot "
        f"learn {'it' if one else 'them'}. Split with `stratify: true`, or leave these rows out.",
        "data.classes",
    )


def _categories(spec: CategoryColumn | LabelColumn, column: ColumnStatistics) -> Iterator[RecipeWarning]:
    if spec.unknown == "other":
        return  # only what is in the training part has a place
    every, train = column.texts, column.train_texts
    if isinstance(spec, LabelColumn):
        every, train = (Counter(counted(texts, spec.separator)) for texts in (every, train))
    names = [
        name
        for name in (spec.labels if isinstance(spec, LabelColumn) else spec.categories)
        if every[name] and not train[name]
    ]
    if not names:
        return
    rows = sum(every[name] for name in names)
    first = "" if isinstance(spec, LabelColumn) else f" (first: {column.first_place(names[0])})"
    one = len(names) == 1
    yield RecipeWarning(
        f"column '{spec.name}' holds {listed(names)} in no training row, but in {rows:,} other"
        f"{'' if rows == 1 else 's'}{first}: {'this input is' if one else 'these inputs are'} always 0 in "
        "training, and nothing is learned of them. `unknown: other` makes one more category of such ones.",
        "data.unknown",
    )
