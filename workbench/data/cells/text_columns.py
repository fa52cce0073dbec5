"""What a column of texts could be meant as: numbers with a word for no value among them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SHARE = 0.8  # of the values: the others are words among numbers
_MOST_WORDS = 5  # different words among numbers; more are texts of their own
_NUMBER = re.compile(r"[-+]?(\d[\d.,'\u2019 ]*|[.,]\d+)([eE][-+]?\d+)?\s*%?")


def words_among_numbers(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The few texts that are no numbers in a column where nearly all are; nothing where there are many of them.

    Args:
        counts: each text of the column, and how often it is there.
    """
    words = {text: count for text, count in counts.items() if not _NUMBER.fullmatch(text.strip())}
    total = sum(counts.values())
    numbers = len(counts) - len(words)
    if not 0 < len(words) <= _MOST_WORDS or numbers < 3 or sum(words.values()) > (1 - _SHARE) * total:
        return ()
    return tuple(sorted(words))
