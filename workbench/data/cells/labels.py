"""Several labels in a cell, such as `Drama, Comedy`: a number for each label, 1 where the cell has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np


def divided(text: str | None, separator: str) -> list[str]:
    """The labels of a cell; a blank one has none."""
    return [label for part in (text or "").split(separator) if (label := part.strip())]


def counted(counts: Mapping[str, int], separator: str) -> Counter[str]:
    """How many rows have each label, from how many rows have each text."""
    labels: Counter[str] = Counter()
    for text, rows in counts.items():
        labels.update(dict.fromkeys(divided(text, separator), rows))
    return labels


def encoded(texts: np.ndarray, labels: tuple[str, ...], separator: str) -> tuple[np.ndarray, dict[str, str]]:
    """The labels of each row, (rows, labels) float32, and for each text with unknown labels the first of those."""
    places = {label: at for at, label in enumerate(labels)}
    different, codes = np.unique(np.array([text or "" for text in texts], dtype=str), return_inverse=True)
    rows = np.zeros((len(different), len(labels)), np.float32)
    unknown: dict[str, str] = {}
    for row, text in zip(rows, different.tolist(), strict=True):
        for label in divided(text, separator):
            if label in places:
                row[places[label]] = 1.0
            else:
                unknown.setdefault(text, label)
    return rows[codes], unknown
