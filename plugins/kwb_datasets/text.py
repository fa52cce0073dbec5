"""The reader of tables in text files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kwb_datasets.packed import packing
from kwb_datasets.signatures import refuse_other
from kwb_datasets.text_table import TextFormat, TextTable
from workbench.plugin import (
    ColumnKinds,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    should_stream,
)

Character = Annotated[str, Field(min_length=1, max_length=1)]


def csv(
    path: str,
    delimiter: Character | Literal["whitespace"] | None = None,
    header: bool | list[str] = True,
    decimal: Literal[".", ","] | None = None,
    thousands: Character | None = None,
    encoding: str = "utf-8",
    quote: Character = '"',
    skip: Annotated[int, Field(ge=0)] = 0,
    missing_values: list[str] | None = None,
    comment: Annotated[str, Field(min_length=1)] | None = None,
    columns: list[str] | None = None,
    stream: Streaming = "auto",
    kinds: ColumnKinds = ColumnKinds(),  # noqa: B008 (it is frozen)
) -> Source | StreamedSource:
    """A table in a text file, also a compressed one: gzip, bz2, xz, zstd, lz4, or a zip with one file.

    Args:
        path: the file.
        delimiter: the character between two columns, or `whitespace` for any run of blanks and tabs; by default it is
            found out.
        header: whether the first line holds the columns' names; or the names themselves, for a file without
            them. With `false` the columns are `column_1`, `column_2` and so on.
        decimal: the decimal mark; by default a point, or a comma where the numbers leave no doubt.
        thousands: the thousands separator, as in 1,656; by default nothing, or what leaves no doubt.
        encoding: such as `latin-1`; UTF-8 by default.
        quote: the character around texts that contain a delimiter.
        skip: lines to skip at the top.
        missing_values: what stands for no value, beside nothing at all; by default `NA`, `null` and the like, but
            in `categories` and `classes` nothing.
        comment: lines that begin so are passed over, as `#`; by default such lines at the top are found out.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
        kinds: what kwb knows of the columns.
    """
    file = data_file(path)
    refuse_other(file, "csv")
    layout = TextFormat(
        delimiter, header, decimal, thousands, encoding, quote, skip, missing_values, comment, columns
    )
    table = TextTable.open(file, layout, kinds)
    # A compressed file is taken for a tenth of what it holds.
    size = file.stat().st_size * (10 if packing(file) else 1)
    return table.streamed() if should_stream(stream, size) else table.read()
