"""What a column of texts could be meant as."""

from __future__ import annotations

from collections import Counter

import pytest

from workbench.data.text_columns import are_dates, words_among_numbers


@pytest.mark.parametrize(
    ("texts", "dates"),
    [
        (["31.12.2024", "1.2.2023", "05.06.24"], True),
        (["2024-12-31", "2024-01-02 10:30", "2024-01-02T10:30:05.5Z"], True),
        (["12/31/2024 1:05 PM", "1/2/24"], True),
        (["12.05", "3.10"], False),
        (["1.234.567", "12.345.678"], False),
        (["Berlin", "31.12.2024"], False),
        (["192.168.0.1"], False),
        ([], False),
    ],
)
def test_dates(texts: list[str], dates: bool) -> None:
    assert are_dates(Counter(texts)) == dates


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({**{f"{n},5": 1 for n in range(50)}, "k.A.": 5}, ("k.A.",)),
        ({**{f"{n}": 1 for n in range(50)}, "-": 2, "n/v": 1}, ("-", "n/v")),
        ({**{f"{n}": 1 for n in range(50)}, "unknown": 40}, ()),
        ({"1": 50, "2": 50, "other": 1}, ()),
        ({f"{n}": 1 for n in range(50)}, ()),
        ({f"house {n}": 1 for n in range(50)}, ()),
    ],
)
def test_words_among_numbers(counts: dict[str, int], words: tuple[str, ...]) -> None:
    assert words_among_numbers(counts) == words
