"""What a preparation stores of each column, input and target, to prepare new rows in the same way.

It is stored in saved model files, so it is validated when read, like everything from a file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from workbench.data.cells.dates import feature_names
from workbench.data.cells.target_scaling import TargetScale
from workbench.data.cells.texts import TextInput
from workbench.data.records import Positive, Record
from workbench.data.strings import StringInput
from workbench.recipe.options.columns import DatePart, Unknown

ArrayType = Literal["float32", "int32", "int64"]
Size = Annotated[int, Field(ge=1)]


def indicator_name(column: str, indicator: bool) -> tuple[str, ...]:
    """The name of the number that is 1 where a column's value is missing, if there is one."""
    return (f"{column} is missing",) if indicator else ()


class NumberColumn(Record):
    """Becomes (value - center) / factor. True and false are 1 and 0. `fill` replaces a missing value; with `indicator`
    a second number is 1 where it is missing."""

    kind: Literal["number"] = "number"
    name: str
    center: float = 0.0
    factor: Positive = 1.0
    fill: float | None = None
    indicator: bool = False

    @property
    def width(self) -> int:
        return len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (self.name, *indicator_name(self.name, self.indicator))


class CategoryColumn(Record):
    """Becomes one number per category: 1 for the row's category, 0 for the others.

    With `unknown: other`, a category that is not known is the last one where `other` is true, and none (all 0)
    elsewhere: nothing could be learnt of it. With `indicator` one more number is 1 where it is missing.
    """

    kind: Literal["category"] = "category"
    name: str
    categories: Annotated[tuple[str, ...], Field(min_length=1)]
    fill: str | None = None
    unknown: Unknown = "error"
    other: bool = False
    indicator: bool = False

    @model_validator(mode="after")
    def _fills_with_a_category(self) -> CategoryColumn:
        if self.fill is not None and self.fill not in self.categories:
            raise ValueError("the fill is none of the categories")
        return self

    @property
    def width(self) -> int:
        return len(self.categories) + self.other + self.indicator

    @property
    def feature_names(self) -> tuple[str, ...]:
        names = tuple(f"{self.name}={category}" for category in self.categories)
        other = (f"{self.name} of another kind",) if self.other else ()
        return (*names, *other, *indicator_name(self.name, self.indicator))


class ArrayColumn(Record):
    """An array with more axes than the rows. Center, factor and fill: one number per position on the last axis.

    Steps (or numbers, where there is one axis) that are all `padding` are left as they are.
    """

    kind: Literal["array"] = "array"
    name: str
    shape: tuple[Size, ...]
    dtype: ArrayType = "float32"
    center: tuple[float, ...] | None = None
    factor: tuple[Positive, ...] | None = None
    fill: tuple[float, ...] | None = None
    padding: float | None = None

    @model_validator(mode="after")
    def _fits_the_last_axis(self) -> ArrayColumn:
        for numbers in (self.center, self.factor, self.fill):
            if numbers is not None and len(numbers) != self.shape[-1]:
                raise ValueError(f"{len(numbers)} numbers for a last axis of {self.shape[-1]}")
        if (self.center is None) != (self.factor is None):
            raise ValueError("center and factor go together")
        return self


class DateColumn(Record):
    """Becomes numbers made of each date, scaled as a number column is; sine and cosine are left as they are.

    Center, factor and fill: one number for each of `numbers`.
    """

    kind: Literal["date"] = "date"
    name: str
    parts: Annotated[tuple[DatePart, ...], Field(min_length=1)]
    cyclic: tuple[DatePart, ...] = ()
    center: tuple[float, ...]
    factor: tuple[Positive, ...]
    fill: tuple[float, ...] | None = None
    indicator: bool = False

    @model_validator(mode="after")
    def _fits_the_parts(self) -> DateColumn:
        for numbers in (self.center, self.factor, self.fill):
            if numbers is not None and len(numbers) != len(self.numbers):
                raise ValueError(f"{len(numbers)} numbers for {len(self.numbers)} of each date")
        return self

    @property
    def numbers(self) -> tuple[str, ...]:
        """The names of the numbers that are made of the dates themselves."""
        return feature_names(self.name, self.parts, self.cyclic)

    @property
    def width(self) -> int:
        return len(self.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return (*self.numbers, *indicator_name(self.name, self.indicator))


class LabelColumn(Record):
    """Several labels in a cell: a number for each, 1 where the cell has it. With `unknown: other` a label that is not
    known is passed over."""

    kind: Literal["labels"] = "labels"
    name: str
    separator: str
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    unknown: Unknown = "error"
    indicator: Literal[False] = False  # a blank cell has no label, and is not missing

    @property
    def width(self) -> int:
        return len(self.labels)

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={label}" for label in self.labels)


TableColumn = Annotated[NumberColumn | CategoryColumn | DateColumn | LabelColumn, Field(discriminator="kind")]


class TableInput(Record):
    """An input of (rows, features): columns side by side, in this order. With `whole` they are whole numbers that are
    given to the model as they are."""

    kind: Literal["table"] = "table"
    name: str
    columns: Annotated[tuple[TableColumn, ...], Field(min_length=1)]
    whole: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(column.width for column in self.columns),)

    @property
    def dtype(self) -> ArrayType:
        return "int64" if self.whole else "float32"

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def columns_of_text(self) -> tuple[CategoryColumn, ...]:
        return tuple(column for column in self.columns if isinstance(column, CategoryColumn))

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(name for column in self.columns for name in column.feature_names)


