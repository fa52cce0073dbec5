"""Read cells that Arrow leaves as text: words that mean a missing value, numbers with thousands separators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Texts = Any  # a pyarrow Array or ChunkedArray of strings

_CODE = r"^\s*[-+]?[\d.,]*\d[\d.,]*\s*$"


def without_missing(texts: Texts, words: Sequence[str]) -> Texts:
    """The texts, with null in place of each of the words."""
    return pc.if_else(pc.is_in(texts, pa.array(words, texts.type)), pa.scalar(None, texts.type), texts)


def are_codes(texts: Texts, words: Sequence[str]) -> bool | None:
    """True if all texts except the words for no value are numbers: then no such word is a code. None without any
    text."""
    texts = pc.drop_null(without_missing(texts, words))
    return bool(pc.all(pc.match_substring_regex(texts, _CODE)).as_py()) if len(texts) else None


def are_numbers(texts: Texts, decimal: str, thousands: str) -> bool:
    """True if every text is a number, with or without groups of three digits; null is no number."""
    group, point = re.escape(thousands), re.escape(decimal)
    pattern = rf"^\s*[-+]?(\d{{1,3}}({group}\d{{3}})+|\d+)?({point}\d*)?([eE][-+]?\d+)?\s*$"
    texts = texts.drop_null()
    digits = pc.match_substring_regex(texts, r"\d")
    return bool(pc.all(pc.and_(digits, pc.match_substring_regex(texts, pattern))).as_py())


def to_numbers(texts: Texts, decimal: str, thousands: str) -> Texts:
    """Texts of which `are_numbers` is true, as float64."""
    plain = pc.replace_substring(pc.utf8_trim_whitespace(texts), thousands, "")
    if decimal != ".":
        plain = pc.replace_substring(plain, decimal, ".")
    return pc.cast(plain, pa.float64())


def settled(table: pa.Table, names: Sequence[str], words: Sequence[str], marks: tuple[str, str]) -> pa.Table:
    """The table with its columns `names` converted: missing where a word says so, numbers where all texts are numbers.

    Args:
        table: as Arrow read it.
        names: its columns that were not asked for as texts.
        words: for "no value".
        marks: of the decimals and of the thousands; the second may be empty.
    """
    for name in names:
        at = table.schema.get_field_index(name)
        column = table.column(at)
        if not pa.types.is_string(column.type):
            continue
        column = without_missing(column, words)
        if marks[1] and are_numbers(column, *marks):
            column = to_numbers(column, *marks)
        table = table.set_column(at, name, column)
    return table
