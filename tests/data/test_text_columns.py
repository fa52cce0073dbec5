"""What a column of texts could be meant as."""

from __future__ import annotations

import pytest

from workbench.data.cells.text_columns import words_among_numbers


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
