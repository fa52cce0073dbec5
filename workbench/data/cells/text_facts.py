"""Tell free text from names and categories, and how many words a recipe should use of it."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

from workbench.data.cells.texts import FIRST, divided
from workbench.recipe.columns import ROWS_OF_A_CATEGORY, is_no_category

_WORDS = 5  # in the mean: fewer are names, titles or addresses
_LOOKED_AT = 5_000  # texts
_TOKENS = (1_000, 2_000, 5_000, 10_000, 20_000)
_WHOLE, _LONGEST = 0.95, 500


def free_text(counts: Mapping[str, int], *, known: bool) -> dict[str, Any] | None:
    """What a recipe says under `text` to use a column: {tokens, length}. None where it is no free text.

    Args:
        counts: each text of the column, and how often it is there.
        known: whether the data itself says that it is.
    """
    rows_there = sum(counts.values())
    often = len(counts) * ROWS_OF_A_CATEGORY <= rows_there  # each is a category of its own
    if not counts or not (known or (is_no_category(len(counts), rows_there) and not often)):
        return None
    rows = [divided(text, "words", "lower_and_strip_punctuation") for text in islice(counts, _LOOKED_AT)]
    lengths = sorted(map(len, rows))
    if not known and sum(lengths) < _WORDS * len(lengths):
        return None
    words = Counter(chain.from_iterable(rows))
    repeated = FIRST + sum(count > 1 for count in words.values())
    tokens = _TOKENS[min(bisect.bisect_left(_TOKENS, repeated), len(_TOKENS) - 1)]
    whole = lengths[math.ceil(_WHOLE * len(lengths)) - 1]
    return {
        "tokens": _TOKENS[-1] if len(counts) > _LOOKED_AT else tokens,
        "length": min(max(whole, 1), _LONGEST),
    }
