"""Fitting a preparation: means and scaling on the training rows, categories and classes on every row read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from workbench.data.encoding import decimal_hint, is_number
from workbench.data.preparation import Preparation, Table
from workbench.data.roles import Roles
from workbench.data.source import Source
from workbench.data.specs import (
    ArrayColumn,
    ArrayInput,
    ArrayTarget,
    CategoryColumn,
    ClassTarget,
    Input,
    NumberColumn,
    NumberTarget,
    Reader,
    TableInput,
    Target,
)
from workbench.data.table import Column, ColumnKind
from workbench.errors import DataError
from workbench.recipe.schema import Data, Scaling

# More different texts than this, most of them seen once, are names or identifiers and no categories.
_FEW = 20
_MOST = 1000


def fit(data: Data, roles: Roles, tables: Sequence[Table], train: np.ndarray, source: Source) -> Preparation:
    """Fit on a table.

    Categories and classes are those of all rows read, so that one that happens to occur only in the
    validation or test part is known; nothing else of those parts is looked at.

    Args:
        data: the recipe's data section.
        roles: what each column is for.
        tables: the main table, and the source's own test part where it brings one.
        train: the training rows of the main table.
        source: tells where a row is, for messages.

    Raises:
        DataError: a column cannot be what it is wanted for.
    """
    fitter = _Fitter(data, roles, tables, train, source)
    return Preparation(
        inputs=tuple(fitter.input(name, columns) for name, columns in roles.inputs.items()),
        targets=tuple(fitter.target(name, columns) for name, columns in roles.targets.items()),
        sample_weight=roles.sample_weight,
        missing=data.missing,
        reader=Reader(use=data.use, arguments=_plain_arguments(data)),
    )


def _plain_arguments(data: Data) -> dict[str, object]:
    """The reader's options; not its path, which new data has its own of."""
    return {
        name: value
        for name, value in data.arguments.items()
        if name != "path" and isinstance(value, str | int | float | bool | list | tuple | dict)
    }


