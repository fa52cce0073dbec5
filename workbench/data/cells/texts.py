"""Texts as whole numbers, one for each word or character: the same numbers as Keras' `TextVectorization` gives.

0 fills a text up to its length, 1 stands for a word that is not among those of the training part, the others are
numbered from 2 by how often they are there. It is done in bytes and changes ASCII letters and punctuation only, as in
TensorFlow.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, repeat
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from workbench.data.records import Record
from workbench.recipe.options.data import Standardize, TextOptions

PADDING, UNKNOWN = 0, 1
FIRST = 2  # the number of the most frequent word

_LOWER = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_MARKS = string.punctuation.encode()
_WHOLE = 0.95  # of the training texts are whole where the length is left open
_LONGEST = {"words": 500, "characters": 1000}
# What Keras gives the numbers 0 and 1 is never a word of its own.
_SPECIAL = ("", "[UNK]")


class TextInput(Record):
    """An input of (rows, length) whole numbers: the words of a column of texts."""

    kind: Literal["text"] = "text"
    name: str
    column: str
    vocabulary: tuple[str, ...]
    length: Annotated[int, Field(ge=1)]
    split: Literal["words", "characters"] = "words"
    standardize: Standardize = "lower_and_strip_punctuation"

    @model_validator(mode="after")
    def _names_each_once(self) -> TextInput:
        if len(set(self.vocabulary)) != len(self.vocabulary):
            raise ValueError("a word is in the vocabulary twice")
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def dtype(self) -> Literal["int32"]:
        return "int32"

    @property
    def column_names(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def columns_of_text(self) -> tuple[()]:
        """The columns of categories: none."""
        return ()

    @property
    def tokens(self) -> int:
        """How many different numbers there are: the size of an `Embedding`."""
        return FIRST + len(self.vocabulary)

    @cached_property
    def numbers(self) -> Mapping[str | bytes, int]:
        """The number of each word, as `divided` gives it."""
        words = self.vocabulary
        return {word.encode() if self.split == "words" else word: FIRST + at for at, word in enumerate(words)}


def divided(text: str, split: str, standardize: str) -> Sequence[bytes] | Sequence[str]:
    """The words (in bytes) or the characters of a text."""
    data = text.encode("utf-8", "replace")
    lower = standardize in ("lower", "lower_and_strip_punctuation")
    strip = standardize in ("strip_punctuation", "lower_and_strip_punctuation")
    data = data.translate(_LOWER if lower else None, _MARKS if strip else b"")
    return data.split() if split == "words" else data.decode("utf-8", "replace")


def encode_texts(spec: TextInput, texts: Iterable[str | None]) -> np.ndarray:
    """The numbers of texts: (rows, length) int32. A missing text has no word."""
    numbers, length = spec.numbers, spec.length
    rows = [divided(text or "", spec.split, spec.standardize)[:length] for text in texts]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    encoded = np.full((len(rows), length), PADDING, dtype=np.int32)
    words: Iterable[str | bytes] = chain.from_iterable(rows)
    found = map(numbers.get, words, repeat(UNKNOWN))
    encoded[np.arange(length) < lengths[:, None]] = np.fromiter(found, np.int32, int(lengths.sum()))
    return encoded


class WordCounts:
    """The words of a column's texts in each part of the data, gathered from rows at once or chunk by chunk.

    Args:
        parts: how many parts there are; the first is the training part.
    """

    def __init__(self, column: str, options: TextOptions, parts: int = 3) -> None:
        self.column = column
        self.options = options
        self._words: list[Counter[str | bytes]] = [Counter() for _ in range(parts)]
        self._lengths: Counter[int] = Counter()  # of the training texts

    def add(self, texts: np.ndarray, parts: np.ndarray) -> None:
        """Take in texts (rows,), each of the part that `parts` says."""
        for part, words in enumerate(self._words):
            rows = [
                divided(text or "", self.options.split, self.options.standardize)
                for text in texts[parts == part]
            ]
            words.update(chain.from_iterable(rows))
            if part == 0:
                self._lengths.update(map(len, rows))

    def fit(self, name: str) -> TextInput:
        """The input that these texts are for."""
        counts = [(count, word) for word, count in self._words[0].items() if _shown(word) not in _SPECIAL]
        counts.sort(reverse=True)  # words that are there as often: in Keras' order, backwards
        return TextInput(
            name=name,
            column=self.column,
            vocabulary=tuple(_shown(word) for _, word in counts[: self.options.tokens - FIRST]),
            length=self.options.length or self._usual_length(),
            split=self.options.split,
            standardize=self.options.standardize,
        )

    def unknown(self, spec: TextInput, part: int) -> float | None:
        """The share of a part's words that are unknown to an input; None where it has no words."""
        words = self._words[part]
        total = words.total()
        known = spec.numbers
        return sum(count for word, count in words.items() if word not in known) / total if total else None

    def about(self, spec: TextInput) -> str:
        """What was fitted, in one line for people."""
        noun = spec.split
        texts = self._lengths.total()
        cut = sum(count for length, count in self._lengths.items() if length > spec.length)
        without = self._lengths[0]
        different = len(self._words[0])
        kept = (
            ""
            if len(spec.vocabulary) >= different
            else f", the {len(spec.vocabulary):,} most frequent are known"
        )
        shares = [
            f"{share:.1%} of those in the {name} part are unknown"
            for part, name in enumerate(("training", "validation", "test"))
            if (share := self.unknown(spec, part)) is not None and (part or share)
        ]
        parts = [
            f"'{spec.column}': {different:,} different {noun} in the training part{kept}",
            *shares,
            f"length {spec.length}" + (f", {cut / texts:.1%} of the texts are cut" if cut else ""),
            *([f"{without:,} of {texts:,} texts have no {noun}"] if without else []),
        ]
        return "; ".join(parts)

    def _usual_length(self) -> int:
        total, seen = self._lengths.total(), 0
        for length in sorted(self._lengths):
            seen += self._lengths[length]
            if seen >= _WHOLE * total:
                return min(max(length, 1), _LONGEST[self.options.split])
        return 1


def _shown(word: str | bytes) -> str:
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else word
