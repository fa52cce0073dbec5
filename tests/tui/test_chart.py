"""The chart as it is drawn and handled: a tiny app, keys and mouse through the pilot, cells read as text."""

from __future__ import annotations

import asyncio
import functools
import math
import random
import subprocess
import sys
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.events import MouseScrollUp
from textual.geometry import Region
from textual.widget import Widget

from tests.coroutines import until
from workbench.tui.chart.canvas import MOST_MARKS
from workbench.tui.chart.keys import BINDINGS
from workbench.tui.chart.view import View
from workbench.tui.chart.widget import Chart
from workbench.tui.views.series import Series


def run(test):
    """Run a coroutine test in an event loop of its own."""

    @functools.wraps(test)
    def runs(*args, **kwargs):
        return asyncio.run(test(*args, **kwargs))

    return runs


class Tiny(App[None]):
    """One chart that fills the terminal; keeps the messages it posts."""

    def __init__(self, chart: Chart) -> None:
        super().__init__()
        self.chart = chart
        self.messages: list[object] = []

    def compose(self) -> ComposeResult:
        yield self.chart

    def on_chart_cursor_moved(self, message: Chart.CursorMoved) -> None:
        self.messages.append(("cursor", message.x))

    def on_chart_view_changed(self, message: Chart.ViewChanged) -> None:
        self.messages.append(("view", message.view))


@asynccontextmanager
async def shown(chart: Chart, size=(60, 16)):
    app = Tiny(chart)
    async with app.run_test(size=size) as pilot:
        chart.focus()
        await pilot.pause()
        yield pilot


def text(chart: Chart) -> list[str]:
    """The drawn cells, row by row."""
    return [chart.render_line(y).text for y in range(chart.size.height)]


