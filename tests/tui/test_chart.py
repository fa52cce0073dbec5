"""The chart as it is drawn and handled: a tiny app, keys and mouse through the pilot, cells read as text."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from textual.geometry import Region
from textual.widget import Widget

from tests.tui.chart_in_app import chart_of, dots, heights, run, shown, text
from workbench.tui.chart.widget import Chart


@run
async def test_before_the_first_sample_the_chart_says_so():
    async with shown(Chart("loss", empty="no data yet")) as pilot:
        assert "no data yet" in "\n".join(text(pilot.app.chart))


@run
async def test_a_rising_line_rises_without_a_hole():
    chart = chart_of(range(50))
    async with shown(chart):
        tops = heights(chart)
        assert tops == sorted(tops, reverse=True)
        assert len(tops) == 2 * (60 - 8)
        rows = {row for _, row in dots(chart)}
        assert rows == set(range(min(rows), max(rows) + 1))


@run
async def test_a_falling_line_falls():
    chart = chart_of(range(50, 0, -1))
    async with shown(chart):
        assert heights(chart) == sorted(heights(chart))


@run
async def test_title_legend_last_value_and_axes_are_shown():
    chart = Chart("Loss of the model")
    chart.extend("loss", [(0, 0.0), (1, 0.25), (2, 1.0)])
    async with shown(chart):
        drawn = "\n".join(text(chart))
        assert "Loss of the model" in drawn
        assert "━━ loss 1" in drawn
        for label in ("0.5", "┤", "┬", "│", "└"):
            assert label in drawn


@run
async def test_nan_leaves_a_gap_with_a_mark():
    chart = chart_of([1.0, 1.0, 1.0, math.nan, 1.0, 1.0, 1.0])
    async with shown(chart, (80, 16)):
        columns = sorted({column for column, _ in dots(chart)})
        gaps = [(a, b) for a, b in pairwise(columns) if b - a > 1]
        assert len(gaps) == 1
        mark = next(line for line in text(chart) if "×" in line).index("×")
        assert gaps[0][0] / 2 < mark < gaps[0][1] / 2


@run
async def test_infinities_are_marked_at_the_edge_they_went_to():
    chart = chart_of([1.0, math.inf, 2.0, -math.inf, 1.5])
    async with shown(chart):
        lines = text(chart)
        up = next(y for y, line in enumerate(lines) if "↑" in line)
        down = next(y for y, line in enumerate(lines) if "↓" in line)
        assert up < down
        assert "inf" not in "".join(line.split("│")[0] for line in lines[1:])


@run
async def test_a_sample_alone_between_gaps_is_a_visible_dot():
    chart = chart_of([math.nan, 1.0, math.nan, 2.0, 2.5])
    async with shown(chart):
        assert "".join(text(chart)).count("•") == 1


@run
async def test_one_spike_among_a_million_samples_reaches_the_top():
    chart = Chart("loss")
    chart.extend("loss", ((step, 50.0 if step == 654_321 else 1.0) for step in range(1_000_000)))
    async with shown(chart, (100, 30)):
        lit = dots(chart)
        top = min(row for _, row in lit)
        (column,) = {column for column, row in lit if row == top}
        assert top <= 4 * 2
        left = text(chart)[10].index("│") + 1
        assert column / 2 == pytest.approx(left + 0.654321 * (100 - left), abs=1.5)


@run
async def test_dashed_lines_still_show_a_spike():
    for shape in ("dashed", "dotted", "dash-dot"):
        for place in range(40, 51):
            chart = Chart("loss")
            chart.add_series("loss", shape=shape)
            chart.extend("loss", ((step, 9.0 if step == place else 1.0) for step in range(100)))
            async with shown(chart, (60, 16)):
                rows = {row for _, row in dots(chart)}
                assert len({row // 4 for row in rows}) > 8, (shape, place)


@run
async def test_the_log_axis_has_decades_and_turns_a_decay_into_a_straight_line():
    chart = chart_of([10.0 ** (-step / 10) for step in range(61)])
    async with shown(chart, (80, 20)) as pilot:
        await pilot.press("g")
        lines = text(chart)
        labels = [line.split("┤")[0].strip() for line in lines if "┤" in line]
        assert [math.log10(float(label)) % 1 for label in labels] == [0.0] * len(labels)
        assert len(labels) >= 3
        tops = heights(chart)
        slope = (tops[-1] - tops[0]) / (len(tops) - 1)
        assert all(abs(top - tops[0] - slope * at) <= 1.5 for at, top in enumerate(tops))
        assert "log" in lines[0]


@run
async def test_values_that_a_log_axis_cannot_show_are_left_out_with_a_notice():
    chart = chart_of([1.0, 0.1, 0.0, -5.0, 0.1, 1.0])
    async with shown(chart) as pilot:
        assert "≤0" not in text(chart)[0]
        await pilot.press("g")
        assert "≤0 left out" in text(chart)[0]
        assert "↓" in "".join(text(chart))
        assert dots(chart)


@run
async def test_smoothing_keeps_the_raw_curve_in_sight_and_cycles_back_to_off():
    noise = random.Random(3)
    chart = chart_of([noise.choice([0.0, 10.0]) for _ in range(400)])
    async with shown(chart, (80, 24)) as pilot:
        raw = dots(chart)
        await pilot.press("s", "s")
        assert chart.smoothing == 0.9
        assert "smooth 0.9" in text(chart)[0]
        assert "~" in "".join(text(chart)[:2])
        both = dots(chart)
        assert len(both & raw) > 0.6 * len(raw)
        styles = {segment.style for y in range(24) for segment in chart.render_line(y) if "⣿" in segment.text}
        average = chart.get_component_rich_style("chart--series-1")
        assert any(style.dim or style.color != average.color for style in styles), "it is paler"
        await pilot.press("s", "s")
        assert chart.smoothing == 0
        assert dots(chart) == raw


@run
async def test_its_lines_are_those_that_textual_would_make(monkeypatch):
    """It is given whole lines, or parts of them, past Textual's own styling of each."""
    for no_color, theme in ((False, "textual-dark"), (True, "textual-dark"), (False, "ansi-dark")):
        monkeypatch.setenv("NO_COLOR", "1") if no_color else monkeypatch.delenv("NO_COLOR", raising=False)
        chart = chart_of([abs(50 - step) for step in range(100)])
        chart.mark(40, "checkpoint")
        async with shown(chart) as pilot:
            pilot.app.theme = theme
            await pilot.press("s", "left")
            await pilot.pause()
            for part in (chart.size.region, Region(7, 3, 20, 5)):
                ours, theirs = chart.render_lines(part), Widget.render_lines(chart, part)
                assert [list(strip) for strip in ours] == [list(strip) for strip in theirs]
            chart.styles.border = ("round", "red")
            await pilot.pause()
            framed = chart.render_lines(chart.size.region)
            assert framed[0].text.startswith("╭"), "what lies around it is drawn too"


