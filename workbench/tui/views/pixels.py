"""Pictures as cells of a terminal: half blocks in colours, or shades in a terminal's own colours."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

_SHADES = " .:-=+*#%@"
_HALF = "▀"


@dataclass(frozen=True)
class Pixels:
    """A small picture: rows of (red, green, blue), each from 0 to 255."""

    rows: tuple[tuple[tuple[int, int, int], ...], ...]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Pixels:
        """From `thumbnail`, as the worker answers it."""
        data, width = base64.b64decode(record["pixels"]), int(record["width"])
        points = [(data[at], data[at + 1], data[at + 2]) for at in range(0, len(data), 3)]
        return cls(tuple(tuple(points[at : at + width]) for at in range(0, len(points), width)))

    def enlarged(self, width: int, height: int) -> Pixels:
        """As many times larger, by a whole number, as fits into so many pixels."""
        times = max(1, min(width // max(1, len(self.rows[0])), height // max(1, len(self.rows))))
        if times == 1:
            return self
        wide = [tuple(point for point in row for _ in range(times)) for row in self.rows]
        return Pixels(tuple(row for row in wide for _ in range(times)))


def lines(picture: Pixels, *, shades: bool) -> list[list[Segment]]:
    """The cells of a picture, two rows of pixels in each line.

    Args:
        shades: whether characters of more or less ink stand for bright and dark, without any colour.
    """
    rows: Sequence[Sequence[tuple[int, int, int]]] = picture.rows
    found = []
    for top in range(0, len(rows), 2):
        upper, lower = rows[top], rows[top + 1] if top + 1 < len(rows) else None
        if shades:
            found.append([Segment("".join(_shade(at, upper, lower) for at in range(len(upper))))])
        else:
            found.append(
                [
                    Segment(_HALF, _style(point, lower[at] if lower else None))
                    for at, point in enumerate(upper)
                ]
            )
    return found


def _shade(
    at: int, upper: Sequence[tuple[int, int, int]], lower: Sequence[tuple[int, int, int]] | None
) -> str:
    points = [upper[at], *([lower[at]] if lower else [])]
    light = sum(0.299 * red + 0.587 * green + 0.114 * blue for red, green, blue in points) / len(points)
    return _SHADES[min(int(light / 256 * len(_SHADES)), len(_SHADES) - 1)]


@lru_cache(4096)
def _style(upper: tuple[int, int, int], lower: tuple[int, int, int] | None) -> Style:
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower) if lower is not None else None)