class EmbeddingInput(Record):
    """An input of (rows, 1) whole numbers for an `Embedding`: 0 for an unknown category, the others from 1."""

    kind: Literal["embedding"] = "embedding"
    name: str
    column: CategoryColumn

    @property
    def shape(self) -> tuple[int, ...]:
        return (1,)

    @property
    def dtype(self) -> ArrayType:
        return "int32"

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self.column.name,)

    @property
    def columns_of_text(self) -> tuple[CategoryColumn, ...]:
        return (self.column,)

    @property
    def size(self) -> int:
        """How many different numbers there are: the `input_dim` of an `Embedding`."""
        return len(self.column.categories) + 1

    def about(self) -> str:
        """What was fitted, for people."""
        return (
            f"'{self.column.name}' has {len(self.column.categories):,} categories to embed, and 0 for any other: "
            f"an Embedding of input_dim {self.size}."
        )


class ArrayInput(Record):
    """An input that is one array."""

    kind: Literal["array"] = "array"
    name: str
    column: ArrayColumn

    @property
    def shape(self) -> tuple[int, ...]:
        return self.column.shape

    @property
    def dtype(self) -> ArrayType:
        return self.column.dtype

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self.column.name,)

    @property
    def columns_of_text(self) -> tuple[CategoryColumn, ...]:
        return ()


class NumberTarget(Record):
    """A target of (rows, columns) numbers, float32, or float64 where `scale` says how the model learns them.

    With `labels` they are the labels of one column, and `columns` are their names.
    """

    kind: Literal["numbers"] = "numbers"
    name: str
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    scale: TargetScale | None = None
    labels: LabelColumn | None = None

    @model_validator(mode="after")
    def _scales_each_column(self) -> NumberTarget:
        if self.scale is not None and len(self.scale.center) != len(self.columns):
            raise ValueError(f"{len(self.scale.center)} numbers to scale {len(self.columns)} columns")
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.columns),)

    @property
    def column_names(self) -> tuple[str, ...]:
        return self.columns if self.labels is None else (self.labels.name,)


class ClassTarget(Record):
    """A target of (rows,) integers, int32: each row's index in `classes`.

    `values` are the same classes as the data writes them: digits may stand in the data for the names.
    """

    kind: Literal["classes"] = "classes"
    name: str
    column: str
    values: tuple[str, ...]
    classes: tuple[str, ...]

    @model_validator(mode="after")
    def _names_every_value(self) -> ClassTarget:
        if len(self.values) != len(self.classes) or not self.classes:
            raise ValueError(f"{len(self.values)} values and {len(self.classes)} class names")
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self.column,)


class ArrayTarget(Record):
    """A target that is one array; the model learns it scaled along its last axis where `scale` says so."""

    kind: Literal["array"] = "array"
    name: str
    column: ArrayColumn
    scale: TargetScale | None = None

    @model_validator(mode="after")
    def _scales_the_last_axis(self) -> ArrayTarget:
        if self.scale is not None and len(self.scale.center) != self.column.shape[-1]:
            raise ValueError(
                f"{len(self.scale.center)} numbers to scale a last axis of {self.column.shape[-1]}"
            )
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return self.column.shape

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self.column.name,)


Input = Annotated[
    TableInput | EmbeddingInput | ArrayInput | TextInput | StringInput, Field(discriminator="kind")
]
Target = Annotated[NumberTarget | ClassTarget | ArrayTarget, Field(discriminator="kind")]


class ReaderSpec(Record):
    """How the training data was read, so that a file of the same kind is read the same way again."""

    use: str
    suffix: str = ""  # of the file's name: `.csv` also for `p.csv.gz`
    arguments: dict[str, Any] = {}
    literal: tuple[str, ...] = ()  # columns read as they are written
    streamed: bool | None = (
        None  # whether rows were read as they were needed: their split is drawn in another way
    )
