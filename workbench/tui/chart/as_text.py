"""A chart of bands as lines of text, for the command line and for a log: the app's chart, without its colours."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.storage.bands import Band
from workbench.tui.chart.bands import SHAPES_OF_MEANS, band_series
from workbench.tui.chart.braille import SHAPES
from workbench.tui.chart.grid import Grid
from workbench.tui.chart.model import COLOURS, Curve, Picture
from workbench.tui.chart.picture import draw
from workbench.tui.chart.view import View

LOG_FROM = 20.0  # how many times the lowest mean the highest is, where the axis becomes logarithmic


def bands_as_text(bands: Sequence[Band], title: str, *, width: int = 78, height: int = 18) -> list[str]:
    """A curve of each mean with the band of one standard deviation around it; no lines where there is no band."""
    if not bands:
        return []
    means = [mean for band in bands for mean in band.mean]
    is_log = min(means) > 0 and max(means) > LOG_FROM * min(means)
    curves = []
    for at, band in enumerate(bands):
        series, edges = band_series(band)
        shape = SHAPES[SHAPES_OF_MEANS[at % len(SHAPES_OF_MEANS)]]
        curves.append(Curve(series, at % COLOURS, shape, edges=edges))
    ends = float(min(band.epochs[0] for band in bands)), float(max(band.epochs[-1] for band in bands))
    grid = Grid(width, height)
    draw(
        grid,
        Picture(
            title=f"{title} by epoch: mean ± standard deviation",
            curves=curves,
            marks=(),
            window=View().window(ends),
            log=is_log,
            smoothing=0.0,
            cursor=None,
            notices=["log"] if is_log else [],
            empty="",
        ),
    )
    return ["".join(row).rstrip() for row in grid.glyphs]
