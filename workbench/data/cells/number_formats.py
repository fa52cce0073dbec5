"""Numbers that are written with signs: currencies, percents, units, marks between the thousands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from workbench.data.cells.number_texts import found_marks

_CURRENCIES = "$€£¥₹₩₽₺₫₴₪฿¢"
_CODES = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|RUB|TRY|KRW|SGD|HKD|"
    r"US\$|A\$|C\$|R\$|kr|zł"
)
_CURRENCY = rf"[{_CURRENCIES}]|{_CODES}"
_NUMBER = r"[-+]?[\d.,'’\u00a0\u202f ]*\d[.,]?(?:[eE][-+]?\d+)?"
_UNIT = r"[^\W\d_](?:[^\W\d]|[/²³°])*\.?|°[CF]?"
_SIGNED = re.compile(
    rf"(?P<open>\()?[-+]?\s*(?P<before>{_CURRENCY})?\s*(?P<number>{_NUMBER})"
    rf"\s*(?P<after>%|{_CURRENCY}|{_UNIT})?(?P<close>\))?"
)
_SPACES = "\u00a0\u202f "
_NO_VALUE = frozenset((
    "-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "?", "*", "nil", "na", "n/a", "n.a.", "#n/a", "n/v", "nan",
    "null", "none", "missing", "unknown", "unk", "k.a.", "not available", "not applicable", "no data",
))  # fmt: skip
# Fewer different texts with a unit are rather names of sizes or groups: `2 doors`, `4 doors`.
_MANY = 10


@dataclass(frozen=True)
class Writing:
    """How a column's numbers are written; see `workbench.recipe.options.columns.NumberFormat`."""

    strip: tuple[str, ...] = ()
    thousands: str = ""
    decimal: str = "."
    percent: bool = False

    def as_option(self) -> Any:
        """As the recipe says it: `percent`, or a map with what is unusual."""
        if self == Writing(percent=True):
            return "percent"
        option: dict[str, Any] = {}
        if self.strip:
            option["strip"] = self.strip[0] if len(self.strip) == 1 else list(self.strip)
        if self.thousands:
            option["thousands"] = self.thousands
        if self.decimal != ".":
            option["decimal"] = self.decimal
        return option | ({"percent": True} if self.percent else {})


def parsed(text: str, writing: Writing) -> float | None:
    """The number that a text stands for, None where it stands for none. (3) is -3, as in accounts."""
    text = text.strip()
    negative = text.startswith("(") and text.endswith(")")
    if negative:
        text = text[1:-1].strip()
    for sign in writing.strip:
        text = text.replace(sign, "")
    text = text.strip()
    if writing.percent:
        text = text.removesuffix("%").rstrip()
    if text[:1] in "+-\u2212" and text:
        negative ^= text[0] != "+"
        text = text[1:].lstrip()
    if text[:1] in ("+", "-"):
        return None
    match = _pattern(writing.thousands, writing.decimal).fullmatch(text)
    if match is None or not any(map(str.isdigit, text)):
        return None
    plain = match["whole"]
    for mark in _marks(writing.thousands):
        plain = plain.replace(mark, "")
    number = float(f"{plain or '0'}.{match['decimals'] or '0'}{match['power'] or ''}")
    number = number / 100 if writing.percent else number
    return -number if negative else number


def found_writing(counts: Mapping[str, int]) -> tuple[Writing, tuple[str, ...]] | None:
    """How the numbers of a column of texts are written, and its words for no value; None where they are no numbers.

    Args:
        counts: each text of the column, and how often it is there.
    """
    numbers, words, signs = [], [], Counter[str]()
    for text in counts:
        match = _SIGNED.fullmatch(text.strip())
        if match is None or bool(match["open"]) != bool(match["close"]):
            words.append(text)
            continue
        numbers.append(match["number"])
        signs.update(sign for sign in (match["before"], match["after"]) if sign)
    if not _mostly_numbers(counts, words):
        return None
    percent = signs["%"] > 0
    units = [sign for sign in signs if sign != "%"]
    currency = all(re.fullmatch(_CURRENCY, unit) for unit in units)
    if (percent and units) or (not currency and (len(units) > 1 or len(numbers) < _MANY)):
        return None
    if units and not currency and signs[units[0]] != len(numbers):
        return None
    marks = found_marks([numbers])
    thousands = marks.thousands or ("" if marks.decimal else _spaces(numbers))
    writing = Writing(tuple(units), thousands, marks.decimal or ".", percent)
    if not marks.decimal and not thousands and any("," in number for number in numbers):
        if units and currency:  # a price of 1,656: nobody writes three decimals of a currency
            writing = replace(writing, thousands=",")
        else:
            return None
    unread = [text for text in counts if text not in words and parsed(text, writing) is None]
    if unread:
        return None
    return writing, tuple(sorted(words))


def is_signed(text: str) -> bool:
    """True for a number with a currency or a percent sign."""
    match = _SIGNED.fullmatch(text.strip())
    if match is None:
        return False
    signs = [sign for sign in (match["before"], match["after"]) if sign]
    return any(sign == "%" or re.fullmatch(_CURRENCY, sign) for sign in signs)


def _mostly_numbers(counts: Mapping[str, int], words: Collection[str]) -> bool:
    """True if all texts are numbers, or all but a few words in a column of many numbers."""
    numbers = len(counts) - len(words)
    if not words:
        return numbers > 0
    if len(words) > 5 or 2 * sum(counts[word] for word in words) > sum(counts.values()):
        return False
    # Of 0, 1, 2 and 3+ the last is a group; few numbers beside a word may be groups too.
    known = all(word.strip().casefold() in _NO_VALUE for word in words)
    return not any(map(str.isdigit, "".join(words))) and numbers >= (3 if known else _MANY)


def _spaces(numbers: Iterable[str]) -> str:
    return " " if any(mark in number for number in numbers for mark in _SPACES) else ""


def _marks(thousands: str) -> str:
    """The characters that stand for a mark: there are several blanks and apostrophes."""
    return next((alike for alike in (_SPACES, "'’") if thousands and thousands in alike), thousands)


@lru_cache(maxsize=100)
def _pattern(thousands: str, decimal: str) -> re.Pattern[str]:
    group = f"[{re.escape(_marks(thousands))}]" if thousands else ""
    groups = rf"\d{{1,3}}(?:{group}\d{{3}})+|" if thousands else ""
    # 12,34,567 is how thousands are grouped in India.
    groups += rf"\d{{1,2}}(?:{group}\d{{2}})*{group}\d{{3}}|" if thousands else ""
    return re.compile(
        rf"(?P<whole>{groups}\d*)(?:{re.escape(decimal)}(?P<decimals>\d*))?(?P<power>[eE][-+]?\d+)?"
    )
