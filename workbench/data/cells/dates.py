"""Dates and times: how they are written, and the numbers that are made of them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any

import numpy as np

from workbench.recipe.options.columns import ISO, PERIODS, UNIX

_MICROSECONDS = "datetime64[us]"
_DAY = 86_400_000_000  # microseconds

_MONTHS = {name.casefold(): "%b" for name in calendar.month_abbr if name}
_MONTHS |= {name.casefold(): "%B" for name in calendar.month_name if name}
_WEEKDAYS = {name.casefold(): "%a" for name in calendar.day_abbr} | {
    name.casefold(): "%A" for name in calendar.day_name
}
_TIME = re.compile(r"\d{1,2}:\d{2}(?P<seconds>:\d{2}(?P<part>\.\d{1,6})?)?(?P<half>\s*[AaPp][Mm]\b)?")
_TOKEN = re.compile(r"\d+|[^\W\d_]+|.", re.DOTALL)
_FIRST = 20
_ENOUGH = 200


class Undecided(ValueError):
    """Dates of which it is not known which number is the day; `formats` are those that fit."""

    def __init__(self, formats: Sequence[str]) -> None:
        super().__init__("day or month first")
        self.formats = tuple(formats)


def parsed(text: str, form: str) -> np.datetime64 | None:
    """A date as UTC, or as it is written where it names no time zone; None where it is no date of this form."""
    text = text.strip()
    try:
        if form == UNIX:
            return np.datetime64(round(float(text) * 1_000_000), "us")
        if form == ISO:
            if not ("-" in text or ":" in text):  # 20200131 is rather a number
                return None
            found = datetime.fromisoformat(text)
        else:
            found = datetime.strptime(text, form)
    except (ValueError, OverflowError):
        return None
    return as_datetime64(found)


def as_datetime64(value: date | time) -> np.datetime64:
    """A Python date, time or both; times of day are of the first of January 1970."""
    if isinstance(value, time):
        value = datetime.combine(date(1970, 1, 1), value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(value, "us")


def found_format(texts: Collection[str]) -> str | None:
    """The form that all of the texts have; None if they are no dates.

    Raises:
        Undecided: they may be days and months in either order.
    """
    texts = [text.strip() for text in texts]
    formats = possible_formats(texts[0]) if texts else []
    for some in (texts[:_FIRST], texts[_FIRST:]):
        formats = [form for form in formats if _all_are(some, form)]
    if not formats:
        return None
    first = formats[0]
    swapped = _swapped(first)
    if swapped != first and swapped in formats:
        days = {form: {str(parsed(text, form))[8:10] for text in texts} for form in (first, swapped)}
        # In monthly data one of the two numbers is always the same: the day.
        constant = [form for form, seen in days.items() if len(seen) == 1]
        if len(constant) != 1 or len(texts) < 4:
            raise Undecided((first, swapped))
        return constant[0]
    return first


def mostly_dates(texts: Collection[str]) -> tuple[str, str, str] | None:
    """Where most of the texts are dates, but not all: their form, one of them, and one that is none.

    Args:
        texts: the different texts of a column; the first are enough to know.
    """
    tried = list(islice(texts, _ENOUGH))
    forms = list(dict.fromkeys(form for text in tried[:_FIRST] for form in possible_formats(text.strip())))
    if not forms:
        return None
    fitting = {form: [text for text in tried if parsed(text, form) is not None] for form in forms}
    form = max(fitting, key=lambda form: len(fitting[form]))
    if 2 * len(fitting[form]) <= len(tried):
        return None
    odd = next((text for text in texts if parsed(text, form) is None), None)
    return None if odd is None else (form, fitting[form][0], odd)


def date_text(text: str, form: str) -> str:
    """How a date is understood, for people: `2 January 2020`."""
    value = parsed(text, form)
    return "" if value is None else value.astype(datetime).strftime("%-d %B %Y")


def short_text(value: np.datetime64) -> str:
    """A date as 2020-12-31, with its time where it has one."""
    text = str(value.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00")


def possible_formats(text: str) -> list[str]:
    """The forms that a text may have as a date; none where it does not look like one."""
    if not 4 <= len(text) <= 40 or not any(map(str.isdigit, text)):
        return []
    iso = [ISO] if parsed(text, ISO) is not None else []
    match = _TIME.search(text)
    if match is None:
        return [*iso, *_day_formats(text)]
    clock = "%I:%M" if match["half"] else "%H:%M"
    clock += (":%S" if match["seconds"] else "") + (".%f" if match["part"] else "")
    if match["half"]:
        clock += f"{' ' if match['half'][0].isspace() else ''}%p"
    before, after = text[: match.start()], text[match.end() :]
    if not before.strip() and not after.strip():
        return [*iso, clock]
    if after.strip() and before.strip():  # Sat Nov 6 10:30:00 1999
        mark = "\0"
        return [*iso, *(form.replace(mark, clock) for form in _day_formats(f"{before}{mark}{after}"))]
    days = _day_formats(before.rstrip(" T,")) if before.strip() else _day_formats(after.strip())
    between = before[len(before.rstrip(" T,")) :]
    return [*iso, *(f"{day}{between}{clock}" if before.strip() else f"{clock} {day}" for day in days)]


def _day_formats(text: str) -> list[str]:
    """The forms of a day, a month or a year with their months' names, without a time."""
    made: list[str] = []
    slots: list[int] = []  # the places of numbers of one or two digits
    for token in _TOKEN.findall(text):
        if token.isdigit():
            if len(token) not in (1, 2, 4):
                return []
            if len(token) < 4:
                slots.append(len(made))
            made.append("%Y")
        elif token.isalpha():
            known = _MONTHS.get(token.casefold()) or _WEEKDAYS.get(token.casefold())
            if known is None:
                return []
            made.append(known)
        else:
            made.append("%%" if token == "%" else token)
    years = made.count("%Y") - len(slots)
    named = len({"%b", "%B"} & set(made))
    if years > 1 or named > 1:
        return []
    year_first = years == 1 and slots and made.index("%Y") < slots[0]
    orders = {
        (1, 1, 1): ["d"],
        (1, 0, 2): ["md"] if year_first else ["dm"] if "." in made else ["md", "dm"],
        (1, 0, 1): ["m"],
        (1, 1, 0): [""],
        (0, 1, 2): ["dy", "yd"],
        (0, 1, 1): ["y"],
        (0, 0, 3): ["dmy"] if "." in made else ["mdy", "dmy", "ymd"],
    }.get((years, named, len(slots)), [])
    if not named and not {"-", "/", "."} & set(made):  # 2020 alone, or 12 2020
        return []
    found = []
    for order in orders:
        parts = list(made)
        for at, part in zip(slots, order, strict=True):
            parts[at] = f"%{part}"
        found.append("".join(parts))
        if "may" in text.casefold():  # the short name and the long one
            found.append(found[-1].replace("%B", "%b"))
    return found


