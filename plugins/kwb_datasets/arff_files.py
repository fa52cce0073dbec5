"""The reader of ARFF files, the tables of Weka and OpenML."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

# Private: scikit-learn's copy of liac-arff, which it reads OpenML's files with. The reader of scipy, which is public,
# takes the quotes of the first row for those of all, and knows neither texts nor sparse rows.
from sklearn.externals import _arff

from kwb_datasets.names import check_columns
from kwb_datasets.packed import DAMAGE, unpacked
from kwb_datasets.rows import batches_of_rows, source_of_rows
from kwb_datasets.signatures import refuse_other
from workbench.plugin import DataError, FileError, Source, StreamedSource, Streaming, data_file, near

# The library does not know dates, which are texts then, and cuts what stands after the decimal point of an integer.
_TYPE = re.compile(
    r"""^(?P<name>\s*@attribute\s+(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s'"]+)\s+)(?P<type>date\b.*|integer)\s*$""",
    re.IGNORECASE,
)


def arff(path: str, columns: list[str] | None = None, stream: Streaming = "auto") -> Source | StreamedSource:
    """A table in an ARFF file, as Weka and OpenML write them, also compressed, with sparse rows or not.

    Dates are read as texts: `dates: {column: ...}` makes numbers of them.

    Args:
        path: the file.
        columns: read these only; all by default.
        stream: whether to read the rows as they are needed, from a working copy on disk, or to hold them
            in memory; by default that depends on how much memory there is.
    """
    file = data_file(path)
    refuse_other(file, "arff")
    table = _ArffTable(file, columns)
    return source_of_rows(table.batches, origin=file.name, stream=stream, locate=table.place)


class _ArffTable:
    """The rows of a file; they are read as they are asked for."""

    def __init__(self, file: Path, columns: list[str] | None) -> None:
        self._file = file
        self._columns = columns
        self._line = 0  # that is being read

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, from the first on.

        Raises:
            WorkbenchError: the file is damaged, or does not hold what it declares.
        """
        try:
            with unpacked(self._file) as opened:
                names, rows = self._opened(opened)
                check_columns(names, self._columns, self._file.name, self._file.name)
                wanted = names if self._columns is None else self._columns
                at = [names.index(name) for name in wanted]
                yield from batches_of_rows(wanted, ([row[each] for each in at] for row in rows), self.place)
        except _arff.ArffException as error:
            what = str(error).partition(", at line")[0].partition(" in line")[0].rstrip(".")
            raise DataError(
                f"it cannot be read: {what}.", where=f"{self._file.name}:{max(error.line, self._line)}"
            ) from None
        except UnicodeError:
            raise DataError(
                "it is not in UTF-8.", where=f"{self._file.name}:{self._line + 1}", hint="Save it in UTF-8."
            ) from None
        except (OSError, *DAMAGE) as error:
            raise FileError(f"'{near(self._file)}' is damaged: {error}.", where="data.path") from None

    def place(self, row: int) -> str:
        """`birds.arff:14`: the line of a row."""
        with unpacked(self._file) as opened:
            _, rows = self._opened(opened)
            for at, _ in enumerate(rows):
                if at == row:
                    break
        return f"{self._file.name}:{self._line}"

    def _opened(self, opened: Any) -> tuple[list[str], Iterator[Sequence[Any]]]:
        """The names of the columns, and the rows."""
        found = _arff.load(self._lines(opened), encode_nominal=False, return_type=_arff.DENSE_GEN)
        return [name for name, _ in found["attributes"]], iter(found["data"])

    def _lines(self, opened: Any) -> Iterator[str]:
        for self._line, line in enumerate(io.TextIOWrapper(opened, encoding="utf-8-sig"), start=1):
            if line.lstrip()[:1] == "@" and (found := _TYPE.match(line)):
                line = found["name"] + ("NUMERIC" if found["type"].lower() == "integer" else "STRING")
            yield line
