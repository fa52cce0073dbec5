"""Tables in text files that do not fit into memory: parsed once into a working copy that can be read from any row."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from kwb_datasets.cells import are_codes, are_numbers, to_numbers, without_missing
from kwb_datasets.text_table import TextTable
from workbench.plugin import ChunkReader, DataError, WorkingCopy

BLOCK_BYTES = 2**20  # Arrow reads some thirty ahead
CHUNK_BYTES = 8 * 2**20

_FLAGS = pa.array(["true", "false", "True", "False", "TRUE", "FALSE"])


class _Type(Enum):
    """The common type of a column's texts. Arrow itself finds it only for tables in memory."""

    NOTHING = pa.null()
    WHOLE = pa.int64()
    NUMBER = pa.float64()
    GROUPED = "numbers with marks between the thousands"
    FLAG = pa.bool_()
    TIME = pa.timestamp("s")
    TEXT = pa.string()


class TextChunks:
    """The rows of a text table, held in a working copy on disk; see `workbench.data.chunks.Chunks`.

    Raises:
        DataError: there are no rows, or one is malformed. FileError: no room on the disk.
    """

    def __init__(self, table: TextTable) -> None:
        names = table.names()
        self.names = tuple(table.columns or names)
        codes: dict[str, bool] = {}
        types = {name: _Type.TEXT if name in table.text else _Type.NOTHING for name in self.names}
        for batch in self._batches(table, names, dict.fromkeys(self.names, pa.string())):
            for name in self.names:
                types[name] = _joined(types[name], batch.column(name), (table.decimal, table.thousands))
                if name in table.literal:
                    found = are_codes(batch.column(name), table.missing_values)
                    codes[name] = codes.get(name, True) and found is not False
        table.literal -= {name for name, all_codes in codes.items() if all_codes}
        grouped = [name for name, kind in types.items() if kind is _Type.GROUPED]
        schema = {name: pa.float64() if name in grouped else kind.value for name, kind in types.items()}
        # Numbers with marks between the thousands are texts to Arrow.
        read_as = schema | dict.fromkeys(grouped, pa.string())

        def converted() -> Iterator[pa.RecordBatch]:
            for batch in self._batches(table, names, read_as):
                columns = {name: batch.column(name) for name in self.names}
                for name in grouped:
                    columns[name] = to_numbers(columns[name], table.decimal, table.thousands)
                yield pa.RecordBatch.from_arrays(list(columns.values()), list(columns))

        self._copy = WorkingCopy(pa.schema(schema), converted(), chunk_bytes=CHUNK_BYTES)
        if not self._copy.rows:
            raise DataError("there are no rows below the header.", where=table.file.name)
        self.rows, self.groups = self._copy.rows, self._copy.groups

    def open(self) -> ChunkReader:
        """A reader with a position of its own."""
        return self._copy.open()

    def _batches(
        self, table: TextTable, names: list[str], types: dict[str, pa.DataType]
    ) -> Iterator[pa.RecordBatch]:
        read, parse, convert = table.options(names)
        read.block_size = BLOCK_BYTES
        read.use_threads = False
        convert.column_types = types
        with table.errors_explained(names), pa_csv.open_csv(table.opened(), read, parse, convert) as reader:
            for batch in reader:
                if batch.num_rows:
                    yield _without_missing(batch, table)


def _without_missing(batch: pa.RecordBatch, table: TextTable) -> pa.RecordBatch:
    """A batch whose texts are null in place of the table's word for "no value"."""
    columns = [
        without_missing(column, [""] if name in table.literal else table.missing_values)
        if pa.types.is_string(column.type)
        else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _with_point(texts: pa.Array, decimal: str) -> pa.Array:
    """Numbers with a point before their decimals; what has a point already is none then."""
    if decimal == ".":
        return texts
    texts = pc.if_else(pc.match_substring(texts, "."), pa.scalar("no number", texts.type), texts)
    return pc.replace_substring(texts, decimal, ".")


def _joined(known: _Type, texts: pa.Array, marks: tuple[str, str]) -> _Type:
    """The type of all texts seen so far, with these; `marks` are of the decimals and of the thousands."""
    if known is _Type.TEXT:
        return known
    texts = pc.utf8_trim_whitespace(texts.drop_null())
    if not len(texts):
        return known
    decimal, thousands = marks
    if known in (_Type.NOTHING, _Type.WHOLE, _Type.NUMBER, _Type.GROUPED):
        if known in (_Type.NOTHING, _Type.WHOLE) and _fits(texts, _Type.WHOLE):
            return _Type.WHOLE
        if known is not _Type.GROUPED and _fits(_with_point(texts, decimal), _Type.NUMBER):
            return _Type.NUMBER
        if thousands and are_numbers(texts, decimal, thousands):
            return _Type.GROUPED
    if known in (_Type.NOTHING, _Type.FLAG) and pc.all(pc.is_in(texts, _FLAGS)).as_py():
        return _Type.FLAG
    if known in (_Type.NOTHING, _Type.TIME) and _fits(texts, _Type.TIME):
        return _Type.TIME
    return _Type.TEXT


def _fits(texts: pa.Array, kind: _Type) -> bool:
    try:
        pc.cast(texts, kind.value)
    except pa.ArrowInvalid:
        return False
    return True
