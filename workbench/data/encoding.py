"""Encode checked columns as the arrays for a model. Training data and new data use the same code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from workbench.data.cells.dates import features as date_features
from workbench.data.cells.labels import encoded as encoded_labels
from workbench.data.cells.number_texts import is_marked_number, is_number, marks_hint
from workbench.data.cells.target_scaling import refuse_no_logarithm
from workbench.data.cells.texts import TextInput, encode_texts
from workbench.data.lazy import LazyRows
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
)
from workbench.data.statistics import is_padding
from workbench.data.strings import StringInput, encode_strings
from workbench.data.table import Column, ColumnKind
from workbench.errors import DataError

# From a row's position in the columns to its place in the source, for messages.
Place = Callable[[int], str]

_INT32 = np.iinfo(np.int32)
_PADDED = re.compile(r"[-+]?0\d")


def encode_input(spec: Input, table: Mapping[str, Column], place: Place) -> np.ndarray:
    """An input's array: (rows, features) float32, the array's own shape, or (rows, length) int32 of a text.

    Raises:
        DataError: a column is not of the kind it had in training, or a category is unknown.
    """
    if isinstance(spec, ArrayInput):
        return encode_array(spec.column, table[spec.column.name], place)
    if isinstance(spec, TextInput):
        return encode_texts(spec, texts_of(table[spec.column], place))
    if isinstance(spec, StringInput):
        return encode_strings([texts_of(table[name], place) for name in spec.columns])
    if isinstance(spec, EmbeddingInput):
        return encode_embedding(spec, table[spec.column.name], place)
    if spec.whole:
        numbers = [column for column in spec.columns if isinstance(column, NumberColumn)]
        return np.stack([encode_whole(column, table[column.name], place) for column in numbers], axis=1)
    rows = len(table[spec.columns[0].name])
    features = np.empty((rows, *spec.shape), dtype=np.float32)
    at = 0
    for column in spec.columns:
        into = features[:, at : at + column.width]
        if column.indicator:
            into[:, -1] = table[column.name].missing
            into = into[:, :-1]
        if isinstance(column, NumberColumn):
            into[:, 0] = encode_number(column, table[column.name], place)
        elif isinstance(column, DateColumn):
            into[:] = encode_dates(column, table[column.name], place)
        elif isinstance(column, LabelColumn):
            into[:] = encode_labels(column, table[column.name], place)
        else:
            codes = category_codes(column, table[column.name], place)
            into[:] = 0.0
            known = codes >= 0
            into[np.flatnonzero(known), codes[known]] = 1.0
        at += column.width
    return features


def texts_of(column: Column, place: Place) -> np.ndarray:
    """The texts of a column (rows,): str, or None where one is missing."""
    if column.kind is ColumnKind.ARRAY:
        raise _kind_differs(column, "text", place)
    return column.as_text().values


def encode_target(
    spec: NumberTarget | ClassTarget | ArrayTarget, table: Mapping[str, Column], place: Place
) -> np.ndarray:
    """A target's array in its own units: (rows, columns) float32, float64 where it will be scaled, (rows,) int32 class
    numbers, or the array's own shape."""
    if isinstance(spec, ArrayTarget):
        if spec.scale is not None and spec.scale.kind == "log":
            refuse_no_logarithm(table[spec.column.name], place)
        array = encode_array(spec.column, table[spec.column.name], place)
        exact = table[spec.column.name].values
        return exact if spec.scale is not None and exact.dtype == np.float64 else array
    if isinstance(spec, ClassTarget):
        return encode_classes(spec, table[spec.column], place)
    if spec.labels is not None:
        return encode_labels(spec.labels, table[spec.labels.name], place)
    columns = [encode_number(NumberColumn(name=name), table[name], place) for name in spec.columns]
    if spec.scale is None:
        return np.stack(columns, axis=1)
    if spec.scale.kind == "log":
        for name in spec.columns:
            refuse_no_logarithm(table[name], place)
    # As they are read: a large offset would take the last digits of 32 bits.
    return np.stack([table[name].values.astype(np.float64) for name in spec.columns], axis=1)


def encode_weights(column: Column, place: Place) -> np.ndarray:
    """Sample weights (rows,) float32, or (rows, time steps) where each step has one.

    Raises:
        DataError: a weight is below 0.
    """
    if column.kind is ColumnKind.ARRAY:
        weights = encode_array(ArrayColumn(name=column.name, shape=column.values.shape[1:]), column, place)
    else:
        weights = encode_number(NumberColumn(name=column.name), column, place)
    lowest = weights.reshape(len(weights), -1).min(axis=1)
    below = np.flatnonzero(lowest < 0)
    if len(below):
        raise DataError(
            f"the sample weight '{column.name}' is {lowest[below[0]]:g}; weights are 0 or more.",
            where=place(int(below[0])),
        )
    return weights