class _Fitter:
    def __init__(
        self, data: Data, roles: Roles, tables: Sequence[Table], train: np.ndarray, source: Source
    ) -> None:
        self.roles = roles
        self.tables = tables
        self.train = train
        self.source = source
        self.with_mean = data.missing == "mean"

    def input(self, name: str, columns: tuple[str, ...]) -> Input:
        if len(columns) == 1 and self.tables[0][columns[0]].kind is ColumnKind.ARRAY:
            return ArrayInput(name=name, column=self.array(columns[0], self.roles.scaling[columns[0]]))
        return TableInput(name=name, columns=tuple(self.table_column(column) for column in columns))

    def target(self, name: str, columns: tuple[str, ...]) -> Target:
        if columns[0] in self.roles.classes:
            return self.class_target(name, columns[0])
        first = self.tables[0][columns[0]]
        if first.kind is ColumnKind.ARRAY and len(columns) == 1:
            return ArrayTarget(name=name, column=self.array(columns[0], "none"))
        for column in columns:
            self.refuse_text_target(self.tables[0][column])
        return NumberTarget(name=name, columns=columns)

    def table_column(self, name: str) -> NumberColumn | CategoryColumn:
        column = self.tables[0][name]
        if column.kind is ColumnKind.ARRAY:
            raise DataError(
                f"'{name}' has rows of the shape {column.values.shape[1:]} and cannot join other columns.",
                where=self.source.origin,
                hint=f"Give it an input of its own: `inputs: {{{name}: [{name}]}}`.",
            )
        if column.kind is ColumnKind.TEXT:
            return self.category(column)
        values = column.values[self.train][~column.missing[self.train]]
        if not len(values):
            raise self.nothing_there(name)
        if column.kind is ColumnKind.FLAG:
            fill = float(values.mean() >= 0.5) if self.with_mean else None
            return NumberColumn(name=name, fill=fill)
        fill = float(values.mean()) if self.with_mean else None
        # A filled value is a value like any other: scaling sees the column as the model will.
        seen = values if fill is None else np.where(column.missing, fill, column.values)[self.train]
        center, factor = affine(seen[:, None], self.roles.scaling[name])
        return NumberColumn(name=name, center=float(center[0]), factor=float(factor[0]), fill=fill)

    def category(self, column: Column) -> CategoryColumn:
        counts = self.counts(column.name)
        if not counts:
            raise self.nothing_there(column.name)
        if column.name not in self.roles.categories:
            self.refuse_numbers_as_text(
                column,
                counts,
                f"Correct it, or say that these are categories: `categories: [{column.name}]`.",
            )
            self.refuse_too_many(column, counts, "categories")
        fill = None
        if self.with_mean:
            texts = [text for text in column.values[self.train] if text is not None]
            if not texts:
                raise self.nothing_there(column.name)
            fill = Counter(texts).most_common(1)[0][0]
        return CategoryColumn(name=column.name, categories=in_order(counts), fill=fill)

    def array(self, name: str, scaling: Scaling) -> ArrayColumn:
        column = self.tables[0][name]
        shape = column.values.shape[1:]
        kind = column.values.dtype
        if scaling == "none" and kind.kind in "iu" and kind != np.uint8:
            return ArrayColumn(name=name, shape=shape, dtype="int32")  # token ids; 8-bit numbers are pixels
        train = column.values[self.train]
        fill = None
        if self.with_mean and kind.kind == "f":
            train = train.astype(np.float64)
            present = np.isfinite(train)
            axes = tuple(range(train.ndim - 1))
            if not present.any(axis=axes).all():
                raise self.nothing_there(name)
            fill = np.mean(train, axis=axes, where=present)
            train = np.where(present, train, fill)
        fitted = None if scaling == "none" else affine(train.reshape(-1, shape[-1]), scaling)
        return ArrayColumn(
            name=name,
            shape=shape,
            center=None if fitted is None else tuple(fitted[0].tolist()),
            factor=None if fitted is None else tuple(fitted[1].tolist()),
            fill=None if fill is None else tuple(fill.tolist()),
        )

    def class_target(self, name: str, column_name: str) -> ClassTarget:
        names = self.roles.classes[column_name]
        if names is not None:
            values = tuple(str(number) for number in range(len(names)))
            return ClassTarget(name=name, column=column_name, values=values, classes=names)
        counts = self.counts(column_name)
        if len(counts) < 2:
            raise DataError(
                f"the target '{column_name}' holds one class only, '{next(iter(counts), '')}'.",
                where=self.source.origin,
            )
        self.refuse_too_many(self.tables[0][column_name], counts, "classes")
        values = in_order(counts)
        return ClassTarget(name=name, column=column_name, values=values, classes=values)

    def counts(self, name: str) -> Counter[str]:
        return Counter(text for table in self.tables for text in table[name].values if text is not None)

    def refuse_text_target(self, column: Column) -> None:
        if column.kind is ColumnKind.ARRAY:
            raise DataError(
                f"the target '{column.name}' has rows of the shape {column.values.shape[1:]} and cannot be "
                "joined with other columns.",
                where=self.source.origin,
            )
        if column.kind is not ColumnKind.TEXT:
            return
        self.refuse_numbers_as_text(column, self.counts(column.name), "Correct it in the data.")
        row = int(np.flatnonzero(~column.missing)[0])
        raise DataError(
            f"the target '{column.name}' holds texts ('{column.values[row]}'), not numbers.",
            where=self.source.place(row),
            hint=f"If they are the names of classes, say `classes: [{column.name}]`.",
        )

    def refuse_numbers_as_text(self, column: Column, counts: Counter[str], remedy: str) -> None:
        """A column of numbers with a stray word would silently become hundreds of categories."""
        numbers = [text for text in counts if is_number(text) or decimal_hint(text)]
        if 2 * len(numbers) <= len(counts):
            return
        odd = next((text for text in counts if not is_number(text)), numbers[0])
        row = int(np.flatnonzero(column.values == odd)[0]) if odd in column.values else 0
        example = next((text for text in numbers if text != odd), odd)
        raise DataError(
            f"column '{column.name}' should hold numbers, and holds the text '{odd}' beside '{example}'.",
            where=self.source.place(row),
            hint=decimal_hint(odd) or remedy,
        )

    def refuse_too_many(self, column: Column, counts: Counter[str], what: str) -> None:
        rows = sum(counts.values())
        if len(counts) <= _FEW or (len(counts) <= _MOST and 2 * len(counts) <= rows):
            return
        hint = (
            f"Leave it out (`ignore: [{column.name}]`), or insist with `categories: [{column.name}]`."
            if what == "categories"
            else "A target of numbers needs no `classes`."
        )
        raise DataError(
            f"column '{column.name}' has {len(counts)} different values in {rows} rows: too many for {what}.",
            where=self.source.origin,
            hint=hint,
        )

    def nothing_there(self, name: str) -> DataError:
        return DataError(
            f"column '{name}' has no value at all in the training part.",
            where=self.source.origin,
            hint=f"Leave it out: `ignore: [{name}]`.",
        )


def affine(values: np.ndarray, scaling: Scaling) -> tuple[np.ndarray, np.ndarray]:
    """Center and factor (columns,) of (rows, columns) values, so that (value - center) / factor is scaled.

    `standard` gives mean 0 and deviation 1, `minmax` the range 0 to 1, `robust` median 0 and an
    interquartile range of 1. A factor that would be 0 (a constant column) is 1.
    """
    values = values.astype(np.float64, copy=False)
    match scaling:
        case "standard":
            center, factor = values.mean(axis=0), values.std(axis=0)
            # The deviation of a constant column is not always exactly 0.
            factor = np.where(factor <= 1e-12 * np.abs(center), 0.0, factor)
        case "minmax":
            center = values.min(axis=0)
            factor = values.max(axis=0) - center
        case "robust":
            low, center, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
            factor = high - low
        case _:
            center, factor = np.zeros(values.shape[1]), np.ones(values.shape[1])
    return center, np.where(factor > 0, factor, 1.0)


def in_order(texts: Counter[str]) -> tuple[str, ...]:
    """Categories in the order of their numbers, or else of the alphabet."""
    if all(is_number(text) for text in texts):
        return tuple(sorted(texts, key=lambda text: (float(text), text)))
    return tuple(sorted(texts))