def _swapped(form: str) -> str:
    return form.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")


def _all_are(texts: Iterable[str], form: str) -> bool:
    return all(parsed(text, form) is not None for text in texts)


def features(values: np.ndarray, parts: Sequence[str], cyclic: Collection[str]) -> np.ndarray:
    """The numbers of dates, (rows, columns) float64, NaN where there is no date.

    Args:
        values: (rows,) datetime64 of microseconds.
        parts: see `workbench.recipe.options.columns.DatePart`.
        cyclic: those of them that become a sine and a cosine.
    """
    missing = np.isnat(values)
    known = np.where(missing, np.datetime64(0, "us"), values)
    made: list[np.ndarray] = []
    for part in parts:
        numbers = _part(known, part)
        if part in cyclic:
            angle = 2 * np.pi * numbers / PERIODS[part]
            made += [np.sin(angle), np.cos(angle)]
        else:
            made.append(numbers)
    matrix = np.stack(made, axis=1)
    matrix[missing] = np.nan
    return matrix


def feature_names(name: str, parts: Sequence[str], cyclic: Collection[str]) -> tuple[str, ...]:
    """The names of the columns of `features`."""
    return tuple(
        f"{name}.{part}{end}" for part in parts for end in ((".sin", ".cos") if part in cyclic else ("",))
    )


def _part(values: np.ndarray, part: str) -> np.ndarray:
    days = values.astype("datetime64[D]")
    of_day = (values - days).astype(np.int64)
    months = values.astype("datetime64[M]").astype(np.int64)
    match part:
        case "year":
            found: Any = months // 12 + 1970
        case "quarter":
            found = months % 12 // 3 + 1
        case "month":
            found = months % 12 + 1
        case "day":
            found = (days - values.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1
        case "weekday":
            found = (days.astype(np.int64) + 3) % 7
        case "week":
            found = _iso_week(days)
        case "yearday":
            found = (days - values.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
        case "hour":
            found = of_day // 3_600_000_000
        case "minute":
            found = of_day // 60_000_000 % 60
        case "second":
            found = of_day / 1e6 % 60
        case _:  # days
            found = values.astype(np.int64) / _DAY
    return np.asarray(found, np.float64)


def _iso_week(days: np.ndarray) -> np.ndarray:
    """The week of the year by ISO 8601: that of its Thursday."""
    number = days.astype(np.int64)
    thursday = number - (number + 3) % 7 + 3
    thursdays = thursday.astype("datetime64[D]")
    start = thursdays.astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return (thursday - start) // 7 + 1
