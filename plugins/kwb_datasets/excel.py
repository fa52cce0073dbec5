"""The reader of Excel's workbooks."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from kwb_datasets.extras import needed
from kwb_datasets.names import check_columns
from kwb_datasets.rows import batches_of_rows, source_of_rows
from kwb_datasets.signatures import refuse_other
from workbench.plugin import (
    DataError,
    FileError,
    RecipeError,
    Source,
    StreamedSource,
    Streaming,
    data_file,
    did_you_mean,
    near,
    should_stream,
)


def excel(
    path: str,
    sheet: str | int | None = None,
    header: bool | list[str] = True,
    skip: Annotated[int, Field(ge=0)] = 0,
    columns: list[str] | None = None,
    stream: Streaming = "auto",
) -> Source | StreamedSource:
    """A table in a sheet of an Excel file (.xlsx): of formulas, the values that were saved. Needs `kwb[excel]`.

    Args:
        path: the file.
        sheet: its name, or its number from 1; by default the first one.
        header: whether the first row holds the columns' names; or the names themselves. With `false` the columns are
            `column_1`, `column_2` and so on.
        skip: rows to skip at the top.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    needed("openpyxl", "excel", "excel")
    file = data_file(path)
    refuse_other(file, "excel")
    _refuse_too_large(file)
    try:
        table = _Sheet(file, sheet, header, skip, columns)
        return source_of_rows(table.batches, origin=table.origin, stream=stream, locate=table.place)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise FileError(f"'{near(file)}' is damaged: {error}.", where="data.path") from None


def _refuse_too_large(file: Path) -> None:
    """Texts are held in memory by the library: a small file can unpack to any size."""
    try:
        with zipfile.ZipFile(file) as archive:
            texts = sum(info.file_size for info in archive.infolist() if "sharedStrings" in info.filename)
    except (OSError, zipfile.BadZipFile) as error:
        raise FileError(f"'{near(file)}' is no readable Excel file: {error}.", where="data.path") from None
    if should_stream("auto", 4 * texts):
        raise FileError(
            f"the texts of '{near(file)}' take {texts / 2**30:.1f} GiB when they are unpacked, which does not fit into "
            "memory.",
            where="data.path",
            hint="Save the sheet as csv.",
        )


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """The workbook; its rows are read as they are asked for."""
    from openpyxl import load_workbook

    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except Exception as error:  # a stranger's file: whatever the library raises, it cannot be read
        raise FileError(f"'{near(file)}' is no readable Excel file: {error}.", where="data.path") from None
    try:
        yield book
    finally:
        book.close()


def _sheet(book: Any, wanted: str | int | None, file: Path) -> Any:
    names = [sheet.title for sheet in book.worksheets]
    if not names:
        raise DataError("there is no sheet with cells.", where=file.name)
    if wanted is None:
        return book.worksheets[0]
    if isinstance(wanted, int) and 1 <= wanted <= len(names):
        return book.worksheets[wanted - 1]
    if wanted in names:
        return book.worksheets[names.index(str(wanted))]
    raise RecipeError(
        f"there is no sheet '{wanted}' in {file.name}.",
        where="data.sheet",
        hint=did_you_mean(str(wanted), names) or f"The sheets are: {', '.join(names[:20])}.",
    )


class _Sheet:
    """The cells of a sheet as a table. Rows without any value are passed over."""

    def __init__(
        self,
        file: Path,
        sheet: str | int | None,
        header: bool | list[str],
        skip: int,
        columns: list[str] | None,
    ) -> None:
        self._file = file
        with _opened(file) as book:
            self._title = _sheet(book, sheet, file).title
        self.origin = f"{file.name}, sheet '{self._title}'"
        self._header = header
        self._skip = skip
        self._columns = columns
        self._names = self._read_names()
        check_columns(self._names, columns, file.name, file.name)

    def place(self, row: int) -> str:
        """`prices.xlsx, sheet 'Prices', row 14`, as the sheet counts."""
        line = next((line for at, (line, _) in enumerate(self._records()) if at == row), row + 1)
        return f"{self.origin}, row {line}"

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, from the first on."""
        wanted = self._names if self._columns is None else self._columns
        at = [self._names.index(name) for name in wanted]
        rows = ([cells[each] if each < len(cells) else None for each in at] for _, cells in self._records())
        return batches_of_rows(wanted, rows, self.place)

    def _all_rows(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        with _opened(self._file) as book:
            sheet = book[self._title]
            sheet.reset_dimensions()  # a file may say that it has a million rows of 16,384 columns
            for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                if line > self._skip and any(cell is not None and cell != "" for cell in cells):
                    yield line, cells

    def _records(self) -> Iterator[tuple[int, tuple[Any, ...]]]:
        rows = self._all_rows()
        if self._header is True:
            next(rows, None)
        return rows

    def _read_names(self) -> list[str]:
        line, cells = next(self._all_rows(), (0, ()))
        while cells and cells[-1] is None:
            cells = cells[:-1]
        if not cells:
            raise DataError("there are no cells with values.", where=self.origin)
        if self._header is False:
            return [f"column_{at}" for at in range(1, len(cells) + 1)]
        if self._header is not True:
            if len(self._header) != len(cells):
                raise RecipeError(
                    f"{len(self._header)} names are given for {len(cells)} columns.", where="data.header"
                )
            return list(self._header)
        names = ["" if cell is None else str(cell).strip() for cell in cells]
        if "" in names:
            raise DataError(
                f"column {names.index('') + 1} has no name.",
                where=f"{self.origin}, row {line}",
                hint="If the names are further down, say how many rows to `skip`.",
            )
        return names