@run
async def test_series_differ_by_colour_and_by_shape():
    chart = Chart("runs")
    for number in range(8):
        chart.extend(f"run {number}", [(0, number), (100, number + 0.5)])
    async with shown(chart, (100, 30)):
        assert len({curve.colour for curve in chart._curves.values()}) == 8
        assert len({curve.shape for curve in chart._curves.values()}) == 8
        drawn = "".join(text(chart))
        assert all(glyph in drawn for glyph in "●■▲○")
        colours = {
            s.style.color for y in range(30) for s in chart.render_line(y) if "⠤" in s.text or "⠒" in s.text
        }
        assert len(colours) >= 4


@run
async def test_names_and_titles_are_never_markup_and_cannot_break_the_screen():
    chart = Chart("[red]title[/] [/nothing]\nsecond\x1b[31m line")
    chart.extend("[bold]loss[/]", [(0, 1.0), (1, 2.0)])
    chart.extend("模型", [(0, 1.0), (1, 2.0)])
    async with shown(chart, (120, 12)):
        lines = text(chart)
        assert r"[red]title[/] [/nothing]\nsecond\x1b[31m line" in lines[0]
        assert "[bold]loss[/]" in "".join(lines)
        assert all(chart.render_line(y).cell_length == 120 for y in range(12))
        assert "模型" in "".join(lines)
        assert all(glyph.isprintable() for line in lines for glyph in line)


