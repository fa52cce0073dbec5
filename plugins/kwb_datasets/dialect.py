"""Find out from its beginning how a text table is written: delimiter, decimal mark, thousands separator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from workbench.plugin import Marks, found_marks

WHITESPACE = "whitespace"  # any run of blanks and tabs
_DELIMITERS = (",", ";", "\t", "|")
_MOST_RECORDS = 1_000


def found_delimiter(usual: str, records: Mapping[str, Sequence[Sequence[str]]]) -> str:
    """The delimiter: the usual character, unless only another one makes a table of the lines.

    Args:
        usual: what the file's name makes one expect.
        records: for each character, the first records when it divides them.
    """
    tables = {mark: len(rows[0]) for mark, rows in records.items() if is_table(rows)}
    if usual in tables or not tables:
        return usual
    return max(tables, key=lambda mark: tables[mark])


def delimiters(usual: str) -> list[str]:
    """The characters to try, the usual one first."""
    return [usual, *(mark for mark in _DELIMITERS if mark != usual)]


def marks_of(records: Iterator[Sequence[str]], missing: Sequence[str], text: Sequence[int]) -> Marks:
    """The marks in the numbers of a table.

    Args:
        records: the rows below the heading.
        missing: what stands for no value.
        text: the positions of the columns that are no numbers.
    """
    columns: dict[int, list[str]] = {}
    for row in islice(records, _MOST_RECORDS):
        for at, cell in enumerate(row):
            if cell.strip() and cell not in missing and at not in text:
                columns.setdefault(at, []).append(cell)
    return found_marks(columns.values())


def first_records(records: Iterator[tuple[int, list[str]]], most: int = 50) -> list[list[str]]:
    """The first records' fields."""
    return [fields for _, fields in islice(records, most)]


def is_table(rows: Sequence[Sequence[str]]) -> bool:
    """True if records are rows of two or more columns, all of one length."""
    return len(rows) > 1 and len(rows[0]) > 1 and all(len(row) == len(rows[0]) for row in rows)


def is_of_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """True if at least half of the cells are numbers."""
    cells = [cell for row in rows for cell in row]
    return 2 * sum(map(_is_number, cells)) >= len(cells) > 0


def opening_comment(records: Sequence[Sequence[str]], delimiter: str) -> str:
    """`#` if the first lines, which begin with it, are notes; "" if the last of them is the heading of the table.

    Args:
        records: the fields of the first lines, divided at `delimiter`.
        delimiter: what the file's name makes one expect.
    """
    first = next((at for at, row in enumerate(records) if not row[0].startswith("#")), None)
    if first is None:
        return ""
    if first + 1 < len(records) and _names_columns(records[first], records[first + 1]):
        return "#"
    last, row = (delimiter.join(records[at]) for at in (first - 1, first))
    # A heading divides into as many columns as what is below it, whatever the delimiter turns out to be.
    heading = any(len(last.split(mark)) == len(row.split(mark)) > 1 for mark in delimiters(delimiter)) or (
        first == 1 and not any(mark in row for mark in delimiters(delimiter))
    )
    return "" if heading else "#"


def _names_columns(row: Sequence[str], below: Sequence[str]) -> bool:
    """True if a row is a heading: a word stands above a number."""
    return any(_is_number(under) and not _is_number(name) for name, under in zip(row, below, strict=False))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
