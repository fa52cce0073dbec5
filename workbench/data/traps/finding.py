"""All traps of a recipe's data, of a sample of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from workbench.data.preparation import Part, Preparation, Table
from workbench.data.roles import Roles
from workbench.data.source import Source
from workbench.data.specs import ClassTarget
from workbench.data.statistics import ColumnStatistics
from workbench.data.table import ColumnKind
from workbench.data.traps import columns, order, rows
from workbench.data.traps.columns import Values
from workbench.data.traps.unlearned import rows_elsewhere, without_training_rows
from workbench.errors import RecipeWarning
from workbench.recipe.options.columns import Dates
from workbench.recipe.schema import Data

SAMPLE = 5_000  # rows that columns are looked at in
MOST_COLUMNS = 300


def find_traps(
    data: Data,
    source: Source,
    roles: Roles,
    table: Table,
    preparation: Preparation,
    parts: Mapping[str, Part],
    statistics: Mapping[str, ColumnStatistics],
) -> tuple[RecipeWarning, ...]:
    """What is likely to mislead, of data in memory.

    Args:
        data: the recipe's data section.
        source: what was read.
        roles: what each column is for.
        table: the columns of the source that are used, checked.
        preparation: of the data.
        parts: the parts that were split off this source or brought along with it: `training` and others.
        statistics: of each column.
    """
    train = parts["training"]
    split = {} if source.test is not None or source.validation is not None else parts
    own = {name: part.index for name, part in split.items()} or {"training": train.index}
    looked_at = np.sort(_sample(train.index))
    used = {
        name: column
        for name, column in table.items()
        if name not in roles.texts and column.kind is not ColumnKind.ARRAY  # an array may be in a file still
    }
    begin = {name: column.take(np.arange(min(SAMPLE, len(column)))) for name, column in used.items()}
    found = [
        *_of_columns(
            roles, {name: column.take(looked_at) for name, column in used.items()}, begin, data.dates
        )
    ]
    found += rows.in_both(
        train,
        {name: part for name, part in parts.items() if name != "training"},
        dict(list(used.items())[:MOST_COLUMNS]),
    )
    counts = {part_name: _class_counts(preparation, part) for part_name, part in parts.items()}
    of_train = counts.pop("training")
    found += without_training_rows(preparation, statistics, counts)
    found += rows.of_few_rows(preparation.classes(), of_train, counts.values())
    if len(own) > 1 and data.split.shuffle and data.windows is None:
        found += _of_split(data, source, roles, used, own)
    return tuple(found)


def find_in_stream(
    data: Data,
    roles: Roles,
    table: Table,
    preparation: Preparation,
    class_counts: Mapping[str, np.ndarray],
    statistics: Mapping[str, ColumnStatistics],
) -> tuple[RecipeWarning, ...]:
    """What is likely to mislead, of rows that were read already.

    Args:
        data: the recipe's data section.
        roles: what each column is for.
        table: the columns of the first rows.
        preparation: of the data.
        class_counts: for each target of classes, the training rows of each class.
        statistics: of each column.
    """
    few = {
        name: column.take(np.arange(min(SAMPLE, len(column))))
        for name, column in table.items()
        if column.kind is not ColumnKind.ARRAY
    }
    targets = {spec.name for spec in preparation.targets if isinstance(spec, ClassTarget)}
    counts = {name: own for name, own in class_counts.items() if name in targets}
    # The first rows of a file may be all of one kind: only what they say of each other counts.
    found = [each for each in _of_columns(roles, few, {}, data.dates) if each.where != "data.ignore"]
    found += without_training_rows(preparation, statistics, {})
    elsewhere = rows_elsewhere(preparation, statistics)
    return (*found, *rows.of_few_rows(preparation.classes(), counts, [elsewhere]))


def _class_counts(preparation: Preparation, part: Part) -> dict[str, np.ndarray]:
    """By target of classes, the rows of each class."""
    return {
        name: np.bincount(part.targets[name].reshape(-1), minlength=len(classes))
        for name, classes in preparation.classes().items()
    }


def _of_columns(roles: Roles, table: Table, begin: Table, dates: Dates) -> Iterator[RecipeWarning]:
    """Args: table: of training rows. begin: of the first rows of the source, where numbers may run from row to row.
    dates: what is made of columns of dates."""
    names = [
        name for group in roles.inputs.values() for name in group if name in table and name not in roles.texts
    ]
    targets = [name for group in roles.targets.values() for name in group if name in table]
    found = {name: values for name in names[:MOST_COLUMNS] if (values := Values.of(table[name])) is not None}
    of_targets = {name: values for name in targets[:10] if (values := Values.of(table[name])) is not None}
    yield from columns.constant(found)
    first = Values.of(begin[targets[0]]) if targets and targets[0] in begin else None
    for name, values in found.items():
        if table[name].kind is ColumnKind.DATE and not (name in dates and "days" in dates[name].parts):
            continue  # of a date a model gets parts, such as the month, and not how late it is
        whole = Values.of(begin[name]) if name in begin and values.distinct == len(values.codes) else None
        if whole is not None and (warning := columns.numbers_the_rows(name, whole, first, len(names))):
            yield warning
            continue
        for target, own in of_targets.items():
            if target != name and (
                warning := columns.gives_away(name, values, target, own, classes=target in roles.classes)
            ):
                yield warning


def _of_split(
    data: Data, source: Source, roles: Roles, table: Table, parts: Mapping[str, np.ndarray]
) -> Iterator[RecipeWarning]:
    targets = [name for group in roles.targets.values() for name in group if name in table]
    if not targets or source.parts is not None or data.split.part or data.split.time or data.split.group:
        return
    name = targets[0]
    inputs = [column for group in roles.inputs.values() for column in group]
    every = np.concatenate(list(parts.values()))
    first = np.sort(np.partition(every, SAMPLE)[:SAMPLE] if len(every) > SAMPLE else every)
    if (target := Values.of(table[name].take(first))) is None:
        return
    if by_time := order.ignores_time(source, first, name, target, inputs):
        yield by_time
    own = {part: index[:SAMPLE] for part, index in parts.items()}
    target = Values.of(table[name].take(own["training"]))
    if target is not None and (by_group := order.ignores_groups(source, own, name, target)):
        yield by_group


def _sample(index: np.ndarray) -> np.ndarray:
    return index if len(index) <= SAMPLE else np.random.default_rng(0).choice(index, SAMPLE, replace=False)
