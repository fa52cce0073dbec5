"""The data that a drawing of a chart depends on, the style codes of its cells, and the position of its plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.tui.chart.bands import Edges, texture_of
from workbench.tui.chart.braille import Shape
from workbench.tui.chart.view import Window
from workbench.tui.views.series import Series

COLOURS = 8

# Style codes of cells; the widget gives each its style. Series i has SERIES + i, its raw curve behind a
# smoothed one RAW + i. A code plus CURSOR is in the column of the cursor.
PLAIN, TITLE, NAME, VALUE, AXIS, LABEL, GRID_LINE, MARK, NOTICE, EMPTY, POINTER = range(11)
SERIES = 16
RAW = SERIES + COLOURS
CURSOR = 64

EVENT_GLYPHS = {"nan": "×", "learning_rate": "η", "checkpoint": "◆"}
"""Kinds of event marks, most important first, and their glyphs. Any other kind is drawn as `•`."""
OTHER_EVENT = "•"


@dataclass(frozen=True)
class Curve:
    """A series and how it looks: `colour` counts from 0 to 7. `is_level` for a level line that others are compared
    with. `edges` are those of the band around it, where it has one."""

    series: Series
    colour: int
    shape: Shape
    is_level: bool = False
    edges: Edges | None = None

    @property
    def legend(self) -> str:
        """Cells that look like the line, and like its band."""
        return self.shape.legend if self.edges is None else f"{self.shape.legend}{texture_of(self.colour)}"


@dataclass(frozen=True, order=True)
class EventMark:
    """Something that happened at x: a checkpoint, a new learning rate, a NaN."""

    x: float
    kind: str
    text: str = ""

    @property
    def glyph(self) -> str:
        return EVENT_GLYPHS.get(self.kind, OTHER_EVENT)

    @property
    def rank(self) -> int:
        """0 for the kind that matters most where several fall into one cell."""
        return list(EVENT_GLYPHS).index(self.kind) if self.kind in EVENT_GLYPHS else len(EVENT_GLYPHS)


@dataclass(frozen=True)
class Picture:
    """All that a drawing depends on. `window` is None while there is no data; `marks` are sorted by x."""

    title: str
    curves: Sequence[Curve]
    marks: Sequence[EventMark]
    window: Window | None
    log: bool
    smoothing: float
    cursor: float | None
    notices: Sequence[str]
    empty: str
    clip: bool = False


@dataclass(frozen=True)
class Plot:
    """The position of the plot on the grid, in cells, and the x range it shows."""

    left: int
    top: int
    width: int
    height: int
    window: Window

    def x_at(self, cell: float) -> float:
        """The x at a horizontal cell position of the grid (the middle of the cell)."""
        start, end = self.window
        share = (cell - self.left + 0.25) / max(self.width - 0.5, 0.5)
        return start + (end - start) * min(max(share, 0.0), 1.0)

    def cell_at(self, x: float) -> int | None:
        """The horizontal cell that shows x; None where it is outside the window."""
        start, end = self.window
        if not start <= x <= end:
            return None
        return self.left + int((x - start) / (end - start) * (self.width * 2 - 1) + 0.5) // 2
