"""The chart under keys and the mouse: its cursor, its marks, zoom and pan."""

from __future__ import annotations

import pytest
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.events import MouseScrollUp

from tests.tui.chart_in_app import Tiny, chart_of, dots, run, shown, text
from workbench.tui.chart.canvas import MOST_MARKS
from workbench.tui.chart.keys import BINDINGS
from workbench.tui.chart.view import View
from workbench.tui.chart.widget import Chart


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
