"""The data that a dataset returns: named columns in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol, cast

import numpy as np

from workbench.data.lazy import LazyRows
from workbench.errors import DataError

Columns = Mapping[str, "np.ndarray"]

_WHAT_TO_RETURN = (
    "A dataset function returns a Source, a mapping of arrays by name, a dataframe or Arrow table, or batches: a "
    "tf.data.Dataset, a PyDataset, a generator."
)


class RowOrigin(Protocol):
    """Where rows come from, for messages."""

    @property
    def origin(self) -> str:
        """The file's or the dataset's name."""
        ...

    def place(self, row: int) -> str:
        """Where a row is, for people."""
        ...


@dataclass(frozen=True)
class Source:
    """Rows of data by column, as a dataset function returns them.

    Attributes:
        columns: arrays whose first axis is the rows. A one-dimensional array is a column of a table;
            an array of more dimensions is an input or a target of its own (images, sequences).
        targets: the columns to learn, unless the recipe names others.
        test: the same columns for a separate test part of the data, or None.
        classes: for a target of whole numbers 0..n-1, the n names of its classes; () for one whose values are the
            names themselves.
        origin: the file or the dataset's name, for messages.
        locate: from a row's position (from 0) to its place in the file, such as `prices.csv:14`.
        options: arguments that the reader found out from the file itself, such as `{delimiter: ";"}`.
        cell: from a row's position and a column to what the file says there.
        texts: the columns that are free text, unless the recipe uses them in another way.
        validation: the same columns for a separate validation part of the data, or None.
        unlabelled: why there is nothing to learn, where the data should say it: a folder without classes.
        remarks: what was not as it should be and was passed over, one sentence each.
        parts: per row, the part that its file is for (`split.TRAIN`, ...), or None.
        rows_are_files: each row is a file of its own, which `locate` names.
        places: as `locate`, of the rows of the separate `validation` and `test` parts.
    """

    columns: Columns
    targets: tuple[str, ...] = ()
    test: Columns | None = None
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    origin: str = ""
    locate: Callable[[int], str] | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    cell: Callable[[int, str], str] | None = None
    texts: tuple[str, ...] = ()
    validation: Columns | None = None
    unlabelled: str = ""
    remarks: tuple[str, ...] = ()
    parts: np.ndarray | None = None
    rows_are_files: bool = False
    places: Mapping[str, Callable[[int], str]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def file(self) -> Callable[[int], str] | None:
        """From a row's position to the file that it is; None where rows are no files (pictures know theirs)."""
        return self.place if self.rows_are_files else None

    def place(self, row: int) -> str:
        """Where a row is, for people: `prices.csv:14`, or `diabetes, row 14` (counted from 1)."""
        return self.locate(row) if self.locate else f"{self.origin or 'data'}, row {row + 1}"

    def test_source(self) -> Source | None:
        """The separate test part of the data, as its own source."""
        return self._part(self.test, "test")

    def validation_source(self) -> Source | None:
        """The separate validation part of the data, as its own source."""
        return self._part(self.validation, "validation")

    def _part(self, columns: Columns | None, name: str) -> Source | None:
        if columns is None:
            return None
        locate = self.places.get(name) or _by_name(columns)
        return replace(
            self,
            columns=columns,
            test=None,
            validation=None,
            origin=f"{self.origin or 'data'} ({name} part)",
            locate=locate,
            cell=None,
            parts=None,
            rows_are_files=self.rows_are_files and locate is not None,
            places={},
        )


def _by_name(columns: Columns) -> Callable[[int], str] | None:
    """Knows the places of rows that have names: the files of pictures."""
    arrays: list[Any] = list(columns.values())
    named = next((array for array in arrays if isinstance(array, LazyRows)), None)
    return None if named is None else lambda row: named.name(row)


def as_source(value: Any, origin: str) -> Source:
    """Convert the result of a dataset function to a `Source` whose columns are arrays.

    Args:
        value: a `Source`, a mapping of arrays, or a dataframe (with `__arrow_c_stream__`, or `to_dict("list")`).
        origin: the dataset's name, for messages; a `Source` keeps its own.

    Raises:
        DataError: it is none of these, or a column cannot be an array.
    """
    if isinstance(value, Source):
        origin = value.origin or origin
        columns, test = value.columns, value.test
    elif isinstance(value, Mapping):
        columns, test = value, None
    elif callable(getattr(value, "to_dict", None)) or hasattr(value, "__arrow_c_stream__"):
        columns, test = _from_dataframe(value, origin), None
    else:
        raise DataError(
            f"the dataset returned {_article(type(value).__name__)}, which has no named columns.",
            where=origin,
            hint=_WHAT_TO_RETURN,
        )
    if not isinstance(columns, Mapping) or not (test is None or isinstance(test, Mapping)):
        raise DataError("the dataset's columns are not a mapping from names to arrays.", where=origin)
    base = value if isinstance(value, Source) else Source(columns={})
    return replace(
        base,
        columns=_arrays(columns, origin),
        test=None if test is None else _arrays(test, f"{origin} (test part)"),
        validation=None
        if base.validation is None
        else _arrays(base.validation, f"{origin} (validation part)"),
        targets=tuple(str(name) for name in base.targets),
        origin=origin,
    )


def _from_dataframe(frame: Any, origin: str) -> Mapping[str, Any]:
    names = [str(name) for name in getattr(frame, "columns", ())]
    _refuse_duplicates(names, origin)
    if hasattr(frame, "__arrow_c_stream__") and (columns := _from_arrow(frame)) is not None:
        return columns
    try:
        columns = frame.to_dict("list")
    except (
        Exception
    ) as error:  # an unknown object: whatever it raises, it is not a dataframe that kwb can read
        raise DataError(
            f"the dataset returned {_article(type(frame).__name__)} that has no columns: {error}.",
            where=origin,
            hint=_WHAT_TO_RETURN,
        ) from error
    return columns if isinstance(columns, Mapping) else {}


def _from_arrow(frame: Any) -> Mapping[str, Any] | None:
    """The columns of a frame that Arrow can take over; None for one with columns of mixed values."""
    import pyarrow as pa

    from workbench.data.arrow import numpy_columns

    try:
        return numpy_columns(pa.table(frame))
    except (pa.ArrowException, TypeError):
        return None


def _arrays(columns: Mapping[Any, Any], origin: str) -> Columns:
    _refuse_duplicates([str(name) for name in columns], origin)
    if not columns:
        raise DataError("there are no columns.", where=origin)
    return MappingProxyType({str(name): _array(name, values, origin) for name, values in columns.items()})


def _refuse_duplicates(names: list[str], origin: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"the column name '{name}' occurs {names.count(name)} times.",
                where=origin,
                hint="Give each column a name of its own.",
            )


def _array(name: Any, values: Any, origin: str) -> np.ndarray:
    if isinstance(values, LazyRows):  # it has what is used of an array
        return cast("np.ndarray", values)
    try:
        array = np.asarray(values)
    except ValueError:  # lists of several lengths
        array = np.empty(len(values), dtype=object)
        array[:] = list(values)
    if array.ndim == 0:
        raise DataError(f"column '{name}' is one value, not one value a row.", where=origin)
    if array.dtype.kind in "US" and not isinstance(values, np.ndarray):
        # A list such as ["a", None, 1.5] would silently become text: keep the values as they are.
        array = np.array(list(values), dtype=object)
    return array


def _article(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
