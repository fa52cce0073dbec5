"""Preparation: all that is needed to prepare new data in the same way as the training data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import Field, ValidationError

from workbench.data import blockwise
from workbench.data.cells.number_texts import is_marked_number
from workbench.data.cells.readings import DateReading, Reading, read_with
from workbench.data.cells.target_scaling import TargetScale, scales
from workbench.data.cells.texts import TextInput
from workbench.data.encoding import Place, encode_input, encode_target, encode_weights, unknown_categories
from workbench.data.kinds import ColumnKinds
from workbench.data.missing import complete_rows
from workbench.data.records import Record
from workbench.data.roles import missing_column
from workbench.data.source import Source, as_source
from workbench.data.specs import CategoryColumn, ClassTarget, Input, NumberTarget, ReaderSpec, Target
from workbench.data.strings import StringInput
from workbench.data.table import Column
from workbench.data.window_spec import WindowSpec
from workbench.errors import DataError, FileError
from workbench.recipe.options.columns import is_written
from workbench.recipe.options.missing import MissingPolicy, missing_of
from workbench.recipe.schema import weight_columns

Table = Mapping[str, Column]
Weights = np.ndarray | Mapping[str, np.ndarray]

TRAINED_HINT = "The model was trained with `missing: error`: fill these values in, or leave the rows out."


@dataclass(frozen=True)
class Part:
    """Rows ready for the model.

    Attributes:
        inputs: by input name, (rows, ...) float32 or, for unscaled arrays of whole numbers, int32.
        targets: by target name, in their own units: (rows, columns) float32 (float64 where the model learns them
            scaled), class numbers (rows,) int32, or an array. Empty where the targets were not asked for.
        sample_weight: (rows,) float32 or (rows, time steps), for all targets or by target name; or None.
        index: (rows,) int64, each row's position in the source, from 0; of a window that of its last row.
        beside: columns (rows,) that say which row it is: a time, a series.
        naive: of windows, what can be forecast without a model: by what it is and by target, as `targets`.
        left_out: of new data, the rows that are not there for a missing value or an unknown category.
        file: of new data whose rows are files, from a row's position in the source to its file.
    """

    inputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]
    sample_weight: Weights | None
    index: np.ndarray
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)
    naive: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    left_out: int = 0
    file: Callable[[int], str] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.index)

    def in_memory(self) -> Part:
        """The same with every row read that is not yet: see `LazyRows`."""
        return replace(
            self,
            inputs={name: np.asarray(array) for name, array in self.inputs.items()},
            targets={name: np.asarray(array) for name, array in self.targets.items()},
        )

    def take(self, rows: slice | np.ndarray) -> Part:
        """Only these rows, in this order."""
        return Part(
            {name: array[rows] for name, array in self.inputs.items()},
            {name: array[rows] for name, array in self.targets.items()},
            _taken(self.sample_weight, rows),
            self.index[rows],
            {name: array[rows] for name, array in self.beside.items()},
            {
                what: {name: array[rows] for name, array in forecasts.items()}
                for what, forecasts in self.naive.items()
            },
        )


def join(parts: Sequence[Part]) -> Part:
    """The rows of several parts of the same columns, one after the other."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    return Part(
        {name: np.concatenate([part.inputs[name] for part in parts]) for name in first.inputs},
        {name: np.concatenate([part.targets[name] for part in parts]) for name in first.targets},
        _joined([part.sample_weight for part in parts if part.sample_weight is not None]),
        np.concatenate([part.index for part in parts]),
        {name: np.concatenate([part.beside[name] for part in parts]) for name in first.beside},
        {
            what: {name: np.concatenate([part.naive[what][name] for part in parts]) for name in forecasts}
            for what, forecasts in first.naive.items()
        },
    )


def _taken(weights: Weights | None, rows: slice | np.ndarray) -> Weights | None:
    if isinstance(weights, Mapping):
        return {name: array[rows] for name, array in weights.items()}
    return None if weights is None else weights[rows]


def _joined(weights: Sequence[Weights]) -> Weights | None:
    if not weights:
        return None
    if isinstance(first := weights[0], Mapping):
        return {name: np.concatenate([cast("Any", each)[name] for each in weights]) for name in first}
    return np.concatenate(cast("Any", weights))


