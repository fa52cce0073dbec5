"""The reader of TFRecord files of `tf.train.Example`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kwb_datasets.names import check_columns
from kwb_datasets.packed import packing
from kwb_datasets.signatures import refuse_other
from workbench.plugin import (
    DataError,
    FileError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    near,
    table_source,
)

_BATCH = 4096


def tfrecord(
    path: str, columns: list[str] | None = None, stream: Streaming = "auto"
) -> Source | StreamedSource:
    """A TFRecord file of `tf.train.Example`, also one compressed with gzip.

    The features, their types and lengths are those of the first record. A feature of one value is a column; one of
    several is an array.

    Args:
        path: the file.
        columns: read these features only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    import tensorflow as tf

    file = data_file(path)
    refuse_other(file, "tfrecord")
    try:
        return _read(tf, file, columns, stream)
    except tf.errors.DataLossError as error:
        raise FileError(
            f"'{near(file)}' is no TFRecord file, or is damaged: {error.message}.", where="data.path"
        ) from None


def _read(tf: Any, file: Path, columns: list[str] | None, stream: Streaming) -> Source | StreamedSource:
    packed = {"gzip": "GZIP"}.get(packing(file) or "", "")
    records = tf.data.TFRecordDataset(str(file), compression_type=packed)
    first = next(iter(records), None)
    if first is None:
        raise DataError("there are no records.", where=file.name)
    features = _features(tf, first.numpy(), file)
    check_columns(list(features), columns, file.name, file.name)
    wanted = {name: features[name] for name in (features if columns is None else columns)}
    texts = _texts(tf, first.numpy())
    schema = pa.schema({name: _type(tf, feature, name in texts) for name, feature in wanted.items()})

    def batches() -> Iterator[pa.RecordBatch]:
        row = 0
        for serialized in records.batch(_BATCH):
            try:
                parsed = tf.io.parse_example(serialized, wanted)
            except tf.errors.InvalidArgumentError:
                raise _odd(tf, serialized, wanted, file, row) from None
            row += len(serialized)
            arrays = [_arrow(parsed[name].numpy(), schema.field(name).type) for name in wanted]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return table_source(
        pa.RecordBatchReader.from_batches(schema, batches()),
        origin=file.name,
        stream=stream,
        locate=lambda row: f"{file.name}, record {row + 1}",
    )


def _features(tf: Any, serialized: bytes, file: Path) -> dict[str, Any]:
    example = tf.train.Example()
    try:
        example.ParseFromString(serialized)
    except Exception:  # protobuf's own errors
        raise DataError("its records are no tf.train.Example.", where=file.name) from None
    found = {}
    for name, feature in sorted(example.features.feature.items()):
        kind = feature.WhichOneof("kind")
        if kind is None:
            continue
        values = getattr(feature, kind).value
        dtype = {"float_list": tf.float32, "int64_list": tf.int64, "bytes_list": tf.string}[kind]
        found[name] = tf.io.FixedLenFeature([] if len(values) == 1 else [len(values)], dtype)
    if not found:
        raise DataError("its first record has no features.", where=file.name)
    return found


def _texts(tf: Any, serialized: bytes) -> set[str]:
    """The features of bytes that are texts, by the first record."""
    found = set()
    for name, feature in tf.train.Example.FromString(serialized).features.feature.items():
        try:
            if all(value.decode().isprintable() for value in feature.bytes_list.value):
                found.add(name)
        except UnicodeDecodeError:
            pass
    return found


def _type(tf: Any, feature: Any, is_text: bool) -> pa.DataType:
    kind = {tf.float32: pa.float32(), tf.int64: pa.int64()}.get(
        feature.dtype, pa.string() if is_text else pa.binary()
    )
    return pa.list_(kind, feature.shape[0]) if feature.shape else kind


def _arrow(array: np.ndarray, kind: pa.DataType) -> pa.Array:
    if array.ndim > 1:
        return pa.FixedSizeListArray.from_arrays(_arrow(array.reshape(-1), kind.value_type), array.shape[1])
    return pa.array(array.tolist() if array.dtype == object else array, kind)


def _odd(tf: Any, serialized: Any, wanted: Any, file: Path, start: int) -> DataError:
    """The first record that has other features than the first one of all."""
    for row, record in enumerate(serialized.numpy(), start=start + 1):
        for name, feature in wanted.items():
            try:
                tf.io.parse_single_example(record, {name: feature})
            except tf.errors.InvalidArgumentError:
                size = feature.shape[0] if feature.shape else 1
                return DataError(
                    f"'{name}' is not there, or not of {size} {feature.dtype.name} values as in the first record.",
                    where=f"{file.name}, record {row}",
                    hint="Leave it out with `columns`, or write every record with the same features.",
                )
    return DataError("a record cannot be read.", where=f"{file.name}, record {start + 1}")
