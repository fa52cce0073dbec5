"""How long each part of a training's beginning took: where the time before the first step goes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class Timing:
    """Seconds by what they were spent on. What happens inside of another part is counted there as well."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Add the time that is spent inside to a part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[part] = self.seconds(part) + time.perf_counter() - began

    def seconds(self, part: str) -> float:
        """The seconds of a part; 0 for one that has not been."""
        return self._seconds.get(part, 0.0)

    def as_record(self) -> Mapping[str, float]:
        """The seconds of each part, to the millisecond, in the order in which they first ended."""
        return {part: round(seconds, 3) for part, seconds in self._seconds.items()}
