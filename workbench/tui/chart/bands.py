"""Bands around curves: textures of dots, so that bands over each other differ without colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.storage.bands import Band
from workbench.tui.chart.braille import GLYPHS, cell_dots, trace
from workbench.tui.chart.view import Window
from workbench.tui.views.fitting import printable
from workbench.tui.views.scale import Scale
from workbench.tui.views.series import Series

_PERIOD = 4  # dot columns, and dot rows, after which a texture repeats

# Of each texture four dot columns; of each column four bits, bit r for dot row r from the top.
_TEXTURES: Sequence[tuple[int, int, int, int]] = (
    (0b0101, 0b0000, 0b1010, 0b0000),  # points
    (0b1111, 0b0000, 0b0000, 0b0000),  # upright lines
    (0b0001, 0b0010, 0b0100, 0b1000),  # lines that fall
    (0b1000, 0b0100, 0b0010, 0b0001),  # lines that rise
    (0b0001, 0b0001, 0b0001, 0b0001),  # level lines
    (0b0101, 0b1010, 0b0101, 0b1010),  # a chessboard
    (0b0011, 0b0000, 0b0000, 0b0000),  # upright dashes
    (0b0001, 0b0001, 0b0000, 0b0000),  # level dashes
)
SHAPES_OF_MEANS = ("circles", "rings", "squares", "triangles", "solid", "dashed", "dash-dot", "dotted")
"""Shapes of `braille.SHAPES` for the curves in bands: first those that are not taken for a texture of dots."""
_REPEATED = int("0001" * 256, 2)  # a column's four bits, over as many rows as any chart has


@dataclass(frozen=True)
class Edges:
    """The lower and the upper edge of a band, with one sample at each of the x of the curve in it."""

    lower: Series
    upper: Series

    def spread(self, index: int) -> float:
        """Half of the height at a sample."""
        return (self.upper.value(index) - self.lower.value(index)) / 2


def band_series(band: Band) -> tuple[Series, Edges]:
    """The mean as a curve, and the band around it."""
    name = printable(band.name)
    mean, edges = Series(name), Edges(Series(name), Series(name))
    for epoch, middle, spread in zip(band.epochs, band.mean, band.spread, strict=True):
        mean.append(float(epoch), middle)
        edges.lower.append(float(epoch), middle - spread)
        edges.upper.append(float(epoch), middle + spread)
    return mean, edges


def texture_of(number: int) -> str:
    """Two cells with the texture of a band, for a legend."""
    columns = _TEXTURES[number % len(_TEXTURES)]
    cells = [cell_dots(columns[at], columns[at + 1]) for at in (0, 2)]
    return "".join(GLYPHS[dots] for dots in cells)


def band_dots(
    edges: Edges, number: int, window: Window, columns: int, rows: int, scale: Scale
) -> Sequence[int]:
    """The dots of a band: a bit set of dot rows for each dot column.

    Args:
        number: of the curve; says which texture.
    """
    upper = trace(edges.upper, window, columns, rows, scale).columns
    lower = trace(edges.lower, window, columns, rows, scale).columns
    texture = [bits * _REPEATED for bits in _TEXTURES[number % len(_TEXTURES)]]
    found = []
    for column, (above, below) in enumerate(zip(upper, lower, strict=True)):
        if not above:
            found.append(0)
            continue
        top = (above & -above).bit_length() - 1
        bottom = (
            below.bit_length() - 1 if below else rows - 1
        )  # below 0: a logarithmic axis has no place for it
        filled = ((1 << (bottom - top + 1)) - 1) << top if bottom >= top else 0
        found.append(filled & texture[column % _PERIOD])
    return found
