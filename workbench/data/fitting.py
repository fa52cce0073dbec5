"""Fit a preparation: means and scaling on the training rows, categories and classes on all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from workbench.catalog.readers import suffix_of
from workbench.data.category_fitting import (
    fit_categories,
    fit_labels,
    in_order,
    nothing_there,
    refuse_numbers,
    refuse_too_many,
)
from workbench.data.cells.dates import feature_names
from workbench.data.cells.dates import features as date_features
from workbench.data.cells.target_scaling import TargetScale
from workbench.data.cells.texts import TextInput, WordCounts
from workbench.data.chunks import StreamedSource
from workbench.data.preparation import Preparation
from workbench.data.roles import Roles
from workbench.data.source import RowOrigin
from workbench.data.specs import (
    ArrayColumn,
    ArrayInput,
    ArrayTarget,
    CategoryColumn,
    ClassTarget,
    DateColumn,
    EmbeddingInput,
    Input,
    LabelColumn,
    NumberColumn,
    NumberTarget,
    ReaderSpec,
    TableColumn,
    TableInput,
    Target,
)
from workbench.data.statistics import ColumnStatistics
from workbench.data.strings import StringInput
from workbench.data.table import ColumnKind
from workbench.errors import DataError
from workbench.recipe.options.data import TextOptions
from workbench.recipe.options.missing import ColumnMissing, missing_of
from workbench.recipe.schema import Data, Scaling

Statistics = Mapping[str, ColumnStatistics]


def gather(data: Data, roles: Roles, *, sample_bytes: int | None = None) -> dict[str, ColumnStatistics]:
    """Empty statistics of every column that is used and is no free text, to be filled from its rows."""
    as_targets = {
        column: kind
        for name, columns in roles.targets.items()
        for column, kind in zip(columns, roles.target_scaling[name], strict=True)
    }
    return {
        name: ColumnStatistics(
            name,
            roles.scaling.get(name, "none"),
            fill=_filling(data, name) if name in roles.scaling else None,
            sample_bytes=sample_bytes,
            as_target=as_targets.get(name, "none"),
            features=_features(data, name),
            padding=data.padding_of(name),
        )
        for name in roles.used
        if name not in roles.texts | roles.strings
    }


def _filling(data: Data, name: str) -> str | float | None:
    missing = missing_of(data.missing).of(name, needed=False)
    return missing.fill if missing.fills else None


def _features(data: Data, name: str) -> Callable[[np.ndarray], np.ndarray] | None:
    dates = data.dates.get(name)
    return partial(date_features, parts=dates.parts, cyclic=dates.cyclic_parts) if dates else None


def count_words(data: Data, roles: Roles) -> dict[str, WordCounts]:
    """Empty counts of the words of every column of free text, to be filled from its rows."""
    return {name: WordCounts(name, data.text.get(name, TextOptions())) for name in sorted(roles.texts)}


def fit(
    data: Data, roles: Roles, statistics: Statistics, origin: RowOrigin, words: Mapping[str, WordCounts] = {}
) -> Preparation:
    """Fit on gathered statistics.

    Categories and classes are those of all rows read, so that one that happens to occur only in the
    validation or test part is known; nothing else of those parts is looked at.

    Args:
        data: the recipe's data section.
        roles: what each column is for.
        statistics: of every column that is used and is no free text.
        words: of the others.
        origin: knows where a row is, for messages.

    Raises:
        DataError: a column cannot be what it is wanted for.
    """
    fitter = _Fitter(data, roles, statistics, origin, words)
    return Preparation(
        inputs=tuple(fitter.input(name, columns) for name, columns in roles.inputs.items()),
        targets=tuple(fitter.target(name, columns) for name, columns in roles.targets.items()),
        sample_weight=data.sample_weight,
        missing=data.missing,
        readings=dict(roles.readings),
        reader=ReaderSpec(
            use=data.use,
            suffix=suffix_of(_first_path(data)),
            arguments=_plain_arguments(data, origin),
            literal=data.literal_columns,
            streamed=isinstance(origin, StreamedSource),
        ),
    )


def _plain_arguments(data: Data, origin: RowOrigin) -> dict[str, object]:
    """The reader's options, those found out too; not its path, which new data has its own of."""
    return {
        name: value
        for name, value in _with_found(data.arguments, getattr(origin, "options", {})).items()
        if name != "path" and isinstance(value, str | int | float | bool | list | tuple | dict)
    }