class Preparation(Record):
    """The choices and fitted numbers from the training data."""

    version: Literal[1] = 1
    inputs: Annotated[tuple[Input, ...], Field(min_length=1)]
    targets: tuple[Target, ...] = ()
    sample_weight: str | dict[str, str] | None = None
    missing: MissingPolicy = "error"
    reader: ReaderSpec | None = None
    windows: WindowSpec | None = None
    readings: dict[str, Reading] = {}

    def as_record(self) -> dict[str, Any]:
        """As JSON-ready values; `from_record` returns an equal preparation."""
        return self.model_dump(mode="json")

    @classmethod
    def from_record(cls, record: object, where: str = "") -> Preparation:
        """Read back the result of `as_record`.

        Raises:
            FileError: it is not such a record.
        """
        try:
            return cls.model_validate(record)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            raise FileError(
                f"the kept data preparation is damaged: {key or 'it'}: {first['msg']}.",
                where=where,
                hint="The file was written by something else, or changed since.",
            ) from None

    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each input, without the rows' axis."""
        if self.windows is not None:
            return {spec.name: self.windows.input_shape(spec) for spec in self.inputs}
        return {spec.name: spec.shape for spec in self.inputs}

    def input_dtypes(self) -> dict[str, str]:
        """The type of each input: float32 or int32."""
        return {spec.name: spec.dtype for spec in self.inputs}

    def target_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each target, without the rows' axis: () for class numbers."""
        return {spec.name: spec.shape for spec in self.targets}

    def classes(self) -> dict[str, tuple[str, ...]]:
        """The class names of each target that has them."""
        return {spec.name: spec.classes for spec in self.targets if isinstance(spec, ClassTarget)}

    def number_names(self) -> dict[str, tuple[str, ...]]:
        """The names of several numbers for one target: its classes, or its columns where it has several."""
        columns = {
            spec.name: spec.columns
            for spec in self.targets
            if isinstance(spec, NumberTarget) and len(spec.columns) > 1
        }
        return columns | self.classes()

    def scales(self) -> dict[str, TargetScale]:
        """How the model learns each target that is scaled, by name."""
        return scales(self.targets)

    def for_model(self, part: Part) -> Part:
        """A part with its targets as the model learns them: scaled where that was asked for."""
        scaled = {name: scale for name, scale in self.scales().items() if name in part.targets}
        if not scaled:
            return part
        targets = {
            name: scaled[name].scaled(values) if name in scaled else values
            for name, values in part.targets.items()
        }
        return replace(part, targets=targets)

    def of_rows(self) -> Preparation:
        """The preparation of single rows, of which windows are made."""
        if self.windows is None:
            return self
        return self.model_copy(update={"targets": self.windows.targets, "windows": None})

    @property
    def row_bytes(self) -> int:
        """The bytes of an encoded row: 32-bit numbers, and its place in the source."""
        shapes = [*self.input_shapes().values(), *self.target_shapes().values()]
        exact = sum(len(scale.center) for scale in self.scales().values())  # held in 64 bits as well
        return 8 + 4 * sum(math.prod(shape) for shape in shapes) + 8 * exact

    def apply(self, data: object, *, with_targets: bool, origin: str = "data") -> Part:
        """Prepare all rows of new data. Rows dropped for a missing value are absent from the part's `index`.

        Args:
            data: a source, a mapping of arrays by column name, or a dataframe. Other columns may be there.
            with_targets: whether targets and weights are wanted too.
            origin: what messages call the data, unless it is a source, which knows.

        Raises:
            DataError: a column is missing or of another kind or shape than in training, a category or a
                class is unknown, or a value is missing where training allowed none.
        """
        source = as_source(data, origin)
        table = self.read(source, with_targets=with_targets)
        rows = self.complete_rows(table, source, TRAINED_HINT)
        left_out = len(next(iter(table.values()))) - len(rows)
        part = self.encode(table, rows, source, with_targets=with_targets)
        return replace(part, left_out=left_out, file=source.file)

    def read(self, source: Source, *, with_targets: bool) -> Table:
        """The needed columns of a source, checked to be of one length."""
        return read_table(source, self.column_names(with_targets=with_targets), self.readings)

    def column_names(self, *, with_targets: bool) -> list[str]:
        """The columns needed, once each."""
        if self.windows is not None:
            own = self.of_rows().column_names(with_targets=with_targets)
            return list(dict.fromkeys([*own, *self.windows.places]))
        names = [name for spec in self.inputs for name in spec.column_names]
        if with_targets:
            names += [name for spec in self.targets for name in spec.column_names]
            names += weight_columns(self.sample_weight)
        return list(dict.fromkeys(names))

    def complete_rows(self, table: Table, source: Source, hint: str) -> np.ndarray:
        """The rows to keep, by the policies for missing values and for unknown categories."""
        rows = complete_rows(table, missing_of(self.missing), self.needed, source, hint)
        if not (columns := self.dropped_unknown):
            return rows
        kept = rows[~unknown_categories(columns, table)[rows]]
        if not len(kept):
            raise DataError(
                f"every row has a category of {', '.join(column.name for column in columns)} that the training data "
                "did not have.",
                where=source.origin,
            )
        return kept

    @property
    def dropped_unknown(self) -> tuple[CategoryColumn, ...]:
        """The columns whose unknown categories cost the row."""
        columns = (column for spec in self.inputs for column in spec.columns_of_text)
        return tuple(column for column in columns if column.unknown == "drop")

    def kinds(self) -> ColumnKinds:
        """The types for reading new data: a column that was text in training is text."""
        values = {column.name: column.categories for spec in self.inputs for column in spec.columns_of_text}
        values |= {spec.column: spec.values for spec in self.targets if isinstance(spec, ClassTarget)}
        literal = self.reader.literal if self.reader else ()
        kept = [spec for spec in self.inputs if isinstance(spec, TextInput | StringInput)]
        texts = {name for spec in kept for name in spec.column_names}
        # Among codes that are all numbers, a word for no value was none in training either.
        names = [
            name
            for name in literal
            if name not in texts and not all(map(is_marked_number, values.get(name, ())))
        ]
        names += texts
        readings = dict(self.readings)
        if self.windows is not None and self.windows.time is not None and self.windows.reading is not None:
            readings[self.windows.time] = self.windows.reading
        signed = [
            name
            for name, reading in readings.items()
            if not isinstance(reading, DateReading) or is_written(reading.format)
        ]
        return ColumnKinds.of(names, [*values, *signed])

    @property
    def needed(self) -> frozenset[str]:
        """The columns whose missing values no mean can stand for: targets and weights."""
        if self.windows is not None:
            return self.of_rows().needed
        targets = {name for spec in self.targets for name in spec.column_names}
        return frozenset(targets | set(weight_columns(self.sample_weight)))

    def encode(
        self, table: Table, rows: np.ndarray, source: Source, *, with_targets: bool, whole: bool = True
    ) -> Part:
        """These rows of a table from `read`, encoded.

        Args:
            whole: whether they are all the rows of a part, and not a block of them.
        """
        if not blockwise.is_worthwhile(rows, table):
            return self._encoded(table, rows, source, with_targets=with_targets, whole=whole)
        inputs, targets, weights = (blockwise.Gathered(len(rows)) for _ in range(3))
        try:
            for own, places in blockwise.blocks(rows):
                part = self._encoded(table, own, source, with_targets=with_targets, whole=False)
                inputs.put(places, part.inputs)
                targets.put(places, part.targets)
                weights.put(places, part.sample_weight)
        except DataError:  # what is wrong is said of all rows
            return self._encoded(table, rows, source, with_targets=with_targets, whole=whole)
        found = weights.arrays
        if whole and found is not None:
            arrays = found.values() if isinstance(found, Mapping) else [found]
            if not any(array.any() for array in arrays):
                self.refuse_no_weight(source.place(int(rows[0])))
        return Part(inputs.arrays, targets.arrays, found, rows)

    def _encoded(
        self, table: Table, rows: np.ndarray, source: Source, *, with_targets: bool, whole: bool
    ) -> Part:
        taken = {name: column.take(rows) for name, column in table.items()}

        def place(row: int) -> str:
            return source.place(int(rows[row]))

        targets = self.targets if with_targets else ()
        return Part(
            inputs={spec.name: encode_input(spec, taken, place) for spec in self.inputs},
            targets={spec.name: encode_target(spec, taken, place) for spec in targets},
            sample_weight=self._weights(taken, place, whole) if with_targets else None,
            index=rows,
        )

    def refuse_no_weight(self, where: str) -> None:
        """Raise that all sample weights of a part are 0, unless a target without a column counts its rows alike."""
        weights = self.sample_weight
        if isinstance(weights, str) or len(weights or ()) == len(self.targets):
            listed = ", ".join(f"'{name}'" for name in weight_columns(weights))
            raise DataError(f"the sample weights {listed} are all 0.", where=where)

    def _weights(self, taken: Table, place: Place, whole: bool) -> Weights | None:
        """The weights of rows for all targets or for each; a target without a column has weights of 1.

        Raises:
            DataError: a weight is below 0, or none of a whole part is above.
        """
        if self.sample_weight is None:
            return None
        columns = {name: encode_weights(taken[name], place) for name in weight_columns(self.sample_weight)}
        if whole and not any(array.any() for array in columns.values()):
            self.refuse_no_weight(place(0))
        if isinstance(self.sample_weight, str):
            return columns[self.sample_weight]
        rows = len(next(iter(columns.values())))
        return {
            spec.name: columns[self.sample_weight[spec.name]]
            if spec.name in self.sample_weight
            else np.ones(rows, np.float32)
            for spec in self.targets
        }


def read_table(source: Source, names: list[str], readings: Mapping[str, Reading]) -> Table:
    """Columns of a source, those in `readings` as said there.

    Raises:
        DataError: one is not there, they differ in length, there is no row, or one holds what no model can use.
    """
    for name in names:
        if name not in source.columns:
            raise missing_column(name, source.columns, DataError, source.origin, source.origin)
        if len(source.columns[name]) != len(source.columns[names[0]]):
            raise DataError(
                f"'{names[0]}' has {len(source.columns[names[0]])} rows and '{name}' has "
                f"{len(source.columns[name])}.",
                where=source.origin,
                hint="Name the arrays that belong together under `inputs` and `targets`, or leave others out "
                "with `ignore`.",
            )
    if not len(source.columns[names[0]]):
        raise DataError("there are no rows.", where=source.origin)
    return {name: read_with(source, name, readings.get(name)) for name in dict.fromkeys(names)}
