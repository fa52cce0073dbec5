"""What a chart's axes show: outliers cut off or not, whole epochs; and how charts lie beside one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from workbench.tui.chart.braille import SHAPES
from workbench.tui.chart.grid import Grid
from workbench.tui.chart.model import SERIES, Curve, Picture
from workbench.tui.chart.picture import draw
from workbench.tui.screens.train.chart_grid import LEAST_HEIGHT, LEAST_WIDTH, best_columns
from workbench.tui.views.series import Series


def drawn(
    samples: list[tuple[float, float]], window: tuple[float, float], beside: Sequence[Curve] = (), **settings
) -> list[str]:
    series = Series("loss")
    series.extend(samples)
    grid = Grid(60, 14)
    picture = Picture(
        title="loss", curves=[Curve(series, 0, SHAPES["solid"]), *beside], marks=[], window=window, smoothing=0.0,
        cursor=None, notices=[], empty="", **({"log": False} | settings),
    )  # fmt: skip
    draw(grid, picture)
    return ["".join(row) for row in grid.glyphs]


def labels(rows: list[str]) -> list[float]:
    """The numbers at the y axis."""
    return [float(row[:7]) for row in rows if row[7:8] == "┤" and row[:7].strip()]


SPIKED = [(float(x), 1.0 + math.sin(x / 9.0) + (5e6 if x == 70 else 0.0)) for x in range(200)]


@pytest.mark.parametrize("log", [False, True])
def test_a_spike_does_not_flatten_a_clipped_axis(log: bool) -> None:
    samples = [(x, y + 0.5) for x, y in SPIKED]
    free = labels(drawn(samples, (0.0, 199.0), log=log))
    clipped = labels(drawn(samples, (0.0, 199.0), log=log, clip=True))
    assert max(free) >= 1e5
    assert 0.4 < min(clipped) <= max(clipped) < 3.0
    assert len(clipped) >= 2


def test_what_is_cut_off_is_drawn_at_the_edge() -> None:
    samples = [(float(x), 1e308 if x == 50 else -1e308 if x == 80 else float(x % 3)) for x in range(120)]
    rows = drawn(samples, (0.0, 119.0), clip=True)
    plot = [row[8:] for row in rows[1:-2]]
    at = {x: 8 + int(x / 119 * (52 * 2 - 1) + 0.5) // 2 for x in (50, 80)}
    assert all(row[at[50] - 8] not in " ·" for row in plot[:3])  # up to the top
    assert all(row[at[80] - 8] not in " ·" for row in plot[-3:])  # down to the bottom


def test_a_level_line_lies_behind_the_curves() -> None:
    curve, line = Series("loss"), Series("a guess")
    for series, height in ((curve, 1.0), (line, 1.0)):
        series.extend([(0.0, height), (9.0, height)])
    grid = Grid(60, 14)
    curves = [Curve(curve, 0, SHAPES["solid"]), Curve(line, 3, SHAPES["solid"], is_level=True)]
    draw(
        grid,
        Picture(title="loss", curves=curves, marks=[], window=(0.0, 9.0), log=False, smoothing=0.0, cursor=None,
                notices=[], empty=""),
    )  # fmt: skip
    plot = [code for row in grid.codes[2:12] for code in row[10:50]]
    assert SERIES in plot
    assert SERIES + 3 not in plot


@pytest.mark.parametrize("log", [False, True])
def test_a_level_line_stretches_the_axis_only_so_far(log: bool) -> None:
    top = 10.0 if log else 2.0
    samples = [(0.0, top), (1.0, 1.0 if log else 0.0)]

    def highest(level: float) -> float:
        line = Series("guess")
        line.extend([(0.0, level), (1.0, level)])
        return max(
            labels(drawn(samples, (0.0, 1.0), log=log, beside=[Curve(line, 3, SHAPES["rings"], True)]))
        )

    near = 90.0 if log else 4.0
    assert top < highest(near) <= near
    assert highest(1000.0) <= top
    far = Series("guess")
    far.extend([(0.0, 1000.0), (1.0, 1000.0)])
    rows = drawn(samples, (0.0, 1.0), log=log, beside=[Curve(far, 3, SHAPES["rings"], True)])
    assert "1000" in rows[0]  # in the legend
    assert not any("○" in row for row in rows[1:])


def test_nothing_is_cut_from_a_few_values() -> None:
    few = [(1.0, 1.0), (2.0, 2.0), (3.0, 900.0)]
    assert drawn(few, (1.0, 3.0), clip=True) == drawn(few, (1.0, 3.0))


def test_values_that_are_not_finite_do_not_count() -> None:
    samples = [*SPIKED[:60], (60.0, math.nan), (61.0, math.inf), (62.0, -math.inf)]
    assert max(labels(drawn(samples, (0.0, 62.0), clip=True))) < 3.0


@pytest.mark.parametrize(
    ("window", "wanted"),
    [((0.5, 1.5), ["1"]), ((1.0, 2.0), ["1", "2"]), ((0.5, 2.5), ["1", "2"]), ((1.0, 3.0), ["1", "2", "3"])],
)
def test_epochs_are_whole_numbers(window: tuple[float, float], wanted: list[str]) -> None:
    assert drawn([(1.0, 1.0), (2.0, 2.0)], window)[-1].split() == wanted


def test_inside_an_epoch_there_are_parts_of_it() -> None:
    assert "0.4" in drawn([(0.1, 1.0), (0.9, 2.0)], (0.1, 0.9))[-1].split()


@pytest.mark.parametrize(
    ("count", "width", "height", "columns"),
    [
        (4, 200, 44, 2),  # two by two, not four narrow ones
        (3, 200, 44, 3),
        (2, 200, 44, 2),
        (2, 120, 34, 2),
        (3, 120, 34, 2),
        (4, 120, 34, 2),
        (1, 200, 44, 1),
        (3, 80, 20, 1),
        (6, 200, 44, 3),
        (9, 60, 20, 1),
    ],
)
def test_charts_lie_so_that_each_is_about_three_times_as_wide_as_high(
    count: int, width: int, height: int, columns: int
) -> None:
    assert best_columns(count, width, height) == columns


def test_a_column_is_never_too_narrow_and_rows_are_none_too_low_where_there_is_another_way() -> None:
    for count in range(1, 13):
        for width in range(20, 260, 7):
            for height in range(6, 70, 5):
                columns = best_columns(count, width, height)
                rows = -(-count // columns)
                assert columns == 1 or width // columns >= LEAST_WIDTH
                most = max(min(width // LEAST_WIDTH, count), 1)
                if height // -(-count // most) >= LEAST_HEIGHT:
                    assert height // rows >= LEAST_HEIGHT