def encode_number(spec: NumberColumn, column: Column, place: Place) -> np.ndarray:
    """Numbers (rows,) float32, scaled in double precision first."""
    refuse_other_kind(column, place, "number")
    values = column.values if spec.fill is None else np.where(column.missing, spec.fill, column.values)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = ((values - spec.center) / spec.factor).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(scaled))
    if len(bad):
        raise DataError(
            f"column '{spec.name}' holds {column.values[bad[0]]:g}, too large for a 32-bit number.",
            where=place(int(bad[0])),
            hint="Use a larger unit, or scale the column.",
        )
    return scaled


def encode_whole(spec: NumberColumn, column: Column, place: Place) -> np.ndarray:
    """Whole numbers (rows,) int64, as they are: as 32-bit floats long ids would become one another.

    Raises:
        DataError: one is no whole number.
    """
    refuse_other_kind(column, place, "number")
    values = column.values if spec.fill is None else np.where(column.missing, spec.fill, column.values)
    bad = np.flatnonzero(values != np.floor(values))
    if len(bad):
        raise DataError(
            f"column '{spec.name}' holds {column.values[bad[0]]:g}, and the model looks up whole numbers.",
            where=place(int(bad[0])),
            hint="A `Discretization` makes whole numbers of others.",
        )
    return np.asarray(values, dtype=np.int64)


def encode_dates(spec: DateColumn, column: Column, place: Place) -> np.ndarray:
    """The numbers made of dates (rows, width), scaled in double precision.

    Raises:
        DataError: the column holds no dates.
    """
    if column.kind is not ColumnKind.DATE:
        raise _kind_differs(column, "date", place)
    numbers = date_features(column.values, spec.parts, spec.cyclic)
    if spec.fill is not None:
        numbers = np.where(column.missing[:, None], spec.fill, numbers)
    return (numbers - spec.center) / spec.factor


def category_codes(spec: CategoryColumn, column: Column, place: Place) -> np.ndarray:
    """The position of each row's category (rows,), where its one-hot row has the 1; -1 where it has none.

    Raises:
        DataError: a category was not there in training; the column, the value and the row are named.
    """
    if column.kind is ColumnKind.ARRAY:
        raise _kind_differs(column, "category", place)
    codes = _codes(column, spec.categories, spec.fill)
    unknown = np.flatnonzero(codes < 0)
    if spec.unknown == "other":
        codes[unknown] = len(spec.categories) if spec.other else -1
    elif len(unknown):
        several = (
            f" In {len(unknown):,} of {len(codes):,} rows there is such a one." if len(unknown) > 1 else ""
        )
        raise DataError(
            f"column '{spec.name}' holds '{column.as_text().values[unknown[0]]}', a category that the "
            f"training data did not have.{several}",
            where=place(int(unknown[0])),
            hint=f"Known are: {_listed(spec.categories)}. With `unknown: other` in the recipe of its training a model "
            "takes it for one more category, with `unknown: drop` such rows are left out.",
        )
    return codes


def encode_labels(spec: LabelColumn, column: Column, place: Place) -> np.ndarray:
    """The labels of each row (rows, labels) float32.

    Raises:
        DataError: a label was not there in training.
    """
    texts = column.as_text().values
    numbers, unknown = encoded_labels(texts, spec.labels, spec.separator)
    if unknown and spec.unknown != "other":
        bad = [row for row, text in enumerate(texts) if (text or "") in unknown]
        raise DataError(
            f"column '{spec.name}' holds the label '{unknown[texts[bad[0]]]}', which the training data did not have; "
            f"{len(bad):,} of {len(texts):,} rows have such a one.",
            where=place(bad[0]),
            hint=f"Known are: {_listed(spec.labels)}. With `unknown: other` in the recipe of its training a model "
            "passes them over.",
        )
    return numbers


def encode_embedding(spec: EmbeddingInput, column: Column, place: Place) -> np.ndarray:
    """The number of each row's category (rows, 1) int32, 0 for one that is not known."""
    codes = category_codes(spec.column, column, place)
    known = codes < len(spec.column.categories)
    return np.where(known, codes + 1, 0).astype(np.int32)[:, None]


def unknown_categories(columns: Sequence[CategoryColumn], table: Mapping[str, Column]) -> np.ndarray:
    """Per row, whether one of the columns holds a category that was not there in training."""
    codes = [_codes(table[spec.name], spec.categories, spec.fill) for spec in columns]
    missing = [table[spec.name].missing for spec in columns]
    unknown = [found < 0 for found in codes]
    return np.logical_or.reduce([each & ~gap for each, gap in zip(unknown, missing, strict=True)])


def encode_classes(spec: ClassTarget, column: Column, place: Place) -> np.ndarray:
    """Class numbers (rows,) int32."""
    codes = _codes(column, spec.values)
    if (codes < 0).any() and spec.classes != spec.values:
        codes = np.where(codes < 0, _codes(column, spec.classes), codes)
    unknown = np.flatnonzero(codes < 0)
    if len(unknown):
        raise DataError(
            f"the target '{spec.column}' holds '{column.as_text().values[unknown[0]]}', which is none of the "
            f"{len(spec.classes)} classes.",
            where=place(int(unknown[0])),
            hint=f"Known are: {_listed(spec.classes)}.",
        )
    return codes.astype(np.int32)


