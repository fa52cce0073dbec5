"""Bands around curves: where their dots are, what the legend says, on a logarithmic axis, and as text."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.storage.bands import Band, band_of
from workbench.tui.chart.as_text import bands_as_text
from workbench.tui.chart.bands import band_dots, band_series, texture_of
from workbench.tui.chart.canvas import ChartCanvas
from workbench.tui.views.scale import Scale

BAND = Band("Gate", (1, 2, 3, 4, 5), (6.0, 5.0, 4.0, 3.0, 2.0), (1.0, 1.0, 2.0, 0.5, 0.0), (3, 3, 3, 2, 1))


def rows_of(bits: int) -> list[int]:
    return [row for row in range(bits.bit_length()) if bits >> row & 1]


@pytest.mark.parametrize("number", range(8))
def test_dots_fill_the_band_and_nothing_else(number: int) -> None:
    """Against the straight lines between mean ± spread, by NumPy; a column of a steep edge is a step of some dots."""
    columns, rows = 81, 200
    _, edges = band_series(BAND)
    found = band_dots(edges, number, (1.0, 5.0), columns, rows, Scale(0.0, 8.0))
    x = np.linspace(1.0, 5.0, columns)
    mean, spread = np.array(BAND.mean), np.array(BAND.spread)
    top = (rows - 1) * (1 - np.interp(x, BAND.epochs, mean + spread) / 8.0)
    bottom = (rows - 1) * (1 - np.interp(x, BAND.epochs, mean - spread) / 8.0)
    for at in range(columns):
        lit = rows_of(found[at])
        assert all(top[at] - 4 <= row <= bottom[at] + 4 for row in lit), at
    share = sum(len(rows_of(bits)) for bits in found) / sum(bottom - top)
    assert 0.1 < share < 0.6  # neither empty nor a solid surface
    inside = [
        np.ptp(rows_of(bits)) / (b - t)
        for bits, t, b in zip(found, top, bottom, strict=True)
        if bits and b - t > 40
    ]
    assert max(inside) > 0.85  # from edge to edge


def test_textures_differ() -> None:
    assert len({texture_of(number) for number in range(8)}) == 8


def test_a_band_that_reaches_below_zero_goes_on_to_the_end_of_a_logarithmic_axis() -> None:
    _, edges = band_series(Band("a", (1, 2), (1.0, 1.0), (2.0, 2.0), (2, 2)))
    found = band_dots(edges, 1, (1.0, 2.0), 9, 40, Scale(-1.0, 1.0, log=True))
    assert max(rows_of(found[4])) >= 36  # texture 1: upright lines in every fourth column


async def test_the_y_axis_has_room_for_the_band_and_the_legend_its_spread(open_app) -> None:
    async with open_app(mode="runs") as pilot:
        chart = ChartCanvas("val_loss")
        await pilot.app.screen.mount(chart)
        mean, edges = band_series(BAND)
        chart.add_series("Gate", series=mean, edges=edges)
        chart.cursor = 3.0
        chart._draw(80, 20)
        text = "\n".join("".join(row) for row in chart._grid.glyphs)
        assert f"{texture_of(0)} Gate 4 ± 2" in text
        labels = [float(line.split("┤")[0]) for line in text.splitlines() if "┤" in line]
        assert max(labels) >= 6.0
        assert min(labels) <= 2.0


def test_bands_as_text() -> None:
    random = np.random.default_rng(0)
    runs = {
        name: [{e: float(v) for e, v in enumerate(level + random.normal(size=20), 1)} for _ in range(4)]
        for name, level in (("Gate", 5.0), ("Dense", 9.0))
    }
    bands = [band_of(name, own) for name, own in runs.items()]
    lines = bands_as_text(bands, "val_loss")
    assert lines[0].startswith("val_loss by epoch: mean ± standard deviation")
    last = {name: [run[20] for run in own] for name, own in runs.items()}
    for name, values in last.items():
        assert f"{name} {np.mean(values):.4g} ± {np.std(values, ddof=1):.2g}" in lines[1]
    assert all(len(line) <= 78 for line in lines)
    assert lines[-1].split()[-1] == "20"
    assert "log" not in lines[0]
    far = Band("far", (1, 2), (1000.0, 1.0), (1.0, 0.5), (2, 2))
    assert bands_as_text([far], "loss")[0].endswith("log")
    assert bands_as_text([], "loss") == []
