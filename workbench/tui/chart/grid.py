"""A grid of terminal cells, each with a glyph and the code of its style."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len

_RUNS = re.compile(rb"(.)\1*", re.DOTALL)


class Grid:
    """`height` rows of `width` cells, blank at first. Style codes are 0 … 255; 0 is the plain background."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.glyphs = [[" "] * width for _ in range(height)]
        self.codes = [bytearray(width) for _ in range(height)]

    def put(self, x: int, y: int, text: str, code: int) -> int:
        """Write text from cell (x, y) on, cut at the edges. Returns the cell after it."""
        if not 0 <= y < self.height:
            return x
        glyphs, codes = self.glyphs[y], self.codes[y]
        end = x + len(text)
        if x >= 0 and end <= self.width and text.isascii():
            glyphs[x:end] = text
            codes[x:end] = bytes((code,)) * len(text)
            return end
        for glyph in text:
            size = cell_len(glyph)
            if size == 0:
                if 0 < x <= self.width:
                    glyphs[x - 1] += glyph
                continue
            if x >= 0 and x + size <= self.width:
                glyphs[x], codes[x] = glyph, code
                if size == 2:
                    glyphs[x + 1], codes[x + 1] = "", code
            x += size
        return x

    def runs(self, y: int) -> Iterator[tuple[str, int]]:
        """One row as stretches of text with one style code each."""
        glyphs = self.glyphs[y]
        for run in _RUNS.finditer(self.codes[y]):
            start, stop = run.span()
            yield "".join(glyphs[start:stop]), run[0][0]