def dots(chart: Chart) -> set[tuple[int, int]]:
    """Every lit braille dot as (column, row) of the widget."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    return {
        (2 * x + dx, 4 * y + dy)
        for y, line in enumerate(text(chart))
        for x, glyph in enumerate(line)
        if 0x2800 <= ord(glyph) < 0x2900
        for bit, (dx, dy) in enumerate(places)
        if ord(glyph) - 0x2800 >> bit & 1
    }


def chart_of(values, name="loss", **settings) -> Chart:
    chart = Chart("loss", **settings)
    chart.extend(name, enumerate(values))
    return chart


def heights(chart: Chart) -> list[int]:
    """The highest dot of each dot column from left to right."""
    lit = dots(chart)
    return [min(row for column, row in lit if column == at) for at in sorted({column for column, _ in lit})]


# ---------------------------------------------------------------------- what is drawn


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
    for run in range(8):
        chart.extend(f"run {run}", [(0, run), (100, run + 0.5)])
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


# ---------------------------------------------------------------------- cursor, marks, zoom, pan


@run
async def test_the_cursor_shows_the_values_and_is_posted():
    chart = chart_of([10.0, 20.0, 30.0, 40.0])
    async with shown(chart) as pilot:
        await pilot.press("left")
        await pilot.press("left", "left")
        assert chart.cursor == 1.0
        assert pilot.app.messages == [("cursor", 3.0), ("cursor", 2.0), ("cursor", 1.0)]
        drawn = text(chart)
        assert "loss 20" in drawn[0]
        assert " 1 " in drawn[-1]
        await pilot.press("right")
        assert chart.cursor == 2.0
        await pilot.press("escape")
        assert chart.cursor is None
        assert "loss 40" in text(chart)[0]


@run
async def test_the_label_of_the_cursor_takes_the_place_of_whole_tick_labels():
    chart = chart_of(range(20_001))
    async with shown(chart, (70, 16)):
        labels = set(text(chart)[-1].split())
        for step in range(0, 20_000, 500):
            chart.cursor = float(step)
            assert set(text(chart)[-1].split()) <= labels | {str(step)}


@run
async def test_a_cursor_set_from_outside_is_drawn_and_posts_nothing():
    chart = chart_of([10.0, 20.0, 30.0, 40.0])
    async with shown(chart) as pilot:
        chart.cursor = 2.0
        await pilot.pause()
        assert "loss 30" in text(chart)[0]
        assert pilot.app.messages == []


@run
async def test_over_dense_samples_each_key_moves_one_dot():
    chart = chart_of(range(10_000))
    async with shown(chart, (60, 16)) as pilot:
        await pilot.press("left", "left")
        assert 9_999 - chart.cursor == pytest.approx(10_000 / 103, rel=0.05)


@run
async def test_escape_is_left_to_the_screen_while_there_is_no_cursor():
    chart = chart_of([1.0, 2.0])

    class Back(Tiny):
        BINDINGS = [("escape", "back", "Back")]
        went_back = 0

        def action_back(self) -> None:
            self.went_back += 1

    async with Back(chart).run_test() as pilot:
        chart.focus()
        await pilot.press("left", "escape")
        assert pilot.app.went_back == 0
        await pilot.press("escape")
        assert pilot.app.went_back == 1


@run
async def test_event_marks_have_glyphs_and_are_reported_under_the_cursor():
    chart = chart_of([1.0, 2.0] * 50)
    chart.mark(20, "checkpoint", "checkpoint, epoch 3")
    chart.mark(50, "learning_rate")
    chart.mark(50, "learning_rate")
    chart.mark(80, "nan", "loss became NaN [b]")
    async with shown(chart, (80, 16)) as pilot:
        axis = text(chart)[-2]
        assert [glyph for glyph in axis if glyph in "◆η×"] == ["◆", "η", "×"]
        assert "checkpoint, epoch 3" not in "".join(text(chart))
        await pilot.press("]")
        assert chart.cursor == 20
        assert "◆ checkpoint, epoch 3" in "".join(text(chart))
        await pilot.press("]", "]", "]")
        assert chart.cursor == 80
        assert "× loss became NaN [b]" in "".join(text(chart))
        await pilot.press("[")
        assert "η learning rate" in "".join(text(chart))


@run
async def test_very_many_marks_stay_bounded_and_keep_the_latest():
    chart = chart_of(range(100))
    for x in range(3 * MOST_MARKS):
        chart.mark(x, "checkpoint")
    assert len(chart._marks) <= MOST_MARKS
    assert chart._marks[-1].x == 3 * MOST_MARKS - 1


@run
async def test_zoom_shows_less_and_follows_pan_holds_and_reset_shows_all():
    chart = chart_of(range(101))
    async with shown(chart) as pilot:
        await pilot.press("plus")
        assert chart.view.window((0, 100)) == (50, 100)
        assert "latest" in text(chart)[0]
        await pilot.press("h")
        assert chart.view.window((0, 100)) == (37.5, 87.5)
        assert "frozen" in text(chart)[0]
        await pilot.press("shift+right", "minus")
        assert chart.view.window((0, 100)) == (0, 100)
        await pilot.press("0")
        assert chart.view == View()
        assert pilot.app.messages[-1] == ("view", View())


@run
async def test_a_frozen_chart_stays_and_a_following_one_goes_along():
    chart = chart_of(range(101), frames_per_second=1000)
    async with shown(chart) as pilot:
        await pilot.press("f")
        before = dots(chart)
        chart.extend("loss", ((step, 1000.0) for step in range(101, 200)))
        await pilot.pause(0.05)
        assert dots(chart) == before
        await pilot.press("f")
        assert dots(chart) != before


@run
async def test_the_wheel_zooms_around_the_pointer_and_a_drag_pans():
    chart = chart_of(range(101))
    async with shown(chart) as pilot:
        await pilot.press("f")
        await pilot._post_mouse_events([MouseScrollUp], chart, offset=(8, 5))
        left, right = chart.view.window((0, 100))
        assert left == pytest.approx(0, abs=1)
        assert right == pytest.approx(80, abs=1)
        await pilot.mouse_down(chart, offset=(40, 5))
        await pilot.hover(chart, offset=(30, 5))
        await pilot.mouse_up(chart, offset=(30, 5))
        moved = chart.view.window((0, 100))
        assert moved[0] - left == pytest.approx(10 / 52 * (right - left), rel=0.1)
        assert chart.cursor is None or not chart._pinned


@run
async def test_hovering_shows_values_and_a_click_pins_them():
    chart = chart_of(range(101))
    async with shown(chart) as pilot:
        await pilot.hover(chart, offset=(34, 5))
        assert chart.cursor == pytest.approx(50, abs=1.5)
        await pilot.hover(chart, offset=(2, 0))
        assert chart.cursor is None
        await pilot.click(chart, offset=(34, 5))
        pinned = chart.cursor
        await pilot.hover(chart, offset=(50, 5))
        assert chart.cursor == pinned == pytest.approx(50, abs=1.5)
        await pilot.click(chart, offset=(34, 5))
        await pilot.hover(chart, offset=(2, 0))
        assert chart.cursor is None


@run
async def test_on_a_page_that_scrolls_the_wheel_is_the_page_s_until_the_chart_has_the_focus():
    chart = chart_of(range(101))
    chart.styles.height = 20

    class Page(Tiny):
        def compose(self) -> ComposeResult:
            with VerticalScroll():
                yield chart
                yield (other := Chart("other"))
                other.styles.height = 40

    async with Page(chart).run_test(size=(60, 24)) as pilot:
        pilot.app.query_one(VerticalScroll).focus()
        await pilot._post_mouse_events([MouseScrollUp], chart, offset=(20, 5))
        assert chart.view == View()
        chart.focus()
        await pilot._post_mouse_events([MouseScrollUp], chart, offset=(20, 5))
        assert chart.view != View()


def test_every_binding_has_an_id_and_a_tooltip_and_no_chord_of_the_terminal():
    for binding in BINDINGS:
        assert binding.id
        assert binding.id.startswith("chart.")
        assert binding.tooltip
        assert not any(chord in binding.key for chord in ("ctrl", "alt", "super"))
    assert len({binding.id for binding in BINDINGS}) == len(BINDINGS)


# ---------------------------------------------------------------------- cost


@run
async def test_appends_are_coalesced_into_frames_and_an_idle_chart_draws_nothing():
    chart = chart_of(range(100), frames_per_second=20)
    drawings = 0
    draw = chart._draw

    def counted(width: int, height: int):
        nonlocal drawings
        drawings += 1
        return draw(width, height)

    chart._draw = counted
    async with shown(chart) as pilot:
        await pilot.pause(0.1)
        drawings = 0
        timers = len(chart._timers)
        await pilot.pause(0.3)
        assert drawings == 0
        assert len(chart._timers) == timers == 0
        for step in range(5000):
            chart.append("loss", 100 + step, 1.0)
        await until(lambda: drawings and not chart._timers)
        assert drawings <= 2
        assert len(chart.series["loss"]) > 4000
        assert "loss 1" in text(chart)[0]


@run
async def test_a_hidden_chart_draws_nothing_and_is_up_to_date_when_shown():
    chart = chart_of([1.0, 2.0], frames_per_second=1000)
    async with shown(chart) as pilot:
        chart.display = False
        await pilot.pause(0.05)
        chart.append("loss", 2, 77.0)
        await pilot.pause(0.05)
        assert not chart._timers
        chart.display = True
        await until(lambda: "77" in "".join(strip.text for strip in chart.render_lines(chart.size.region)))


@run
async def test_a_shared_series_is_drawn_when_its_owner_says_so():
    chart = Chart("loss", frames_per_second=1000)
    series = Series("val_loss")
    chart.add_series("val", series=series)
    async with shown(chart):
        series.append(0, 5.0)
        chart.changed()
        await until(lambda: "val_loss 5" in "".join(text(chart)))
        chart.remove_series("val")
        await until(lambda: "no data yet" in "".join(text(chart)))
    chart.add_series("x")
    with pytest.raises(ValueError, match="already"):
        chart.add_series("x")
    with pytest.raises(ValueError, match="shape"):
        chart.add_series("y", shape="wavy")


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
@run
async def test_the_curves_are_readable_under_each_theme(theme):
    chart = Chart("runs")
    for run_number in range(8):
        chart.extend(f"run {run_number}", ((step, step + 10 * run_number) for step in range(50)))
    chart.cursor = 25.0
    async with shown(chart, (60, 40)) as pilot:
        pilot.app.theme = theme
        await pilot.pause()
        segments = [segment for y in range(40) for segment in chart.render_line(y)]
        curves = [
            segment.style
            for segment in segments
            if any(0x2800 < ord(glyph) < 0x2900 for glyph in segment.text)
        ]
        assert len({style.color for style in curves}) == 8
        for style in curves:
            if theme.startswith("ansi"):
                assert style.color.triplet is None
            else:
                assert contrast(style.color.triplet, style.bgcolor.triplet) >= 3.0


def contrast(one, other) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(triplet) -> float:
        parts = [part / 255 for part in triplet]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def test_the_chart_imports_neither_numpy_nor_keras():
    code = (
        "import sys, workbench.tui.chart.widget;"
        "print([name for name in ('numpy', 'keras', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@run
async def test_offsets_on_the_plot_and_values_of_x_agree():
    chart = chart_of(range(101))
    async with shown(chart):
        text(chart)
        plot = chart._plot
        for cell in range(plot.left, plot.left + plot.width):
            assert plot.cell_at(plot.x_at(cell)) == cell
