"""Find out how numbers are written as text: their decimal mark and their thousands separator."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

_MARKED = re.compile(r"[-+]?[\d.,]*\d[\d.,]*(?:[eE][-+]?\d+)?")
_COMMA_GROUPS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
_POINT_GROUPS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3})+")
# A mark that comes twice groups thousands; in 04.03.2020, a date, or 1.2.3, a version, it groups nothing.
_NO_NUMBER = re.compile(
    r"(?!(?:[-+]?\d{1,3}(?:\.\d{3})+)(?:,|$)).*\..*\..*|(?!(?:[-+]?\d{1,3}(?:,\d{3})+)(?:\.|$)).*,.*,.*"
)

_MOST_LOOKED_AT = 100_000


@dataclass(frozen=True)
class Marks:
    """The marks in numbers, "" where none is known."""

    decimal: str = ""
    thousands: str = ""


@dataclass(frozen=True)
class _Evidence:
    """What the texts show; a mark that may be of either kind counts as doubtful."""

    comma_decimal: bool = False
    comma_thousands: bool = False
    comma_doubtful: bool = False
    point_decimal: bool = False
    point_thousands: bool = False

    def __or__(self, other: _Evidence) -> _Evidence:
        return _Evidence(*(a or b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def is_number(text: str) -> bool:
    """True if a text can be read as a number as it is."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_marked_number(text: str) -> bool:
    """True if a text is a number, whatever its marks mean: `1,5`, `1,656`, `1.656,50`."""
    return _MARKED.fullmatch(text.strip()) is not None or is_number(text)


def found_marks(columns: Iterable[Iterable[str]]) -> Marks:
    """The marks in a table's columns of numbers, where the texts leave no doubt; for the usual marks nothing.

    `1,656` alone may be one and a half or sixteen hundred: nothing is concluded from it but beside others.

    Args:
        columns: the texts of each column; a column with a text that is no number, as dates are none, says nothing.
    """
    seen = _Evidence()
    for texts in columns:
        texts = [text.strip() for text in islice(texts, _MOST_LOOKED_AT)]
        if texts and all(_MARKED.fullmatch(text) and not _NO_NUMBER.fullmatch(text) for text in texts):
            for text in texts:
                seen |= _evidence(text)
    if seen.comma_decimal and not seen.comma_thousands and not seen.point_decimal:
        return Marks(",", "." if seen.point_thousands else "")
    commas_between_thousands = seen.comma_thousands or (seen.comma_doubtful and seen.point_decimal)
    if commas_between_thousands and not seen.comma_decimal and not seen.point_thousands:
        return Marks("", ",")
    return Marks()


def marks_hint(texts: Iterable[str]) -> str:
    """The recipe option that makes a column's texts numbers; "" where marks are not the cause.

    A comma is said to mark decimals only where it cannot stand between thousands: a wrong hint would make
    1.656 of 1,656 and nobody would notice.
    """
    texts = [text.strip() for text in islice(texts, _MOST_LOOKED_AT)]
    numbers = [text for text in texts if _MARKED.fullmatch(text)]
    if not any("," in text for text in numbers):
        return ""
    found = found_marks([numbers])
    if found.decimal and found.thousands:
        return 'Its numbers are written as 1.234,5: say `decimal: ","` and `thousands: "."`.'
    if found.decimal:
        return 'A comma marks its decimals: say `decimal: ","`.'
    if found.thousands:
        return 'Commas stand between its thousands: say `thousands: ","`.'
    doubtful = next((text for text in numbers if _COMMA_GROUPS.fullmatch(text)), "")
    if not doubtful or any(_evidence(text).comma_decimal for text in numbers):
        return "Commas and points mean different things in different rows: correct it in the data."
    plain, decimal = doubtful.replace(",", ""), doubtful.replace(",", ".")
    return (
        f'If \'{doubtful}\' means {plain}, say `thousands: ","`; if it means {decimal}, say `decimal: ","`.'
    )


def _evidence(text: str) -> _Evidence:
    comma, point = "," in text, "." in text
    if comma and point:
        last_is_comma = text.rindex(",") > text.rindex(".")
        return _Evidence(
            comma_decimal=last_is_comma,
            comma_thousands=not last_is_comma,
            point_decimal=not last_is_comma,
            point_thousands=last_is_comma,
        )
    if comma:
        groups = _COMMA_GROUPS.fullmatch(text) is not None and not text.lstrip("+-").startswith("0")
        return _Evidence(
            comma_decimal=not groups and text.count(",") == 1,
            comma_thousands=groups and text.count(",") > 1,
            comma_doubtful=groups and text.count(",") == 1,
        )
    if point:
        groups = _POINT_GROUPS.fullmatch(text) is not None and not text.lstrip("+-").startswith("0")
        return _Evidence(point_decimal=not groups, point_thousands=groups and text.count(".") > 1)
    return _Evidence()
