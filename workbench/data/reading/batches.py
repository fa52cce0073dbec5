"""Datasets that come in batches: `tf.data`, Keras' `PyDataset`, Grain, any generator. They are read once."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.data.chunks import StreamedSource
from workbench.data.reading.workfile import Workfile
from workbench.data.reading.working_copy import batches_source
from workbench.data.source import Source
from workbench.errors import DataError

_GATHERED = 1024  # single rows that make a batch
_CHECKED_BYTES = 64 * 2**20  # the room on the disk is looked at each time so much more was read


def are_batches(value: Any) -> bool:
    """True for what is gone through batch by batch, or row by row."""
    if isinstance(value, str | bytes | tuple | Mapping | np.ndarray) or hasattr(value, "__arrow_c_stream__"):
        return False
    return hasattr(value, "__iter__") or _is_pydataset(value)


def source_of_batches(value: Any, origin: str, most: int | None = None) -> Source | StreamedSource:
    """Read a dataset once: into memory, or to a working copy where it is too large for that.

    An element is a map from names to arrays, or a pair of inputs and targets as Keras' `fit` takes it: arrays without a
    name are `x` and `y`. Where an element has a component of no axes, it is a row; else its first axis is the rows.

    Args:
        value: the dataset.
        origin: its name, for messages.
        most: of a dataset without an end, how many rows to take.

    Raises:
        DataError: it has no end and `most` is None, its elements are none of these, or they differ.
    """
    length = _length(value)
    if length == math.inf and most is None:
        raise _endless(origin)
    limit = None if length is not None and length != math.inf else most
    batches = _Elements(origin)
    arrow = batches.read(_elements(value, length), limit)
    first = next(arrow, None)
    if first is None:
        raise DataError("there are no rows.", where=origin)

    def all_batches() -> Iterator[pa.RecordBatch]:
        yield first
        yield from arrow

    return batches_source(first.schema, all_batches(), origin=origin, targets=batches.targets)


def _endless(origin: str, rows: int | None = None) -> DataError:
    what = "has no end." if rows is None else f"gave {rows:,} rows, more come, and there is no room for them."
    return DataError(
        f"the dataset '{origin}' {what}",
        where="data",
        hint="Say how many rows to take (`rows: 100000`), or end it in the plugin, as with `.take(n)`.",
    )


def _is_pydataset(value: Any) -> bool:
    return hasattr(value, "num_batches") and hasattr(value, "__getitem__")


def _length(value: Any) -> float | None:
    """How many elements there are; infinity for no end, None for unknown."""
    if callable(getattr(value, "cardinality", None)):  # tf.data: -1 is infinite, -2 unknown
        found = int(value.cardinality())
        return {-1: math.inf, -2: None}.get(found, found)
    if _is_pydataset(value):
        return math.inf if value.num_batches is None else float(value.num_batches)
    if hasattr(value, "__len__"):
        found = len(value)
        return math.inf if found >= sys.maxsize else found  # what Grain says of `repeat()`
    return None


def _elements(value: Any, length: float | None) -> Iterable[Any]:
    if _is_pydataset(value) and not hasattr(value, "element_spec"):
        count = range(int(length)) if length is not None and length != math.inf else iter(int, 1)
        return (value[number] for number, _ in enumerate(count))
    return value


@dataclass
class _Elements:
    """Turns elements into batches of Arrow.

    Attributes:
        targets: the names of the second of a pair, once the first element is read.
    """

    origin: str
    targets: tuple[str, ...] = ()
    _rows: int = 0
    _known: dict[str, tuple[tuple[int, ...], pa.DataType]] | None = None

    def read(self, elements: Iterable[Any], most: int | None) -> Iterator[pa.RecordBatch]:
        gathered: list[dict[str, np.ndarray]] = []
        single: bool | None = None
        unchecked = 0
        for number, element in enumerate(elements):
            columns = self._columns(element, number)
            if single is None:
                single = self._is_row(columns)
            if single:
                gathered.append(columns)
                if len(gathered) < _GATHERED and (most is None or self._rows + len(gathered) < most):
                    continue
                columns, gathered = self._stacked(gathered), []
            batch = self._batch(columns, number)
            if most is not None:
                batch = batch.slice(0, most - self._rows)
            self._rows += batch.num_rows
            unchecked += batch.nbytes
            if unchecked > _CHECKED_BYTES:
                unchecked = 0
                if shutil.disk_usage(Workfile.place()).free < 4 * _CHECKED_BYTES or self._rows >= 2**31:
                    raise _endless(self.origin, self._rows)
            yield batch
            if most is not None and self._rows >= most:
                return
        if gathered:
            yield self._batch(self._stacked(gathered), -1)

    def _columns(self, element: Any, number: int) -> dict[str, np.ndarray]:
        """An element's arrays by name."""
        if isinstance(element, Mapping):
            return self._named(element, "x")
        if not isinstance(element, tuple | list) or not 1 <= len(element) <= 2:
            raise DataError(
                f"the dataset '{self.origin}' gives {_described(element)}.",
                where=self.origin,
                hint="An element is a map from names to arrays, or a pair (inputs, targets). Sample weights are one of "
                "the named arrays, and the recipe says `sample_weight: NAME`.",
            )
        columns = self._named(element[0], "x")
        if len(element) == 2:
            targets = self._named(element[1], "y")
            if both := set(columns) & set(targets):
                raise DataError(
                    f"'{both.pop()}' is among the inputs and among the targets.",
                    where=self.origin,
                    hint="Give each array a name of its own.",
                )
            self.targets = tuple(targets)
            columns |= targets
        return columns

    def _named(self, value: Any, name: str) -> dict[str, np.ndarray]:
        if isinstance(value, Mapping):
            return {
                key: array
                for inner, each in value.items()
                for key, array in self._named(each, str(inner)).items()
            }
        if isinstance(value, tuple | list) and value and not all(np.ndim(each) == 0 for each in value):
            return {
                key: array
                for at, each in enumerate(value, start=1)
                for key, array in self._named(each, f"{name}{at}").items()
            }
        if hasattr(value, "to_tensor") or hasattr(value, "dense_shape"):
            raise DataError(
                f"'{name}' is {_described(value)}, whose rows differ in size.",
                where=self.origin,
                hint="Pad them in the plugin: `x.to_tensor()`, or `tf.sparse.to_dense(x)`.",
            )
        array = np.asarray(value)
        return {name: array.astype(np.float32) if array.dtype.kind == "V" else array}  # bfloat16

    def _is_row(self, columns: Mapping[str, np.ndarray]) -> bool:
        sizes = {array.shape[0] if array.ndim else None for array in columns.values()}
        return None in sizes or len(sizes) > 1

    def _stacked(self, rows: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        for name, array in rows[0].items():
            for row, other in enumerate(rows):
                if name not in other or other[name].shape != array.shape:
                    found = other[name].shape if name in other else "nothing"
                    raise DataError(
                        f"'{name}' has the shape {found}, and {array.shape} before.",
                        where=f"{self.origin}, row {self._rows + row + 1}",
                    )
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _batch(self, columns: Mapping[str, np.ndarray], number: int) -> pa.RecordBatch:
        place = f"{self.origin}, batch {number + 1}" if number >= 0 else f"{self.origin}, last batch"
        shapes = {name: array.shape[1:] for name, array in columns.items()}
        sizes = {name: len(array) for name, array in columns.items()}
        if len(set(sizes.values())) > 1:
            raise DataError(f"its arrays have {sizes} rows.", where=place)
        arrays = {name: _arrow(array) for name, array in columns.items()}
        if self._known is None:
            self._known = {name: (shapes[name], array.type) for name, array in arrays.items()}
        if list(self._known) != list(arrays):
            raise DataError(
                f"it has the arrays {', '.join(arrays)}, and the first had {', '.join(self._known)}.",
                where=place,
            )
        for name, (shape, kind) in self._known.items():
            if shapes[name] != shape:
                raise DataError(
                    f"'{name}' has rows of the shape {shapes[name]}, and of {shape} in the first batch.",
                    where=place,
                    hint="Pad them to one shape in the plugin.",
                )
            try:
                arrays[name] = arrays[name].cast(kind)
            except pa.ArrowException:
                raise DataError(
                    f"'{name}' is {arrays[name].type}, and {kind} in the first batch.", where=place
                ) from None
        return pa.RecordBatch.from_arrays(list(arrays.values()), list(arrays))


def _arrow(array: np.ndarray) -> pa.Array:
    """An array as a column; one of more axes as lists of lists, each of a fixed length."""
    if array.dtype == object and array.ndim == 1:
        try:
            return pa.array([each.decode() if isinstance(each, bytes) else each for each in array])
        except UnicodeDecodeError:
            return pa.array(list(array), pa.binary())
    flat = pa.array(
        array.reshape(-1).tolist() if array.dtype.kind in "US" else np.ascontiguousarray(array).reshape(-1)
    )
    for size in reversed(array.shape[1:]):
        flat = pa.FixedSizeListArray.from_arrays(flat, size)
    return flat


def _described(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"{len(value)} things an element"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
