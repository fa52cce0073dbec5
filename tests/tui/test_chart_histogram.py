"""Histograms by epoch: rebinning, rows, bounded memory, cursor, sizes."""

from __future__ import annotations

import math
import random

import pytest
from textual.app import App, ComposeResult

from tests.tui.chart_in_app import run, text
from workbench.tui.chart.histogram import MOST_EPOCHS, Histogram, HistogramChart, histogram_of


class Tiny(App[None]):
    def __init__(self, chart: HistogramChart) -> None:
        super().__init__()
        self.chart = chart
        self.messages: list[float | None] = []

    def compose(self) -> ComposeResult:
        yield self.chart

    def on_histogram_chart_epoch_moved(self, message: HistogramChart.EpochMoved) -> None:
        self.messages.append(message.epoch)


def test_rebinning_keeps_the_shares():
    histogram = Histogram((0.0, 1.0, 2.0, 4.0), (2.0, 6.0, 2.0))
    assert histogram.shares(0, 4, 4) == pytest.approx([0.2, 0.6, 0.1, 0.1])
    assert histogram.shares(-4, 4, 2) == pytest.approx([0.0, 1.0])
    assert sum(histogram.shares(0, 4, 57)) == pytest.approx(1.0)
    assert histogram.range == (0.0, 4.0)
    assert Histogram((0.0, 1.0, 2.0, 4.0), (0.0, 6.0, 0.0)).range == (1.0, 2.0)


def test_unfit_edges_are_refused_and_not_finite_ones_give_an_empty_histogram():
    with pytest.raises(ValueError, match="3 edges"):
        histogram_of([0.0, 1.0], [1, 2])
    with pytest.raises(ValueError, match="fall"):
        histogram_of([0.0, 1.0, 0.5], [1, 2])
    assert histogram_of([math.nan, math.nan], [5]) == Histogram()
    same = histogram_of([2.0, 2.0, 2.0], [3, 4])
    assert same.edges[0] < 2.0 < same.edges[1]


@run
async def test_a_bell_is_highest_in_the_middle_and_moves_with_the_epochs():
    chart = HistogramChart("dense/kernel [b]")
    edges = [step / 10 for step in range(-50, 51)]
    for epoch in range(1, 9):
        centre = (epoch - 4.5) / 2
        counts = [math.exp(-(((a + 0.05 - centre) / 0.5) ** 2)) for a in edges[:-1]]
        chart.append(epoch, edges, counts)
    async with Tiny(chart).run_test(size=(60, 12)):
        lines = text(chart)
        assert "dense/kernel [b]" in lines[0]
        assert [line.split("│")[0].strip() for line in lines[1:9]] == [str(epoch) for epoch in range(1, 9)]
        peaks = [max(range(60), key=lambda x, line=line: " ▁▂▃▄▅▆▇█".find(line[x])) for line in lines[1:9]]
        assert peaks == sorted(peaks)
        assert peaks[-1] - peaks[0] > 10
        assert "0" in lines[-1]


@run
async def test_more_epochs_than_rows_show_the_first_and_the_last():
    chart = HistogramChart("kernel")
    for epoch in range(1, 2001):
        chart.append(epoch, [0.0, 1.0, 2.0], [1, epoch])
    assert len(chart._epochs) <= MOST_EPOCHS
    async with Tiny(chart).run_test(size=(40, 12)):
        labels = [line.split("│")[0].strip() for line in text(chart) if "│" in line]
        assert (labels[0], labels[-1]) == ("1", "2000")
        assert len(labels) == 10


@run
async def test_the_cursor_moves_over_epochs_and_is_posted():
    chart = HistogramChart("kernel")
    for epoch in (1, 2, 3):
        chart.append(epoch, [0.0, 1.0], [1])
    async with Tiny(chart).run_test(size=(40, 12)) as pilot:
        chart.focus()
        await pilot.press("up", "up")
        assert pilot.app.messages == [3, 2]
        assert ">2│" in text(chart)[2]
        await pilot.click(chart, offset=(10, 1))
        await pilot.press("escape")
        assert pilot.app.messages == [3, 2, 1, None]


@run
async def test_a_resumed_run_replaces_what_it_repeats_and_nan_weights_are_reported():
    chart = HistogramChart("kernel")
    async with Tiny(chart).run_test(size=(40, 12)) as pilot:
        assert "no histograms yet" in "".join(text(chart))
        for epoch in (1, 2, 3, 2):
            chart.append(epoch, [0.0, 1.0], [1])
        chart.append(3, [math.nan, math.nan], [4])
        await pilot.pause()
        assert [line.split("│")[0].strip() for line in text(chart) if "│" in line] == ["1", "2", "3"]
        assert "× not finite" in text(chart)[3]


@run
async def test_random_histograms_and_sizes_never_fail():
    noise = random.Random(4)
    chart = HistogramChart("kernel")
    async with Tiny(chart).run_test() as pilot:
        for _ in range(20):
            chart.clear()
            for epoch in range(noise.choice([0, 1, 2, 30])):
                bins = noise.choice([0, 1, 2, 30])
                start, width = (
                    noise.gauss(0, 1) * 10 ** noise.randrange(-30, 30),
                    10 ** noise.randrange(-30, 30),
                )
                edges = [start + width * index for index in range(bins + 1)]
                chart.append(epoch, edges, [noise.choice([0, 1, 5]) for _ in range(bins)])
            width, height = noise.randrange(1, 90), noise.randrange(1, 30)
            await pilot.resize_terminal(width, height)
            while chart.size != (width, height):
                await pilot.pause(0.01)
            assert [chart.render_line(y).cell_length for y in range(height)] == [width] * height
