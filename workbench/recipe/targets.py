"""Names that columns to be learned often have."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NAMES = (
    *("target", "label", "labels", "class", "y", "price", "preis", "outcome", "species"),
    *(
        "output",
        "result",
        "diagnosis",
        "kaufpreis",
        "ziel",
        "klasse",
        "quality",
        "survived",
        "churn",
        "sales",
        "salary",
        "wage",
        "default",
        "purchase",
        "winner",
        "direction",
        "mpg",
        "medv",
    ),
)
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def called_like_a_target(names: Sequence[str]) -> str | None:
    """The column that is called like a target (`Price`), else one with such a word in its name (`price_eur`,
    `SalePrice`)."""
    for wanted in _NAMES:
        for name in names:
            if name.casefold() == wanted:
                return name
    for wanted in _NAMES:
        for name in names:
            if len(wanted) > 1 and wanted in [part.casefold() for part in _PART.findall(name)]:
                return name
    return None
