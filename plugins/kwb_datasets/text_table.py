"""A table in a text file: how it is written, what is found out of that, and its rows."""

from __future__ import annotations

import codecs
import csv as records
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kwb_datasets.dialect import (
    WHITESPACE,
    delimiters,
    first_records,
    found_delimiter,
    is_of_numbers,
    is_table,
    marks_of,
    opening_comment,
)
from kwb_datasets.packed import DAMAGE, start_of, tabs_for_blanks, unpacked, without_comments
from workbench.plugin import (
    ColumnKinds,
    DataError,
    FileError,
    RecipeError,
    Source,
    StreamedSource,
    WorkbenchError,
    near,
    numpy_columns,
    without_path,
)

# What statistics packages and spreadsheets write for "no value".
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "?")

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
_WIDE_ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written, by the arguments of `csv`; None means: find it out."""

    delimiter: str | None
    header: bool | list[str]
    decimal: str | None
    thousands: str | None
    encoding: str
    quote: str
    skip: int
    missing_values: list[str] | None
    comment: str | None
    columns: list[str] | None


class TextTable:
    """A text file with the way it is written.

    Attributes:
        found: of the layout, what the recipe did not say and the file shows to be unusual.
    """

    def __init__(self, file: Path, layout: TextFormat, kinds: ColumnKinds) -> None:
        self.file = file
        self.blanks = layout.delimiter == WHITESPACE
        self.delimiter = (
            "\t" if self.blanks else layout.delimiter or ("\t" if ".tsv" in file.suffixes else ",")
        )
        self.header = layout.header
        self.decimal = layout.decimal or "."
        self.thousands = layout.thousands or ""
        self.encoding = layout.encoding
        self.quote = layout.quote
        self.skip = layout.skip
        self.comment = layout.comment or ""
        self.missing_values = ["", *(MISSING if layout.missing_values is None else layout.missing_values)]
        self.columns = layout.columns
        self.text = kinds.text
        # Words for "no value" that the recipe itself names count everywhere.
        self.literal = kinds.literal if layout.missing_values is None else frozenset[str]()
        self.found: dict[str, str] = {}
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise RecipeError(
                f"there is no encoding '{self.encoding}'.",
                where="data.encoding",
                hint="Common ones are utf-8, utf-16, latin-1 and cp1252.",
            ) from None
        if self.blanks and len("a".encode(self.encoding)) > 1:
            raise RecipeError(
                f"columns in {self.encoding} cannot be divided at blanks.",
                where="data.delimiter",
                hint="Write the file in UTF-8.",
            )

    @classmethod
    def open(cls, file: Path, layout: TextFormat, kinds: ColumnKinds) -> TextTable:
        """Look at the beginning of a file.

        Raises:
            FileError: it is no text, or written in another encoding.
            RecipeError, DataError: the columns cannot be found, or have no unique names.
        """
        table = cls(file, layout, kinds)
        table._refuse_other_encodings()
        if layout.comment is None and not layout.skip:
            table._find_comment()
        if layout.delimiter is None:
            table._find_delimiter()
        table._refuse_wrong_columns(table.names())
        if layout.decimal is None and layout.thousands is None:
            table._find_marks()
        return table

    def opened(self) -> Any:
        """The file to be read as bytes, unpacked and without comments."""
        changes = [without_comments(self.comment.encode(self.encoding))] if self.comment else []
        if self.blanks:
            changes.append(tabs_for_blanks(self.quote.encode(self.encoding)))
        return unpacked(self.file, changes)

    def _find_comment(self) -> None:
        first = first_records(self._decoded())
        if first and first[0][0].startswith("#"):
            self.comment = opening_comment(first, self.delimiter)
            if self.comment:
                self.found["comment"] = self.comment

    def _find_delimiter(self) -> None:
        usual, tried = self.delimiter, {}
        for self.delimiter in delimiters(usual):
            tried[self.delimiter] = first_records(self._decoded())
            if self.delimiter == usual and is_table(tried[usual]):
                break
        self.delimiter = found_delimiter(usual, tried)
        if not any(map(is_table, tried.values())) and self._has_blanks_between():
            self.blanks, self.delimiter, self.found["delimiter"] = True, "\t", WHITESPACE
            return
        if self.delimiter != usual:
            self.found["delimiter"] = self.delimiter

    def _has_blanks_between(self) -> bool:
        """True if runs of blanks divide the lines into a table of numbers: of texts they may be words."""
        self.blanks, kept, self.delimiter = True, self.delimiter, "\t"
        rows = first_records(self._decoded())
        self.blanks, self.delimiter = False, kept
        return is_table(rows) and is_of_numbers(rows[1:])

    def _find_marks(self) -> None:
        rows = (fields for _, fields in self._decoded())
        if self.header is True:
            next(rows, None)
        text = [at for at, name in enumerate(self.names()) if name in self.text]
        marks = marks_of(rows, self.missing_values, text)
        self.decimal, self.thousands = marks.decimal or ".", marks.thousands
        if marks.decimal:
            self.found["decimal"] = marks.decimal
        if marks.thousands:
            self.found["thousands"] = marks.thousands

    def streamed(self) -> StreamedSource:
        """The table in chunks."""
        from kwb_datasets.text_chunks import TextChunks

        return StreamedSource(
            TextChunks(self),
            origin=self.file.name,
            locate=self.place,
            options=self.found,
            cell=self.cell,
        )

    def read(self) -> Source:
        """The whole table."""
        import pyarrow as pa
        import pyarrow.csv as pa_csv

        from kwb_datasets.cells import are_codes, settled

        names = self.names()
        read, parse, convert = self.options(names)
        convert.column_types = {name: pa.string() for name in names if name in self.text}
        with self.errors_explained(names):
            table = pa_csv.read_csv(self.opened(), read, parse, convert)
        if any(pa.types.is_binary(kind) for kind in table.schema.types):
            raise self._wrong_encoding()
        marks = (self.decimal, self.thousands)
        own = [name for name in table.column_names if name not in self.text]
        table = settled(table, own, self.missing_values, marks)
        # "NA" among names is a country; among numbers it is none.
        codes = {
            name for name in self.literal if name in names and are_codes(table[name], self.missing_values)
        }
        words = [name for name in table.column_names if name in self.text - (self.literal - codes)]
        table = settled(table, words, self.missing_values, (self.decimal, ""))
        return Source(
            columns=numpy_columns(table),
            origin=self.file.name,
            locate=self.place,
            options=self.found,
            cell=self.cell,
        )

    @contextmanager
    def errors_explained(self, names: list[str]) -> Iterator[None]:
        """Turn an exception of Arrow while it reads the file into a clear error."""
        import pyarrow as pa

        try:
            yield
        except pa.ArrowInvalid as error:
            raise self._explained(error, names) from None
        except UnicodeDecodeError:
            raise self._wrong_encoding() from None
        except (OSError, *DAMAGE) as error:
            raise FileError(
                f"'{near(self.file)}' cannot be read: {without_path(error, self.file)}.", where="data.path"
            ) from None

    def options(self, names: list[str]) -> tuple[Any, Any, Any]:
        """Arrow's options for reading, parsing and converting."""
        import pyarrow.csv as pa_csv

        read = pa_csv.ReadOptions(
            column_names=names, skip_rows=self.first_line(), encoding=self.encoding.replace("-sig", "")
        )
        parse = pa_csv.ParseOptions(delimiter=self.delimiter, quote_char=self.quote, newlines_in_values=True)
        convert = pa_csv.ConvertOptions(
            null_values=self.missing_values,
            strings_can_be_null=False,  # which texts are no value differs by column
            decimal_point=self.decimal,
            include_columns=self.columns,
        )
        return read, parse, convert

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Each record's first line, from 1, and its fields; blank lines are no records."""
        encoding = (
            "utf-8-sig" if self.encoding.casefold().replace("_", "-") in ("utf-8", "utf8") else self.encoding
        )
        with self.opened() as raw, io.TextIOWrapper(raw, encoding=encoding, newline="") as text:
            for _ in range(self.skip):
                next(text, None)
            reader = records.reader(text, delimiter=self.delimiter, quotechar=self.quote)
            line = 0
            for fields in reader:
                if fields:
                    yield self.skip + line + 1, fields
                line = reader.line_num

    def names(self) -> list[str]:
        """The columns' names, from the header or the recipe."""
        first = next(self._decoded(), (1, []))[1]
        if not first:
            raise DataError("there are no lines with columns in it.", where=self.file.name)
        if self.header is True:
            names = [name.strip() for name in first]
            # An index written without a name, as pandas does.
            return names if names[0] or len(names) == 1 else ["column_1", *names[1:]]
        if self.header is False:
            return [f"column_{at}" for at in range(1, len(first) + 1)]
        if len(self.header) != len(first):
            raise RecipeError(
                f"{len(self.header)} names are given for {len(first)} columns.",
                where="data.header",
                hint=f"The first line holds: {', '.join(first[:20])}.",
            )
        return list(self.header)

    def first_line(self) -> int:
        """The number of lines before the first row of data."""
        rows = self._decoded()
        if self.header is True:
            next(rows)
        first = next(rows, None)
        if first is None:
            raise DataError("there are no rows below the header.", where=self.file.name)
        return first[0] - 1

    def place(self, row: int) -> str:
        """`prices.csv:14` for a row's position, counted as Arrow counts."""
        line, _ = self._record(row)
        return f"{self.file.name}:{line}" if line else f"{self.file.name}, row {row + 1}"

    def cell(self, row: int, column: str) -> str:
        """The text of the file in a row, with the row numbers of `place`."""
        names, (_, fields) = self.names(), self._record(row)
        at = names.index(column) if column in names else len(fields)
        return fields[at] if at < len(fields) else ""

    def _record(self, row: int) -> tuple[int, list[str]]:
        for at, record in enumerate(self._decoded(), start=-1 if self.header is True else 0):
            if at == row:
                return record
        return 0, []

    def _decoded(self) -> Iterator[tuple[int, list[str]]]:
        try:
            yield from self.records()
        except UnicodeError:
            raise self._wrong_encoding() from None
        except records.Error as error:
            raise FileError(f"'{near(self.file)}' is no table of text: {error}.", where="data.path") from None
        except (OSError, *DAMAGE) as error:
            raise FileError(
                f"'{near(self.file)}' cannot be read: {without_path(error, self.file)}.", where="data.path"
            ) from None

    def _refuse_other_encodings(self) -> None:
        start = start_of(self.file)
        wide = _WIDE_ENCODINGS.get(start[:2])
        if wide and not self.encoding.casefold().startswith("utf-16"):
            raise FileError(
                f"'{near(self.file)}' is written in {wide}.",
                where="data.path",
                hint=f"Say `encoding: {wide}`.",
            )
        if not wide and b"\0" in start and "16" not in self.encoding:
            raise FileError(f"'{near(self.file)}' is no text file.", where="data.path")

    def _refuse_wrong_columns(self, names: list[str]) -> None:
        from kwb_datasets.names import check_columns

        if len(names) == 1:
            for mark, word in _DELIMITERS.items():
                if mark in names[0] and mark != self.delimiter:
                    shown = "\\t" if mark == "\t" else mark
                    raise RecipeError(
                        f"{self.file.name} has one column only, '{names[0]}'; it seems that {word} stands "
                        "between the columns.",
                        where="data",
                        hint=f'Say `delimiter: "{shown}"`.',
                    )
        if "" in names:
            raise DataError(
                f"column {names.index('') + 1} has no name.", where=f"{self.file.name}:{self.skip + 1}"
            )
        check_columns(names, self.columns, self.file.name, self.file.name)

    def _explained(self, error: Exception, names: list[str]) -> WorkbenchError:
        """Arrow's complaint in plain words, with the line."""
        if "UTF" in str(error):
            return self._wrong_encoding()
        for line, fields in self._decoded():
            if len(fields) != len(names):
                comment = fields[0].startswith("#") and not self.comment
                return DataError(
                    f"this line has {len(fields)} columns, and the table {len(names)}.",
                    where=f"{self.file.name}:{line}",
                    hint='`comment: "#"` passes over lines that begin so.'
                    if comment
                    else f"Put a text that holds '{self.delimiter}' in {self.quote}quotes{self.quote}.",
                )
        first = str(error).partition("\n")[0]
        return FileError(
            f"'{near(self.file)}' cannot be read: {without_path(first, self.file)}.", where="data.path"
        )

    def _wrong_encoding(self) -> FileError:
        return FileError(
            f"'{near(self.file)}' is not written in {self.encoding}.",
            where="data.encoding" if self.encoding != "utf-8" else "data.path",
            hint="Name its encoding, such as `encoding: latin-1` or `encoding: cp1252`.",
        )
