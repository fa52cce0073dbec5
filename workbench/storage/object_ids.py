"""Numbers in place of memory addresses, by which Keras marks the objects that parts of a model share.

Keras writes `id(object)` into the configuration, which is another in every process: of two equal trainings no two
files would be equal. All that loading asks of the mark is that the same object has the same one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras.src.saving import serialization_lib  # whose one use of `id` is that mark


@contextmanager
def numbered_objects() -> Iterator[None]:
    """While inside, objects that Keras saves are numbered in the order in which they are met."""
    numbers: dict[int, int] = {}

    def number(found: Any) -> int:
        return numbers.setdefault(id(found), len(numbers) + 1)

    serialization_lib.id = number
    try:
        yield
    finally:
        del serialization_lib.id