def _with_found(arguments: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """A reader's arguments with what it found out, also where an argument left that to it."""
    return {
        **found,
        **{name: value for name, value in arguments.items() if value != "auto" or name not in found},
    }


def _first_path(data: Data) -> str:
    path = data.arguments.get("path", "")
    return str(path[0] if isinstance(path, list | tuple) and path else path)


class _Fitter:
    def __init__(
        self,
        data: Data,
        roles: Roles,
        statistics: Statistics,
        origin: RowOrigin,
        words: Mapping[str, WordCounts],
    ) -> None:
        self.data = data
        self.roles = roles
        self.statistics = statistics
        self.origin = origin
        self.words = words

    def input(self, name: str, columns: tuple[str, ...]) -> Input:
        if columns[0] in self.roles.strings:
            return StringInput(name=name, columns=columns)
        if columns[0] in self.roles.integers:
            return TableInput(name=name, columns=tuple(map(self.whole_numbers, columns)), whole=True)
        if columns[0] in self.words:
            return self.text(name, columns[0])
        if columns[0] in self.roles.embedded:
            return self.embedding(name, self.statistics[columns[0]])
        if len(columns) == 1 and self.statistics[columns[0]].kind is ColumnKind.ARRAY:
            return ArrayInput(name=name, column=self.array(columns[0], self.roles.scaling[columns[0]]))
        return TableInput(name=name, columns=tuple(self.table_column(column) for column in columns))

    def text(self, name: str, column: str) -> TextInput:
        spec = self.words[column].fit(name)
        if not spec.vocabulary:
            raise DataError(
                f"column '{column}' has no {spec.split} in the training part.",
                where=self.origin.origin,
                hint=f"Leave it out: `ignore: [{column}]`.",
            )
        return spec

    def labels(self, column: ColumnStatistics) -> LabelColumn:
        name = column.name
        separator, unknown = self.data.several[name], self.data.unknown_of(name)
        return fit_labels(column, separator, unknown, self.data.rare, self.origin)

    def embedding(self, name: str, column: ColumnStatistics) -> EmbeddingInput:
        missing = self.missing(column.name).model_copy(update={"indicator": False})
        categories = fit_categories(
            column, missing, "other", self.data.rare, as_said=True, origin=self.origin
        )
        return EmbeddingInput(name=name, column=categories)

    def target(self, name: str, columns: tuple[str, ...]) -> Target:
        if columns[0] in self.roles.classes:
            return self.class_target(name, columns[0])
        if columns[0] in self.data.several and len(columns) == 1:
            labels = self.labels(self.statistics[columns[0]])
            return NumberTarget(name=name, columns=labels.labels, labels=labels)
        if self.statistics[columns[0]].kind is ColumnKind.ARRAY and len(columns) == 1:
            return ArrayTarget(
                name=name, column=self.array(columns[0], "none"), scale=self.target_scale(name, columns)
            )
        for column in columns:
            self.refuse_text_target(self.statistics[column])
        return NumberTarget(name=name, columns=columns, scale=self.target_scale(name, columns))

    def target_scale(self, name: str, columns: tuple[str, ...]) -> TargetScale | None:
        kinds = self.roles.target_scaling[name]
        kind = next((each for each in kinds if each != "none"), "none")
        if kind == "none" or all(self.statistics[column].kind is ColumnKind.FLAG for column in columns):
            return None
        center: list[float] = []
        factor: list[float] = []
        for column, own in zip(columns, kinds, strict=True):
            if own == "none":
                center, factor = [*center, 0.0], [*factor, 1.0]
                continue
            fitted = self.statistics[column].target_affine()
            if fitted is None:
                raise nothing_there(column, self.origin)
            center += fitted[0].tolist()
            factor += fitted[1].tolist()
        return TargetScale(kind=kind, center=tuple(center), factor=tuple(factor))

    def table_column(self, name: str) -> TableColumn:
        column = self.statistics[name]
        if column.kind is ColumnKind.ARRAY:
            raise self.cannot_join(column, "input")
        if name in self.data.several:
            return self.labels(column)
        constant = self.missing(name).constant
        if column.kind is ColumnKind.TEXT or (not column.present and isinstance(constant, str)):
            return self.category(column)
        if not column.train_present and constant is None:
            raise nothing_there(name, self.origin)
        if name in self.data.dates:
            if constant is not None:
                raise DataError(
                    f"nothing given can stand for a missing date of '{name}'.",
                    where=f"data.missing.{name}",
                    hint="`mean`, `median` or `most_frequent` of the numbers made of its dates can.",
                )
            return self.dates(column)
        self.refuse_text_fill(name)
        filled, indicator = column.fill(), self.missing(name).indicator
        fill = None if filled is None else float(filled[0])
        if column.kind is ColumnKind.FLAG:
            flag = None if fill is None else float(fill >= 0.5)
            return NumberColumn(name=name, fill=flag, indicator=indicator)
        center, factor = column.affine()
        return NumberColumn(
            name=name, center=float(center[0]), factor=float(factor[0]), fill=fill, indicator=indicator
        )

    def whole_numbers(self, name: str) -> NumberColumn:
        column = self.statistics[name]
        if column.kind is ColumnKind.TEXT:
            text = next(iter(column.texts))
            raise DataError(
                f"column '{name}' holds texts ('{text}'), and the model looks up whole numbers.",
                where=column.first_place(text),
                hint=f"`strings: [{name}]` leaves them texts, for layers that look texts up.",
            )
        spec = self.table_column(name)
        assert isinstance(spec, NumberColumn)
        if spec.fill is not None and spec.fill % 1:
            raise DataError(
                f"a missing value of '{name}' cannot be {spec.fill:g}: the model looks up whole numbers.",
                where=f"data.missing.{name}",
                hint=f"`missing: {{{name}: most_frequent}}`, or a whole number.",
            )
        return spec.model_copy(update={"indicator": False})

    def refuse_text_fill(self, name: str) -> None:
        constant = self.missing(name).constant
        if isinstance(constant, str):
            raise DataError(
                f"'{constant}' cannot stand for a missing value of '{name}', a column of numbers.",
                where=f"data.missing.{name}",
                hint="A number can, or `mean`, `median` or `most_frequent`.",
            )

    def dates(self, column: ColumnStatistics) -> DateColumn:
        wanted = self.data.dates[column.name]
        parts, cyclic = wanted.parts, wanted.cyclic_parts
        circles = [end.endswith((".sin", ".cos")) for end in feature_names("", parts, cyclic)]
        center, factor = (np.broadcast_to(each, len(circles)) for each in column.affine())
        fill = column.fill()
        return DateColumn(
            name=column.name,
            parts=parts,
            cyclic=cyclic,
            center=tuple(np.where(circles, 0.0, center).tolist()),
            factor=tuple(np.where(circles, 1.0, factor).tolist()),
            fill=None if fill is None else tuple(fill.tolist()),
            indicator=self.missing(column.name).indicator,
        )

    def category(self, column: ColumnStatistics) -> CategoryColumn:
        name = column.name
        return fit_categories(
            column,
            self.missing(name),
            self.data.unknown_of(name),
            self.data.rare,
            as_said=name in self.roles.categories,
            origin=self.origin,
        )

    def missing(self, name: str) -> ColumnMissing:
        """What is done about a column's missing values; an indicator for all is for those that miss some."""
        policy = missing_of(self.data.missing)
        own = policy.of(name, needed=False)
        if policy.indicator and name not in policy.columns and self.statistics[name].train_missing:
            return own.model_copy(update={"indicator": True})
        return own

    def array(self, name: str, scaling: Scaling) -> ArrayColumn:
        column = self.statistics[name]
        shape, kind = column.shape, column.dtype
        if scaling == "none" and kind.kind in "iu" and kind != np.uint8:
            return ArrayColumn(name=name, shape=shape, dtype="int32")  # token ids; 8-bit numbers are pixels
        padding = self.data.padding_of(name)
        known = np.ones(1) if column.moments is None else column.moments.count
        if not column.train_present or not (known.all() if padding is None else known.any()):
            raise nothing_there(name, self.origin)
        self.refuse_text_fill(name)
        fill = column.fill() if kind.kind == "f" else None
        fitted = None if scaling == "none" else column.affine()
        return ArrayColumn(
            name=name,
            shape=shape,
            center=None if fitted is None else tuple(fitted[0].tolist()),
            factor=None if fitted is None else tuple(fitted[1].tolist()),
            fill=None if fill is None else tuple(fill.tolist()),
            padding=padding,
        )

    def class_target(self, name: str, column_name: str) -> ClassTarget:
        names = self.roles.classes[column_name]
        if names is not None:
            values = tuple(str(number) for number in range(len(names)))
            return ClassTarget(name=name, column=column_name, values=values, classes=names)
        column = self.statistics[column_name]
        if len(column.texts) < 2:
            raise DataError(
                f"the target '{column_name}' holds one class only, '{next(iter(column.texts), '')}'.",
                where=self.origin.origin,
            )
        refuse_too_many(column, "classes", self.origin)
        values = in_order(column.texts)
        return ClassTarget(name=name, column=column_name, values=values, classes=values)

    def refuse_text_target(self, column: ColumnStatistics) -> None:
        if column.kind is ColumnKind.ARRAY:
            raise self.cannot_join(column, "target")
        if column.kind is not ColumnKind.TEXT:
            return
        refuse_numbers(column, "Correct it in the data.")
        text = next(iter(column.texts))
        raise DataError(
            f"the target '{column.name}' holds texts ('{text}'), not numbers.",
            where=column.first_place(text),
            hint=f"If they are the names of classes, say `classes: [{column.name}]`.",
        )

    def cannot_join(self, column: ColumnStatistics, noun: str) -> DataError:
        return DataError(
            f"'{column.name}' has rows of the shape {column.shape} and cannot join other columns.",
            where=self.origin.origin,
            hint=f"Give it {'an' if noun == 'input' else 'a'} {noun} of its own: "
            f"`{noun}s: {{{column.name}: [{column.name}]}}`.",
        )
