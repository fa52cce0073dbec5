"""The reader of JSON: a record a line, a list of records, or lists by column."""

from __future__ import annotations

import io
import json as notation
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from kwb_datasets.names import check_columns
from kwb_datasets.packed import DAMAGE, start_of, unpacked
from kwb_datasets.rows import source_of_rows
from kwb_datasets.signatures import refuse_other
from workbench.plugin import (
    DataError,
    FileError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    near,
    without_path,
)

BLOCK_BYTES = 16 * 2**20


def json(path: str, columns: list[str] | None = None, stream: Streaming = "auto") -> Source | StreamedSource:
    """A table in JSON, also compressed: a record a line (JSON lines), a list of records, or lists by column.

    A record within a record gives columns such as `place.town`.

    Args:
        path: the file.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    file = data_file(path)
    refuse_other(file, "json")
    lines = _is_lines(file)
    try:
        if not lines:
            records = _records(file)
            text = "\n".join(map(notation.dumps, records)).encode()
            return source_of_rows(
                lambda: _parsed([text], file, columns),
                origin=file.name,
                stream=stream,
                locate=lambda row: f"{file.name}, record {row + 1}",
            )
        return source_of_rows(
            lambda: _parsed(_blocks(file), file, columns),
            origin=file.name,
            stream=stream,
            locate=lambda row: f"{file.name}:{_line(file, row)}",
        )
    except (OSError, *DAMAGE) as error:
        raise FileError(
            f"'{near(file)}' cannot be read: {without_path(error, file)}.", where="data.path"
        ) from None


def _is_lines(file: Path) -> bool:
    start = start_of(file, 65536).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"["):
        return False
    first, newline, _ = start.partition(b"\n")
    try:
        record = notation.loads(first)
    except ValueError:
        return bool(newline) and first.strip() != b"{"
    # One line alone may be a whole table: lists by column.
    return bool(newline) or not _is_by_column(record)


def _is_by_column(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and bool(value)
        and all(isinstance(each, list | dict) for each in value.values())
    )


def _records(file: Path) -> list[Any]:
    """The records of a file that is one JSON value."""
    with unpacked(file) as opened:
        try:
            value = notation.load(opened)
        except (ValueError, RecursionError) as error:
            raise FileError(f"'{near(file)}' is no JSON: {error}.", where="data.path") from None
    if _is_by_column(value):
        columns = {
            name: list(each.values()) if isinstance(each, dict) else each for name, each in value.items()
        }
        if len({len(each) for each in columns.values()}) == 1:
            return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        lists = [
            name
            for name, each in value.items()
            if isinstance(each, list) and each and isinstance(each[0], dict)
        ]
        if len(lists) == 1:  # a list of records in an envelope
            return list(value[lists[0]])
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise DataError(
            "there are no records with named values.",
            where=file.name,
            hint='A table is `[{"a": 1, "b": 2}, ...]`, or one such record a line.',
        )
    return value


def _blocks(file: Path) -> Iterator[bytes]:
    """Whole lines."""
    with unpacked(file) as opened:
        rest = b""
        while block := bytes(opened.read(BLOCK_BYTES)):
            lines, newline, rest = (rest + block).rpartition(b"\n")
            if newline:
                yield lines + newline
        if rest.strip():
            yield rest


def _parsed(blocks: Any, file: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    import pyarrow.json as pa_json

    for block in blocks:
        if not block.strip():
            continue
        options = pa_json.ReadOptions(block_size=max(len(block), 2**16))
        try:
            table = pa_json.read_json(io.BytesIO(block.removeprefix(b"\xef\xbb\xbf")), options)
        except pa.ArrowInvalid as error:
            raise _explained(error, file) from None
        while any(pa.types.is_struct(kind) for kind in table.schema.types):
            table = table.flatten()
        check_columns(table.column_names, columns, file.name, file.name)
        if columns is not None:
            table = table.select(columns)
        yield from table.combine_chunks().to_batches()


def _explained(error: Exception, file: Path) -> DataError:
    """Arrow's complaint with the line: the first that is no record, or has a value of another type than before."""
    kinds: dict[str, type] = {}
    with unpacked(file) as opened, io.TextIOWrapper(opened, encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            place = f"{file.name}:{number}"
            try:
                record = notation.loads(line)
            except ValueError as wrong:
                return DataError(f"this line is no JSON: {wrong}.", where=place)
            if not isinstance(record, dict):
                return DataError("this line is no record with named values.", where=place)
            for name, value in record.items():
                kind = float if type(value) is int else type(value)
                if value is not None and kinds.setdefault(name, kind) is not kind:
                    words = {
                        float: "numbers",
                        str: "texts",
                        bool: "true/false values",
                        list: "lists",
                        dict: "records",
                    }
                    return DataError(
                        f"column '{name}' mixes {words[kinds[name]]} and {words[kind]}: {value!r}.",
                        where=place,
                        hint="Make all its values one or the other.",
                    )
    return DataError(f"{str(error).partition(chr(10))[0]}.", where=file.name)


def _line(file: Path, row: int) -> int:
    """The line of a row; blank ones are none."""
    with unpacked(file) as opened, io.TextIOWrapper(opened, encoding="utf-8-sig", errors="replace") as lines:
        numbers = (number for number, line in enumerate(lines, start=1) if line.strip())
        return next((number for at, number in enumerate(numbers) if at == row), row + 1)