@pytest.mark.parametrize(
    "values",
    [[], [1.0], [1.0, 2.0], [3.0] * 50, [0.0] * 5, [1e-30, 2e-30], [1e30, -1e30], [1e308, -1e308, 5e-324],
     [math.nan], [math.nan] * 30, [math.inf, -math.inf], [math.nan, 1.0, math.inf]],
)  # fmt: skip
@pytest.mark.parametrize("log", [False, True])
@run
async def test_unusual_values_draw_sensibly(values, log):
    chart = chart_of(values)
    chart.log_scale = log
    async with shown(chart, (60, 16)) as pilot:
        await pilot.press("left", "s", "plus", "h", "f", "0")
        drawn = "".join(text(chart))
        finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
        assert ("no data yet" in drawn) == (not values)
        assert bool(dots(chart)) or not finite or "•" in drawn
        assert ("×" in drawn) == any(math.isnan(value) for value in values)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 9), (7, 3), (10, 4), (24, 5), (40, 8), (200, 60)])
@run
async def test_every_size_draws_exactly_its_cells(size):
    chart = chart_of([math.sin(step / 9) for step in range(500)])
    chart.extend("val_loss", [(0, 1.0), (499, math.nan)])
    chart.mark(100, "checkpoint", "epoch 1")
    chart.cursor = 100.0
    async with shown(chart, size):
        assert chart.size == size
        assert [chart.render_line(y).cell_length for y in range(size[1])] == [size[0]] * size[1]
        assert "".join(text(chart)).strip()
        assert dots(chart) or size[0] < 3


@run
async def test_no_room_at_all_is_no_error():
    chart = chart_of([1.0, 2.0])
    async with shown(chart) as pilot:
        for width, height in ((0, 5), (5, 0), (0, 0), (20, 5)):
            chart.styles.width, chart.styles.height, chart.styles.min_height = width, height, 0
            await pilot.pause()
            chart.append("loss", len(chart.series["loss"]), 1.0)
            await pilot.press("left", "plus", "s")
        assert len(chart.series["loss"]) == 6


@run
async def test_random_series_sizes_and_keys_never_fail():
    noise = random.Random(11)
    keys = ["left", "right", "plus", "minus", "h", "l", "0", "f", "g", "s", "escape", "]", "[", "shift+left"]
    chart = Chart("random")
    async with shown(chart) as pilot:
        for _ in range(20):
            chart.clear()
            for name in noise.sample(["a", "b" * 40, "模型", ""], noise.randrange(0, 4)):
                x = noise.choice([0.0, -1e6, 1e12])
                for _ in range(noise.choice([0, 1, 2, 3, 50, 3000])):
                    x += noise.choice([0, 1, 1, 1, 1e-3, 1e4])
                    y = noise.gauss(0, 1) * 10 ** noise.randrange(-30, 30)
                    chart.append(name, x, noise.choice([y, y, y, y, math.nan, math.inf, -math.inf, 0.0]))
                for kind in ("checkpoint", "nan", "other"):
                    chart.mark(noise.uniform(-10, x), kind, "x" * noise.randrange(100))
            width, height = noise.randrange(1, 90), noise.randrange(1, 30)
            await pilot.resize_terminal(width, height)
            while chart.size != (width, height):
                await pilot.pause(0.01)
            await pilot.press(*noise.choices(keys, k=4))
            assert [chart.render_line(y).cell_length for y in range(height)] == [width] * height