def encode_array(spec: ArrayColumn, column: Column, place: Place) -> np.ndarray:
    """An array of its own (rows, ...), float32 or int32, scaled along its last axis where that was fitted.

    Raises:
        DataError: its shape is not that of training, or a whole number does not fit.
    """
    if column.kind is not ColumnKind.ARRAY or column.values.shape[1:] != spec.shape:
        shape = column.values.shape[1:]
        raise DataError(
            f"array '{spec.name}' has rows of the shape {shape}; the model learnt from {spec.shape}.",
            where=place(0),
        )
    values = column.values
    if isinstance(values, LazyRows):
        scaled = spec.center is not None and spec.factor is not None
        return values.scaled(spec.center, spec.factor) if scaled else values
    if spec.dtype == "int32":
        return _whole_numbers(spec, values, place)
    if spec.fill is not None and column.missing.any():
        values = np.where(np.isfinite(values), values, np.asarray(spec.fill, dtype=values.dtype))
    with np.errstate(over="ignore", invalid="ignore"):
        if spec.center is not None and spec.factor is not None:
            precision = np.result_type(values.dtype, np.float32)
            values = values - np.asarray(spec.center, precision)
            values /= np.asarray(spec.factor, precision)
        result = np.ascontiguousarray(values, dtype=np.float32)
    if spec.padding is not None:
        np.copyto(result, np.float32(spec.padding), where=is_padding(column.values, spec.padding))
    if not np.isfinite(result).all():
        row = int(np.flatnonzero(~np.isfinite(result).all(axis=tuple(range(1, result.ndim))))[0])
        raise DataError(f"array '{spec.name}' holds a value too large for a 32-bit number.", where=place(row))
    return result


def _whole_numbers(spec: ArrayColumn, values: np.ndarray, place: Place) -> np.ndarray:
    fits = (values >= _INT32.min) & (values <= _INT32.max)
    if values.dtype.kind == "f":
        fits &= values == np.floor(values)
    if not fits.all():
        row = int(np.flatnonzero(~fits.all(axis=tuple(range(1, values.ndim))))[0])
        raise DataError(
            f"array '{spec.name}' holds {values[row][~fits[row]][0]}, which is no 32-bit whole number.",
            where=place(row),
            hint="Scale the array to treat it as measured numbers.",
        )
    return np.ascontiguousarray(values, dtype=np.int32)


def refuse_other_kind(column: Column, place: Place, wanted: str) -> None:
    """Raise where numbers are needed and the column holds texts or arrays."""
    if column.kind in (ColumnKind.TEXT, ColumnKind.ARRAY):
        raise _kind_differs(column, wanted, place)


def _kind_differs(column: Column, wanted: str, place: Place) -> DataError:
    if column.kind is ColumnKind.ARRAY:
        return DataError(
            f"'{column.name}' has rows of the shape {column.values.shape[1:]}; a {wanted} column is needed.",
            where=place(0),
        )
    row = next((row for row, value in enumerate(column.values) if value and not is_number(value)), 0)
    return DataError(
        f"column '{column.name}' should hold numbers, and holds '{column.values[row]}'.",
        where=place(row),
        hint=marks_hint([str(value) for value in column.values if value and is_marked_number(str(value))])
        if is_marked_number(str(column.values[row]))
        else "",
    )


def _codes(column: Column, values: tuple[str, ...], fill: str | None = None) -> np.ndarray:
    """Each row's position in `values`, or -1."""
    known = {value: code for code, value in enumerate(values)}
    if column.kind is ColumnKind.FLAG:  # a file where the only words were true and false
        known = {value.casefold(): code for value, code in known.items()} | known
        known |= {
            str(flag): known[str(flag).casefold()] for flag in (True, False) if str(flag).casefold() in known
        }
    codes: dict[Any, int] = dict(known)
    codes[None] = known[fill] if fill is not None else -1
    texts = column.as_text().values
    found = np.fromiter(map(codes.get, texts, repeat(-1)), np.int64, len(column))
    unknown = np.flatnonzero(found < 0)
    if not len(unknown):
        return found
    numbers = _numbers_among(known)
    for row in unknown:
        # 1.0 is the category 1, which another program wrote in its own way; the text 01 is not.
        text = texts[row]
        padded = column.kind is ColumnKind.TEXT and text is not None and _PADDED.match(text)
        if text is not None and not padded and is_number(text):
            found[row] = numbers.get(float(text), -1)
    return found


def _numbers_among(known: Mapping[str, int]) -> dict[float, int]:
    """The code of each number that exactly one of the categories stands for."""
    numbers: dict[float, int] = {}
    for text, code in known.items():
        if is_number(text):
            numbers[float(text)] = -1 if float(text) in numbers else code
    return numbers


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
